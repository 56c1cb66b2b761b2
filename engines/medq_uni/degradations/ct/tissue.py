"""Where in a CT slice noise is asked for, and where nothing is measured at all."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.degradations.ct.scan import FIELD_MM

RANGES_HU = ((-50.0, 150.0), (-300.0, 400.0))
"""Soft tissue, with and without contrast medium; where there is none, any body."""
SCALE_MM = 3.0
"""Width (FWHM) of the Gaussian through which tissue is told apart."""


def outside(values: FloatArray, pixel_mm: float) -> BoolArray:
    """Where nothing is measured: padding around the field, and what the fan doesn't see.

    Padding is what lies outside the image's inscribed circle and has exactly its corner's value.
    """
    rows, columns = values.shape
    y, x = np.arange(rows)[:, None] - rows // 2, np.arange(columns)[None, :] - columns // 2
    radius = np.hypot(y, x)
    padding = (radius >= min(rows, columns) / 2) & (values == values[0, 0])
    return np.asarray(padding | (radius * pixel_mm > FIELD_MM / 2))


def soft_tissue(values: FloatArray, pixel_mm: float) -> BoolArray:
    """Where ``values`` (rows, columns, HU) is soft tissue; any body, then all, if none is."""
    smooth = ndimage.gaussian_filter(values, SCALE_MM / 2.355 / pixel_mm)
    for low, high in RANGES_HU:
        mask: BoolArray = (smooth > low) & (smooth < high)
        if np.count_nonzero(mask) >= max(16, values.size // 1000):
            return mask
    return ~outside(values, pixel_mm)
