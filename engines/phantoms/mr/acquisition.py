"""How an examination pictures a body: finite resolution, then the coil's shading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.phantoms.canvas import Canvas
from engines.phantoms.mr.shading import Shading, plan_shading

BLUR_PIXELS = (0.4, 0.6)
"""Deviation of the point spread, in pixels, as k-space filters leave it. Finer pixels than what was
measured hold nothing of their own, and could be left out of k-space unseen."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Resolution and shading; ``blur_pixels`` is the deviation of a Gaussian point spread."""

    blur_pixels: float
    shading: Shading

    @staticmethod
    def prepare(canvas: Canvas) -> None:
        """Let edges be as sharp as the pixels allow: what blurs them is the acquisition.

        What a drawing softens in mm would hold nothing in finer pixels.
        """
        canvas.edge_mm = canvas.pixel_mm

    def picture(self, canvas: Canvas) -> None:
        """Turn what is drawn on the canvas into what is seen, in place.

        It is as exact as the pixels allow; outside the body signal stays zero beyond four
        deviations. To be drawn upon once ``prepare`` has seen the canvas.
        """
        values = canvas.values
        ndimage.gaussian_filter(values, self.blur_pixels, output=values, mode="constant")
        self.shading.apply(values, canvas.x, canvas.y, canvas.z)


def plan_acquisition(rng: np.random.Generator, reach_mm: float) -> Acquisition:
    """A random acquisition of a body whose half width is about ``reach_mm``."""
    return Acquisition(float(rng.uniform(*BLUR_PIXELS)), plan_shading(rng, reach_mm))
