"""A random chest, from the domes of the diaphragm (z = 0) to the apices of the lungs (210 mm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, bump, lump
from engines.phantoms.ct.body import FRONT, Ribs, Tissues, Torso, random_ribs, random_torso
from engines.phantoms.ct.contrast import Contrast, random_contrast
from engines.phantoms.ct.lung import Lung, plan_lung
from engines.phantoms.ct.mediastinum import Mediastinum, plan_mediastinum
from engines.phantoms.ct.scene import Scene, random_scene
from engines.phantoms.ct.spine import Spine, random_spine
from engines.phantoms.texture import RIPPLE, Textures
from engines.phantoms.vessels import path


@dataclass(frozen=True, slots=True)
class ChestPlan:
    """One chest; lengths in mm, values in HU."""

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
    lung: Lung
    mediastinum: Mediastinum
    breasts: tuple[Lump, ...]
    gland: float
    muscles: tuple[Lump, ...]
    blades: FloatArray
    sternum: tuple[Lump, ...]
    domes: tuple[tuple[Lump, float], ...]

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``."""
        tissues = self.torso.tissues(canvas, textures)
        self.scene.draw(canvas, self.torso, tissues)
        self._draw_breasts(canvas, textures, tissues)
        cavity = self.torso.draw(canvas, textures, tissues)
        z = canvas.z
        within = canvas.share(self.torso.skin(z).grown(-self.torso.skin_mm - 1.5))
        for muscle in self.muscles:
            cut = muscle.at(z)
            if cut is not None:
                canvas.fill(cut.grown(0.9), self.torso.fat_hu + 25, within)
                canvas.fill(cut, tissues.muscle, within)
        chest = self._pleura(cavity, z)
        inside = canvas.share(chest)
        self.lung.draw(canvas, textures, tissues, inside, chest)
        for dome, value in self.domes:
            cut = dome.at(z)
            if cut is not None:
                canvas.fill(cut.grown(2.5), self.torso.muscle_hu, inside)
                canvas.fill(cut, value + 3 * tissues.grain, inside)
        self.mediastinum.draw(canvas, textures, tissues, inside, chest)
        self.spine.draw(canvas, self.torso, tissues)
        self.ribs.draw(canvas, self.torso, tissues, chest, -1000)
        for bone in self.sternum:
            canvas.bone(bone.at(z), self.torso.cortex_hu * 0.7, 1.2, tissues.marrow)
        canvas.tubes(self.blades, self.torso.cortex_hu)
        canvas.tubes(self.blades, tissues.marrow, grow_mm=-1.4)

    def _pleura(self, cavity: Contour, z: float) -> Contour:
        """The lungs' outside: the cavity, closing towards the apex."""
        rise = np.clip((z / self.torso.scale - 120) / 100, 0, 1)
        shrink = (1 - 0.42 * rise**1.6) * (1 - 0.10 * rise * bump(FRONT, 0.8))
        radii = (cavity.radii * shrink).astype(np.float32)
        return Contour(0, 0, radii)

    def _draw_breasts(self, canvas: Canvas, textures: Textures, tissues: Tissues) -> None:
        """Skin, fat and gland in front of the ribs."""
        for breast in self.breasts:
            cut = breast.at(canvas.z)
            if cut is None:
                continue
            canvas.fill(cut, 25.0)
            canvas.fill(cut.grown(-self.torso.skin_mm), tissues.fat)
            share = np.clip((textures.at(RIPPLE, canvas.z, 9) + np.float32(self.gland)) * 3, 0, 1)
            canvas.fill(cut.grown(-10), 40 + 6 * tissues.grain, share, 8.0)


