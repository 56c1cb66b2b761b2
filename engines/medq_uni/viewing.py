"""From a slice as it comes to what the model can be shown: finite, bounded in size and value.

Padding and pixels that are no numbers are filled; images too small, of one value, or of air alone
are not looked at; of very large ones the assessment sees a mosaic of evenly spread tiles at native
resolution, as big as an image of ``LARGEST_SIDE``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.base import BoolArray, FloatArray, StackInfo
from engines.classical.noise import body_threshold
from engines.description import Modality
from engines.medq_uni.look import Look, look_at, scale_of

LEAST_SIDE = 8
"""Images with a smaller side, in pixels, are not looked at."""
LARGEST_SIDE, TILE = 1024, 128
"""Sides longer than the first are looked at in tiles of the second, as many as fill the first."""
LARGEST_VALUE = 400.0
"""Values are held within this, in image units: 40,000 HU, 400 times the tissue's signal."""
LEAST_SCALE, LARGEST_SCALE = 1e-20, 1e20
"""A signal below or above, in the unit of the values, is none that was ever measured."""
LEAST_BODY = 0.005
"""A CT slice with a smaller share of its pixels above air shows air."""


@dataclass(frozen=True, slots=True)
class View:
    """A slice as the model is shown it.

    ``image`` is all of it, float32 (rows, columns) in units of ``look.scale``; ``look`` is of it or
    of its mosaic. ``usable`` is False at padding and where there was no number.
    """

    image: FloatArray
    look: Look
    usable: BoolArray


def view_of(
    values: FloatArray, valid: BoolArray, info: StackInfo, seen: Look | None = None
) -> View | None:
    """What the model is shown of a slice (rows, columns); ``None`` where there is nothing to see.

    ``valid`` is False at padding, which is filled with the lowest value elsewhere. Pixels that are
    no finite number get the median. ``seen`` is a look at the very same slice, which is then not
    taken again; its image may be missing.
    """
    usable = valid & np.isfinite(values)
    if min(values.shape) < LEAST_SIDE or not usable.any():
        return None
    known = values[usable]
    lowest, highest = float(known.min()), float(known.max())
    if lowest == highest or _is_air(known, usable, info.modality):
        return None
    filled = values
    if not usable.all():
        filled = np.where(valid, np.float32(np.median(known)), np.float32(lowest))
        filled[usable] = known
    if seen is not None:
        return View(_in_units(filled, seen.scale), seen, usable)
    rows, columns = spread(values.shape[0]), spread(values.shape[1])
    part, part_usable = filled, usable
    if rows is not None or columns is not None:
        at = np.ix_(_all(rows, values.shape[0]), _all(columns, values.shape[1]))
        part, part_usable = filled[at], usable[at]
    # Sums of values near the largest float would overflow.
    held = np.clip(part, -LARGEST_SCALE, LARGEST_SCALE)
    scale = scale_of(held, part_usable, info.modality)
    if not LEAST_SCALE < scale < LARGEST_SCALE:
        return None
    most = np.float32(LARGEST_VALUE * scale)
    tile = 0 if part is filled else TILE
    look = look_at(
        np.clip(held, -most, most), info.modality, info.region, info.spacing_mm, scale, tile
    )
    if part is filled:
        return View(look.image, look, usable)
    return View(_in_units(filled, scale), look, usable)


def _in_units(filled: FloatArray, scale: float) -> FloatArray:
    most = np.float32(LARGEST_VALUE * scale)
    return np.clip(filled, -most, most) / np.float32(scale)


def spread(length: int) -> NDArray[np.int64] | None:
    """Which of ``length`` rows or columns are looked at, in order; ``None`` for all of them."""
    if length <= LARGEST_SIDE:
        return None
    starts = np.linspace(0, length - TILE, LARGEST_SIDE // TILE).round().astype(np.int64)
    return np.asarray((starts[:, None] + np.arange(TILE)).ravel())


def _all(chosen: NDArray[np.int64] | None, length: int) -> NDArray[np.int64]:
    return np.arange(length) if chosen is None else chosen


def _is_air(known: FloatArray, usable: BoolArray, modality: Modality) -> bool:
    """Whether a CT slice shows air alone; in MR and PET that has no value of its own."""
    if modality is not Modality.CT:
        return False
    body = known > body_threshold(modality, known, usable)
    return float(body.mean()) < LEAST_BODY
