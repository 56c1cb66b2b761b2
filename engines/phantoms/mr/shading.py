"""Coil shading: near a receive coil tissue is brighter, smoothly over the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray

STRENGTH = (0.05, 0.30)
"""Range of half the difference between brightest and darkest place, as a share of the mean."""


@dataclass(frozen=True, slots=True)
class Shading:
    """A smooth field over the image, by which signal is multiplied.

    ``strength`` is how far it departs from 1 at most. It is a mean of cosines: ``waves`` (n, 2)
    says by how many radians each turns per ``reach_mm`` along x and y, ``heights`` (n,) along z,
    and ``phases`` (n,) where it begins; all are about as long as the body or longer.
    """

    strength: float
    waves: FloatArray
    phases: FloatArray
    heights: FloatArray
    reach_mm: float

    def field(self, x: FloatArray, y: FloatArray, z: float) -> FloatArray:
        """Factor at places ``x`` and ``y`` (mm, any shape) of height ``z``: 1 -+ ``strength``."""
        turns = [
            (np.asarray(x, np.float32) * np.float32(wave[0] / self.reach_mm))
            + (np.asarray(y, np.float32) * np.float32(wave[1] / self.reach_mm))
            + np.float32(phase + z * rise / self.reach_mm)
            for wave, phase, rise in zip(self.waves, self.phases, self.heights, strict=True)
        ]
        total = sum((np.cos(turn) for turn in turns), np.zeros((), np.float32))
        result: FloatArray = 1 + np.float32(self.strength / len(turns)) * total
        return result

    def apply(self, values: FloatArray, x: FloatArray, y: FloatArray, z: float) -> None:
        """Multiply ``values`` by the field, in place."""
        values *= self.field(x, y, z)


def plan_shading(rng: np.random.Generator, reach_mm: float) -> Shading:
    """A random shading for a body whose half width is about ``reach_mm``, 5 to 30 %."""
    turns = rng.uniform(0, 2 * np.pi, 3)
    lengths = rng.uniform(0.6, 1.6, 3)
    return Shading(
        strength=float(rng.uniform(*STRENGTH)),
        waves=np.stack([lengths * np.cos(turns), lengths * np.sin(turns)], axis=1).astype(
            np.float32
        ),
        phases=rng.uniform(0, 2 * np.pi, 3).astype(np.float32),
        heights=rng.uniform(-0.6, 0.6, 3).astype(np.float32),
        reach_mm=float(reach_mm),
    )
