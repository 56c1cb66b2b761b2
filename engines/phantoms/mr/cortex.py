"""The folded cortex: where a point lies between sulcus, grey ribbon and white matter.

Sulci are the zero lines of a band-limited random field that is laid over the surface of the brain:
one coordinate runs along the surface, the other, stretched, into the depth. So they meander, branch
and end as chance has it, but mostly stand upon the surface, as real ones do. Cortex follows every
sulcus and the surface at one thickness (2 to 4 mm; Fischl and Dale, PNAS 2000;97:11050).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.base import FloatArray
from engines.phantoms.canvas import Box
from engines.phantoms.texture import PATCHES, RIPPLE, Grain, Textures

FOLDS = Grain("folds", 9, 25, 3.8, 32)
"""Zero lines of this lie about 10 mm apart, as sulci do."""
ROUNDING_MM = 1.0
"""How round the crowns of gyri are."""
LOOSE = 0.3
"""Least slope of the field, as a share of its usual one, in measuring how far a sulcus is."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A part of the surface as folds lie upon it, of the pixels of one box: (rows, columns), mm.

    ``along`` and ``across`` are places on it; ``share`` is how much this sheet rules where.
    """

    along: FloatArray
    across: FloatArray
    share: FloatArray


@dataclass(frozen=True, slots=True)
class Place:
    """Where pixels of a box lie, all (rows, columns) and mm.

    ``surface`` is the depth under skull and midline, ``fissure`` the distance from deep fissures,
    ``calm`` how far from where there are folds at all.
    """

    surface: FloatArray
    fissure: FloatArray
    calm: FloatArray


@dataclass(frozen=True, slots=True)
class Cortex:
    """Thickness and sulci of one person; ``sulcus_mm`` is half the width of a sulcus at its mouth,
    ``fissure_mm`` that of a deep fissure, ``reach_mm`` how deep sulci go.
    """

    thickness_mm: float
    sulcus_mm: float
    fissure_mm: float
    reach_mm: float

    def folded(
        self, textures: Textures, z: float, box: Box, sheets: Sequence[Sheet], place: Place
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Distance from the next sulcus, its half width there, and depth under pia, mm.

        Each (rows, columns) of ``box``; the depth counts sulci and is negative in fluid.
        """
        field = textures.at(FOLDS, z)
        laid = [sheet.share * _laid(field, sheet, textures.pixel_mm) for sheet in sheets]
        folds = sum(laid[1:], laid[0])
        down, across = np.gradient(folds, np.float32(textures.pixel_mm))
        slope = np.hypot(down, across)
        usual = np.float32(LOOSE) * max(float(slope.mean()), 1e-6)
        away = np.abs(folds) / np.hypot(slope, usual)
        uneven = textures.at(PATCHES, z, 6)[box]
        reach = np.float32(self.reach_mm) * np.clip(1 + np.float32(0.3) * uneven, 0.45, 1.5)
        away = np.hypot(away, np.float32(1.3) * np.maximum(place.surface - reach, 0))
        away = np.hypot(away, place.calm)
        wider = np.clip(1 + np.float32(0.45) * textures.at(PATCHES, z, 7)[box], 0.3, 2.2)
        width = np.float32(self.sulcus_mm) * wider * np.clip(1.15 - place.surface / reach, 0.25, 1)
        width += np.float32(0.9) * np.exp(np.minimum(-place.surface / np.float32(1.8), 0))
        wavy = 1 + np.float32(0.4) * textures.at(RIPPLE, z, 2)[box]
        pia = _least(place.surface, place.fissure - np.float32(self.fissure_mm) * wavy)
        return away, width, _least(away - width, pia)


def _laid(field: FloatArray, sheet: Sheet, pixel_mm: float) -> FloatArray:
    """``field`` as it lies on a sheet."""
    places = np.stack([sheet.across, sheet.along]) / np.float32(pixel_mm)
    values: FloatArray = ndimage.map_coordinates(
        field, places, order=1, mode="grid-wrap", prefilter=False
    )
    return values


def _least(first: FloatArray, second: FloatArray) -> FloatArray:
    """The smaller of two distances, corners rounded."""
    width = np.float32(ROUNDING_MM)
    near = np.exp(-np.abs(first - second) / width)
    result: FloatArray = np.minimum(first, second) - width * np.log1p(near)
    return result
