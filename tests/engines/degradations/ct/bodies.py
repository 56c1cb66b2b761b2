"""Simple bodies in HU for the tests of degradations."""

from __future__ import annotations

import numpy as np

from engines.base import FloatArray


def ellipse(
    half_x_mm: float, half_y_mm: float, size: int = 160, pixel_mm: float = 2.0, hu: float = 0.0
) -> FloatArray:
    """An ellipse of ``hu`` in air, about pixel (size // 2, size // 2)."""
    y, x = (np.indices((size, size)) - size // 2) * pixel_mm
    inside = (x / half_x_mm) ** 2 + (y / half_y_mm) ** 2 < 1
    return np.where(inside, hu, -1000).astype(np.float32)


def ring(low_mm: float, high_mm: float, size: int = 160, pixel_mm: float = 2.0) -> np.ndarray:
    """Mask of what lies between two distances from the centre."""
    y, x = (np.indices((size, size)) - size // 2) * pixel_mm
    return (np.hypot(x, y) >= low_mm) & (np.hypot(x, y) < high_mm)
