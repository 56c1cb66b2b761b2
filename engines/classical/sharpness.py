"""Sharpness of one slice: the full width at half maximum of the line spread across its edges.

As in task-based measures of clinical CT (Sanders et al., "Patient-specific quantification of image
quality: an automated method for measuring spatial resolution in clinical CT images", Med Phys
2016;43:5330), profiles are taken across the strongest edges of the body, differentiated, and the
width of each peak is read. An edge that runs obliquely through a thick slice looks wide, so
profiles a little sharper than the median speak for the image.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray

REACH = 8.0
"""Half length of a profile in pixels."""
STEP = 0.25
"""Sampling of a profile in pixels."""
PROFILES = 400
"""Profiles tried on a slice."""
MIN_PROFILES = 20
"""Profiles needed to speak of a slice's sharpness."""
CONTRAST_TO_NOISE = 8.0
"""Edges lower than this many noise sigmas are not used."""
CANDIDATES_PERCENTILE = 98.0
PERCENTILE = 40.0
LEAST_SHARE = 0.75
"""Rising part of a profile's total variation: less is a thin line or two edges, not one."""
_INTERPOLATION_VARIANCE = 1.0 / 6.0 + STEP**2 / 3.0
"""Variance (pixels squared) that linear interpolation and the difference add to an edge's spread.

A linear interpolation between samples is a convolution with a triangle of variance 1/6; the
central difference over two steps adds a box of variance STEP**2 / 3.
"""
_FWHM2_PER_VARIANCE = 8.0 * np.log(2.0)


def slice_fwhm_mm(
    values: FloatArray, valid: BoolArray, noise: float, row_mm: float, column_mm: float
) -> float | None:
    """FWHM (mm) of the edges of one slice; ``None`` where there are too few clear edges.

    ``values`` is float32 and ``valid`` bool, (rows, columns); ``noise`` is in the image's unit;
    spacings must be positive.
    """
    rows, columns = values.shape
    margin = int(REACH) + 1
    if rows <= 2 * margin or columns <= 2 * margin:
        return None
    gradient_rows = np.gradient(values, axis=0)
    gradient_columns = np.gradient(values, axis=1)
    strength = np.hypot(gradient_rows, gradient_columns)
    strength[~valid] = 0
    strength[:margin] = strength[-margin:] = 0
    strength[:, :margin] = strength[:, -margin:] = 0
    found = strength[strength > noise]
    if found.size < MIN_PROFILES:
        return None
    at = np.argwhere(strength >= np.percentile(found, CANDIDATES_PERCENTILE))
    at = at[:: max(1, len(at) // PROFILES)]
    points = at.astype(np.float64)
    norm = strength[at[:, 0], at[:, 1]].astype(np.float64)
    along_rows = gradient_rows[at[:, 0], at[:, 1]] / norm
    along_columns = gradient_columns[at[:, 0], at[:, 1]] / norm
    offsets = np.arange(-REACH, REACH + STEP / 2, STEP)
    coordinates = np.stack(
        [
            points[:, :1] + along_rows[:, None] * offsets,
            points[:, 1:] + along_columns[:, None] * offsets,
        ]
    )
    profiles = ndimage.map_coordinates(values, coordinates, order=1, mode="nearest")
    usable = ndimage.map_coordinates(
        valid.astype(np.float32), coordinates, order=0, mode="constant", cval=0.0
    ).min(axis=1)
    widths = _widths(profiles, CONTRAST_TO_NOISE * noise)
    millimetres = widths * np.hypot(along_rows * row_mm, along_columns * column_mm)
    good = millimetres[np.isfinite(millimetres) & (usable > 0)]
    return float(np.percentile(good, PERCENTILE)) if good.size >= MIN_PROFILES else None


def _widths(profiles: FloatArray, least_step: float) -> FloatArray:
    """FWHM in pixels of each profile's derivative; NaN where it is no clean single step.

    ``profiles`` is (profiles, samples), rising.
    """
    spread = profiles[:, 2:] - profiles[:, :-2]
    count, samples = spread.shape
    rows = np.arange(count)
    centre = samples // 2
    near = int(1.5 / STEP)
    peak = centre - near + np.argmax(spread[:, centre - near : centre + near + 1], axis=1)
    half = spread[rows, peak] / 2
    below = spread < half[:, None]
    index = np.arange(samples)
    left = np.where(below & (index < peak[:, None]), index, -1).max(axis=1)
    right = np.where(below & (index > peak[:, None]), index, samples).min(axis=1)
    clean = (left >= 0) & (right < samples) & (half > 0)
    left, right = np.maximum(left, 0), np.minimum(right, samples - 1)
    low, low_next = spread[rows, left], spread[rows, np.minimum(left + 1, samples - 1)]
    high, high_before = spread[rows, right], spread[rows, np.maximum(right - 1, 0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        start = left + (half - low) / (low_next - low)
        stop = right - (half - high) / (high_before - high)
    plateau = max(2, int(1.0 / STEP))
    step = profiles[:, -plateau:].mean(axis=1) - profiles[:, :plateau].mean(axis=1)
    share = spread.clip(min=0).sum(axis=1) / np.maximum(np.abs(spread).sum(axis=1), 1e-9)
    clean &= (step > least_step) & (share > LEAST_SHARE)
    squared = ((stop - start) * STEP) ** 2 - _FWHM2_PER_VARIANCE * _INTERPOLATION_VARIANCE
    # Nothing narrower than a pixel can be told from its samples.
    widths = np.sqrt(np.maximum(squared, 1.0))
    return np.where(clean, widths, np.nan).astype(np.float32)
