"""A random abdomen as FDG PET shows it: liver, spleen, kidneys that excrete, restless bowel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, bump, lump
from engines.phantoms.ct.abdomen import AbdomenPlan as Abdomen
from engines.phantoms.ct.abdomen import plan_abdomen as plan_ct_abdomen
from engines.phantoms.ct.body import BACK
from engines.phantoms.ct.bowel import Loop
from engines.phantoms.pet.lesions import Site
from engines.phantoms.pet.trunk import (
    MOVING_MM,
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
from engines.phantoms.pet.uptake import Uptake, random_uptake
from engines.phantoms.vessels import wavy

BOWEL_WALL_MM = 4.0


@dataclass(frozen=True, slots=True)
class AbdomenLevel:
    """The CT abdomen and what it lacks: each loop's SUV, calyces, ureters with what they hold.

    ``full_mm`` is how much wider the kidneys' pelvis is for being full.
    """

    abdomen: Abdomen
    loops: tuple[tuple[Loop, float], ...]
    calyces: tuple[Lump, ...]
    ureters: tuple[tuple[FloatArray, float], ...]
    full_mm: float

    @property
    def heights(self) -> tuple[float, float]:
        """Lowest and highest z (mm)."""
        return self.abdomen.heights

    def skins(self, z: float) -> tuple[Contour, ...]:
        """The trunk's skin."""
        return (self.abdomen.torso.skin(z),)

    def paint(self, canvas: Canvas, paints: Paints) -> None:
        """Draw what is sharp at ``canvas.z``."""
        abdomen = self.abdomen
        torso = abdomen.torso
        paint_arms(canvas, abdomen.scene, torso.scale, paints)
        cavity, _ = paint_hull(canvas, torso, paints)
        inside = canvas.share(self._under_dome(canvas, paints, cavity))
        paint_lumps(canvas, abdomen.backs, paints.muscle)
        for loop, suv in self.loops:
            paint_loop(canvas, loop, suv, paints, inside)
        self._paint_organs(canvas, paints, inside)
        for pipe in abdomen.organs.pipes:
            canvas.tubes(wide_enough(pipe.segments), paints.of(paints.uptake.blood))
        for ureter, suv in self.ureters:
            canvas.tubes(ureter, suv, inside)
        paint_spine(canvas, abdomen.spine, paints)
        paint_ribs(canvas, abdomen.ribs, torso, paints, cavity, 75 * torso.scale)

    def _under_dome(self, canvas: Canvas, paints: Paints, cavity: Contour) -> Contour:
        """Lung in the recess behind and beside the diaphragm; returns what lies below it."""
        scale = self.abdomen.torso.scale
        rise = (canvas.z - 135 * scale) / (65 * scale)
        inner = cavity.grown(-1.5)
        if rise <= 0:
            return inner
        around = 0.06 + 0.94 * np.maximum(bump(BACK + 0.75, 0.6), bump(BACK - 0.75, 0.6))
        canvas.fill(inner, paints.of(paints.uptake.lung))
        dome = inner.grown((-34 * scale * rise**1.5 * around).astype(np.float32))
        canvas.fill(dome, paints.muscle)
        canvas.fill(dome.grown(-2.5), paints.fat)
        return dome.grown(-3)

    def _paint_organs(self, canvas: Canvas, paints: Paints, inside: FloatArray) -> None:
        """Pancreas, spleen, kidneys, liver, gallbladder."""
        organs, uptake, z = self.abdomen.organs, paints.uptake, canvas.z
        paint_lumps(canvas, organs.pancreas, paints.of(uptake.pancreas), inside, MOVING_MM)
        canvas.fill(organs.spleen.at(z), paints.of(uptake.spleen), inside, MOVING_MM)
        for kidney in organs.kidneys:
            canvas.fill(kidney.outside.at(z), paints.of(uptake.kidney), inside, 5.0)
            canvas.fill(kidney.medulla.at(z), paints.of(0.85 * uptake.kidney), inside, 3.0)
            canvas.fill(kidney.sinus.at(z), paints.fat + 0.2 * uptake.kidney, inside, 3.0)
            pelvis = kidney.pelvis.at(z)
            wide = None if pelvis is None else pelvis.grown(self.full_mm)
            canvas.fill(wide, uptake.urine, inside)
        paint_lumps(canvas, self.calyces, uptake.urine, inside)
        for cyst, _ in organs.cysts:
            canvas.fill(cyst.at(z), 0.5 * uptake.fat, inside)
        within = np.zeros_like(canvas.values)
        for part in organs.liver:
            np.maximum(within, canvas.share(part.at(z), MOVING_MM), out=within)
        canvas.lay((slice(None), slice(None)), within * inside, paints.of(uptake.liver))
        if organs.gallbladder is not None:
            canvas.fill(organs.gallbladder[0].at(z), 0.4 * uptake.liver, inside, MOVING_MM)

    def sites(self) -> tuple[Site, ...]:
        """Liver, nodes behind the peritoneum, bones, bowel."""
        torso, spine, organs = self.abdomen.torso, self.abdomen.spine, self.abdomen.organs
        s, lobe = torso.scale, organs.liver[0]
        front = spine.y - spine.half_y
        a, b, c = lobe.half
        return (
            Site(lobe.centre, (0.8 * a, 0.8 * b, 0.9 * c), 3),
            Site((0, front - 14 * s, 90 * s), (36 * s, 14 * s, 90 * s), 2),
            Site((0, spine.y, 90 * s), (18 * s, 14 * s, 100 * s), 2),
            Site((0, -0.3 * torso.half_y, 80 * s), (0.6 * torso.half_x, 40 * s, 90 * s), 1.5),
            Site(organs.spleen.centre, (15 * s, 25 * s, 35 * s), 0.4),
        )


