"""A folder as destination: whole files or none, as they lie on disk or compressed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medq_node.delivery.converter import Converter
from medq_node.delivery.offers import offer
from medq_node.delivery.parcel import Parcel, Refusals
from medq_node.errors import DeliveryError
from medq_node.layout import sync_folder


@dataclass(frozen=True, slots=True)
class FolderDestination:
    """Copies into ``path``; a file there is complete or isn't there.

    ``compress`` names how our images should lie there, best first; ``converter`` compresses.
    """

    path: Path
    compress: tuple[str, ...] = ()
    converter: Converter = field(default_factory=Converter)

    def send(self, parcels: Sequence[Parcel], confirmed: Callable[[Parcel], None]) -> None:
        """Copy every parcel; see ``Destination``."""
        refusals = Refusals()
        for parcel in parcels:
            with refusals:
                parcel.check()
                if self.compress:
                    offered = offer(parcel, self.compress)
                    taken = frozenset(offered.syntaxes)
                    with self.converter.ready(parcel, offered, taken, str(self.path)) as (path, _):
                        self._copy(parcel, path)
                else:
                    self._copy(parcel, parcel.path)
                confirmed(parcel)
        refusals.tell()

    def _copy(self, parcel: Parcel, path: Path) -> None:
        target = self.path / parcel.name
        part = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as source, part.open("wb") as copy:
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())
            part.rename(target)
            sync_folder(target.parent)
        except OSError as error:
            raise DeliveryError(f"can't write below {self.path}: {error.strerror}") from error

    def echo(self) -> float:
        """Whether the folder can be written; see ``Destination``."""
        start = time.perf_counter()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeliveryError(f"can't make {self.path}: {error.strerror}") from error
        if not os.access(self.path, os.W_OK):
            raise DeliveryError(f"can't write to {self.path}: check its permissions")
        return time.perf_counter() - start
