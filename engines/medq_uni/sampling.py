"""How many slices the model looks at at once: few where they are large."""

from __future__ import annotations

from engines.base import StackInfo
from engines.medq_uni.viewing import LARGEST_SIDE

BATCH_SLICES, BATCH_PIXELS = 8, 2**20
"""Most slices and, of what is looked at, most pixels that are assessed at once."""


def batch_for(info: StackInfo) -> int:
    """Slices of a series that are looked at together."""
    looked = min(info.rows, LARGEST_SIDE) * min(info.columns, LARGEST_SIDE)
    return max(1, min(BATCH_SLICES, BATCH_PIXELS // looked))
