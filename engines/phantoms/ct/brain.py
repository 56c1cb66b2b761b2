"""A random brain: folded grey and white matter, fluid spaces, falx, deep nuclei, some disease.

Sulci are the places where a folded coordinate crosses zero: it runs around the brain, bent by
random fields, so that folds stand across the surface, meander and branch. Grey matter is what lies
within a few mm of a sulcus or of the surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, lump
from engines.phantoms.texture import PARENCHYMA, PATCHES, RIPPLE, STRANDS, Textures


@dataclass(frozen=True, slots=True)
class Spot:
    """A lump and its HU; ``edge_mm`` says how gradual its rim is."""

    lump: Lump
    value: float
    edge_mm: float = 1.0


@dataclass(frozen=True, slots=True)
class Brain:
    """One brain; HU and mm. ``sulcus_mm`` is half the width of a sulcus at the surface."""

    white: float
    grey: float
    fluid: float
    sulcus_mm: float
    space_mm: float
    folds: int
    phase: float
    pallor: float
    falx: float
    nuclei: tuple[Spot, ...]
    ventricles: tuple[Spot, ...]
    stem: tuple[Spot, ...]
    lesions: tuple[Spot, ...]

    def draw(self, canvas: Canvas, textures: Textures, inner: Contour) -> None:
        """Fill the skull's inside, ``inner``."""
        found = canvas.depth(inner)
        if found is None:
            return
        box, depth = found
        z = canvas.z
        inside = canvas.cover(depth)
        canvas.lay(box, inside, self.fluid + 3.0)
        grain = textures.at(PARENCHYMA, z, 1)
        matter = self._matter(canvas, textures, box, depth, inner)
        everywhere = np.zeros_like(canvas.values)
        everywhere[box] = matter
        surface = np.float32(self.space_mm) * (1 + np.float32(0.5) * textures.at(RIPPLE, z, 2)[box])
        canvas.lay(box, inside * canvas.cover(depth - surface, 1.0), everywhere)
        deep = np.zeros_like(canvas.values)
        deep[box] = canvas.cover(depth - 6, 3)
        for spot in self.nuclei:
            canvas.fill(spot.lump.at(z), spot.value + 1.2 * grain, deep, spot.edge_mm)
        for spot in self.lesions:
            canvas.fill(spot.lump.at(z), spot.value + 1.5 * grain, deep, spot.edge_mm)
        for spot in (*self.stem, *self.ventricles):
            value = spot.value + (0.5 if spot.value < 20 else 1.2) * grain
            canvas.fill(spot.lump.at(z), value, deep if spot.value < 300 else None, spot.edge_mm)
        self._draw_falx(canvas, inner)

    def _matter(
        self,
        canvas: Canvas,
        textures: Textures,
        box: tuple[slice, slice],
        depth: FloatArray,
        inner: Contour,
    ) -> FloatArray:
        """HU of brain with its sulci, of the pixels in ``box``."""
        z = canvas.z
        x, y = canvas.x[box], canvas.y[box]
        half = float(inner.radii.max())
        cerebellum = np.clip((24 - z) / 8, 0, 1) * canvas.cover(y - 12, 10)
        bend, bend2 = textures.at(RIPPLE, z, 3)[box], textures.at(RIPPLE, z, 4)[box]
        strands = textures.at(STRANDS, z, 5)[box]
        # Around the brain the coordinate grows by one turn of a sine per fold.
        angle = np.arctan2(y, np.abs(x) + 0.3) + np.float32(self.phase)
        circle = angle * np.float32(self.folds / 2)
        across = np.sin(circle + 0.7 * bend + 0.12 * strands)
        # Tangential folds, seldom: another family, faded in and out by a third field.
        along = np.sin((depth / np.float32(8.5)) + 1.1 * bend2)
        spacing = np.float32(np.pi * half / self.folds)
        fold_mm = np.abs(across) * spacing * np.float32(0.55)
        other_mm = np.abs(along) * np.float32(6.5) + 6 * np.clip(1.1 - bend, 0, 3)
        # Leaves of the cerebellum are finer and lie across.
        leaf_mm = np.abs(np.sin(y / 1.9 + 2.2 * bend)) * 2.6
        away = np.minimum(np.where(cerebellum > 0.5, leaf_mm, fold_mm), other_mm + 30 * cerebellum)
        away = np.minimum(
            away, np.where(np.abs(x) < 12, np.abs(x) + 0.2 * fold_mm, 99) + 40 * cerebellum
        )
        reach = np.clip(1.15 - depth / (15 + 6 * bend), 0, 1)
        wide = (
            np.float32(self.sulcus_mm)
            * reach
            * (1 - 0.8 * cerebellum)
            * np.clip(0.75 + 0.6 * bend2, 0.1, 2)
        )
        fluid = np.clip((wide - away) / np.float32(1.7) + 0.5, 0, 1) * np.clip(wide * 1.2, 0, 0.85)
        ribbon = np.minimum(depth, away + np.clip(depth - 24, 0, 40) * 0.8)
        cortex = np.clip((3.6 - ribbon) / 2.6 + 0.5, 0, 1)
        white = self.white + 1.2 * textures.at(PARENCHYMA, z, 1)[box]
        patches = textures.at(PATCHES, z, 6)[box]
        white = white - self.pallor * np.clip(patches + 0.3, 0, 2) * np.clip(
            (depth - 18) / 10, 0, 1
        )
        cortex = cortex + cerebellum * (0.4 + 0.35 * cortex - cortex)
        value = white + cortex * (self.grey - self.white)
        result: FloatArray = value + fluid * (self.fluid - value)
        return result

    def _draw_falx(self, canvas: Canvas, inner: Contour) -> None:
        """The sheet between the halves, its sinus behind, and the tent in low slices."""
        z = canvas.z
        front, back = float(inner.radii[768]), float(inner.radii[256])
        if z > 30:
            rise = min((z - 30) / 55, 1)
            gap = 40 * (1 - rise)
            width = 0.3 + 0.15 * rise
            rows = [
                [0, -front, z, 0, -min(gap + 12, front), z, width, 0.6],
                [0, min(gap + 8, back), z, 0, back, z, 0.6, width + 0.4],
                [0, back - 4, z, 0, back + 1, z, 1.2, 3.2],
            ]
        else:
            rows = [[0, back - 3, z, 0, back + 1, z, 2.0, 5.0]]
        canvas.tubes(np.array(rows, np.float32), self.falx)


