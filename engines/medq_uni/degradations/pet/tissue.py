"""Where PET's noise is told: in tissue of typical uptake, in % of its signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.description import Modality
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.signal import tissue_signal
from engines.phantoms.pet.psf import FWHM_OF_SD

SMOOTH_MM = 10.0
"""FWHM of the filter after which a pixel tells what tissue it lies in."""
UPTAKE = (0.6, 1.6)
"""Uptake of typical tissue, over the signal: without air, lungs and what is hot."""
LEAST_PIXELS = 16
LEAST_SHARE = 0.01
"""Of the image's pixels this share has uptake, at least, where there is a body."""


@dataclass(frozen=True, slots=True)
class Tissue:
    """Typical tissue of a slice: its ``signal``, its ``uptake`` (rows, columns) and ``mask``."""

    signal: float
    uptake: FloatArray
    mask: BoolArray

    def noise(self, deviations: FloatArray) -> float:
        """Standard deviation in tissue of ``deviations`` (rows, columns) from what should be there.

        Each is told relative to the uptake around it and then of tissue that has the signal, since
        PET's noise follows its uptake. It is the root of the mean square over all typical tissue.
        Engines (``engines.classical.noise``) measure about the most frequent, or less, in windows
        without their slope: at 20 %, 0.6 to 1.1 times this in heads (middle 0.8), and in bodies
        0.5 to 1.3 times (0.8); 0.25 times where filtered back projection streaks from a bladder.
        """
        relative = deviations[self.mask] / self.uptake[self.mask]
        return self.signal * float(np.sqrt(np.mean(np.square(relative, dtype=np.float64))))


def typical_tissue(truth: FloatArray, pixel_mm: float) -> Tissue:
    """The typical tissue of ``truth`` (rows, columns).

    Raises:
        NoPlaceError: nothing has typical uptake.
    """
    some = np.count_nonzero(truth > 0) >= LEAST_SHARE * truth.size
    signal = tissue_signal(truth, Modality.PT, pixel_mm) if some else None
    if signal is None:
        raise NoPlaceError("image holds no tissue with uptake")
    uptake = ndimage.gaussian_filter(
        truth, SMOOTH_MM / FWHM_OF_SD / pixel_mm, mode="nearest", truncate=3
    )
    mask = (uptake >= UPTAKE[0] * signal) & (uptake <= UPTAKE[1] * signal)
    if int(mask.sum()) < LEAST_PIXELS:
        raise NoPlaceError("image holds no tissue of typical uptake")
    return Tissue(signal, np.asarray(uptake, np.float32), mask)
