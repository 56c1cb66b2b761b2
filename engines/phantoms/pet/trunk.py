"""What all levels of the body have in common: paints, skin, fat, muscle, arms, spine, one slice.

Shapes are those of the CT phantoms; what is painted is uptake. Vessels and bones thinner than a PET
scanner can show are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas, Paint
from engines.phantoms.contour import Contour, Lump, bump, superellipse
from engines.phantoms.ct.body import Ribs, Tissues, Torso
from engines.phantoms.ct.scene import Scene
from engines.phantoms.ct.spine import Spine
from engines.phantoms.pet.lesions import Lesion, Site, random_lesions
from engines.phantoms.pet.psf import Resolution, blur, random_resolution, thickened
from engines.phantoms.pet.uptake import Uptake
from engines.phantoms.texture import FIBRES, PATCHES, RIPPLE, Textures

FIELDS_MM = (500.0, 550.0, 576.0, 600.0, 700.0)
"""Transaxial fields of whole-body scanners."""
SKIN_MM = 3.0
MOVING_MM = 7.0
"""Width of the rim of what moves with breath or by itself in the minutes of a scan."""
LEAST_RADIUS_MM = 2.0
"""Vessels thinner than this are not seen."""


@dataclass(frozen=True, slots=True)
class Paints:
    """SUVs over one slice, float32 (size, size), and the person's ``uptake`` they come from.

    ``calm`` has mean 1: the unrest of all organs. ``rest`` is 1 where myocardium is at work and 0
    where it rests. ``grain`` has mean 0 and deviation 1.
    """

    uptake: Uptake
    calm: FloatArray
    fat: FloatArray
    muscle: FloatArray
    marrow: FloatArray
    rest: FloatArray
    grain: FloatArray

    def of(self, suv: float) -> FloatArray:
        """An organ of ``suv``."""
        return np.float32(suv) * self.calm


class Level(Protocol):
    """One level of the body: shapes in mm and how they are painted."""

    @property
    def heights(self) -> tuple[float, float]:
        """Lowest and highest z (mm)."""
        ...

    def paint(self, canvas: Canvas, paints: Paints) -> None:
        """Draw what is sharp at ``canvas.z``."""
        ...

    def skins(self, z: float) -> tuple[Contour, ...]:
        """What of the body lesions must keep to."""
        ...

    def sites(self) -> tuple[Site, ...]:
        """Where lesions grow."""
        ...


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """One patient at one level; lengths in mm, values in SUV."""

    field_mm: float
    heights: tuple[float, float]
    origin: tuple[float, float]
    turn: float
    bend_mm: tuple[float, float]
    level: Level
    uptake: Uptake
    lesions: tuple[Lesion, ...]
    resolution: Resolution

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``."""
        paints = paints_of(self.uptake, textures, canvas.z)
        self.level.paint(thickened(canvas, self.resolution), paints)
        if self.lesions:
            inside = np.zeros_like(canvas.values)
            for skin in self.level.skins(canvas.z):
                np.maximum(inside, canvas.share(skin.grown(-SKIN_MM)), out=inside)
            for lesion in self.lesions:
                lesion.draw(canvas, paints.grain, self.resolution.axial_sd, inside)
        blur(canvas, self.resolution)


def body_plan(
    rng: np.random.Generator,
    level: Level,
    uptake: Uptake,
    need_mm: float,
    lie: tuple[tuple[float, float], float],
) -> BodyPlan:
    """A plan of ``level`` in a field of at least ``need_mm``; ``lie`` is its origin and turn."""
    fields = [mm for mm in FIELDS_MM if mm >= need_mm] or [FIELDS_MM[-1]]
    return BodyPlan(
        field_mm=float(rng.choice(fields)),
        heights=level.heights,
        origin=lie[0],
        turn=lie[1],
        bend_mm=(float(rng.uniform(1.5, 4)), float(rng.uniform(0.3, 0.7))),
        level=level,
        uptake=uptake,
        lesions=random_lesions(rng, level.sites(), level.heights),
        resolution=random_resolution(rng),
    )


def width_of(scene: Scene, body_mm: float) -> float:
    """Width of the field (mm) that holds a body of ``body_mm`` with the arms beside it."""
    arms = (2 * (abs(arm.centre[0]) + 1.1 * arm.half[0]) + 10 for arm in scene.arms)
    return max(body_mm, *arms, 0.0)


