"""What runs in each process of a node. Only this module and the command line know the roles.

A role is imported only in its own process: a receiver has no database, a worker no listener.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from medq_node.config import Config

RoleName = Literal["receiver", "intake", "worker"]
Ready = Callable[[], None]
ROLES: tuple[RoleName, ...] = ("receiver", "intake", "worker")


def run_role(name: RoleName, config: Config, stop: threading.Event, ready: Ready) -> None:
    """Run one role until ``stop`` is set; ``ready`` is called once it can work."""
    _RUN[name](config, stop, ready)


def _receiver(config: Config, stop: threading.Event, ready: Ready) -> None:
    from medq_node.receiver.server import serve
    from medq_node.receiver.settings import ReceiverSettings

    chosen = config.receiver
    settings = ReceiverSettings(
        spool=config.node.data,
        host=chosen.host,
        port=chosen.port,
        ae_title=config.node.ae_title,
        called_ae_titles=chosen.called_ae_titles,
        callers=tuple((caller.ae_title, caller.host) for caller in chosen.callers),
        private_sop_classes=chosen.private_sop_classes,
        max_pdu_bytes=chosen.max_pdu_bytes,
        minimum_free_bytes=chosen.minimum_free_mib * 2**20,
        network_timeout_s=chosen.timeout_s,
        dimse_timeout_s=chosen.timeout_s,
        maximum_associations=chosen.maximum_associations,
    )
    serve(settings, stop, ready)


def _intake(config: Config, stop: threading.Event, ready: Ready) -> None:
    from medq_node.intake.service import serve

    serve(config, stop, ready)


def _worker(config: Config, stop: threading.Event, ready: Ready) -> None:
    from medq_node.worker import serve

    serve(config, stop, ready)


_RUN: dict[RoleName, Callable[[Config, threading.Event, Ready], None]] = {
    "receiver": _receiver,
    "intake": _intake,
    "worker": _worker,
}
