"""What a CT tube emits and what its detector makes of it: a spectrum in a few energy bins.

The continuum is Kramers' for a thick target, ``kVp / E - 1`` photons per keV, filtered by the
anode itself (as 14 um of tungsten), aluminium and copper. The K lines of tungsten are added with
``(kVp / 69.5 - 1) ** 1.63`` (Green and Cosslett, J Phys D 1968;1:425). The anode's filter and the
lines' strength were fitted to SpekPy 2 (Poludniowski et al., Med Phys 2021;48:3630; 8 degrees,
6 mm Al): the detected mean energy agrees within 2 keV from 80 to 140 kVp. The detector integrates
energy and stops every photon. Below 30 keV a filtered tube has next to nothing, and a body lets
nothing of it pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engines.medq_uni.degradations.checks import within
from engines.medq_uni.degradations.ct.materials import (
    ALUMINIUM,
    COPPER,
    LOWEST_KEV,
    TUNGSTEN,
    WATER,
    Material,
)

BINS = 14
ALUMINIUM_MM = 6.0
COPPER_MM = 0.1
ANODE_MM = 0.014
"""Tungsten that stands for the anode's filtering of its own continuum."""
LINES_KEV = ((57.98, 0.29), (59.32, 0.50), (67.2, 0.16), (69.1, 0.05))
"""Energies of tungsten's K lines and their shares."""
LINES_STRENGTH = 10.0
"""All lines together, in units of the continuum, at twice the K edge."""
TUNGSTEN_K_KEV = 69.525
REFERENCE_MM = 200.0
"""Water behind which the effective energy is told: half a body."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A detected spectrum.

    ``kev`` and ``weights`` are 1 keV steps and their share of the signal without an object (sum
    1); ``bins`` gives each step's bin. All three are of one length.
    """

    kvp: float
    kev: NDArray[np.float64]
    weights: NDArray[np.float64]
    bins: NDArray[np.int64]

    @property
    def bin_weights(self) -> NDArray[np.float64]:
        """Share of the signal in every bin; sums to 1."""
        return np.asarray(np.bincount(self.bins, self.weights), np.float64)

    @property
    def mean_kev(self) -> float:
        """Mean energy of the detected signal without an object."""
        return float(np.sum(self.weights * self.kev))

    def mass_attenuation(self, material: Material) -> NDArray[np.float64]:
        """Mass attenuation (cm2/g) of ``material`` in every bin, averaged over the bin's signal."""
        fine = self.weights * material.mass_attenuation(self.kev)
        return np.bincount(self.bins, fine) / self.bin_weights

    def water_log(self, water_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """What is measured behind water: minus the log of the detected share."""
        per_mm = self.mass_attenuation(WATER) * WATER.density / 10
        passed = np.exp(-np.outer(water_mm, per_mm)) @ self.bin_weights
        result: NDArray[np.float64] = -np.log(passed)
        return result

    @property
    def water_per_mm(self) -> float:
        """Attenuation (1/mm) to which the scanner's water correction brings water."""
        return float(self.water_log(np.array([REFERENCE_MM]))[0] / REFERENCE_MM)

    @property
    def effective_kev(self) -> float:
        """Energy at which water attenuates as much as ``water_per_mm``."""
        kev = np.linspace(LOWEST_KEV, self.kvp, 2000)
        per_mm = WATER.mass_attenuation(kev) * WATER.density / 10
        return float(np.interp(-self.water_per_mm, -per_mm, kev))


@lru_cache(maxsize=32)
def tube_spectrum(
    kvp: float, aluminium_mm: float = ALUMINIUM_MM, copper_mm: float = COPPER_MM
) -> Spectrum:
    """Detected spectrum of a tungsten tube at ``kvp`` behind filters in mm.

    Raises:
        ValueError: kVp not within 80 to 140, aluminium not within 0 to 20 mm, copper not within
            0 to 2 mm.
    """
    within("kvp", kvp, 80, 140)
    within("aluminium_mm", aluminium_mm, 0, 20)
    within("copper_mm", copper_mm, 0, 2)
    kev = np.arange(LOWEST_KEV + 0.5, kvp)
    photons = np.maximum(kvp / kev - 1, 0)
    photons *= np.exp(-TUNGSTEN.mass_attenuation(kev) * TUNGSTEN.density * ANODE_MM / 10)
    excess = max(kvp / TUNGSTEN_K_KEV - 1, 0) ** 1.63
    for line, share in LINES_KEV:
        photons[int(line - LOWEST_KEV)] += LINES_STRENGTH * excess * share
    for filter_, thickness in ((ALUMINIUM, aluminium_mm), (COPPER, copper_mm)):
        photons *= np.exp(-filter_.mass_attenuation(kev) * filter_.density * thickness / 10)
    signal = photons * kev
    signal /= signal.sum()
    bins = (np.arange(kev.size) * BINS) // kev.size
    for array in (kev, signal, bins):
        array.setflags(write=False)  # the cache hands out one and the same
    return Spectrum(float(kvp), kev, signal, bins.astype(np.int64))
