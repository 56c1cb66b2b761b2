"""What the receiver needs to know; filled in by whoever starts it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from medq_node.errors import ConfigError

Caller = tuple[str, str | None]
"""(AE title or ``*`` for any, host: address, network such as ``10.1.0.0/16``, name, or any)."""

_AE_TITLE_MAXIMUM_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """How one receiver process listens, whom it trusts and where it writes.

    An empty ``called_ae_titles`` accepts any called title. An empty ``callers`` accepts any caller,
    and is refused unless ``host`` is a loopback address.
    """

    spool: Path
    """Data folder; ``incoming/`` and ``incoming/.part/`` are made inside it."""
    port: int
    """TCP port; 0 takes a free one (for tests)."""
    host: str = "127.0.0.1"
    """Address to listen on; an empty string means every address."""
    ae_title: str = "MEDQ"
    called_ae_titles: tuple[str, ...] = ()
    callers: tuple[Caller, ...] = ()
    private_sop_classes: tuple[str, ...] = ()
    """SOP Class UIDs accepted besides the standard storage classes."""
    max_pdu_bytes: int = 128 * 1024
    """Longest P-DATA-TF PDU that a peer may send."""
    minimum_free_bytes: int = 2 * 1024**3
    """With less free space than this on the spool's disk objects are refused with 0xA700."""
    network_timeout_s: float = 60.0
    """Longest silence of a peer on an open association."""
    acse_timeout_s: float = 30.0
    """Longest wait for association messages."""
    dimse_timeout_s: float = 60.0
    """Longest wait for DIMSE messages."""
    drain_timeout_s: float = 30.0
    """How long running associations may go on after the stop signal."""
    maximum_associations: int = 64
    """Associations at a time, in one process."""
    direct_store: bool = True
    """Take C-STORE fragments straight to disk; False leaves all to stock pynetdicom."""

    def __post_init__(self) -> None:
        for title in (self.ae_title, *self.called_ae_titles, *(c[0] for c in self.callers)):
            _check_ae_title(title)
        if not self.callers and not is_loopback(self.host):
            raise ConfigError(
                f"the receiver would accept any caller on {self.host or 'every address'}: "
                "list the callers, or listen on 127.0.0.1"
            )
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"{self.port} is no TCP port: use 1 to 65535 (DICOM: 11112 or 104)")
        if not 4096 <= self.max_pdu_bytes <= 1024 * 1024:
            raise ConfigError(
                f"max_pdu_bytes is {self.max_pdu_bytes}: use a value from 4096 to 1048576"
            )


def is_loopback(host: str) -> bool:
    """Whether ``host`` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_ae_title(title: str) -> None:
    """PS3.5 table 6.2-1, VR AE: 1 to 16 characters of ASCII, no backslash, not only spaces."""
    good = title.strip() == title and title.isascii() and title.isprintable() and "\\" not in title
    if not good or not 1 <= len(title) <= _AE_TITLE_MAXIMUM_CHARACTERS:
        raise ConfigError(f"{title!r} is no AE title: use 1 to 16 ASCII characters")
