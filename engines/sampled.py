"""Which slices of a series are assessed: all of a short one, evenly spaced ones of a long one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engines.base import BoolArray, FloatArray, ImageStack

MAX_SLICES = 64
"""Longer series are assessed on so many slices, evenly spaced, first and last among them."""


def slices_of(stack: ImageStack, batch: int) -> Iterator[list[tuple[int, FloatArray, BoolArray]]]:
    """The sampled slices as (index, values, valid), at most ``batch`` in memory at a time."""
    count = stack.info.slices
    chosen = np.unique(np.linspace(0, count - 1, min(count, MAX_SLICES)).round().astype(int))
    dense = len(chosen) == count
    for start in range(0, len(chosen), batch):
        indices = [int(i) for i in chosen[start : start + batch]]
        if dense:
            slab = stack.slab(indices[0], indices[-1] + 1)
            yield [(z, slab.values[k], slab.valid[k]) for k, z in enumerate(indices)]
        else:
            slabs = [stack.slab(z, z + 1) for z in indices]
            yield [(z, s.values[0], s.valid[0]) for z, s in zip(indices, slabs, strict=True)]
