"""How bad streaks of metal are, how far they reach and where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.base import FloatArray
from engines.description import PLACES

NEAR_MM = 60.0
"""Streaks are measured in soft tissue up to this far from the metal,"""
RIM_MM = 3.0
"""and from this far on, where the metal's own edge ends."""
SOFT_HU = (-200.0, 200.0)
PERCENTILE = 90.0
BODY_HU = -500.0
"""What is denser is body, for the share of pixels and the place."""
THROUGHOUT = 0.5
"""Where all parts of the image that hold body have this share of the worst part's error, streaks
are everywhere."""


@dataclass(frozen=True, slots=True)
class Streaks:
    """``hu`` is the error that a tenth of the soft tissue (-200 to 200 HU) from 3 to 60 mm around
    the metal surpasses, 0 where there is no such tissue; ``percent`` of all pixels are body with an
    error of at least the mildest; ``place`` is the word for where it is worst, ``None`` if nowhere.
    """

    hu: float
    percent: float
    place: str | None


def measure(
    image: FloatArray, truth: FloatArray, fraction: FloatArray, pixel_mm: float, mild_hu: float
) -> Streaks:
    """Streaks in ``image`` (rows, columns, HU), whose truth and metal (0 to 1) are known."""
    if not fraction.any():
        return Streaks(0.0, 0.0, None)
    error = np.abs(image - truth)
    away = ndimage.distance_transform_edt(fraction < 0.05) * pixel_mm
    body = (away > RIM_MM) & (truth > BODY_HU)
    tissue = body & (away < NEAR_MM) & (truth > SOFT_HU[0]) & (truth < SOFT_HU[1])
    hu = float(np.percentile(error[tissue], PERCENTILE)) if tissue.any() else 0.0
    strong = np.where(body, error, 0)
    percent = 100 * float(np.mean(strong >= mild_hu))
    return Streaks(hu, percent, _place(strong, body.astype(np.float32)))


def _place(error: FloatArray, body: FloatArray) -> str | None:
    """The part of three by three with most of ``error`` squared, or throughout."""
    # Squares, so that the place is where the worst is and not where most of the body is.
    thirds = [np.array_split(part, 3, axis=1) for part in np.array_split(error**2, 3)]
    total = np.array([[np.sum(part, dtype=np.float64) for part in row] for row in thirds])
    if total.max() <= 0:
        return None
    held = [np.array_split(part, 3, axis=1) for part in np.array_split(body, 3)]
    area = np.array([[np.mean(part) for part in row] for row in held])
    mean = np.sqrt(total / np.maximum(area, 1e-6))
    parts = area > 0.1
    if parts.all() and mean[parts].min() >= THROUGHOUT * mean[parts].max():
        return "throughout"
    return PLACES[int(np.argmax(total))]
