"""How an examination pictures a body: finite resolution, then the coil's shading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.phantoms.canvas import Canvas
from engines.phantoms.mr.shading import Shading, plan_shading

BLUR_MM = (0.35, 0.60)
"""Deviation of the point spread: that of voxels of 0.8 to 1.4 mm, as k-space filters leave it."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Resolution and shading; ``blur_mm`` is the deviation of a Gaussian point spread."""

    blur_mm: float
    shading: Shading

    def picture(self, canvas: Canvas) -> None:
        """Turn what is drawn on the canvas into what is seen, in place.

        It is as exact as the pixels allow; outside the body signal stays zero beyond four
        deviations.
        """
        deviation = self.blur_mm / canvas.pixel_mm
        ndimage.gaussian_filter(canvas.values, deviation, output=canvas.values, mode="constant")
        self.shading.apply(canvas.values, canvas.x, canvas.y, canvas.z)


def plan_acquisition(rng: np.random.Generator, reach_mm: float) -> Acquisition:
    """A random acquisition of a body whose half width is about ``reach_mm``."""
    return Acquisition(float(rng.uniform(*BLUR_MM)), plan_shading(rng, reach_mm))
