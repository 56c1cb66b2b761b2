"""Random thighs as FDG PET shows them: muscle in its sheaths, vessels, the femur's fatty marrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, lump
from engines.phantoms.pet.lesions import Site
from engines.phantoms.pet.trunk import SKIN_MM, BodyPlan, Paints, body_plan
from engines.phantoms.pet.uptake import random_uptake
from engines.phantoms.vessels import path

MUSCLES = (
    (0.12, -0.50, 0.62, 0.34, 0.1),  # rectus and vasti in front
    (0.58, -0.10, 0.26, 0.50, -0.15),  # vastus lateralis
    (-0.56, -0.16, 0.26, 0.42, 0.35),  # sartorius and vastus medialis
    (-0.42, 0.32, 0.36, 0.34, -0.4),  # adductors
    (0.18, 0.56, 0.46, 0.30, -0.1),  # hamstrings
)
"""Place outwards and backwards, half axes (all shares of the thigh's muscle), and turn."""
LENGTH_MM = 200.0


@dataclass(frozen=True, slots=True)
class Thigh:
    """One thigh; its outside, muscles, bone and vessels."""

    skin: Lump
    fat_mm: float
    muscles: tuple[Lump, ...]
    femur: FloatArray
    vessels: FloatArray
    activity: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ThighLevel:
    """Both thighs; ``testes`` hang between them in some men."""

    thighs: tuple[Thigh, ...]
    testes: tuple[Lump, ...]

    @property
    def heights(self) -> tuple[float, float]:
        """Lowest and highest z (mm)."""
        return 0.0, LENGTH_MM

    def skins(self, z: float) -> tuple[Contour, ...]:
        """The skin of either."""
        return tuple(cut for cut in (thigh.skin.at(z) for thigh in self.thighs) if cut is not None)

    def paint(self, canvas: Canvas, paints: Paints) -> None:
        """Draw what is sharp at ``canvas.z``."""
        uptake, z = paints.uptake, canvas.z
        for thigh in self.thighs:
            cut = thigh.skin.at(z)
            if cut is None:
                continue
            canvas.fill(cut, paints.of(uptake.skin))
            canvas.fill(cut.grown(-SKIN_MM), paints.fat)
            fascia = cut.grown(-SKIN_MM - thigh.fat_mm)
            within = canvas.share(fascia)
            canvas.fill(fascia, 0.75 * paints.muscle)
            for muscle, activity in zip(thigh.muscles, thigh.activity, strict=True):
                canvas.fill(muscle.at(z), activity * paints.muscle, within)
            canvas.tubes(thigh.vessels, 0.85 * uptake.blood, within)
            canvas.tubes(thigh.femur, uptake.bone)
            canvas.tubes(thigh.femur, 1.3 * paints.fat, grow_mm=-5.0)
        for part in self.testes:
            cut = part.at(z)
            if cut is not None:
                canvas.fill(cut.grown(5.0), paints.of(uptake.skin))
                canvas.fill(cut, 2.2 * uptake.blood)

    def sites(self) -> tuple[Site, ...]:
        """Muscle and bone of either."""
        found = []
        for thigh in self.thighs:
            x, y, z = thigh.skin.centre
            a, b, _ = thigh.skin.half
            found.append(Site((x, y, z), (0.55 * a, 0.55 * b, 110.0), 2))
            found.append(Site((x, y, z), (8.0, 8.0, 110.0), 1))
        return tuple(found)


def plan_thigh(rng: np.random.Generator) -> BodyPlan:
    """A random patient's thighs."""
    uptake = random_uptake(rng)
    s = float(np.clip(rng.normal(1, 0.07), 0.82, 1.18))
    fat = float(4 + 26 * rng.beta(1.4, 2.4))
    a, b = 66 * s * float(rng.uniform(0.92, 1.08)) + fat, 72 * s + 0.9 * fat
    gap = float(rng.uniform(1, 14))
    thighs, back = [], float(rng.normal(0, 3))
    muscled = rng.uniform(0.85, 1.15, len(MUSCLES))
    for side in (-1, 1):
        x = side * (a + gap)
        lean = (side * -0.06, float(rng.normal(0, 0.03)))
        middle = (x, back, 110.0)
        # Long lumps, so that they taper little over what is shown.
        skin = lump(rng, middle, (a, b, 520), side * 0.1, 2.1, 0.03, lean=lean)
        muscles = []
        for out, down, wide, deep, turn in MUSCLES:
            at = (x + side * out * (a - fat), back + down * (b - fat), 110.0)
            half = (wide * (a - fat) * 0.97, deep * (b - fat) * 0.97, 420.0)
            muscles.append(lump(rng, at, half, side * turn, 2.2, 0.06, lean=lean))
        bone = (x + side * 0.08 * a, back - 0.02 * b)
        drift = (lean[0] * 130, lean[1] * 130)
        ends = [
            (bone[0] + k * drift[0], bone[1] + k * drift[1], 110.0 + k * 130) for k in (-1, 0, 1)
        ]
        line = [(p[0] - side * 0.46 * (a - fat), p[1] - 0.12 * b, p[2]) for p in ends]
        vessels = np.concatenate(
            [path(line, [4.5 * s] * 3), path([(p[0], p[1] + 9, p[2]) for p in line], [5.5 * s] * 3)]
        )
        activity = tuple(float(k * rng.uniform(0.93, 1.07)) for k in muscled)
        femur = path(ends, [15 * s, 14 * s, 14.5 * s])
        thighs.append(Thigh(skin, fat, tuple(muscles), femur, vessels, activity))
    testes = []
    if rng.random() < 0.4:
        for side in (-1, 1):
            at = (side * 15.0, back - b + float(rng.uniform(-4, 18)), 175.0 + side * 4)
            testes.append(lump(rng, at, (12, 15, 19), rough=0.05))
    lie = ((float(rng.normal(0, 10)), float(rng.normal(0, 12))), float(rng.normal(0, 0.04)))
    level = ThighLevel(tuple(thighs), tuple(testes))
    return body_plan(rng, level, uptake, 4 * a + 2 * gap + 50, lie)
