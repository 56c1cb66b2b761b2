"""Real slices in one file that all workers map into memory, instead of a copy for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engines.medq_uni.pair import Source


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of the slices, and the file of their values one after the other."""

    path: Path
    about: tuple[Source, ...]
    shapes: tuple[tuple[int, int], ...]

    def sources(self) -> tuple[Source, ...]:
        """The slices as they were; their values are read from the file when they are used.

        Raises:
            OSError: the file can't be read.
        """
        everything = np.asarray(np.load(self.path, mmap_mode="r", allow_pickle=False))
        found, start = [], 0
        for source, (rows, columns) in zip(self.about, self.shapes, strict=True):
            values = everything[start : start + rows * columns].reshape(rows, columns)
            found.append(replace(source, values=values))
            start += rows * columns
        return tuple(found)


@contextmanager
def stored(sources: Sequence[Source], path: Path) -> Iterator[Stored | None]:
    """``sources`` in a new ``.npy`` file, float32, removed in the end; ``None`` for no sources.

    Raises:
        OSError: the file is there, or can't be written.
    """
    if not sources:
        yield None
        return
    nothing = np.empty((0, 0), np.float32)
    shapes = tuple((source.values.shape[0], source.values.shape[1]) for source in sources)
    header = {"descr": "<f4", "fortran_order": False, "shape": (sum(r * c for r, c in shapes),)}
    try:
        with path.open("xb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for source in sources:
                file.write(np.ascontiguousarray(source.values, "<f4").tobytes())
        about = tuple(replace(source, values=nothing) for source in sources)
        del sources, source  # whoever calls may let go of the values now
        yield Stored(path, about, shapes)
    finally:
        path.unlink(missing_ok=True)
