"""A random head as FDG PET shows it: cortex and deep nuclei hot, white matter faint, fluid cold.

Outline, nuclei, ventricles and base are those of the CT head; z is 0 at the floor of the middle
fossa and goes up, y is negative in front.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, Lump, bump, lump
from engines.phantoms.ct.head import HeadPlan as Head
from engines.phantoms.ct.head import plan_head as plan_ct_head
from engines.phantoms.pet.cortex import LEAVES, Cortex, Folds, random_cortex
from engines.phantoms.pet.deficits import Deficit, random_deficits
from engines.phantoms.pet.lesions import Lesion
from engines.phantoms.pet.psf import Resolution, blur, random_resolution, thickened
from engines.phantoms.pet.uptake import BrainUptake, random_brain_uptake
from engines.phantoms.texture import FIBRES, PATCHES, RIPPLE, Textures

LEAST_FWHM_MM = 5.0
"""Brains are smoothed to this at least; what is sharper looks grainy from gyri alone."""
_FLUID_HU, _CALCIUM_HU = 20.0, 100.0
"""What tells fluid from brain, and calcium from both, among the CT head's parts."""


DEEP = (
    (21, -14, 21, 8, 9),  # amygdala
    (25, 6, 24, 7, 15),  # hippocampus
    (25, -9, 39, 8, 14),  # foot of the lentiform nucleus
    (10, 11, 38, 7, 10),  # what lies below the thalamus
)
"""Grey matter below the CT head's nuclei: place sideways, backwards and up, half axes, mm."""


