"""What is counted: the expectation of every ray, Poisson counts of it, and the thinning of counts.

Counts fall either by waiting less or by injecting less. Either way, an event of the full scan is
kept with some probability, independently of the others; randoms, that fall with the square of the
activity, are taken to fall alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import FloatArray
from engines.medq_uni.degradations.pet.rays import StripRays
from engines.medq_uni.degradations.pet.scan import PETScan
from engines.phantoms.pet.psf import FWHM_OF_SD

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a scan of one true coincidence is expected to count, (views, detectors) each.

    ``trues`` add up to 1; ``background`` are scatter and randoms on the same rays; ``passing`` is
    the share of photon pairs that the body lets through. ``per_activity`` is counts for an activity
    of 1, so that images in counts are divided by it.
    """

    trues: FloatArray
    background: FloatArray
    passing: FloatArray
    per_activity: float

    @property
    def all(self) -> NDArray[np.float64]:
        """Trues and background together."""
        return self.trues.astype(np.float64) + self.background


def expected(
    activity: FloatArray,
    attenuation: FloatArray,
    rays: StripRays,
    scan: PETScan,
    beyond: int = 0,
) -> Expected:
    """The expectation of ``activity`` (rows, columns, not negative) behind ``attenuation`` (1/mm).

    ``rays`` are as wide as the scanner's blur. Scatter is the trues spread wide, as its single
    scatter is to a first approximation (Bailey and Meikle, Phys Med Biol 1994;39:411); randoms are
    the same everywhere. Both also reach the ``beyond`` bins that the scanner has on either side of
    those of ``rays``.

    Raises:
        ValueError: nothing is counted.
    """
    # Not both at once: of numbers so unlike, the smaller would get the larger ones' errors.
    passing = np.exp(-np.maximum(rays.forward(attenuation.astype(np.complex64)).real, 0))
    trues = np.maximum(rays.forward(activity.astype(np.complex64)).real, 0) * passing
    total = float(trues.sum(dtype=np.float64))
    if not total > 0:
        raise ValueError("activity must be above zero somewhere")
    trues = (trues / total).astype(np.float32)
    wide = scan.scatter_mm / FWHM_OF_SD / rays.beam.detector_mm
    padded = np.pad(trues, [(0, 0), (beyond, beyond)])
    scattered = ndimage.gaussian_filter1d(padded, wide, axis=1, mode="constant")
    background = scattered * (scan.scatter / float(scattered.sum(dtype=np.float64)))
    background += scan.randoms / padded.size
    background = background[:, beyond : beyond + trues.shape[1]]
    return Expected(
        trues, np.asarray(background, np.float32), np.asarray(passing, np.float32), 1 / total
    )


def counted(mean: NDArray[np.float64], rng: np.random.Generator) -> Counts:
    """A realisation of Poisson counts with this ``mean``."""
    return np.asarray(rng.poisson(mean), np.int64)


def thinned(counts: Counts, share: float, rng: np.random.Generator) -> Counts:
    """``counts`` of which each is kept with probability ``share``.

    Thinned Poisson counts are Poisson counts of ``share`` times the mean, but not independent of
    the full ones: their difference is what the full scan's image lacks of the noise.
    """
    return np.asarray(rng.binomial(counts, share), np.int64)
