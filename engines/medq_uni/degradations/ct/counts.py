"""From line integrals to counted photons and back: the noise of a logarithm of counts."""

from __future__ import annotations

import numpy as np

from engines.base import FloatArray

MANY = 400.0
"""From so many photons on, Poisson and binomial counts are drawn as normal numbers."""
LEAST = 0.5
"""Readings below this many photons, or this many standard deviations of the electronic noise, are
taken for that: they say nothing more, and a logarithm needs a number."""

STARVED = 0.2
"""A reading whose standard deviation is more than this share of it starves: its logarithm is no
longer normal. Where 1 % of the rays starve, images have 2 to 5 % more noise than normal rays give.
"""


def few(electronic: float) -> float:
    """Photons below which a reading starves; ``electronic`` is its electronic noise in photons."""
    square = STARVED**2
    return float((1 + np.sqrt(1 + 4 * square * electronic**2)) / (2 * square))


def log_noise(
    expected: FloatArray,
    electronic: FloatArray | float,
    dose: float,
    before: float | None,
    rng: np.random.Generator,
) -> FloatArray:
    """Noise of line integrals (dimensionless) with ``expected`` photons per reading at unit dose.

    ``electronic`` is the standard deviation of a reading in photons. With ``before`` None it is all
    the noise of a scan of ``dose``; otherwise what a scan of ``dose`` has more than one of the dose
    ``before`` had, by keeping each photon of that one with probability ``dose / before`` (Yu et
    al., J Comput Assist Tomogr 2012;36:477). Mean is zero but for the logarithm's bias, 1 / (2
    counts), which scanners have as well.
    """
    mean = expected * np.float32(dose)
    if before is None:
        spread, widen = mean, 1.0
    else:
        kept = dose / before
        spread, widen = mean * np.float32(1 - kept), float(np.sqrt(1 - kept**2))
    counts = mean + np.sqrt(spread) * rng.standard_normal(mean.shape, np.float32)
    few = np.flatnonzero(mean.ravel() < MANY)
    if few.size:
        low = mean.ravel()[few].astype(np.float64)
        if before is None:
            drawn = rng.poisson(low)
        else:
            whole = np.floor(low / (dose / before) + rng.random(low.size)).astype(np.int64)
            drawn = rng.binomial(whole, dose / before)
        counts.ravel()[few] = drawn
    scale = np.asarray(electronic, np.float32) * np.float32(widen)
    if np.any(scale > 0):
        counts += scale * rng.standard_normal(mean.shape, np.float32)
    np.maximum(counts, LEAST * np.maximum(np.asarray(electronic, np.float32), 1), out=counts)
    return np.asarray(np.log(mean / counts), np.float32)
