"""What the body lets through: attenuation at 511 keV, from the outline of the uptake."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.phantoms.pet.psf import FWHM_OF_SD

WATER_PER_MM = 0.0096
"""Water, and about soft tissue, at 511 keV (NIST XCOM)."""
BONE_PER_MM = 0.0147
"""Compact bone of the skull, mixed with its marrow, at 511 keV (NIST XCOM)."""
SCALP_MM = 4.0
SKULL_MM = 7.0
OUTLINE_SHARE = 0.1
"""The body begins where smoothed uptake reaches this share of that of its tissue: skin has a third,
less where liver and kidneys are the tissue."""
HEAD_SHARE = 0.05
"""The same for heads, whose tissue is the brain: the scalp takes up a tenth of what it does."""
MOST_SHARE = 0.15
"""What takes up more is no air, whatever the noise."""
ABOVE_AIR = 3.0
"""The outline lies at so many times what noise makes of air, at least."""
OUTLINE_MM = 6.0
"""FWHM of that smoothing: it puts the outline 3 mm outside of an edge."""
LEAST_PART_MM2 = 400.0
"""Smaller islands are noise."""


def body_outline(activity: FloatArray, pixel_mm: float, signal: float, region: str) -> BoolArray:
    """Mask (rows, columns) of the body, holes filled, from its activity; ``signal`` is tissue's."""
    smooth = ndimage.gaussian_filter(
        activity, OUTLINE_MM / FWHM_OF_SD / pixel_mm, mode="constant", truncate=3
    )
    share = HEAD_SHARE if region == "head" else OUTLINE_SHARE
    low = smooth[smooth <= MOST_SHARE * signal]
    air = ABOVE_AIR * float(np.median(low)) if low.size else 0.0
    least = float(np.clip(air, share * signal, MOST_SHARE * signal))
    filled = ndimage.binary_fill_holes(smooth > least)
    parts, _ = ndimage.label(filled)
    sizes = np.bincount(parts.ravel()) * pixel_mm**2
    sizes[0] = 0
    return np.asarray((sizes >= min(LEAST_PART_MM2, sizes.max()))[parts] & filled)


def attenuation_map(outline: BoolArray, pixel_mm: float, region: str) -> FloatArray:
    """Attenuation in 1/mm (rows, columns): water within ``outline``, with a skull in the head."""
    found = np.where(outline, WATER_PER_MM, 0.0)
    if region == "head":
        depth = ndimage.distance_transform_edt(np.pad(outline, 1))[1:-1, 1:-1] * pixel_mm
        found[(depth > SCALP_MM) & (depth <= SCALP_MM + SKULL_MM)] = BONE_PER_MM
    return np.asarray(found, np.float32)