def paint_loop(
    canvas: Canvas, loop: Loop, suv: float, paints: Paints, inside: FloatArray | None
) -> None:
    """A stretch of bowel: its wall takes up, what is in it doesn't."""
    cut = loop.lump.at(canvas.z)
    if cut is None or float(cut.radii.max()) < 2:
        return
    canvas.fill(cut, paints.of(suv), inside, MOVING_MM)
    empty = loop.filling == "collapsed" or float(cut.radii.min()) < 1.6 * BOWEL_WALL_MM
    if not empty:
        content = 0.1 if loop.filling == "gas" else 0.6 * suv
        canvas.fill(cut.grown(-BOWEL_WALL_MM), content, inside, MOVING_MM)


def uptake_of_loops(
    rng: np.random.Generator, loops: tuple[Loop, ...], uptake: Uptake
) -> tuple[tuple[Loop, float], ...]:
    """Each loop with a SUV of its own; what holds stool or gas counts as colon."""
    found = []
    for loop in loops:
        usual = uptake.colon if loop.filling in ("stool", "gas") else uptake.bowel
        suv = float(np.clip(usual * np.exp(rng.normal(-0.05, 0.35)), 0.5, 9.0))
        found.append((loop, suv))
    return tuple(found)


def plan_abdomen(rng: np.random.Generator) -> BodyPlan:
    """A random patient's abdomen."""
    abdomen = plan_ct_abdomen(rng)
    uptake = random_uptake(rng)
    s, spine = abdomen.torso.scale, abdomen.spine
    calyces, ureters = [], []
    for side, kidney in zip((-1, 1), abdomen.organs.kidneys, strict=True):
        x, y, z = kidney.sinus.centre
        for _ in range(int(rng.integers(2, 7))):
            turn, r = rng.uniform(0, 2 * np.pi), float(rng.uniform(2.5, 6.5)) * s
            at = (
                x + 8 * s * float(np.cos(turn)),
                y + 8 * s * float(np.sin(turn)),
                z + float(rng.normal(0, 16)) * s,
            )
            calyces.append(lump(rng, at, (r, r * 0.8, r * 1.4), float(turn), rough=0.1))
        x, y, z = kidney.pelvis.centre
        low = (side * (spine.half_x + 12 * s), spine.y - spine.half_y - 2 * s, -20.0)
        ureter = wavy(rng, (x, y, z), low, 2.6 * s, 0.03, 9)
        # Urine comes in spurts.
        full = ureter[rng.random(len(ureter)) < 0.45]
        ureters.append((full, uptake.urine * float(rng.uniform(0.3, 1.0))))
    gut, stomach = abdomen.loops[:-2], abdomen.loops[-2:]
    loops = uptake_of_loops(rng, gut, uptake) + tuple((part, uptake.stomach) for part in stomach)
    level = AbdomenLevel(abdomen, loops, tuple(calyces), tuple(ureters), float(rng.uniform(0, 5)))
    return body_plan(
        rng,
        level,
        uptake,
        width_of(abdomen.scene, abdomen.field_mm),
        (abdomen.origin, abdomen.turn),
    )