def plan_chest(rng: np.random.Generator) -> ChestPlan:
    """A random patient's chest."""
    torso = random_torso(rng, 152, 104, 18.0)
    s = torso.scale
    heights = (5 * s, 190 * s)
    scene = random_scene(rng, torso, 0.25, heights)
    contrast = random_contrast(rng)
    spine = random_spine(rng, torso, lumbar=False)
    breasts = []
    if rng.random() < 0.5 and s > 0.8:
        wide = float(rng.uniform(45, 75))
        for side in (-1, 1):
            at = (
                side * float(rng.uniform(70, 84)),
                -torso.half_y - torso.fat_mm[0] * 0.5 + wide * 0.15,
                95.0,
            )
            breasts.append(
                lump(
                    rng,
                    at,
                    (wide * 1.05, wide * float(rng.uniform(0.6, 0.9)), wide),
                    side * 0.35,
                    2,
                    0.04,
                )
            )
    muscles, blades, plates = [], [], []
    for side in (-1, 1):
        muscles += [
            lump(
                rng,
                (side * 24 * s, spine.y + 36 * s, 100 * s),
                (22 * s, 17 * s, 500),
                side * 0.3,
                2.4,
                0.05,
                lean=(0, 0),
            ),
            lump(
                rng,
                (side * 0.46 * torso.half_x, -0.93 * torso.half_y, 150 * s),
                (0.36 * torso.half_x, 11 * s, 85 * s),
                side * 0.25,
                2.2,
                0.05,
            ),
            lump(
                rng,
                (side * 0.86 * torso.half_x, 0.30 * torso.half_y, 130 * s),
                (16 * s, 0.42 * torso.half_y, 130 * s),
                side * 0.12,
                2.2,
                0.06,
            ),
            lump(
                rng,
                (side * 0.60 * torso.half_x, 0.80 * torso.half_y, 165 * s),
                (0.36 * torso.half_x, 14 * s, 85 * s),
                side * -0.4,
                2.2,
                0.05,
            ),
        ]
        for x1, y1, z1, size, turn in (
            (0.74, 0.56, 150, (34, 4.2, 62), 0.75),
            (0.86, 0.44, 190, (26, 5, 40), 0.35),
        ):
            at = (side * x1 * torso.half_x, y1 * torso.half_y, z1 * s)
            plates.append(
                lump(
                    rng,
                    at,
                    (size[0] * s, size[1] * s, size[2] * s),
                    side * -turn,
                    1.8,
                    0.07,
                    lean=(side * 0.1, -0.05),
                )
            )
    front = -torso.half_y + torso.wall_mm * 0.45
    sternum = [
        lump(
            rng,
            (float(rng.normal(0, 2)), front, 95 * s),
            (17 * s, 5.5 * s, 62 * s),
            0,
            2.6,
            0.04,
            lean=(0, 0.05),
        ),
        lump(
            rng, (0, front + 6 * s, 172 * s), (27 * s, 7 * s, 28 * s), 0, 2.3, 0.05, lean=(0, 0.2)
        ),
    ]
    for side in (-1, 1):
        points = [
            (side * 20 * s, front - 2, 182 * s),
            (side * 75 * s, front + 12, 197 * s),
            (side * 130 * s, front + 50, 212 * s),
        ]
        blades += path(points, [8 * s, 6 * s, 6 * s]).tolist()
    soft = float(np.clip(contrast.liver, 40, 130))
    domes = (
        (
            lump(
                rng,
                (-0.42 * torso.half_x, 0.0, -28 * s),
                (0.42 * torso.half_x, 0.62 * torso.half_y, float(rng.uniform(45, 75)) * s),
                0,
                2,
                0.03,
            ),
            soft,
        ),
        (
            lump(
                rng,
                (0.48 * torso.half_x, 0.1 * torso.half_y, -38 * s),
                (0.38 * torso.half_x, 0.6 * torso.half_y, float(rng.uniform(40, 70)) * s),
                0,
                2,
                0.04,
            ),
            float(rng.choice([-95.0, contrast.spleen])),
        ),
    )
    return ChestPlan(
        field_mm=scene.field_mm,
        heights=heights,
        origin=scene.origin,
        turn=scene.turn,
        bend_mm=(float(rng.uniform(1.5, 4)), float(rng.uniform(0.25, 0.6))),
        torso=torso,
        ribs=random_ribs(rng, s),
        spine=spine,
        scene=scene,
        contrast=contrast,
        lung=plan_lung(rng, torso),
        mediastinum=plan_mediastinum(rng, torso, spine, contrast),
        breasts=tuple(breasts),
        gland=float(rng.uniform(-1.2, 0.6)),
        muscles=tuple(muscles),
        blades=np.array(blades, np.float32),
        sternum=(*sternum, *plates),
        domes=domes,
    )
