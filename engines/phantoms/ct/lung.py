"""Random lungs: air with texture, branching vessels and bronchi, fissures, disease.

Density and its patterns after Hansell et al., Fleischner Society glossary, Radiology 246 (2008)
697: emphysema below -950, ground glass leaves vessels visible, consolidation hides them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, lump
from engines.phantoms.ct.body import Tissues, Torso
from engines.phantoms.texture import LOBULES, PATCHES, STRANDS, Textures
from engines.phantoms.vessels import Within, forest


@dataclass(frozen=True, slots=True)
class Lung:
    """Both lungs; HU and mm. Each disease has a strength, 0 where absent."""

    air_hu: float
    gravity_hu: float
    grain_hu: float
    half_y: float
    emphysema: float
    glass: float
    reticular: float
    consolidation: float
    effusion_mm: float
    vessels: FloatArray
    bronchi: FloatArray
    vessel_hu: float
    nodules: tuple[tuple[Lump, float], ...]
    fissures: tuple[tuple[float, float, float], ...]

    def draw(
        self,
        canvas: Canvas,
        textures: Textures,
        tissues: Tissues,
        inside: FloatArray,
        chest: Contour,
    ) -> None:
        """Fill the chest with lung; ``inside`` is its share of each pixel, ``chest`` its rim."""
        z = canvas.z
        whole = (slice(None), slice(None))
        lung = self._parenchyma(canvas, textures, chest)
        canvas.lay(whole, inside, lung)
        for level, slope, side in self.fissures:
            gap = (
                canvas.y
                - np.float32(level + slope * z)
                - 0.15 * side * canvas.x
                + 3 * textures.at(PATCHES, z, 5)
            )
            sheet = canvas.sheet(np.abs(gap), 0.7) * np.float32(0.35)
            canvas.lay(whole, sheet * inside * (side * canvas.x > 0), -450.0)
        canvas.tubes(self.vessels, self.vessel_hu, inside)
        canvas.tubes(self.bronchi, -150.0, inside, grow_mm=0.7)
        canvas.tubes(self.bronchi, -960.0, inside)
        for nodule, value in self.nodules:
            canvas.fill(nodule.at(z), value + 8 * tissues.grain, inside, 1.2)
        if self.consolidation > 0:
            ragged = textures.at(PATCHES, z, 4) + np.float32(0.35) * textures.at(STRANDS, z, 4)
            where = np.clip((ragged - np.float32(2.4 - self.consolidation)) * 1.3, 0, 1)
            canvas.lay(whole, where * inside, 30 + 14 * tissues.grain)
        if self.effusion_mm > 0:
            top = np.float32(0.78 * self.half_y - self.effusion_mm)
            under = canvas.y - top - np.float32(0.12) * np.abs(canvas.x)
            canvas.lay(
                whole,
                canvas.cover(np.asarray(under, np.float32)) * inside,
                8 + 2 * tissues.grain,
            )

    def _parenchyma(self, canvas: Canvas, textures: Textures, chest: Contour) -> FloatArray:
        """HU of lung tissue over the whole slice."""
        z = canvas.z
        grain = textures.at(LOBULES, z)
        lung = np.float32(self.air_hu) + np.float32(self.gravity_hu / self.half_y) * canvas.y
        lung = lung + np.float32(self.grain_hu) * grain + 22 * textures.at(PATCHES, z, 1)
        if self.glass > 0:
            where = np.clip((textures.at(PATCHES, z, 2) - np.float32(1.5 - self.glass)) * 2.5, 0, 1)
            lung = lung + where * (210 + 60 * grain)
        if self.emphysema > 0:
            holes = textures.at(STRANDS, z, 3) + np.float32(0.7) * textures.at(PATCHES, z, 3)
            where = np.clip((holes - np.float32(1.9 - 1.2 * self.emphysema)) * 4, 0, 1)
            lung = lung + where * (-975 - lung)
        if self.reticular > 0:
            found = canvas.depth(chest)
            if found is not None:
                rim = np.zeros_like(lung)
                rim[found[0]] = np.exp(-np.maximum(found[1], 0) / 14)
                lung = lung + rim * np.float32(500 * self.reticular) * textures.lines(
                    STRANDS, z, 0.2, 5
                )
        result: FloatArray = np.clip(lung, -995, 60).astype(np.float32)
        return result


SEGMENTS = (
    (0.85, -0.75, 165),
    (0.85, 0.1, 190),
    (0.95, -0.6, 70),
    (0.9, 0.55, 130),
    (0.75, 0.75, 40),
    (0.9, 0.0, 30),
    (0.6, -0.9, 60),
    (0.55, 0.85, 90),
)
"""Where the branches from the hilum aim: shares of the chest's half axes, and height in mm."""


