"""Restore a series slab by slab: read the next slab and write the last while the engine works.

The engine stays in the thread that asks. At most one slab waits to be restored and one to be
written, so memory doesn't grow with the series.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from engines.base import FloatArray, ImageStack, Slab

T = TypeVar("T")

SLABS_AT_ONCE = 3
"""Slabs in memory: one being read, one with the engine, one being written."""
_WRITERS = 2


def restore_slabs(
    source: ImageStack,
    slab_slices: int,
    restore: Callable[[Slab], FloatArray],
    write: Callable[[int, FloatArray], T],
) -> tuple[list[T], bool]:
    """What ``write`` made of every slice, in order, and whether any value was changed.

    Args:
        source: the series.
        slab_slices: how many slices ``restore`` gets at a time.
        restore: gives back float32 of a slab's shape; called slab after slab in this thread.
        write: takes a 0-based slice index and its restored values, (rows, columns); called from
            several threads.

    The first error in the order of the slabs is raised, as in a plain loop; then no thread is left.
    """
    stops = range(slab_slices, source.info.slices + slab_slices, slab_slices)
    written: list[T] = []
    changed = False
    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(_WRITERS, "write") as writer:

        def read(stop: int) -> Future[Slab]:
            return reader.submit(source.slab, stop - slab_slices, min(stop, source.info.slices))

        reading = read(stops[0])
        writing: list[Future[T]] = []
        try:
            for stop in stops:
                slab = reading.result()
                if stop != stops[-1]:
                    reading = read(stop + slab_slices)
                original = slab.values.copy()  # an engine may work in place
                values = restore(slab)
                changed = changed or not np.array_equal(values, original)
                del original
                written += [one.result() for one in writing]
                writing = [
                    writer.submit(write, slab.first + k, image) for k, image in enumerate(values)
                ]
        finally:
            # Also where the slab after it failed: what went wrong earlier is told first.
            written += [one.result() for one in writing]
    return written, changed
