"""What a reconstruction keeps of each frequency, as kernels of filtered back projection.

For filtered back projection that is exact. For expectation maximisation it is a first guess of how
much noise its image has, so that the counts for a wanted noise are found at the first try.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.medq_uni.degradations.kernels import Kernel
from engines.phantoms.pet.psf import FWHM_OF_SD

Frequencies = NDArray[np.floating]


def gaussian_transfer(per_mm: Frequencies, fwhm_mm: float) -> NDArray[np.float64]:
    """Modulation transfer at ``per_mm`` (1/mm) of a Gaussian filter."""
    return np.asarray(
        np.exp(-2 * (np.pi * fwhm_mm / FWHM_OF_SD * np.asarray(per_mm, np.float64)) ** 2)
    )


@dataclass(frozen=True, slots=True)
class HannWindow(Kernel):
    """A Hann window with half height at ``half_lp_cm``, times a Gaussian filter of ``post_mm``."""

    post_mm: float = 5.0

    def __post_init__(self) -> None:
        """Any half height: PET has half of what the finest CT kernel asks for."""

    def response(self, lp_cm: Frequencies) -> NDArray[np.float64]:
        """Modulation transfer at ``lp_cm`` (line pairs per cm), 1 at zero frequency."""
        relative = np.minimum(np.abs(np.asarray(lp_cm, np.float64)) / (2 * self.half_lp_cm), 1)
        hann = 0.5 * (1 + np.cos(np.pi * relative))
        return np.asarray(hann * gaussian_transfer(np.asarray(lp_cm) / 10, self.post_mm))


@dataclass(frozen=True, slots=True)
class IterationWindow(Kernel):
    """What so many updates of expectation maximisation have brought back of each frequency.

    Linearised about a body that rays cross for ``chord_mm``, an update mends the share ``1 / (pi f
    chord_mm)`` of what is still wrong at frequency f (Barrett, Wilson and Tsui, Phys Med Biol
    1994;39:833, for the operator; the filter 1 / (pi f) is that of plain back projection).
    ``ray_mm`` is the FWHM of the modelled rays and ``post_mm`` that of the filter at the end.
    """

    updates: int = 42
    chord_mm: float = 200.0
    ray_mm: float = 3.0
    post_mm: float = 5.0

    def __post_init__(self) -> None:
        """The half height isn't used."""

    def response(self, lp_cm: Frequencies) -> NDArray[np.float64]:
        """Modulation transfer at ``lp_cm`` (line pairs per cm), 1 at zero frequency."""
        per_mm = np.maximum(np.abs(np.asarray(lp_cm, np.float64)) / 10, 1e-9)
        ray = np.maximum(gaussian_transfer(per_mm, self.ray_mm), 1e-6)
        mended = np.minimum(ray**2 / (np.pi * per_mm * self.chord_mm), 1)
        back = (1 - (1 - mended) ** self.updates) / ray
        return np.asarray(back * gaussian_transfer(per_mm, self.post_mm))
