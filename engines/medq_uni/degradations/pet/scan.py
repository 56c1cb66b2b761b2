"""How a PET slice is scanned: the rays, what blurs them, and what is counted besides the trues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.medq_uni.degradations.checks import within
from engines.medq_uni.degradations.projection import ParallelBeam

ELEMENT_MM = (1.5, 2.4)
"""Narrowest and widest bins of a projection: as wide as scanners' are, and as pixels need."""
BINS_PER_PIXEL = 2.0
WIDEST_FIELD_MM = 1500.0
"""No scanner's field is wider; attenuation through more would count nothing."""


@dataclass(frozen=True, slots=True)
class PETScan:
    """A way to count a slice.

    ``psf_mm`` is the FWHM of the blur of detectors, positron range and acollinearity in the
    projections, 4 to 7 mm on clinical scanners. ``scatter`` and ``randoms`` are
    the scattered and the accidental coincidences as shares of the trues; ``scatter_mm`` is the FWHM
    by which the scattered are spread beyond the trues. ``views`` are those of half a turn, about:
    subsets must have equally many.

    Raises:
        ValueError: a value that no scanner has.
    """

    psf_mm: float = 5.0
    scatter: float = 0.25
    randoms: float = 0.15
    scatter_mm: float = 150.0
    views: int = 192

    def __post_init__(self) -> None:
        within("psf_mm", self.psf_mm, 2, 15)
        within("scatter", self.scatter, 0, 3)
        within("randoms", self.randoms, 0, 10)
        within("scatter_mm", self.scatter_mm, 10, 1000)
        within("views", self.views, 48, 1024)

    def beam(self, shape: tuple[int, int], pixel_mm: float, subsets: int) -> ParallelBeam:
        """The rays of a slice of ``shape`` (rows, columns), for this many equal subsets of views.

        Raises:
            ValueError: the image is wider than any scanner's field.
        """
        across = max(shape) * pixel_mm
        if across > WIDEST_FIELD_MM:
            raise ValueError(
                f"pixel_mm must make an image of at most {WIDEST_FIELD_MM:g} mm, not {across:g} mm"
            )
        bin_mm = float(np.clip(pixel_mm / BINS_PER_PIXEL, *ELEMENT_MM))
        views = subsets * max(1, round(self.views / subsets))
        return ParallelBeam(*shape, pixel_mm, views, bin_mm)