@dataclass(frozen=True, slots=True)
class HeadPlan:
    """One head; lengths in mm, values in SUV."""

    field_mm: float
    heights: tuple[float, float]
    origin: tuple[float, float]
    turn: float
    bend_mm: tuple[float, float]
    head: Head
    cortex: Cortex
    deep: tuple[Lump, ...]
    cerebellum: tuple[Lump, ...]
    uptake: BrainUptake
    deficits: tuple[Deficit, ...]
    lesions: tuple[Lesion, ...]
    resolution: Resolution

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``."""
        z = canvas.z
        folds = self.cortex.folds(textures, z)
        self._paint(thickened(canvas, self.resolution), textures, folds)
        grain = textures.at(FIBRES, z)
        for lesion in self.lesions:
            lesion.draw(canvas, grain, self.resolution.axial_sd)
        blur(canvas, self.resolution)

    def _paint(self, canvas: Canvas, textures: Textures, folds: Folds) -> None:
        """All that is sharp: scalp, skull, base, brain."""
        head, uptake, z = self.head, self.uptake, canvas.z
        skin = head.outline(z)
        unrest = 1 + np.float32(uptake.unrest) * textures.at(PATCHES, z)
        temple = float(np.clip((62 - z) / 30, 0, 1)) * (bump(-0.55, 0.5) + bump(np.pi + 0.55, 0.5))
        scalp = head.scalp_mm + 9 * temple
        low = float(np.clip((22 - z) / 30, 0, 1))
        scalp = scalp + 6 * low + 12 * low * bump(np.pi / 2, 0.7)
        canvas.fill(skin, uptake.scalp * unrest)
        outer = skin.grown((-scalp).astype(np.float32))
        # Muscle lies at the temples and the nape.
        canvas.fill(
            skin.grown((-scalp * (1 - 0.5 * temple)).astype(np.float32)), uptake.muscle * unrest
        )
        canvas.fill(outer, uptake.bone * unrest)
        inner = outer.grown(-head.bone_mm)
        self._paint_base(canvas, textures, outer)
        self._paint_brain(canvas, textures, inner, folds)

    def _paint_base(self, canvas: Canvas, textures: Textures, outer: Contour) -> None:
        """Bone, muscle and mucosa below the brain, eyes and ears."""
        uptake, base, z = self.uptake, self.head.base, canvas.z
        for ear in base.ears:
            canvas.fill(ear.at(z), uptake.scalp)
        if z > 45:
            return
        ragged = np.maximum(1 + np.float32(0.25) * textures.at(RIPPLE, z, 6), np.float32(0.3))
        canvas.fill(outer.grown(-2.0), uptake.base * ragged, 1.0, 4.0)
        for bone in base.petrous:
            canvas.fill(bone.at(z), uptake.bone)
        for sinus in base.sinuses:
            cut = sinus.at(z)
            if cut is not None:
                canvas.fill(cut.grown(2.0), 1.5 * uptake.base, None, 4.0)
                canvas.fill(cut, 0.5 * uptake.base, None, 4.0)
        for orbit in base.orbits:
            canvas.fill(orbit.at(z), 0.65 * uptake.base)
        for muscle in base.muscles:
            cut = muscle.at(z)
            canvas.fill(None if cut is None else cut.grown(1.0), 2.5 * uptake.base)
        for eye in base.eyes:
            canvas.fill(eye.at(z), 0.45 * uptake.base)

    def _paint_brain(
        self, canvas: Canvas, textures: Textures, inner: Contour, folds: Folds
    ) -> None:
        """All within ``inner`` that is above the skull's base."""
        found = canvas.depth(inner)
        if found is None:
            return
        box, depth = found
        uptake, cortex, z = self.uptake, self.cortex, canvas.z
        x, y = canvas.x[box], canvas.y[box]
        # The base leans, so that the way to it is shorter than the height above it.
        above = (np.float32(z) - cortex.floor(x, y)) * np.float32(0.75)
        above = above + np.float32(1.8) * textures.at(RIPPLE, z, 7)[box]
        # The falx and its folds waver a little.
        wavy = x + np.float32(1.5) * textures.at(RIPPLE, z, 1)[box]
        surface = cortex.surface(wavy, y, depth, above, z)
        grey, fluid = cortex.ribbon(folds, box, surface, canvas.pixel_mm)
        factor = self._factor(canvas, textures)
        white = uptake.white * (0.4 + 0.6 * factor[box])
        matter = white + grey * (uptake.cortex * factor[box] - white)
        matter = matter + fluid * (np.float32(uptake.fluid) - matter)
        within = canvas.cover(np.minimum(depth, above))
        canvas.lay(box, within, uptake.fluid)
        painted = np.zeros_like(canvas.values)
        painted[box] = matter
        canvas.lay(box, canvas.cover(surface), painted)
        inside = np.zeros_like(canvas.values)
        inside[box] = within
        self._paint_deep(canvas, textures, factor, inside)

    def _paint_deep(
        self,
        canvas: Canvas,
        textures: Textures,
        factor: FloatArray,
        inside: FloatArray,
    ) -> None:
        """Insula, nuclei, cerebellum, stem; ventricles last. ``inside`` is the brain's share."""
        uptake, brain, z = self.uptake, self.head.brain, canvas.z
        cortex = uptake.cortex * factor
        horns = [s for s in brain.ventricles if s.value < _FLUID_HU]
        fluids = [*horns, *(s for s in brain.stem if s.value < _FLUID_HU)]
        stems = [s for s in brain.stem if _FLUID_HU <= s.value < _CALCIUM_HU]
        shares = (uptake.putamen, uptake.thalamus, uptake.caudate) * 2
        for fold in horns[4::5]:  # the Sylvian fissures, last of either side
            cut = fold.lump.at(z)
            canvas.fill(None if cut is None else cut.grown(3.6), cortex, inside)
        for spot, share in zip(brain.nuclei, shares, strict=True):
            canvas.fill(spot.lump.at(z), share * cortex, inside, 2.0)
        for part in self.deep:
            canvas.fill(part.at(z), uptake.deep * cortex, inside, 2.0)
        for spot in stems:
            canvas.fill(spot.lump.at(z), uptake.stem * cortex, inside, 3.0)
        leaves = np.float32(0.9) + np.float32(0.18) * textures.at(LEAVES, z)
        for part in self.cerebellum:
            cut = part.at(z)
            if cut is None:
                continue
            canvas.fill(cut.grown(1.0), uptake.white, inside)
            canvas.fill(cut, uptake.cerebellum * cortex * np.clip(leaves, 0.4, 1.4), inside)
            # White matter in the middle of each half.
            canvas.fill(cut.grown(-15.0), 0.5 * cortex, inside, 5.0)
        for spot in fluids:
            canvas.fill(spot.lump.at(z), uptake.fluid, inside)

    def _factor(self, canvas: Canvas, textures: Textures) -> FloatArray:
        """How much more or less each place takes up than the cortex does on the whole."""
        x, y, z = canvas.x, canvas.y, canvas.z
        u = self.uptake.unrest
        factor = 1 + np.float32(0.7 * u) * textures.at(RIPPLE, z, 2)
        factor = factor + np.float32(u) * textures.at(PATCHES, z, 2)
        half_y = np.float32(self.cortex.half_y)
        # Visual cortex and posterior cingulum lead, the inner temporal lobe lags behind.
        back = np.exp(-((x / 22) ** 2) - ((y / half_y - 0.7) / 0.3) ** 2)
        factor = factor + np.float32(0.12) * back
        inner = np.exp(-(((np.abs(x) - 24) / 13) ** 2) - ((y + 2) / 22) ** 2)
        factor = factor - np.float32(0.22 * np.exp(-(((z - 18) / 14) ** 2))) * inner
        for deficit in self.deficits:
            factor = factor * deficit.factor(x, y, z)
        return np.asarray(np.clip(factor, 0.05, 1.35), np.float32)


