"""A random chest as FDG PET shows it: faint lungs, blood pool, a heart that works or doesn't."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, bump
from engines.phantoms.ct.body import FRONT
from engines.phantoms.ct.chest import ChestPlan as Chest
from engines.phantoms.ct.chest import plan_chest as plan_ct_chest
from engines.phantoms.pet.lesions import Site
from engines.phantoms.pet.trunk import (
    MOVING_MM,
    SKIN_MM,
    BodyPlan,
    Paints,
    body_plan,
    paint_arms,
    paint_hull,
    paint_lumps,
    paint_ribs,
    paint_spine,
    wide_enough,
    width_of,
)
from engines.phantoms.pet.uptake import random_uptake

_LEFT_VENTRICLE = 2
"""Its place among the CT heart's chambers."""


@dataclass(frozen=True, slots=True)
class ChestLevel:
    """The CT chest and what it lacks; ``wall_mm`` is the myocardium's thickness."""

    chest: Chest
    vessels: FloatArray
    wall_mm: float
    breast: float

    @property
    def heights(self) -> tuple[float, float]:
        """Lowest and highest z (mm)."""
        return self.chest.heights

    def skins(self, z: float) -> tuple[Contour, ...]:
        """The trunk's skin."""
        return (self.chest.torso.skin(z),)

    def paint(self, canvas: Canvas, paints: Paints) -> None:
        """Draw what is sharp at ``canvas.z``."""
        chest, uptake, z = self.chest, paints.uptake, canvas.z
        torso = chest.torso
        paint_arms(canvas, chest.scene, torso.scale, paints)
        for breast in chest.breasts:
            cut = breast.at(z)
            if cut is not None:
                canvas.fill(cut, paints.of(uptake.skin))
                canvas.fill(cut.grown(-SKIN_MM), paints.fat)
                canvas.fill(cut.grown(-12), self.breast * paints.calm, 1.0, 12.0)
        cavity, within = paint_hull(canvas, torso, paints)
        paint_lumps(canvas, chest.muscles, paints.muscle, within)
        pleura = self._pleura(cavity, z)
        inside = canvas.share(pleura)
        # Lung lies denser where it hangs: more tissue behind, and more uptake.
        slope = 1 + np.float32(0.28 / torso.half_y) * canvas.y
        whole = (slice(None), slice(None))
        canvas.lay(whole, inside, np.float32(uptake.lung) * slope * paints.calm)
        canvas.tubes(self.vessels, 0.8 * uptake.blood, inside)
        (right, _), (left, left_hu) = chest.domes
        canvas.fill(right.at(z), paints.of(uptake.liver), inside, 2 * MOVING_MM)
        below = uptake.spleen if left_hu > 0 else uptake.fat
        canvas.fill(left.at(z), paints.of(below), inside, 2 * MOVING_MM)
        self._paint_mediastinum(canvas, paints, inside)
        paint_spine(canvas, chest.spine, paints)
        paint_ribs(canvas, chest.ribs, torso, paints, pleura, -1000)
        paint_lumps(canvas, chest.sternum, 0.85 * paints.marrow)
        canvas.tubes(chest.blades, 0.7 * paints.marrow)

    def _pleura(self, cavity: Contour, z: float) -> Contour:
        """The lungs' outside: the cavity, closing towards the apex."""
        rise = float(np.clip((z / self.chest.torso.scale - 120) / 100, 0, 1))
        shrink = (1 - 0.42 * rise**1.6) * (1 - 0.10 * rise * bump(FRONT, 0.8))
        radii: FloatArray = (cavity.radii * shrink).astype(np.float32)
        return Contour(0, 0, radii)

    def _paint_mediastinum(self, canvas: Canvas, paints: Paints, inside: FloatArray) -> None:
        """Fat between the lungs, heart, great vessels, gullet and airway."""
        middle, uptake = self.chest.mediastinum, paints.uptake
        s, y = middle.scale, canvas.y
        front = np.clip((-y - 0.55 * middle.half_y) / (0.35 * middle.half_y), 0, 1)
        back = np.exp(-(((y - middle.spine_y) / (24 * s)) ** 2))
        waist = np.float32(28 * s) * np.exp(-(((y + 5) / (0.8 * middle.half_y)) ** 4))
        bounds = np.maximum(waist, np.maximum(22 * s * back, (8 + 16 * front) * s))
        between = canvas.cover(
            np.asarray(bounds - np.abs(canvas.x - np.float32(2 * s)), np.float32)
        )
        # Small vessels and nodes lie in this fat.
        canvas.lay((slice(None), slice(None)), between * inside, paints.fat + 0.3 * uptake.blood)
        self._paint_heart(canvas, paints, inside)
        for pipe, _ in middle.pipes:
            canvas.tubes(wide_enough(pipe), paints.of(uptake.blood), inside)
        canvas.tubes(middle.gullet, 0.8 * uptake.blood, inside)
        canvas.tubes(middle.airway, 0.7 * uptake.blood, None, grow_mm=1.5)
        canvas.tubes(middle.airway, 0.1, None)

    def _paint_heart(self, canvas: Canvas, paints: Paints, inside: FloatArray) -> None:
        """Blood, and the left ventricle's wall around its cavity."""
        middle, uptake, z = self.chest.mediastinum, paints.uptake, canvas.z
        cut = middle.heart.at(z)
        if cut is None:
            return
        blood = paints.of(uptake.blood)
        resting = np.float32(uptake.blood)
        at_work = resting + paints.rest * (uptake.myocardium * paints.calm - resting)
        canvas.fill(cut.grown(3.0), paints.fat, inside)
        canvas.fill(cut, 0.9 * blood, inside, MOVING_MM)
        heart = canvas.share(cut.grown(2.0)) * inside
        chambers = [lump.at(z) for lump, _ in middle.chambers]
        ventricle = chambers[_LEFT_VENTRICLE]
        if ventricle is not None:
            canvas.fill(ventricle.grown(self.wall_mm), at_work, heart, 4.0)
        else:
            # The wall reaches higher and lower than its cavity.
            lump = middle.chambers[_LEFT_VENTRICLE][0]
            beyond = abs(z - lump.centre[2]) - lump.half[2]
            if beyond < self.wall_mm:
                rim = lump.at(lump.centre[2] + 0.97 * np.sign(z - lump.centre[2]) * lump.half[2])
                left = self.wall_mm * (1 - beyond / self.wall_mm)
                canvas.fill(None if rim is None else rim.grown(left), at_work, heart)
        for k, chamber in enumerate(chambers):
            if k != _LEFT_VENTRICLE:
                canvas.fill(chamber, blood, heart, 2.0)
        canvas.fill(ventricle, blood, heart, 4.0)

    def sites(self) -> tuple[Site, ...]:
        """Nodes, lungs, bones."""
        torso, spine = self.chest.torso, self.chest.spine
        a, b, s = torso.half_x, torso.half_y, torso.scale
        front = spine.y - spine.half_y
        found = [
            Site((0, front - 32 * s, 120 * s), (42 * s, 38 * s, 75 * s), 3),
            Site((0, spine.y, 100 * s), (16 * s, 16 * s, 100 * s), 1.5),
        ]
        for side in (-1, 1):
            found += [
                Site((side * 0.5 * a, 0, 95 * s), (0.32 * a, 0.6 * b, 95 * s), 2),
                Site((side * 0.9 * a, 0.2 * b, 110 * s), (14, 0.4 * b, 95 * s), 1),
            ]
        return tuple(found)


def plan_chest(rng: np.random.Generator) -> BodyPlan:
    """A random patient's chest."""
    chest = plan_ct_chest(rng)
    uptake = random_uptake(rng)
    level = ChestLevel(
        chest,
        wide_enough(chest.lung.vessels),
        float(rng.uniform(8.5, 11.5)) * chest.torso.scale,
        uptake.gland,
    )
    return body_plan(
        rng, level, uptake, width_of(chest.scene, chest.field_mm), (chest.origin, chest.turn)
    )
