"""Thermal noise of MR: white and complex in k-space, Rician in the magnitude image.

Moments after Gudbjartsson & Patz, Magn Reson Med 1995;34:910.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special

from engines.medq_uni.degradations.mr.encoding import ComplexArray

RAYLEIGH = math.sqrt(2 - math.pi / 2)
"""Standard deviation of a magnitude that is noise alone, in those of its parts: 0.655."""
GAUSSIAN_FROM = 1e3
"""Signal over noise from which a magnitude's deviation is that of its parts, to 1e-6."""


def complex_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> ComplexArray:
    """White noise, complex64, whose real and imaginary parts each have this deviation."""
    parts = rng.standard_normal((*shape, 2), np.float32)
    parts *= np.float32(sigma)
    return parts.view(np.complex64)[..., 0]


def rician_moments(signal: float, sigma: float) -> tuple[float, float]:
    """Mean and standard deviation of the magnitude of ``signal`` plus complex noise.

    ``sigma`` is the noise's deviation in each of its parts, in the unit of ``signal``.

    Raises:
        ValueError: signal below 0, or sigma not above 0.
    """
    if not (math.isfinite(signal) and signal >= 0):
        raise ValueError(f"signal must be 0 or more, not {signal}")
    if not (math.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma must be above 0, not {sigma}")
    ratio = signal / sigma
    if ratio > GAUSSIAN_FROM:
        return signal + sigma / (2 * ratio), sigma
    half = ratio**2 / 2
    laguerre = (1 + half) * special.ive(0, half / 2) + half * special.ive(1, half / 2)
    mean = math.sqrt(math.pi / 2) * float(laguerre)
    return sigma * mean, sigma * math.sqrt(2 + ratio**2 - mean**2)


def sigma_for(deviation: float, signal: float) -> float:
    """The noise in each part of a complex image that gives its magnitude this deviation.

    It is more than ``deviation``, by at most the half that a magnitude hides where there is no
    signal. Both in one unit.

    Raises:
        ValueError: deviation not above 0, or signal below 0.
    """
    if not (math.isfinite(deviation) and deviation > 0):
        raise ValueError(f"deviation must be above 0, not {deviation}")
    least, most = 0.99 * deviation, 1.01 * deviation / RAYLEIGH

    def excess(sigma: float) -> float:
        return rician_moments(signal, sigma)[1] - deviation

    return float(optimize.brentq(excess, least, most, rtol=1e-9))
