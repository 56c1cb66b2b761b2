"""Where in a CT slice noise is asked for, and where nothing is measured at all."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.degradations.ct.scan import FIELD_MM

RANGES_HU = ((-50.0, 150.0), (-300.0, 400.0))
"""Soft tissue, with and without contrast medium; where there is none, any body."""
PADDING_HU = -900.0
"""Highest value of padding: -1000 where it was set to air, -1024, -2000 or -3024 as stored."""
SCALE_MM = 3.0
"""Width (FWHM) of the Gaussian through which tissue is told apart."""


def outside(values: FloatArray, pixel_mm: float) -> BoolArray:
    """Where nothing is measured: padding around the field, and what the fan doesn't see.

    Padding is what lies outside the image's inscribed circle and hangs together with a corner at
    exactly that corner's value, no more than -900 HU. Air that was measured has noise, and so no
    two such values in a row but where it was clipped; a phantom's even air counts as padding, for
    scanners leave corners blank.
    """
    rows, columns = values.shape
    y, x = np.arange(rows)[:, None] - rows // 2, np.arange(columns)[None, :] - columns // 2
    radius = np.hypot(y, x)
    unseen = np.asarray(radius * pixel_mm > FIELD_MM / 2)
    beyond = radius >= min(rows, columns) / 2
    corners = np.ix_((0, -1), (0, -1))
    for value in np.unique(values[corners]):
        if value <= PADDING_HU:
            parts, count = ndimage.label(beyond & (values == value))
            at_corner = np.zeros(count + 1, np.bool_)
            at_corner[parts[corners]] = True
            at_corner[0] = False
            unseen |= at_corner[parts]
    return unseen


def soft_tissue(values: FloatArray, pixel_mm: float) -> BoolArray:
    """Where ``values`` (rows, columns, HU) is soft tissue; any body, then all, if none is."""
    smooth = ndimage.gaussian_filter(values, SCALE_MM / 2.355 / pixel_mm)
    for low, high in RANGES_HU:
        mask: BoolArray = (smooth > low) & (smooth < high)
        if np.count_nonzero(mask) >= max(16, values.size // 1000):
            return mask
    return ~outside(values, pixel_mm)
