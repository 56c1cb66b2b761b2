"""A brain in signal: cortex and white matter, deep nuclei, fluid spaces, cerebellum."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Box, Canvas
from engines.phantoms.contour import TURN, Contour, Lump
from engines.phantoms.mr.cerebellum import draw_cerebellum
from engines.phantoms.mr.cortex import Cortex, Place, Sheet
from engines.phantoms.mr.lesions import Lesions
from engines.phantoms.texture import PARENCHYMA, PATCHES, RIPPLE, Textures

Signals = Mapping[str, float]
STRETCH = 0.55
"""Folds are so much slower into the depth than along the surface."""
STEM_MM = (14.0, 36.0)
"""Heights between which the fissure's stem parts frontal from temporal lobe."""
TEXTURE = 0.018
"""Deviation of the tissue's texture, as a share of its signal."""


@dataclass(frozen=True, slots=True)
class Part:
    """A lump of one tissue; ``edge_mm`` says how gradual its rim is."""

    lump: Lump
    tissue: str
    edge_mm: float = 1.0


@dataclass(frozen=True, slots=True)
class Brain:
    """One brain; mm.

    ``age`` runs from 0 (young) to 1 (old), ``space_mm`` is the fluid under the skull.
    """

    half_x: float
    half_y: float
    age: float
    cortex: Cortex
    space_mm: float
    callosum: tuple[float, float, float]
    cerebellum: Lump
    cisterns: tuple[Lump, ...]
    nuclei: tuple[Part, ...]
    stem: tuple[Part, ...]
    fluid: tuple[Part, ...]
    plexus: tuple[Part, ...]
    insula: tuple[float, float]
    lesions: Lesions

    def draw(
        self, canvas: Canvas, textures: Textures, inner: Contour, lean: float, signals: Signals
    ) -> None:
        """Fill the skull's inside, ``inner``; ``lean`` is the cosine of its wall's slant."""
        found = canvas.depth(inner)
        if found is None:
            return
        box, depth = found
        z = canvas.z
        canvas.lay(box, canvas.cover(depth), signals["csf"])
        space = np.float32(self.space_mm) * (1 + np.float32(0.4) * textures.at(RIPPLE, z, 2)[box])
        sheets, place = self._layout(canvas, textures, inner, box, depth, lean, space)
        away, width, below = self.cortex.folded(textures, z, box, sheets, place)
        pia = np.minimum(place.surface, place.fissure - np.float32(self.cortex.fissure_mm))
        inside = np.zeros_like(canvas.values)
        inside[box] = canvas.cover(pia) * (1 - canvas.sheet(away, width))
        uneven = 1 + np.float32(0.12) * textures.at(RIPPLE, z, 7)[box]
        thick = np.float32(self.cortex.thickness_mm) * uneven
        white = np.zeros_like(canvas.values)
        white[box] = canvas.cover(below - thick, 1.3)
        grain = 1 + np.float32(TEXTURE) * textures.at(PARENCHYMA, z, 1)
        pallor = np.float32(0.006 + 0.016 * self.age) * textures.at(PATCHES, z, 6)
        matter = signals["grey"] + white * np.float32(signals["white"] - signals["grey"])
        matter *= grain + white * pallor
        canvas.lay(box, inside[box], matter)
        deep = white * inside
        for part in self.nuclei:
            canvas.fill(part.lump.at(z), signals[part.tissue] * grain, deep, part.edge_mm)
        self.lesions.draw(canvas, textures, deep, inside, signals)
        draw_cerebellum(self.cerebellum, self.age, canvas, textures, found, signals, grain)
        for part in (*self.stem, *self.fluid, *self.plexus):
            paint = signals[part.tissue]
            fluid = part.tissue == "csf"
            canvas.fill(part.lump.at(z), paint if fluid else paint * grain, None, part.edge_mm)

    def _layout(
        self,
        canvas: Canvas,
        textures: Textures,
        inner: Contour,
        box: Box,
        depth: FloatArray,
        lean: float,
        space: FloatArray,
    ) -> tuple[list[Sheet], Place]:
        """How folds lie over the slice, and how deep its pixels are."""
        z = canvas.z
        x, y = canvas.x[box], canvas.y[box]
        side = np.abs(x)
        right = np.float32(115) * (x > 0).astype(np.float32)
        # Between the ends of the callosum, front to back, the halves are joined.
        front, back, rise = self.callosum
        least = np.minimum(y - np.float32(front), np.float32(back) - y)
        joined = np.maximum(least - np.float32(max(z - rise, 0) * 2.4), 0)
        middle = np.hypot(side, joined)
        true = depth * np.float32(lean)
        around = _arc_length(inner, np.arctan2(y, side + np.float32(0.3)))
        around += np.float32(3.0) * textures.at(RIPPLE, z, 6)[box]
        level = min(max((0.82 - lean) / 0.25, 0), 1)
        flat = np.float32(level)
        outer = np.clip((middle - true) / np.float32(14) + np.float32(0.5), 0, 1) * (1 - flat)
        medial = (1 - flat) - outer
        sheets = [
            Sheet(around, true * np.float32(STRETCH) + right, outer),
            Sheet(y, middle * np.float32(STRETCH) + right + 57, medial),
        ]
        if flat > 0:
            sheets.append(Sheet(y + 30, x * np.float32(0.9), np.full_like(x, flat)))
        sides = middle - np.float32(0.4 + 0.35 * self.space_mm)
        surface = np.minimum(true - space, sides)
        calm = np.float32(1.3) * joined * medial / np.float32(max(1 - level, 0.01))
        fissure = self._sylvian(canvas, textures, box)
        # Cortex lines what lies in the middle below: cistern, midbrain, cerebellum.
        for shape in (*self.cisterns, self.cerebellum):
            cut = shape.at(z)
            found = None if cut is None else canvas.depth(cut)
            if found is not None:
                away = np.full_like(canvas.values, 99.0)
                away[found[0]] = -found[1]
                fissure = np.minimum(fissure, away[box])
        return sheets, Place(surface, fissure, calm)

    def _sylvian(self, canvas: Canvas, textures: Textures, box: Box) -> FloatArray:
        """Distance from the fissure that leads to the island, both sides, mm."""
        z = canvas.z
        deep, level = self.insula
        gone = max(abs(z - level) - 17, 0) * 1.3
        x = np.abs(canvas.x[box] + 3 * textures.at(RIPPLE, z, 6)[box])
        y = canvas.y[box] + 3 * textures.at(RIPPLE, z, 7)[box]
        shift = 0.5 * (z - level)
        points = [
            (self.half_x * 1.04, -6.0 + shift),
            (self.half_x * 0.86, -8.0 + shift),
            (self.half_x * (deep + 0.10), 2.0),
        ]
        front, rear = (deep * self.half_x, -28.0), ((deep + 0.07) * self.half_x, 14.0)
        bow = ((deep + 0.09) * self.half_x, -13.0)
        pairs = [
            *itertools.pairwise(points),
            (points[2], bow),
            (bow, front),
            (points[2], rear),
        ]
        away = _segment(x, y, *pairs[0])
        for start, end in pairs[1:]:
            away = np.minimum(away, _segment(x, y, start, end))
        away = np.hypot(away, np.float32(gone))
        if z < STEM_MM[1]:  # between frontal and temporal lobe it goes on below
            past = max(STEM_MM[0] - z, z - STEM_MM[1] + 6, 0)
            stem = _segment(x, y, (0.9 * self.half_x, -34.0), (0.5 * self.half_x, -30.0))
            stem = np.minimum(stem, _segment(x, y, (0.5 * self.half_x, -30.0), (9.0, -20.0)))
            away = np.minimum(away, np.hypot(stem, np.float32(past)))
        return away


def _arc_length(contour: Contour, angle: FloatArray) -> FloatArray:
    """Way along ``contour`` (mm) from its side to ``angle`` (-pi/2 to pi/2), both sides as one."""
    quarter = TURN // 4
    at = np.arange(-quarter, quarter + 1)
    radii = (contour.radii[at % TURN] + contour.radii[(TURN // 2 - at) % TURN]) / 2
    way = np.cumsum(radii) * (2 * np.pi / TURN)
    way -= way[quarter]
    length: FloatArray = np.interp(angle, at * (2 * np.pi / TURN), way).astype(np.float32)
    return length


def _segment(
    x: FloatArray, y: FloatArray, start: tuple[float, float], end: tuple[float, float]
) -> FloatArray:
    """Distance from a straight segment, mm."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    ax, ay = x - np.float32(start[0]), y - np.float32(start[1])
    along = np.clip(
        (ax * np.float32(dx) + ay * np.float32(dy)) / np.float32(dx * dx + dy * dy), 0, 1
    )
    away: FloatArray = np.hypot(ax - along * np.float32(dx), ay - along * np.float32(dy))
    return away
