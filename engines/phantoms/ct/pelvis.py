"""A random pelvis, from below the symphysis (z = 0) to the iliac crests (z = 175 mm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Lump, lump
from engines.phantoms.ct.body import Torso, random_torso
from engines.phantoms.ct.bowel import Loop
from engines.phantoms.ct.contrast import Contrast, random_contrast
from engines.phantoms.ct.organs import Pipe
from engines.phantoms.ct.pelvic_bones import PelvicBones, plan_pelvic_bones
from engines.phantoms.ct.pelvic_organs import (
    Hip,
    Organ,
    plan_bowel,
    plan_hollow,
    plan_muscles,
    plan_vessels,
)
from engines.phantoms.ct.scene import Scene, random_scene
from engines.phantoms.texture import PARENCHYMA, Textures


@dataclass(frozen=True, slots=True)
class PelvisPlan:
    """One pelvis; lengths in mm, values in HU."""

    field_mm: float
    heights: tuple[float, float]
    origin: tuple[float, float]
    turn: float
    bend_mm: tuple[float, float]
    torso: Torso
    scene: Scene
    contrast: Contrast
    bones: PelvicBones
    muscles: tuple[Lump, ...]
    organs: tuple[Organ, ...]
    loops: tuple[Loop, ...]
    pipes: tuple[Pipe, ...]
    specks: tuple[Lump, ...]

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``."""
        z, torso = canvas.z, self.torso
        tissues = torso.tissues(canvas, textures)
        self.scene.draw(canvas, torso, tissues)
        torso.draw(canvas, textures, tissues)
        within = canvas.share(torso.skin(z).grown(-torso.skin_mm - 2))
        # The wall is drawn by muscles of its own here: only its front stays.
        behind = canvas.cover(canvas.y + np.float32(0.62 * torso.half_y), 8)
        whole = (slice(None), slice(None))
        canvas.lay(whole, canvas.share(torso.muscle(z).grown(0.5)) * behind, tissues.fat)
        for muscle in self.muscles:
            cut = muscle.at(z)
            if cut is not None:
                canvas.fill(cut.grown(1.2), tissues.fat, within)
                canvas.fill(cut, tissues.muscle, within)
        grain = 3 * textures.at(PARENCHYMA, z, 1)
        cavity = within
        for bowel in self.loops:
            bowel.draw(canvas, textures, tissues, cavity)
        for pipe in self.pipes:
            canvas.tubes(pipe.segments, pipe.value + 0.5 * grain, within)
        for organ, wall, content in self.organs:
            cut = organ.at(z)
            if cut is not None:
                canvas.fill(cut.grown(2.0), tissues.fat, cavity)
                canvas.fill(cut, wall + grain, cavity)
                if float(cut.radii.min()) > 6:
                    canvas.fill(cut.grown(-3.0), content + 0.6 * grain, cavity)
        self.bones.draw(canvas, torso, tissues)
        for speck in self.specks:
            canvas.fill(speck.at(z), 550.0, within)


def plan_pelvis(rng: np.random.Generator) -> PelvisPlan:
    """A random patient's pelvis."""
    torso = random_torso(rng, 160, 102)
    s = torso.scale
    heights = (5 * s, 165 * s)
    scene = random_scene(rng, torso, 0.2, heights)
    contrast = random_contrast(rng)
    bones = plan_pelvic_bones(rng, torso)
    hip = Hip(rng, bones.hip[0], bones.hip[1], s)
    specks = []
    for _ in range(int(rng.integers(0, 12))):
        r = hip.any(0.8, 2.2)
        at = (float(rng.normal(0, 40)) * s, hip.y + hip.any(0, 35) * s, hip.any(5, 60) * s)
        specks.append(lump(rng, at, (r, r, r), rough=0.05))
    return PelvisPlan(
        field_mm=scene.field_mm,
        heights=heights,
        origin=scene.origin,
        turn=scene.turn,
        bend_mm=(hip.any(1.5, 4), hip.any(0.25, 0.6)),
        torso=torso,
        scene=scene,
        contrast=contrast,
        bones=bones,
        muscles=plan_muscles(hip, torso.half_y),
        organs=plan_hollow(hip, contrast),
        loops=plan_bowel(hip, contrast.gut_wall),
        pipes=plan_vessels(hip, contrast),
        specks=tuple(specks),
    )