def plan_brain(rng: np.random.Generator, half_x: float, half_y: float) -> Brain:
    """A random brain within about ``half_x`` by ``half_y`` mm: young to shrunken by age."""
    age = float(rng.beta(1.6, 1.3))
    white = float(rng.uniform(25, 31))
    grey = white + float(rng.uniform(5, 9))
    fluid = float(rng.uniform(3, 9))
    wide = 0.6 + 1.1 * age + float(rng.uniform(-0.15, 0.25))
    nuclei, horns, stem = [], [], []
    for side in (-1, 1):
        nuclei += [
            Spot(
                lump(rng, (side * 0.40 * half_x, -8, 50), (6.5, 15, 14), side * 0.25, rough=0.06),
                grey,
                2,
            ),
            Spot(
                lump(rng, (side * 0.17 * half_x, 13, 50), (8, 13, 11), side * -0.3, rough=0.05),
                grey,
                2,
            ),
            Spot(
                lump(rng, (side * 0.16 * half_x, -22, 54), (4.5, 7, 13), side * 0.2, rough=0.06),
                grey,
                1.5,
            ),
        ]
        horns += [
            Spot(lump(rng, (side * 7.5, -22, 58), (3.8 * wide, 13, 14), side * 0.42, 2.2), fluid),
            Spot(lump(rng, (side * 9.5, 5, 70), (4.6 * wide, 27, 10), side * -0.10, 2.2), fluid),
            Spot(lump(rng, (side * 21, 33, 60), (5 * wide, 15, 15), side * -0.30, 2.0), fluid),
            Spot(lump(rng, (side * 30, 0, 30), (2.6 * wide, 9, 7), side * -0.2, 2.0), fluid),
            Spot(
                lump(
                    rng,
                    (side * 0.60 * half_x, -14, 40),
                    (0.16 * half_x, 2.0 * wide, 16),
                    side * 0.35,
                ),
                fluid,
            ),
        ]
        if rng.random() < 0.45 + 0.4 * age:
            at = (side * 22.0, 32 + float(rng.uniform(-4, 4)), 58.0)
            horns.append(
                Spot(
                    lump(rng, at, (1.9, 4.0, 6), side * -0.3, rough=0.2),
                    float(rng.uniform(150, 500)),
                )
            )
    stem += [
        Spot(lump(rng, (0, -12, 27), (15, 9, 8), 0, 1.6, rough=0.16), fluid + 2),
        Spot(lump(rng, (0, 16, 33), (13, 4 * wide, 9), 0, 2, rough=0.2), fluid + 2),
        Spot(lump(rng, (0, 3, 26), (14, 12, 15), 0, 2.2, rough=0.05), grey - 4, 1.5),
        Spot(lump(rng, (0, 20, 15), (5 * wide, 4 * wide, 10), 0, 1.6), fluid),
        Spot(lump(rng, (0, -2, 46), (1.7 * wide, 13, 14), 0, 2), fluid),
    ]
    if rng.random() < 0.6:
        stem.append(
            Spot(lump(rng, (0, 25, 48), (1.8, 2.2, 4), rough=0.2), float(rng.uniform(120, 350)))
        )
    lesions = []
    for _ in range(int(rng.integers(0, 4))):
        half = float(np.exp(rng.uniform(np.log(2.5), np.log(16))))
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
        at = (half_x * far * np.cos(turn), half_y * far * np.sin(turn), float(rng.uniform(10, 95)))
        value = (
            white + rng.choice([-1, -1, 1]) * rng.uniform(4, 14)
            if rng.random() < 0.75
            else rng.uniform(55, 75)
        )
        shape = lump(
            rng, at, (half, half * rng.uniform(0.6, 1.5), half), rng.uniform(0, 3), rough=0.14
        )
        lesions.append(Spot(shape, float(value), float(rng.uniform(1.0, 5.0))))
    return Brain(
        white=white,
        grey=grey,
        fluid=fluid,
        sulcus_mm=0.35 + 1.1 * age + float(rng.uniform(0, 0.3)),
        space_mm=0.3 + 1.5 * age,
        folds=int(rng.integers(20, 32)),
        phase=float(rng.uniform(0, 2 * np.pi)),
        pallor=float(rng.uniform(0, 2 + 6 * age)),
        falx=float(rng.uniform(46, 60)),
        nuclei=tuple(nuclei),
        ventricles=tuple(horns),
        stem=tuple(stem),
        lesions=tuple(lesions),
    )
