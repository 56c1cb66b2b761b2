"""A random abdomen, from the iliac crests (z = 0) to the domes of the diaphragm (z = 200 mm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, bump
from engines.phantoms.ct.body import BACK, Ribs, Tissues, Torso, random_ribs, random_torso
from engines.phantoms.ct.bowel import Loop
from engines.phantoms.ct.contrast import Contrast, random_contrast
from engines.phantoms.ct.gut_plan import plan_backs, plan_gut
from engines.phantoms.ct.organ_plan import plan_organs, room_of
from engines.phantoms.ct.organs import Organs
from engines.phantoms.ct.scene import Scene, random_scene
from engines.phantoms.ct.spine import Spine, random_spine
from engines.phantoms.texture import LOBULES, Textures


@dataclass(frozen=True, slots=True)
class AbdomenPlan:
    """One abdomen; see ``engines.phantoms.ct.organs`` for what it holds."""

    field_mm: float
    heights: tuple[float, float]
    origin: tuple[float, float]
    turn: float
    bend_mm: tuple[float, float]
    torso: Torso
    ribs: Ribs
    spine: Spine
    scene: Scene
    contrast: Contrast
    organs: Organs
    loops: tuple[Loop, ...]
    backs: tuple[Lump, ...]

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``."""
        tissues = self.torso.tissues(canvas, textures)
        self.scene.draw(canvas, self.torso, tissues)
        cavity = self.torso.draw(canvas, textures, tissues)
        z, scale = canvas.z, self.torso.scale
        inside = canvas.share(self._under_dome(canvas, textures, tissues, cavity))
        for muscle in self.backs:
            cut = muscle.at(z)
            if cut is not None:
                canvas.fill(cut.grown(1.3), self.torso.fat_hu + 20)
                canvas.fill(cut, tissues.muscle)
        self.organs.draw(canvas, textures, tissues, inside, self.loops)
        self.spine.draw(canvas, self.torso, tissues)
        self.ribs.draw(canvas, self.torso, tissues, cavity, 75 * scale)

    def _under_dome(
        self, canvas: Canvas, textures: Textures, tissues: Tissues, cavity: Contour
    ) -> Contour:
        """Lung in the recess behind and beside the diaphragm; returns what lies below it."""
        rise = (canvas.z - 135 * self.torso.scale) / (65 * self.torso.scale)
        inner = cavity.grown(-1.5)
        if rise <= 0:
            return inner
        around = 0.06 + 0.94 * np.maximum(bump(BACK + 0.75, 0.6), bump(BACK - 0.75, 0.6))
        gap = 34 * self.torso.scale * rise**1.5 * around
        lung = -845 + 45 * textures.at(LOBULES, canvas.z)
        canvas.fill(inner, lung)
        dome = inner.grown((-gap).astype(np.float32))
        canvas.fill(dome, tissues.muscle)
        canvas.fill(dome.grown(-2.5), tissues.fat)
        return dome.grown(-3)


def plan_abdomen(rng: np.random.Generator) -> AbdomenPlan:
    """A random patient's abdomen."""
    torso = random_torso(rng, 150, 102)
    heights = (10 * torso.scale, 195 * torso.scale)
    scene = random_scene(rng, torso, 0.12, heights)
    contrast = random_contrast(rng)
    spine = random_spine(rng, torso, lumbar=True)
    room = room_of(rng, torso, spine)
    return AbdomenPlan(
        field_mm=scene.field_mm,
        heights=heights,
        origin=scene.origin,
        turn=scene.turn,
        bend_mm=(float(rng.uniform(1.5, 4)), float(rng.uniform(0.25, 0.6))),
        torso=torso,
        ribs=random_ribs(rng, torso.scale),
        spine=spine,
        scene=scene,
        contrast=contrast,
        organs=plan_organs(room, spine, contrast),
        loops=plan_gut(room, contrast.gut_wall),
        backs=plan_backs(room, spine),
    )