def paints_of(uptake: Uptake, textures: Textures, z: float) -> Paints:
    """The paints of the slice at ``z``."""
    patches, ripple = textures.at(PATCHES, z), textures.at(RIPPLE, z, 8)
    calm = 1 + np.float32(uptake.unrest) * (patches + np.float32(0.5) * ripple)
    uneven = np.float32(uptake.muscle_unrest) * (
        textures.at(PATCHES, z, 1) + np.float32(0.8) * textures.at(RIPPLE, z, 1)
    )
    spongy = 1 + np.float32(0.08) * textures.at(RIPPLE, z, 2)
    gaps = textures.at(RIPPLE, z, 4) + np.float32(2.2 - 4.4 * uptake.heart_gaps)
    return Paints(
        uptake,
        np.maximum(calm, np.float32(0.5)),
        np.float32(uptake.fat) * np.maximum(1 + np.float32(0.12) * ripple, np.float32(0.3)),
        np.float32(uptake.muscle) * np.maximum(1 + uneven, np.float32(0.4)),
        np.float32(uptake.marrow) * spongy,
        np.clip(gaps, 0, 1),
        textures.at(FIBRES, z),
    )


def paint_hull(canvas: Canvas, torso: Torso, paints: Paints) -> tuple[Contour, FloatArray]:
    """Skin, fat and muscle wall; the cavity is left full of fat.

    Returns the cavity's outline and the share of each pixel that lies under the skin.
    """
    muscle = torso.muscle(canvas.z)
    cavity = muscle.grown((-torso.wall()).astype(np.float32))
    fat = muscle.grown(np.maximum(torso.fat(canvas.z) + torso.skin_mm - SKIN_MM, 1.0))
    canvas.fill(fat.grown(SKIN_MM), paints.of(paints.uptake.skin))
    canvas.fill(fat, paints.fat)
    within = canvas.share(fat)
    canvas.fill(muscle, paints.muscle)
    canvas.fill(cavity, paints.fat)
    return cavity, within


def paint_arms(canvas: Canvas, scene: Scene, scale: float, paints: Paints) -> None:
    """Arms beside the body, where they are not over the head."""
    for arm in scene.arms:
        cut = arm.at(canvas.z)
        if cut is None:
            continue
        canvas.fill(cut, paints.of(paints.uptake.skin))
        canvas.fill(cut.grown(-SKIN_MM), paints.fat)
        canvas.fill(cut.grown(-6 * scale), paints.muscle)
        shaft = superellipse(12.5 * scale, 11 * scale, 0.5).astype(np.float32)
        canvas.fill(Contour(cut.x, cut.y, shaft), paints.uptake.bone)


def paint_lumps(
    canvas: Canvas,
    lumps: tuple[Lump, ...],
    paint: Paint,
    inside: FloatArray | None = None,
    soft_mm: float = 0.0,
) -> None:
    """Fill the cuts of ``lumps``."""
    for part in lumps:
        canvas.fill(part.at(canvas.z), paint, inside, soft_mm)


def paint_spine(canvas: Canvas, spine: Spine, paints: Paints) -> None:
    """Vertebral body or disc, arch, cord."""
    uptake = paints.uptake
    place = ((canvas.z + spine.shift_mm) / spine.pitch_mm) % 1.0
    body = float(np.clip((0.5 - abs(place - 0.5)) * 16 - 1.1, 0, 1))
    radii = superellipse(spine.half_x, spine.half_y, 0, 2.3) * (1 - 0.2 * bump(np.pi / 2, 0.5))
    core = Contour(0, spine.y, radii.astype(np.float32))
    canvas.fill(core, uptake.disc + body * (0.95 * paints.marrow - np.float32(uptake.disc)))
    behind = spine.y + spine.half_y + 8
    rows = []
    for side in (-1, 1):
        rows.append([side * 15, behind, canvas.z, side * 3, behind + 15, canvas.z, 4.5, 3.5])
        rows.append([side * 16, behind + 2, canvas.z, side * 30, behind + 7, canvas.z, 4, 3])
    rows.append([0, behind + 14, canvas.z, 0, behind + 30, canvas.z, 3.2, 3.0])
    canvas.tubes(np.array(rows, np.float32), 0.6 * paints.marrow)
    sac = Contour(0, behind, superellipse(9.5, 8, 0, 2.2).astype(np.float32))
    canvas.fill(sac, 0.6 * uptake.cord)
    cord = Contour(0, behind, superellipse(5.5, 4.5).astype(np.float32))
    canvas.fill(cord, uptake.cord if spine.cord else 0.8 * uptake.cord)


def paint_ribs(
    canvas: Canvas, ribs: Ribs, torso: Torso, paints: Paints, cavity: Contour, low: float
) -> None:
    """The CT's ribs in the colours of marrow and cortical bone."""
    tissues = Tissues(paints.fat, paints.muscle, 0.75 * paints.marrow, paints.grain)
    coloured = replace(torso, cortex_hu=paints.uptake.bone)
    ribs.draw(canvas, coloured, tissues, cavity, low)


def wide_enough(segments: FloatArray) -> FloatArray:
    """Those vessels (n, 8) that are wide enough to be seen."""
    return segments[np.maximum(segments[:, 6], segments[:, 7]) >= LEAST_RADIUS_MM]
