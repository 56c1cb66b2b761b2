"""Resolution of a PET image: what a scanner and its reconstruction make of a sharp uptake.

The point spread is a Gaussian in all three directions. In plane it is a convolution; along z it is
a thicker slice for organs and an integral for lesions. What is hot and small comes out lower and
wider than it is: the partial volume effect (Soret et al., J. Nucl. Med. 48 (2007) 932).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas

FWHM_MM = (4.0, 8.0)
"""Reconstructed resolution of scanners in clinical use, with their filters."""
FWHM_OF_SD = 2 * math.sqrt(2 * math.log(2))


@dataclass(frozen=True, slots=True)
class Resolution:
    """Full width at half maximum of the point spread in plane and along z, mm."""

    fwhm_mm: float
    axial_mm: float

    @property
    def axial_sd(self) -> float:
        """Standard deviation of the point spread along z, mm."""
        return self.axial_mm / FWHM_OF_SD


def random_resolution(rng: np.random.Generator, least_mm: float = FWHM_MM[0]) -> Resolution:
    """A random scanner's resolution, in plane from ``least_mm``; along z it is about the same."""
    fwhm = float(rng.triangular(least_mm, 6.5, FWHM_MM[1]))
    return Resolution(fwhm, float(np.clip(fwhm * rng.uniform(0.85, 1.15), *FWHM_MM)))


def thickened(canvas: Canvas, resolution: Resolution) -> Canvas:
    """The same slice, as thick as the point spread makes it along z; its values are ``canvas``'s.

    A box of that thickness has the variance of slice and point spread together: rims that lean are
    blurred by it, and thin pipes in it are fainter.
    """
    thick = math.sqrt(canvas.slice_mm**2 + 12 * resolution.axial_sd**2)
    return replace(canvas, slice_mm=thick)


def blur(canvas: Canvas, resolution: Resolution) -> None:
    """Give ``canvas.values`` the in-plane resolution, in place.

    Edges are drawn over a pixel's width already; that much of the variance is left out.
    """
    drawn = max(canvas.pixel_mm, canvas.edge_mm) ** 2 / 12
    variance = max((resolution.fwhm_mm / FWHM_OF_SD) ** 2 - drawn, 0.0) / canvas.pixel_mm**2
    kernel = discrete_gaussian(variance)
    rows = ndimage.correlate1d(canvas.values, kernel, axis=0, mode="nearest")
    blurred: FloatArray = ndimage.correlate1d(rows, kernel, axis=1, mode="nearest")
    canvas.values[...] = np.maximum(blurred, 0)


def discrete_gaussian(variance: float) -> NDArray[np.float64]:
    """The Gaussian's counterpart on a grid, of exactly ``variance`` (pixels squared).

    A sampled Gaussian is too narrow where its deviation is less than a pixel; this one is right at
    any width and never negative (Lindeberg, IEEE PAMI 12 (1990) 234).
    """
    reach = math.ceil(4.5 * math.sqrt(variance)) + 2
    weights = special.ive(np.arange(-reach, reach + 1), variance)
    kernel: NDArray[np.float64] = weights / weights.sum()
    return kernel
