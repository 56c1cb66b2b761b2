"""Copies of objects in another transfer syntax, made for one sending, in a child that may die."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydicom.uid import UID

from medq_node.delivery.offers import Offer
from medq_node.delivery.parcel import Parcel
from medq_node.delivery.recompress import recompress
from medq_node.errors import DeliveryError, EngineFailure, Unprocessable

log = structlog.get_logger("delivery")


_PREFIX = "send-"
Convert = Callable[[Path, Path, str], None]
"""(source, target, transfer syntax); see ``recompress``."""
Run = Callable[[Convert, Path, Path, str], None]
"""Calls a function with the rest somewhere, as ``Children.run`` does."""


def run_here(function: Convert, source: Path, target: Path, syntax: str) -> None:
    """Call it in this process."""
    function(source, target, syntax)


@dataclass(frozen=True, slots=True)
class Converter:
    """Makes copies in ``folder`` (``None``: the system's folder for temporary files).

    ``run`` is where codecs work: they read what came from anywhere, and some of them are C.
    """

    folder: Path | None = None
    run: Run = run_here

    @contextmanager
    def ready(
        self, parcel: Parcel, offered: Offer, taken: Container[UID], to: str
    ) -> Iterator[tuple[Path, UID]]:
        """The file to send and its syntax: the best one of ``offered`` that is in ``taken``.

        What can't be compressed goes uncompressed. ``to`` names the destination in messages.

        Raises:
            DeliveryError: there is no such syntax, or the object can't be converted.
        """
        reason = ""
        for syntax in offered.syntaxes:
            if syntax not in taken:
                continue
            if syntax == offered.stored:
                yield parcel.path, syntax
                return
            copy = self._new_file()
            try:
                try:
                    self.run(recompress, parcel.path, copy, str(syntax))
                except (Unprocessable, EngineFailure) as error:
                    reason = reason or f": {error}"
                    self._note(parcel, syntax, error)
                    continue
                yield copy, syntax
                return
            finally:
                remove_leftovers(copy.parent, copy.name)
        raise DeliveryError(
            f"{to} doesn't take {offered.sop_class_uid.name} as {offered.stored.name}, and "
            f"{parcel.sop_instance_uid} can't be converted to what it takes{reason}",
            permanent=True,
        )

    def _new_file(self) -> Path:
        try:
            if self.folder is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(".dcm", _PREFIX, self.folder)
        except OSError as error:
            raise DeliveryError(f"can't write a converted copy: {error.strerror}") from error
        os.close(descriptor)
        return Path(name)

    def _note(self, parcel: Parcel, syntax: UID, error: Exception) -> None:
        log.warning(
            "not converted",
            sop_instance_uid=parcel.sop_instance_uid,
            syntax=syntax.name,
            reason=str(error),
        )


def remove_leftovers(folder: Path, name: str = _PREFIX) -> None:
    """Remove copies in ``folder`` whose names begin so; by default all, as after a kill."""
    for copy in folder.glob(f"{name}*"):
        copy.unlink(missing_ok=True)
