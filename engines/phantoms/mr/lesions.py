"""Disease of the brain at random: spots of small vessels, plaques, an infarct, a tumour.

What each looks like in a contrast is what its tissue gives there. Kinds and shapes after Osborn,
Diagnostic Neuroradiology.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Lump, lump
from engines.phantoms.texture import FIBRES, PARENCHYMA, Textures


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lump of one tissue; ``edge_mm`` is the width of its rim, mm.

    ``white`` says whether it keeps to white matter, ``share`` how much of the tissue is diseased.
    """

    lump: Lump
    tissue: str
    edge_mm: float
    white: bool
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Lesions:
    """All disease of one brain; later ones lie on top."""

    items: tuple[Lesion, ...]

    def draw(
        self,
        canvas: Canvas,
        textures: Textures,
        white: FloatArray,
        brain: FloatArray,
        signals: Mapping[str, float],
    ) -> None:
        """Draw those that the slice meets; ``white`` and ``brain`` are shares of its pixels."""
        for item in self.items:
            cut = item.lump.at(canvas.z)
            if cut is None:
                continue
            uneven = 1 + np.float32(0.03) * textures.at(PARENCHYMA, canvas.z, 1)
            bounds = (white if item.white else brain) * np.float32(item.share)
            if item.edge_mm > 4:
                bounds = bounds * np.clip(1 + 0.18 * textures.at(FIBRES, canvas.z, 2), 0, 1)
            canvas.fill(cut, signals[item.tissue] * uneven, bounds, item.edge_mm)


def plan_lesions(rng: np.random.Generator, half_x: float, half_y: float, age: float) -> Lesions:
    """Random disease, often none; the old have more of it."""
    items: list[Lesion] = []
    if rng.random() < 0.25 + 0.6 * age:
        items += _small_vessel(rng, half_x, half_y, age)
    kind = rng.random()
    if kind < 0.15:
        items += _plaques(rng)
    elif kind < 0.32:
        items += _infarct(rng, half_x, half_y)
    elif kind < 0.52:
        items += _tumour(rng, half_x, half_y)
    return Lesions(tuple(items))


def _small_vessel(
    rng: np.random.Generator, half_x: float, half_y: float, age: float
) -> list[Lesion]:
    """Spots in white matter, and caps upon the horns of the ventricles."""
    items = []
    for _ in range(int(rng.poisson(4 + 22 * age))):
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.72)
        at = (half_x * far * np.cos(turn), half_y * far * np.sin(turn), rng.uniform(45, 95))
        size = float(np.exp(rng.normal(0.75, 0.4)))
        half = (size, size * rng.uniform(0.7, 1.6), size * rng.uniform(0.8, 1.6))
        shape = lump(rng, at, half, rng.uniform(0, np.pi), rough=0.15)
        items.append(Lesion(shape, "lesion", 1.6, True, float(rng.uniform(0.5, 1))))
    grade = float(rng.uniform(0.2, 1.0)) * age
    if grade > 0.25:
        for side in (-1, 1):
            for at, half in (
                ((side * 12.0, -38.0, 60.0), (4.5, 6.5, 11.0)),
                ((side * 26.0, 44.0, 60.0), (6.0, 10.0, 12.0)),
                ((side * 17.0, 4.0, 73.0), (5.0, 26.0, 9.0)),
            ):
                swell = 0.6 + 0.7 * grade
                wide = (half[0] * swell, half[1] * swell, half[2] * swell)
                shape = lump(rng, at, wide, side * -0.2, rough=0.16)
                items.append(Lesion(shape, "lesion", 3.5, True, 0.4 + 0.5 * grade))
    return items


def _plaques(rng: np.random.Generator) -> list[Lesion]:
    """Ovals that stand upon the ventricles, along veins (Dawson's fingers)."""
    items = []
    for _ in range(int(rng.integers(4, 15))):
        side, along = rng.choice([-1.0, 1.0]), rng.uniform(-32, 40)
        away = 15 + 0.22 * abs(along) + rng.exponential(6)
        long, thin = rng.uniform(3.0, 7.5), rng.uniform(1.6, 3.2)
        angle = float(rng.normal(0, 0.35)) + side * along * 0.012
        shape = lump(rng, (side * away, along, rng.uniform(54, 86)), (long, thin, 4.0), angle)
        items.append(Lesion(shape, "plaque", 1.2, True))
    return items


def _infarct(rng: np.random.Generator, half_x: float, half_y: float) -> list[Lesion]:
    """A territory with its cortex; fresh and swollen, or old and turned into fluid within."""
    side, turn = rng.choice([-1.0, 1.0]), rng.uniform(-1.0, 1.25)
    at = (side * 0.75 * half_x * np.cos(turn), 0.75 * half_y * np.sin(turn), rng.uniform(30, 85))
    half = (rng.uniform(10, 24), rng.uniform(12, 26), rng.uniform(14, 28))
    angle = float(side * turn)
    items = [Lesion(lump(rng, at, half, angle, 2.4, 0.13), "stroke", 2.5, False, 0.85)]
    if rng.random() < 0.35:
        core = (0.55 * half[0], 0.55 * half[1], 0.55 * half[2])
        items.append(Lesion(lump(rng, at, core, angle, 2.2, 0.16), "cavity", 2.5, False, 0.95))
    return items


def _tumour(rng: np.random.Generator, half_x: float, half_y: float) -> list[Lesion]:
    """A mass, mostly dead within, in oedema that keeps to white matter; or two or three small."""
    items = []
    count = 1 if rng.random() < 0.65 else int(rng.integers(2, 5))
    for _ in range(count):
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 0.7)
        at = (half_x * far * np.cos(turn), half_y * far * np.sin(turn), rng.uniform(40, 90))
        size = float(rng.uniform(9, 19) if count == 1 else rng.uniform(3.5, 8))
        half = (size, size * rng.uniform(0.8, 1.3), size * rng.uniform(0.8, 1.2))
        angle = rng.uniform(0, np.pi)
        swollen = rng.uniform(1.5, 2.3)
        wide = (half[0] * swollen, half[1] * swollen, half[2] * swollen)
        items += [
            Lesion(lump(rng, at, wide, angle, 2.0, 0.16), "oedema", 5.0, True, 0.92),
            Lesion(lump(rng, at, half, angle, 2.0, 0.10), "tumour", 1.5, False),
        ]
        if rng.random() < 0.7:
            dead = (half[0] * 0.6, half[1] * 0.6, half[2] * 0.6)
            items.append(Lesion(lump(rng, at, dead, angle, 2.0, 0.18), "necrosis", 2.0, False))
    return items
