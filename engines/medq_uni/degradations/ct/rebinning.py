"""How much noise is left where a fan's readings are rebinned to parallel ones.

An interpolation by weights w at a place t between its neighbours multiplies the power of white
noise at the frequency n (cycles per reading) by ``|sum of w_k(t) exp(2 pi i k n)| ** 2``. What the
image holds at a pixel at the frequency f (1/mm) comes from rays at s that run past it at a distance
u along themselves; there it has the frequency f along the detector and ``f u`` per radian of view
(Kak and Slaney, section 3.4). So smoothing between rays depends on s, and that between views on u:
it is nothing in the middle of the field and grows towards the rim.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engines.medq_uni.degradations.ct.fan import SOURCE_MM, FanBeam, cubic
from engines.medq_uni.degradations.ct.scan import ELEMENT_MM, FIELD_MM
from engines.medq_uni.degradations.kernels import Kernel

RADII_MM = np.linspace(0, FIELD_MM / 2, 26)
"""Distances from the centre of rotation for which the share is worked out."""
POSITIONS_MM = np.arange(0, FIELD_MM / 2 + 1)
"""Rays for which it is worked out."""
TERMS = 4
"""With so many products of a ray's and a pixel's share an image's noise is right to about 1 %."""
FREQUENCIES = 128
"""From zero to what the detector can hold."""


def share_kept(
    fan: FanBeam,
    kernel: Kernel,
    positions_mm: NDArray[np.float64],
    radius_mm: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance with rebinning over variance without, seen through ``kernel``, as a sum of products.

    The share of a ray in a pixel is the sum over the terms of ``(terms, rays)``, for rays at
    ``positions_mm`` from the centre of rotation, times ``(terms, ...)``, for pixels at
    ``radius_mm``. It is 0 for rays outside the field.
    """
    frequency, kept = _power_kept(fan)
    weight = (frequency * kernel.response(10 * frequency)) ** 2
    pixels, sizes, rays = np.linalg.svd(kept @ (weight / weight.sum()), full_matrices=False)
    distance = np.abs(positions_mm)
    of_rays = np.stack([np.interp(distance, POSITIONS_MM, term) for term in rays[:TERMS]])
    of_rays[:, distance >= FIELD_MM / 2] = 0
    terms = (pixels * sizes)[:, :TERMS].T
    return of_rays, np.stack([np.interp(radius_mm, RADII_MM, term) for term in terms])


@lru_cache(maxsize=2)
def _power_kept(fan: FanBeam) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies in 1/mm, and the share of the power left there: (radii, rays, frequencies)."""
    pitch = ELEMENT_MM / 2 if fan.quarter_offset else ELEMENT_MM
    frequency = (np.arange(FREQUENCIES) + 0.5) / FREQUENCIES / (2 * pitch)
    angle = np.arcsin(POSITIONS_MM / SOURCE_MM)
    # Elements lie closer off the centre; a parallel ray in the middle lies between two of them.
    spacing = pitch * np.cos(angle)
    place = ((angle * SOURCE_MM - POSITIONS_MM) / pitch + 0.5) % 1
    across = _power(cubic(place), frequency * spacing[:, None]) * (spacing / pitch)[:, None]
    beside = np.sqrt(np.maximum(RADII_MM[:, None] ** 2 - POSITIONS_MM**2, 0))
    cycles = beside[..., None] * frequency * (2 * np.pi / fan.views)
    between = _mean_power()
    along = between[0] + 2 * sum(
        part * np.cos(2 * np.pi * lag * cycles) for lag, part in enumerate(between[1:], 1)
    )
    return frequency, across * along


def _power(weights: NDArray[np.floating], cycles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power that ``weights`` (4, rays) leave at ``cycles`` (rays, frequencies) per reading."""
    turns = np.exp(2j * np.pi * np.arange(4)[:, None, None] * cycles)
    return np.asarray(np.abs((weights[..., None] * turns).sum(axis=0)) ** 2)


def _mean_power() -> NDArray[np.float64]:
    """Autocorrelation (4 lags) of the weights between two readings, mean over all places there."""
    weights = cubic((np.arange(64) + 0.5) / 64)
    return np.array([(weights[: 4 - lag] * weights[lag:]).sum(axis=0).mean() for lag in range(4)])
