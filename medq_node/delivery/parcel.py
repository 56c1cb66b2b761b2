"""What is sent, and the seam that every kind of destination answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from medq_node.errors import DeliveryError


@dataclass(frozen=True, slots=True)
class Parcel:
    """One object on its way. ``sha256`` is that of the whole file, ``None`` for originals.

    ``name`` is where a folder destination puts it, relative to the destination. ``last`` marks what
    may go only when all others are there.
    """

    path: Path
    sop_instance_uid: str
    name: PurePosixPath
    sha256: str | None = None
    last: bool = False

    def check(self) -> None:
        """A resend must be byte-identical to the first send.

        Raises:
            DeliveryError: the file is gone, or is not what was certified.
        """
        try:
            with self.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest() if self.sha256 else None
        except FileNotFoundError as error:
            raise DeliveryError(f"{self.sop_instance_uid}: its file is gone", permanent=True) from (
                error
            )
        if digest != self.sha256:
            raise DeliveryError(
                f"{self.sop_instance_uid}: the file changed since it was certified", permanent=True
            )


class Refusals:
    """Collects refusals of single parcels, so that those behind them are sent all the same.

    A context manager around each parcel: a permanent ``DeliveryError`` is kept for ``tell``; any
    other one means the destination itself and goes on at once.
    """

    def __init__(self) -> None:
        self._refusals: list[DeliveryError] = []

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> bool:
        if isinstance(error, DeliveryError) and error.permanent:
            self._refusals.append(error)
            return True
        return False

    def tell(self) -> None:
        """Raise what was collected, if anything, as one error."""
        if self._refusals:
            more = f" (and {len(self._refusals) - 1} more)" if len(self._refusals) > 1 else ""
            raise DeliveryError(f"{self._refusals[0]}{more}", permanent=True)


class Destination(Protocol):
    """Somewhere that objects go."""

    def send(self, parcels: Sequence[Parcel], confirmed: Callable[[Parcel], None]) -> None:
        """Send in order; ``confirmed`` is told of each parcel that is durably there.

        A parcel that is refused doesn't keep those behind it from being sent.

        Raises:
            DeliveryError: not all arrived; those already confirmed stay confirmed.
        """
        ...

    def echo(self) -> float:
        """Seconds that the destination took to answer.

        Raises:
            DeliveryError: it doesn't answer; says what to check.
        """
        ...
