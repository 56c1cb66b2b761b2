"""A random pelvis as FDG PET shows it: a bladder full of urine, muscle, marrow, bowel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour
from engines.phantoms.ct.bowel import Loop
from engines.phantoms.ct.pelvis import PelvisPlan as Pelvis
from engines.phantoms.ct.pelvis import plan_pelvis as plan_ct_pelvis
from engines.phantoms.pet.abdomen import paint_loop, uptake_of_loops
from engines.phantoms.pet.lesions import Site
from engines.phantoms.pet.trunk import (
    SKIN_MM,
    BodyPlan,
    Paints,
    body_plan,
    paint_arms,
    paint_lumps,
    wide_enough,
    width_of,
)
from engines.phantoms.pet.uptake import random_uptake
from engines.phantoms.vessels import wavy


@dataclass(frozen=True, slots=True)
class PelvisLevel:
    """The CT pelvis and what it lacks: each loop's SUV, ureters, the other organs' SUV."""

    pelvis: Pelvis
    loops: tuple[tuple[Loop, float], ...]
    ureters: tuple[tuple[FloatArray, float], ...]
    genital: float

    @property
    def heights(self) -> tuple[float, float]:
        """Lowest and highest z (mm)."""
        return self.pelvis.heights

    def skins(self, z: float) -> tuple[Contour, ...]:
        """The trunk's skin."""
        return (self.pelvis.torso.skin(z),)

    def paint(self, canvas: Canvas, paints: Paints) -> None:
        """Draw what is sharp at ``canvas.z``."""
        pelvis, uptake, z = self.pelvis, paints.uptake, canvas.z
        torso = pelvis.torso
        paint_arms(canvas, pelvis.scene, torso.scale, paints)
        skin = torso.skin(z)
        canvas.fill(skin, paints.of(uptake.skin))
        canvas.fill(skin.grown(-SKIN_MM), paints.fat)
        within = canvas.share(skin.grown(-SKIN_MM))
        # The wall's front; behind it muscles of their own follow.
        wall = canvas.share(torso.muscle(z)) - canvas.share(torso.cavity(z))
        ahead = canvas.cover(-canvas.y - np.float32(0.62 * torso.half_y), 8)
        canvas.lay((slice(None), slice(None)), np.maximum(wall, 0) * ahead, paints.muscle)
        paint_lumps(canvas, pelvis.muscles, paints.muscle, within)
        for loop, suv in self.loops:
            paint_loop(canvas, loop, suv, paints, within)
        for pipe in pelvis.pipes:
            canvas.tubes(wide_enough(pipe.segments), paints.of(uptake.blood), within)
        for ureter, suv in self.ureters:
            canvas.tubes(ureter, suv, within)
        (bladder, _, _), *others = pelvis.organs
        for organ, _, _ in others:
            canvas.fill(organ.at(z), paints.of(self.genital), within)
        cut = bladder.at(z)
        if cut is not None:
            canvas.fill(cut, paints.of(uptake.muscle), within)
            canvas.fill(cut.grown(-2.5), uptake.bladder, within)
        self._paint_bones(canvas, paints)

    def _paint_bones(self, canvas: Canvas, paints: Paints) -> None:
        """Marrow within thin cortical bone; that of the femur is half fat."""
        bones, bone, z = self.pelvis.bones, paints.uptake.bone, canvas.z
        marrow, femur = paints.marrow, 0.6 * paints.marrow
        for group in (bones.sacrum, bones.wings, bones.sockets):
            canvas.bones([part.at(z) for part in group], bone, 1.5, 0.9 * marrow)
        for segments, colour in ((bones.rami, 0.8 * marrow), (bones.necks, femur)):
            canvas.tubes(segments, bone)
            canvas.tubes(segments, colour, grow_mm=-2.0)
        for head in bones.heads:
            canvas.bone(head.at(z), bone, 1.5, femur)

    def sites(self) -> tuple[Site, ...]:
        """Iliac nodes, bones, what lies beside the bladder, groins."""
        torso, (x, y, _) = self.pelvis.torso, self.pelvis.bones.hip
        s = torso.scale
        found = [
            Site((0, 0.62 * torso.half_y, 120 * s), (40 * s, 14 * s, 50 * s), 1.5),
            Site((0, y + 30 * s, 60 * s), (40 * s, 18 * s, 55 * s), 2),
        ]
        for side in (-1, 1):
            found += [
                Site((side * (x - 40 * s), y - 22 * s, 100 * s), (22 * s, 22 * s, 65 * s), 2),
                Site((side * (x - 4 * s), y + 8 * s, 85 * s), (22 * s, 26 * s, 75 * s), 1.5),
                Site((side * (x - 18 * s), y - 58 * s, 25 * s), (18 * s, 10 * s, 30 * s), 0.8),
            ]
        return tuple(found)


def plan_pelvis(rng: np.random.Generator) -> BodyPlan:
    """A random patient's pelvis."""
    pelvis = plan_ct_pelvis(rng)
    uptake = random_uptake(rng)
    s, y = pelvis.torso.scale, pelvis.bones.hip[1]
    ureters = []
    for side in (-1, 1):
        start = (side * 34 * s, y + 2 * s, 175 * s)
        ureter = wavy(rng, start, (side * 18 * s, y + 4 * s, 50 * s), 2.8 * s, 0.05, 9)
        full = ureter[rng.random(len(ureter)) < 0.4]
        ureters.append((full, uptake.urine * float(rng.uniform(0.3, 1.0))))
    level = PelvisLevel(
        pelvis,
        uptake_of_loops(rng, pelvis.loops, uptake),
        tuple(ureters),
        float(rng.uniform(0.9, 2.2)),
    )
    return body_plan(
        rng, level, uptake, width_of(pelvis.scene, pelvis.field_mm), (pelvis.origin, pelvis.turn)
    )
