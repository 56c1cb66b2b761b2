"""How a CT slice is scanned: dose, kernel, geometry, and what counts photons or hides them.

Counts are defined per turn and millimetre of detector, so that a coarser sampling of the same scan
neither gains nor loses dose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import FloatArray
from engines.medq_uni.degradations.checks import within
from engines.medq_uni.degradations.kernels import STANDARD, Kernel

WATER_PER_MM = 0.0193
"""Attenuation of water at 70 keV, about the mean energy behind a body at 120 kVp (NIST XCOM)."""
ELEMENT_MM = 0.6
"""Width of a detector element, seen at the centre of rotation."""
TURN_VIEWS = 984
"""Views of the turn in which an element counts ``Scan.photons``."""
FIELD_MM = 500.0
"""Diameter of what the fan sees."""
MOST_MODULATION = 5.0
"""Highest over lowest tube current within a turn that a generator follows."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A way to scan a slice.

    ``dose`` is the fraction of full dose. ``photons`` are those that an unshadowed element in the
    middle of the fan would count without a patient, per view, at full dose and for a slice of 1 mm;
    ``electronic`` is the standard deviation of the electronic noise of such a reading, in photons.
    ``bow_tie`` is the share of photons that the bow-tie filter takes away at the rim of the field.
    ``modulation`` is the power of the body's attenuation that the tube current follows around the
    turn: 0.5 gives the least noise (Gies et al., Med Phys 1999;26:2235), 0 is a constant current.
    ``views`` are those of a full turn. ``fan`` counts rays as a fan beam does, with or without an
    offset of a quarter element; otherwise rays are parallel. ``slice_mm`` is the thickness of the
    slice: a thicker one collects more photons and more electronic noise.

    With the defaults a water disc of 300 mm has about 26 HU of noise in its middle at full dose,
    1 mm and the standard kernel, 12 HU at 5 mm, as body scans of about 200 mAs have.

    Raises:
        ValueError: a value that no scanner has.
    """

    dose: float = 1.0
    kernel: Kernel = STANDARD
    fan: bool = True
    photons: float = 3e5
    electronic: float = 10.0
    bow_tie: float = 0.95
    modulation: float = 0.5
    views: int = TURN_VIEWS
    quarter_offset: bool = True
    slice_mm: float = 1.0

    def __post_init__(self) -> None:
        within("dose", self.dose, 0.01, 4)
        within("photons", self.photons, 1e3, 1e8)
        within("electronic", self.electronic, 0, 1000)
        within("bow_tie", self.bow_tie, 0, 0.99)
        within("modulation", self.modulation, 0, 1)
        within("views", self.views, 64, 8192)
        within("slice_mm", self.slice_mm, 0.1, 50)

    @property
    def pitch_mm(self) -> float:
        """Distance of parallel rays: the quarter offset interleaves both half turns."""
        return ELEMENT_MM / 2 if self.quarter_offset else ELEMENT_MM

    def bow_tie_share(self, positions_mm: NDArray[np.floating]) -> FloatArray:
        """Share of photons that pass the bow-tie on rays at these distances from the centre."""
        relative = np.minimum(np.abs(positions_mm) / (FIELD_MM / 2), 1.0)
        return np.asarray((1 - self.bow_tie) ** (relative**2), np.float32)

    def current(self, integrals: FloatArray, pitch_mm: float) -> FloatArray:
        """Relative tube current of every view (views,), mean 1, from parallel (views, detectors).

        It follows the thickest 50 mm of every view's shadow.
        """
        width = max(1, round(50 / pitch_mm))
        shadow = ndimage.uniform_filter1d(integrals, width, axis=1, mode="constant").max(axis=1)
        power = self.modulation * shadow
        power = np.maximum(power, power.max() - np.log(MOST_MODULATION))
        current = np.exp(power - power.max())
        return np.asarray(current / current.mean(), np.float32)


def line_values(hu: FloatArray) -> FloatArray:
    """Attenuation in 1/mm of an image in HU; nothing attenuates less than a vacuum."""
    return np.asarray(np.maximum(hu + 1000, 0) * (WATER_PER_MM / 1000), np.float32)