def plan_head(rng: np.random.Generator) -> HeadPlan:
    """A random patient's head."""
    head = plan_ct_head(rng)
    half_x, half_y = head.half_width - 14, head.half_length - 15
    uptake = random_brain_uptake(rng)
    age = float(rng.beta(1.6, 1.3))
    field = max(float(rng.uniform(250, 300)), 2 * head.half_length + 12)
    slack = max(0.0, (field - 2 * head.half_length) / 2 - 8)
    deep, cerebellum = [], []
    s = half_x / 65
    for side in (-1, 1):
        for x, y, z, a, b in DEEP:
            half = (a * s, b * s, 11.0)
            deep.append(lump(rng, (side * x * s, y * s, z), half, side * -0.25, rough=0.08))
        at = (side * 25 * s, 0.47 * half_y, 4.0)
        half = (29 * s, 27 * s, 25.0)
        cerebellum.append(lump(rng, at, half, side * 0.3, 2.1, 0.04, lean=(0, 0.1)))
    cerebellum.append(lump(rng, (0, 0.45 * half_y, 12.0), (9 * s, 19 * s, 24.0), rough=0.05))
    return HeadPlan(
        field_mm=field,
        heights=(2.0, 106.0),
        origin=(float(rng.uniform(-slack, slack)) * 0.5, float(rng.uniform(-slack, slack)) * 0.6),
        turn=head.turn,
        bend_mm=(head.bend_mm[0], float(rng.uniform(0.3, 0.8))),
        head=head,
        cortex=random_cortex(rng, half_x, half_y, age),
        deep=tuple(deep),
        cerebellum=tuple(cerebellum),
        uptake=uptake,
        deficits=random_deficits(rng, half_x, half_y),
        lesions=_tumours(rng, half_x, half_y, uptake),
        resolution=random_resolution(rng, LEAST_FWHM_MM),
    )


def _tumours(
    rng: np.random.Generator, half_x: float, half_y: float, uptake: BrainUptake
) -> tuple[Lesion, ...]:
    """Tumours in a fifth of patients: one, or a few metastases; hot, or fainter than cortex."""
    if rng.random() > 0.2:
        return ()
    lesions = []
    single = rng.random() < 0.6
    for _ in range(1 if single else int(rng.integers(2, 6))):
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.85)
        at = (half_x * far * np.cos(turn), half_y * far * np.sin(turn), float(rng.uniform(20, 95)))
        radius = float(rng.uniform(7, 22) if single else np.exp(rng.uniform(0.9, 2.3)))
        suv = uptake.cortex * float(rng.uniform(0.4, 1.6))
        core = radius * float(rng.uniform(0.4, 0.75)) if radius > 9 and rng.random() < 0.6 else 0.0
        lesions.append(Lesion(at, radius, suv, core, float(rng.uniform(0.5, 2)), 0.15))
    return tuple(lesions)
