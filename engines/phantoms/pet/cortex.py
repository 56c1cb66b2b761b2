"""The folded cortex as PET needs it: a ribbon of a few mm along sulci, surface and midline.

Sulci are where a narrow-band random field crosses zero: such lines meander and close upon
themselves at the spacing of gyri. Near a crossing the distance to it is the field's value over its
slope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Box
from engines.phantoms.texture import PATCHES, RIPPLE, Grain, Textures

GYRI = Grain("gyri", 18, 28, 0.0, 22)
"""Sulci about 11 mm apart."""
LEAVES = Grain("leaves", 5, 9, 0.0, 8)
_BETWEEN_MM = 7.0
"""Most that a place can lie from a sulcus where there are any, mm."""
_NONE_MM = 60.0


@dataclass(frozen=True, slots=True)
class Folds:
    """Distance to the nearest sulcus and the depth to which sulci go, mm, over a whole slice."""

    away: FloatArray
    reach: FloatArray


@dataclass(frozen=True, slots=True)
class Cortex:
    """One brain's folds; half axes of its inside and widths in mm.

    ``ribbon_mm`` is the cortex's thickness, ``reach_mm`` how deep sulci go, ``sulcus_mm`` half the
    width of the fluid in them, ``space_mm`` that of the fluid around the brain.
    """

    half_x: float
    half_y: float
    ribbon_mm: float
    reach_mm: float
    sulcus_mm: float
    space_mm: float

    def floor(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Height of the skull's base (mm) below each point.

        Two pits hold the temporal lobes and one behind them the cerebellum; between them stand the
        ridges of the petrous bones, in front lie the roofs of the orbits.
        """
        u, v = np.abs(x) / np.float32(self.half_x), y / np.float32(self.half_y)
        temporal = np.exp(-((((u - 0.58) / 0.34) ** 2 + ((v + 0.12) / 0.36) ** 2) ** 2))
        behind = np.exp(-((((u - 0.22) / 0.56) ** 2 + ((v - 0.44) / 0.44) ** 2) ** 2))
        orbits = np.exp(-(((u - 0.42) / 0.30) ** 2) - ((v + 0.72) / 0.32) ** 2)
        base = 21 + 12 * orbits - 27 * temporal - 50 * behind
        result: FloatArray = np.asarray(base, np.float32)
        return result

    def surface(
        self, x: FloatArray, y: FloatArray, depth: FloatArray, above: FloatArray, z: float
    ) -> FloatArray:
        """Depth below the brain's nearest surface: outside, base or midline; negative outside.

        ``depth`` is that below the skull's inside and ``above`` that above its base, mm.
        """
        # Corpus callosum and what lies below it join the halves.
        joined = np.sqrt((y / 36) ** 2 + np.float32(((z - 46) / 27) ** 2))
        apart = np.abs(x) - np.float32(0.5) + np.clip((1.15 - joined) * 60, 0, _NONE_MM)
        outer = np.minimum(depth - np.float32(self.space_mm), above)
        result: FloatArray = np.where(apart < outer, apart + np.float32(0.4), outer)
        return result

    def folds(self, textures: Textures, z: float) -> Folds:
        """The sulci of the slice at ``z``."""
        field = textures.at(GYRI, z)
        down, right = np.gradient(field, np.float32(textures.pixel_mm))
        # First order near a sulcus; between two of them the field's own value bounds it.
        slope = np.sqrt(down * down + right * right + (field / np.float32(_BETWEEN_MM)) ** 2)
        away = np.abs(field) / np.maximum(slope, np.float32(1e-3))
        bend = textures.at(RIPPLE, z, 3) + np.float32(0.5) * textures.at(PATCHES, z, 3)
        reach = np.float32(self.reach_mm) * (1 + np.float32(0.28) * bend)
        return Folds(np.asarray(away, np.float32), np.asarray(reach, np.float32))

    def ribbon(
        self, folds: Folds, box: Box, surface: FloatArray, pixel_mm: float
    ) -> tuple[FloatArray, FloatArray]:
        """Shares of grey matter and of fluid in each pixel of ``box``, from ``surface`` in mm."""
        away = folds.away[box] + np.clip(surface - folds.reach[box], 0, _NONE_MM)
        near = np.minimum(surface, away)
        soft = np.float32(max(pixel_mm, 1.0))
        grey = np.clip((np.float32(self.ribbon_mm) - near) / soft + np.float32(0.5), 0, 1)
        fluid = np.clip((np.float32(self.sulcus_mm) - away) / soft + np.float32(0.5), 0, 1)
        # Fluid thinner than a pixel fills it in part only.
        fluid = fluid * np.float32(min(1.0, 2 * self.sulcus_mm / float(soft)))
        return grey, np.asarray(fluid * (surface > 0), np.float32)


def random_cortex(rng: np.random.Generator, half_x: float, half_y: float, age: float) -> Cortex:
    """A random cortex; ``age`` from 0 (young) to 1 (shrunken)."""
    return Cortex(
        half_x,
        half_y,
        ribbon_mm=float(rng.uniform(3.2, 3.9)) - 0.4 * age,
        reach_mm=float(rng.uniform(18, 25)),
        sulcus_mm=0.15 + 0.75 * age,
        space_mm=1.0 + 2.5 * age,
    )
