"""TCP ports: is one free, which one is."""

from __future__ import annotations

import socket
import time

from medq_node.errors import MedqError


def check_port(host: str, port: int, patience_s: float = 3.0) -> None:
    """Whether the node can listen there.

    Receivers share their port, so a stranger on it must be found before they start.

    Raises:
        MedqError: the port is taken.
    """
    deadline = time.monotonic() + patience_s
    while True:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if time.monotonic() > deadline:
                    raise MedqError(
                        f"can't listen on {host}:{port} ({error.strerror}): stop the program that "
                        "has it, or set receiver.port (MEDQ_RECEIVER__PORT) to another"
                    ) from error
            else:
                return
        time.sleep(0.3)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
