"""Which slices of a series are assessed: all of a short one, evenly spaced ones of a long one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engines.base import BoolArray, FloatArray, ImageStack
from engines.classical.measure import MAX_SLICES
from engines.medq_uni.viewing import LARGEST_SIDE

BATCH_SLICES, BATCH_PIXELS = 8, 2**20
"""Most slices and, of what is looked at, most pixels that are assessed at once."""


def sampled(stack: ImageStack) -> Iterator[list[tuple[int, FloatArray, BoolArray]]]:
    """The sampled slices as (index, values, valid), in batches of bounded size."""
    info = stack.info
    count = info.slices
    most = min(count, MAX_SLICES)
    chosen = np.unique(np.linspace(0, count - 1, most).round().astype(int)).tolist()
    looked = int(np.prod([min(side, LARGEST_SIDE) for side in (info.rows, info.columns)]))
    size = max(1, min(BATCH_SLICES, BATCH_PIXELS // looked))
    for start in range(0, len(chosen), size):
        indices = chosen[start : start + size]
        if len(chosen) == count:
            slab = stack.slab(indices[0], indices[-1] + 1)
            yield [(z, slab.values[k], slab.valid[k]) for k, z in enumerate(indices)]
        else:
            slabs = [stack.slab(z, z + 1) for z in indices]
            yield [(z, s.values[0], s.valid[0]) for z, s in zip(indices, slabs, strict=True)]
