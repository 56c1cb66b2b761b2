"""Hot lesions: balls of known place, size and uptake, even or not, some dead within.

A ball's share of each pixel is found by how much of the point spread along z lies within it, and
by points within the pixel, so that one smaller than a pixel has the activity that it should.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from engines.base import FloatArray
from engines.phantoms.canvas import Box, Canvas

Point = tuple[float, float, float]
DIAMETERS_MM = (4.0, 30.0)
SUVS = (3.0, 20.0)
MOST_LESIONS = 100
"""In one plan, over all of its heights."""
_LARGE_MM = 7.0
"""Radius from which a lesion may be dead in its middle."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """A ball: ``centre`` and radii in mm, SUVs before any blur.

    ``core_mm`` is the radius of its dead middle, 0 where there is none, and ``core_suv`` what is
    taken up there; ``uneven`` is the standard deviation of its texture as a share.
    """

    centre: Point
    radius_mm: float
    suv: float
    core_mm: float = 0.0
    core_suv: float = 0.0
    uneven: float = 0.0

    def draw(
        self, canvas: Canvas, texture: FloatArray, axial_sd: float, inside: FloatArray | None = None
    ) -> None:
        """Draw its cut as a point spread of ``axial_sd`` mm sees it along z.

        ``texture`` has mean 0 and deviation 1; ``inside`` (shares) keeps it within the body.
        """
        away = self.centre[2] - canvas.z
        # The slice is a box of its thickness: its variance adds to the point spread's.
        sd = math.hypot(axial_sd, canvas.slice_mm / math.sqrt(12))
        if abs(away) > self.radius_mm + 4 * sd:
            return
        box = canvas.box(self.centre[0], self.centre[1], self.radius_mm + canvas.pixel_mm)
        if box is None:
            return
        kept = 1.0 if inside is None else inside[box]
        share = self._share(canvas, box, self.radius_mm, away, sd) * kept
        uptake = np.float32(self.suv) * np.maximum(
            1 + np.float32(self.uneven) * texture[box], np.float32(0.2)
        )
        here = canvas.values[box]
        here += share * (uptake - here)
        if self.core_mm > 0:
            dead = self._share(canvas, box, self.core_mm, away, sd) * kept
            here -= np.minimum(dead, share) * (uptake - np.float32(self.core_suv))

    def _share(self, canvas: Canvas, box: Box, radius: float, away: float, sd: float) -> FloatArray:
        """Share of what each pixel sees that lies within ``radius``."""
        steps = int(np.clip(math.ceil(3 * canvas.pixel_mm / radius), 2, 6))
        part = ((np.arange(steps) + 0.5) / steps - 0.5) * canvas.pixel_mm
        cos, sin = math.cos(canvas.turn), math.sin(canvas.turn)
        dx, dy = canvas.x[box] - self.centre[0], canvas.y[box] - self.centre[1]
        total = np.zeros(dx.shape, np.float64)
        for down in part:
            for across in part:
                x = dx + (cos * across + sin * down)
                y = dy + (cos * down - sin * across)
                half = np.sqrt(np.maximum(radius**2 - x * x - y * y, 0))
                total += special.ndtr((away + half) / sd) - special.ndtr((away - half) / sd)
        return np.asarray(total / steps**2, np.float32)


@dataclass(frozen=True, slots=True)
class Site:
    """Where lesions grow: a middle, how far around it in x, y and z (mm), and how often."""

    centre: Point
    spread: Point
    weight: float


def random_lesion(rng: np.random.Generator, centre: Point) -> Lesion:
    """A random lesion at ``centre``: some uneven, some large ones dead in the middle."""
    radius = _log_uniform(rng, *DIAMETERS_MM) / 2
    suv = _log_uniform(rng, *SUVS)
    uneven = float(rng.uniform(0.05, 0.25)) if rng.random() < 0.5 else 0.0
    core, core_suv = 0.0, 0.0
    if radius > _LARGE_MM and rng.random() < 0.4:
        core = radius * float(rng.uniform(0.45, 0.75))
        core_suv = float(rng.uniform(0.3, 1.5))
    return Lesion(centre, radius, suv, core, core_suv, uneven)


def random_lesions(
    rng: np.random.Generator, sites: Sequence[Site], heights: tuple[float, float]
) -> tuple[Lesion, ...]:
    """Lesions at ``sites``: none in a fifth of patients, in others up to about eight in a slice."""
    if rng.random() < 0.2:
        return ()
    seen = _log_uniform(rng, 1.0, 8.0)
    # A lesion is seen over its diameter and a few mm of point spread.
    count = min(round(seen * (heights[1] - heights[0]) / 18), MOST_LESIONS)
    weights = np.array([site.weight for site in sites])
    chosen = rng.choice(len(sites), count, p=weights / weights.sum())
    lesions: list[Lesion] = []
    for number in chosen:
        site = sites[int(number)]
        way = rng.standard_normal(3)
        way *= rng.random() ** (1 / 3) / np.linalg.norm(way)
        x, y, z = (c + s * float(w) for c, s, w in zip(site.centre, site.spread, way, strict=True))
        lesion = random_lesion(rng, (x, y, z))
        near = (math.dist(lesion.centre, other.centre) - other.radius_mm for other in lesions)
        if all(gap > lesion.radius_mm + 6 for gap in near):
            lesions.append(lesion)
    return tuple(lesions)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))
