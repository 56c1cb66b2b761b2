"""What every degradation asks of its arguments; each refusal names the parameter and the fix."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from engines.base import FloatArray

LEAST_SIDE = 16
"""Smaller images, in pixels, hold nothing to simulate."""
MOST_SIDE = 4096
"""Larger ones would take gigabytes."""


class NoPlaceError(ValueError):
    """An image holds no place, or no tissue, for what was to be done to it: take another."""


def image(name: str, values: ArrayLike, low: float, high: float) -> FloatArray:
    """``values`` as a float32 image (rows, columns); integers are converted.

    ``low`` and ``high`` are what its unit allows.

    Raises:
        ValueError: not two-dimensional, a side outside 16 to 4096 pixels, not real numbers, not
            finite, or a value outside ``low`` to ``high``.
    """
    array = np.asarray(values)
    if array.ndim != 2:
        raise ValueError(f"{name} must be (rows, columns), not of {array.ndim} dimensions")
    if not LEAST_SIDE <= min(array.shape) <= max(array.shape) <= MOST_SIDE:
        sides = " x ".join(str(n) for n in array.shape)
        raise ValueError(f"{name} must have sides of {LEAST_SIDE} to {MOST_SIDE}, not {sides}")
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{name} must be real numbers, not {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has NaN or infinite values: set them to air or to zero first")
    if float(array.min()) < low or float(array.max()) > high:
        raise ValueError(
            f"{name} must lie within {low:g} to {high:g}, not {array.min():g} to {array.max():g}"
        )
    return np.ascontiguousarray(array, np.float32)


def hu_image(name: str, values: ArrayLike) -> FloatArray:
    """``values`` as a float32 CT image in HU, within -10,000 to 100,000; see ``image``."""
    return image(name, values, -10_000, 100_000)


def within(name: str, value: float, low: float, high: float) -> float:
    """``value`` where it is a finite number within ``low`` to ``high``.

    Raises:
        ValueError: it isn't.
    """
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}, not {value}")
    return float(value)