def _trees(
    rng: np.random.Generator, a: float, b: float, s: float, within: Within
) -> tuple[FloatArray, FloatArray]:
    """Arteries with veins, and bronchi, of a chest of half axes ``a`` and ``b`` and scale ``s``."""
    sides = np.repeat((-1.0, 1.0), len(SEGMENTS))
    u, v, heights = np.tile(np.array(SEGMENTS), (2, 1)).T
    count = len(sides)
    hila = np.stack([sides * 40 * s, np.full(count, 6 * s), (117 + 5 * sides) * s], axis=1)
    aims = np.stack([sides * u * a, v * b, heights * s + rng.normal(0, 12, count)], axis=1)
    wide = rng.uniform(3.0, 4.5, count) * s
    arteries = forest(rng, hila, aims, wide, 20 * s, 11, within, 0.55, 0.26, 0.87)
    bronchi = arteries[arteries[:, 6] > 1.1 * s].copy()
    bronchi[:, [0, 3]] += 3.2 * s * np.sign(bronchi[:, [0, 3]])
    bronchi[:, [1, 4]] += 4.5 * s
    bronchi[:, 6:] *= 0.72
    starts = np.stack([sides * 34 * s, np.full(count, 18 * s), np.full(count, 95 * s)], axis=1)
    aims[:, 1:] += rng.normal(0, 18, (count, 2))
    veins = forest(rng, starts, aims, wide * 0.9, 23 * s, 10, within, 0.6, 0.26, 0.87)
    return np.concatenate([arteries, veins]), bronchi


def plan_lung(rng: np.random.Generator, torso: Torso) -> Lung:
    """Random lungs for ``torso``; most are healthy, some have one disease or two."""
    s = torso.scale
    a, b = torso.half_x - torso.wall_mm, torso.half_y - torso.wall_mm

    def within(points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Roughly inside a lung, from the diaphragm up."""
        x, y, z = points.T
        result: NDArray[np.bool_] = (
            ((np.abs(x) / a) ** 2.3 + (np.abs(y) / b) ** 2.3 < 0.93)
            & (np.abs(x) > 20 * s)
            & (z > -20 * s)
            & (z < 205 * s)
        )
        return result

    vessels, bronchi = _trees(rng, a, b, s, within)
    nodules = []
    for _ in range(int(rng.poisson(1.2)) if rng.random() < 0.6 else 0):
        r = float(np.exp(rng.uniform(np.log(1.2), np.log(13))))
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 0.95)
        at = (a * far * np.cos(turn), b * far * np.sin(turn), float(rng.uniform(0, 200)) * s)
        value = float(
            rng.choice(
                [rng.uniform(10, 60), rng.uniform(-650, -350), rng.uniform(250, 700)],
                p=[0.7, 0.2, 0.1],
            )
        )
        nodules.append(
            (
                lump(
                    rng,
                    at,
                    (r, r * float(rng.uniform(0.8, 1.2)), r),
                    rough=float(rng.uniform(0.03, 0.16)),
                ),
                value,
            )
        )

    def at_times(chance: float, low: float, high: float) -> float:
        """A strength within bounds, or 0 for most."""
        strength = float(rng.uniform(low, high))
        return strength if rng.random() < chance else 0.0

    return Lung(
        air_hu=float(rng.uniform(-885, -805)),
        gravity_hu=float(rng.uniform(15, 60)),
        grain_hu=float(rng.uniform(22, 45)),
        half_y=b,
        emphysema=at_times(0.22, 0.1, 1.0),
        glass=at_times(0.18, 0.1, 1.2),
        reticular=at_times(0.15, 0.2, 1.0),
        consolidation=at_times(0.12, 0.2, 1.2),
        effusion_mm=at_times(0.12, 5, 55),
        vessels=vessels,
        bronchi=bronchi,
        vessel_hu=float(rng.uniform(20, 60)),
        nodules=tuple(nodules),
        fissures=tuple(
            (float(rng.uniform(-60, -10)), float(rng.uniform(0.35, 0.7)), side) for side in (-1, 1)
        ),
    )
