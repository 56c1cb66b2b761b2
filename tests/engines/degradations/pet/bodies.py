"""Simple uptake for the tests of PET."""

from __future__ import annotations

import numpy as np

from engines.base import BoolArray, FloatArray
from engines.description import Modality
from engines.medq_uni.pair import Source

SIZE, PIXEL_MM = 64, 4.0


def distance(
    x_mm: float = 0, y_mm: float = 0, shape: tuple[int, int] = (SIZE, SIZE), mm: float = PIXEL_MM
) -> FloatArray:
    """Distance in mm of every pixel from a point, itself told from the middle."""
    y, x = (np.indices(shape) - np.array(shape)[:, None, None] // 2) * mm
    return np.asarray(np.hypot(x - x_mm, y - y_mm), np.float32)


def inside(
    radius_mm: float,
    x_mm: float = 0,
    y_mm: float = 0,
    shape: tuple[int, int] = (SIZE, SIZE),
    mm: float = PIXEL_MM,
) -> BoolArray:
    """Mask of a disc."""
    return np.asarray(distance(x_mm, y_mm, shape, mm) < radius_mm)


HOT = inside(22, 45)
COLD = inside(22, -45)
BODY = inside(100)


def body() -> FloatArray:
    """A disc of uptake 1 with a hot disc of 4 and a cold one of 0.1."""
    values = BODY.astype(np.float32)
    values[HOT], values[COLD] = 4, 0.1
    return values


def plain(radius_mm: float = 100) -> FloatArray:
    """A disc of uptake 1."""
    return inside(radius_mm).astype(np.float32)


def source(
    values: FloatArray | None = None,
    noise: float | None = 0.0,
    pixel_mm: float = PIXEL_MM,
    unit: str = "SUV",
    region: str = "abdomen",
) -> Source:
    """A slice of a phantom, by default ``body()``."""
    uptake = body() if values is None else values
    return Source("body", "phantom", Modality.PT, region, unit, uptake, pixel_mm, 3.0, noise)
