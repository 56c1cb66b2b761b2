"""Who may call us, under which name and from where."""

from __future__ import annotations

import ipaddress
import socket
from enum import IntEnum

from medq_node.receiver.settings import Caller, ReceiverSettings

ANY_AE_TITLE = "*"


class Refusal(IntEnum):
    """Diagnostics of a permanent rejection by the service user (PS3.8 table 9-21)."""

    CALLING_AE_TITLE_NOT_RECOGNIZED = 3
    CALLED_AE_TITLE_NOT_RECOGNIZED = 7


def refusal(
    settings: ReceiverSettings, calling_ae_title: str, called_ae_title: str, peer_host: str
) -> Refusal | None:
    """Why the association must be rejected, or None where it is welcome.

    A listed AE title at an unlisted host is refused as an unknown caller: titles are no secret.
    """
    if settings.called_ae_titles and called_ae_title.strip() not in settings.called_ae_titles:
        return Refusal.CALLED_AE_TITLE_NOT_RECOGNIZED
    if settings.callers and not any(
        _matches(caller, calling_ae_title.strip(), peer_host) for caller in settings.callers
    ):
        return Refusal.CALLING_AE_TITLE_NOT_RECOGNIZED
    return None


def _matches(caller: Caller, calling_ae_title: str, peer_host: str) -> bool:
    ae_title, host = caller
    if ae_title not in (ANY_AE_TITLE, calling_ae_title):
        return False
    return host is None or host_matches(host, peer_host)


def host_matches(host: str, peer_host: str) -> bool:
    """Whether address ``peer_host`` is ``host``: an address, a network or a name."""
    peer = _plain_address(peer_host)
    try:
        return peer in ipaddress.ip_network(host, strict=False)
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return False
    return any(_plain_address(str(entry[4][0])) == peer for entry in found)


def _plain_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Address without scope; IPv4 inside IPv6 (``::ffff:10.0.0.1``) as IPv4."""
    address = ipaddress.ip_address(text.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
