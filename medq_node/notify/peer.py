"""The seam that every kind of target answers, and what they share."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Protocol

from medq_node.errors import NoticeError
from medq_node.notify.message import Message

_MOST_PATIENCE_S = 10.0


class Target(Protocol):
    """Somebody who can be told."""

    def tell(self, message: Message) -> str | None:
        """Tell it once; what is left to say of a message that got through, ``None`` mostly.

        Raises:
            NoticeError: it didn't get through, as far as one can know.
        """
        ...

    def reach(self) -> float:
        """Seconds until its host took a TCP connection; nothing is told.

        Raises:
            NoticeError: it doesn't answer; says what to check.
        """
        ...


def connect_only(host: str, port: int, timeout_s: float) -> float:
    """Seconds until ``host`` took a TCP connection, which is closed at once; see ``Target``."""
    start = time.perf_counter()
    try:
        socket.create_connection((host, port), min(timeout_s, _MOST_PATIENCE_S)).close()
    except (OSError, UnicodeError) as error:
        raise NoticeError(
            f"no answer from {host}:{port} ({why(error)}): is it running, and are host and port "
            "right?"
        ) from error
    return time.perf_counter() - start


def why(error: OSError | UnicodeError) -> str:
    """What the system says of a failed connection; it quotes nothing that was sent."""
    if isinstance(error, UnicodeError):
        return "that can't be the name of a host"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted: {error.verify_message}"
    return error.strerror or type(error).__name__
