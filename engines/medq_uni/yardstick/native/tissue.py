"""Uniform tissue of MR and PET truths: where noise and bias can be told from anatomy."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.yardstick.restoration.scores import Ruler

UNIFORM = (0.7, 1.4)
"""Uniform tissue has so many times the signal of typical tissue."""
FLATTEST = 0.5
"""Share of it, by the truth's slope, that counts as flat."""
LEAST_PIXELS = 12


def uniform_tissue(held: Ruler, rim_mm: float) -> BoolArray | None:
    """The flattest half of typical tissue, ``rim_mm`` from any other, bool (rows, columns).

    ``None`` where there is too little of it, or neither tissue nor pixel size are known.
    """
    if held.signal is None or not held.pixel_mm > 0:
        return None
    smooth = ndimage.gaussian_filter(held.truth, max(rim_mm / 2 / held.pixel_mm, 0.5))
    low, high = (share * held.signal for share in UNIFORM)
    return flat_part(
        held.body & (smooth > low) & (smooth < high), smooth, held.pixel_mm, rim_mm, FLATTEST
    )


def flat_part(
    area: BoolArray, smooth: FloatArray, pixel_mm: float, rim_mm: float, share: float
) -> BoolArray | None:
    """The flattest ``share`` of ``area`` away from its rim; ``None`` where little is left.

    Little is less than a circle of twice the rim, or than a dozen pixels.
    """
    deep = ndimage.distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1] * pixel_mm > rim_mm
    if not deep.any():
        return None
    slope = np.hypot(*np.gradient(smooth))
    flat = deep & (slope <= np.quantile(slope[deep], share))
    least_mm2 = np.pi * (2 * rim_mm) ** 2
    enough = flat.sum() * pixel_mm**2 >= least_mm2 and flat.sum() >= LEAST_PIXELS
    return np.asarray(flat, np.bool_) if enough else None
