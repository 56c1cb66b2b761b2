"""The residual experts at work on one slice: ``y = x + sum g_k R_k``, tile by tile, and kept sane.

Large images are mended in tiles that overlap, so that memory is bounded; tiles begin at multiples
of the experts' coarsest pixel, so that each sees the grid that it would see in the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engines.base import BoolArray, FloatArray, StackInfo
from engines.description import Degradation, Modality
from engines.medq_uni.graphs import Graphs
from engines.medq_uni.levels import level_of, number_of
from engines.medq_uni.look import PATCH, Look, padded, told_facts

TILE = 1024
"""Longest side that is mended at once, in pixels."""
MARGIN = 128
"""Pixels at each inner border of a tile that are thrown away: what is seen from one side only.

The experts reach further, about 250 pixels; what lies beyond moves a result by less than 0.3 HU."""
LARGEST_CHANGE = 1.0
"""No pixel changes by more than so many times the range of the slice's values."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one expert is to do.

    ``gate`` and ``amount`` are what the words say, the amount in their unit; ``steered`` is
    ``c_k``, float32 (condition,).
    """

    kind: Degradation
    gate: float
    amount: float
    steered: FloatArray


def changes_of(
    graphs: Graphs, shown: Sequence[tuple[FloatArray, Look]], orders: Sequence[Sequence[Order]]
) -> list[FloatArray]:
    """The sum of all changes for each image (rows, columns) in image units, of the same shape.

    ``shown`` are images of one size with their looks, ``orders`` what is to be done to each. An
    expert that nobody asks for isn't run.
    """
    changes = [np.zeros_like(image) for image, _ in shown]
    known = [told_facts(look.facts) for _, look in shown]
    for kind in dict.fromkeys(order.kind for one in orders for order in one):
        asked = [(k, order) for k, one in enumerate(orders) for order in one if order.kind is kind]
        level = np.array([level_of(order.amount, kind) for _, order in asked], np.float32)
        told = np.stack(
            [np.append(np.float32(number_of(order.amount, kind)), known[k]) for k, order in asked]
        )
        steered = np.stack([order.steered for _, order in asked])
        for part, kept, core in _tiles(*changes[0].shape):
            images = np.stack([padded(shown[k][0][part]) for k, _ in asked])[:, None]
            found = graphs.mend(kind, images, level, told.astype(np.float32), steered)
            for (k, order), change in zip(asked, found[:, 0], strict=True):
                changes[k][core] += np.float32(order.gate) * change[kept]
    return changes


Box = tuple[slice, slice]


def _tiles(rows: int, columns: int) -> Iterator[tuple[Box, Box, Box]]:
    """Tiles of an image: what is mended, what of that is kept, and where it belongs."""
    for part_r, kept_r, core_r in _along(rows):
        for part_c, kept_c, core_c in _along(columns):
            yield (part_r, part_c), (kept_r, kept_c), (core_r, core_c)


def _along(length: int) -> Iterator[tuple[slice, slice, slice]]:
    if length <= TILE:
        yield slice(0, length), slice(0, length), slice(0, length)
        return
    step = (TILE - 2 * MARGIN) // PATCH * PATCH
    for start in range(0, length, step):
        stop = min(start + step, length)
        first, last = max(0, start - MARGIN), min(length, stop + MARGIN)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)


def kept_sane(
    values: FloatArray, change: FloatArray, usable: BoolArray, info: StackInfo
) -> FloatArray:
    """``values`` with ``change`` (both in their unit) where that can be; the rest stays exact.

    Nothing leaves what the slice shows elsewhere or the stored format holds, and uptake and
    magnitudes are not made negative. Pixels that are not ``usable`` are as before.
    """
    known = values[usable]
    lowest, highest = known.min(), known.max()
    span = float(highest) - float(lowest)
    most = np.float32(min(LARGEST_CHANGE * span, float(np.finfo(np.float32).max)))
    with np.errstate(over="ignore", invalid="ignore"):
        mended = values + np.clip(change, -most, most)
        low, high = (np.float32(end) for end in info.saturation)
        mended = np.clip(mended, np.minimum(values, low), np.maximum(values, high))
        mended = np.clip(mended, lowest, highest)
        if info.modality is Modality.PT or (info.modality is Modality.MR and lowest >= 0):
            mended = np.maximum(mended, np.minimum(values, 0))
    found: FloatArray = np.where(usable & np.isfinite(mended), mended, values)
    return found.astype(np.float32, copy=False)
