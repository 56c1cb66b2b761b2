"""A random abdomen in T2 and T1: the patients of CT's abdomen, drawn in signal.

Build, organs, vessels and bowel are planned as for CT (``engines.phantoms.ct.abdomen``); what MR
shows otherwise is drawn here and in ``abdomen_organs``: flow voids, fluid, discs, cortex and
medulla of the kidneys, lesions by their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Box, Canvas, Paint
from engines.phantoms.contour import Contour, superellipse
from engines.phantoms.ct.abdomen import AbdomenPlan
from engines.phantoms.ct.body import Tissues, random_ribs, random_torso
from engines.phantoms.ct.contrast import Contrast
from engines.phantoms.ct.gut_plan import plan_backs, plan_gut
from engines.phantoms.ct.organ_plan import plan_organs, room_of
from engines.phantoms.ct.scene import random_scene
from engines.phantoms.ct.spine import random_spine
from engines.phantoms.mr.abdomen_organs import Look, draw_organs, random_look
from engines.phantoms.mr.acquisition import BLUR_PIXELS, Acquisition
from engines.phantoms.mr.shading import plan_shading
from engines.phantoms.mr.signal import tissue_signals
from engines.phantoms.texture import (
    PARENCHYMA,
    RIPPLE,
    TRABECULAE,
    Grain,
    Textures,
)

REGION = "abdomen"
CONTRASTS = ("T2", "T1")
SEPTA = Grain("septa", 9, 60, 3.0, 20)
BUNDLES = Grain("bundles", 6.5, 34, 2.6, 14)
BLOOD_IN_LIVER = 0.13
"""Share of the liver's signal that is of blood in its sinusoids, too slow to be a flow void."""
MUSCLE_LEFT = 0.8
"""What magnetisation transfer leaves of muscle in fast spin echoes, roughly (Henkelman et al., NMR
Biomed 2001;14:57)."""


class SignalCanvas(Canvas):
    """A canvas on which what CT paints below water, as air, has no signal."""

    __slots__ = ()

    def lay(self, box: Box, cover: FloatArray, paint: Paint) -> None:
        """As ``Canvas.lay``."""
        here = self.values[box]
        colour = paint[box] if isinstance(paint, np.ndarray) else np.float32(paint)
        here += cover * (np.maximum(colour, np.float32(0)) - here)


@dataclass(frozen=True, slots=True)
class MRAbdomenPlan(AbdomenPlan):
    """One abdomen in one contrast: HU of the plan are signals; ``signals`` are of all tissues.

    ``hydration`` is how bright the discs' nuclei are (0 to 1); ``roots`` are places of the nerves
    in the dural sac (n, 2), as shares of it.
    """

    signals: Mapping[str, float]
    look: Look
    hydration: float
    roots: FloatArray
    acquisition: Acquisition

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``."""
        self.acquisition.prepare(canvas)
        board = SignalCanvas(**{f.name: getattr(canvas, f.name) for f in fields(canvas)})
        tissues = self._tissues(board, textures)
        cavity = self.torso.draw(board, textures, tissues)
        self._draw_skin(board)
        inside = board.share(self._under_dome(board, textures, tissues, cavity))
        for muscle in self.backs:
            cut = muscle.at(board.z)
            if cut is not None:
                board.fill(cut.grown(1.5), tissues.fat)
                board.fill(cut, tissues.muscle)
        draw_organs(
            board, textures, tissues, inside, self.organs, self.loops, self.signals, self.look
        )
        self._draw_spine(board, textures, tissues)
        self.ribs.draw(board, self.torso, tissues, cavity, 75 * self.torso.scale)
        # A child's processes would stand out of its back.
        board.values *= board.share(self.torso.skin(board.z).grown(1.0))
        self.acquisition.picture(canvas)

    def _tissues(self, canvas: Canvas, textures: Textures) -> Tissues:
        """Paint of fat with its septa, muscle with fat between its bundles, and red marrow."""
        z, s = canvas.z, self.signals
        grain = textures.at(PARENCHYMA, z)
        septa = np.float32(0.14) * textures.lines(SEPTA, z, 0.05)
        fat = np.float32(s["fat"]) * (1 + np.float32(0.02) * grain) * (1 - septa)
        patchy = np.clip(textures.at(RIPPLE, z, 8) + np.float32(0.6), 0, 2)
        marbling = self.torso.marbling
        streaks = textures.lines(BUNDLES, z, 0.16 + 0.25 * marbling, 2) * patchy
        share = np.clip((0.08 + 0.45 * marbling) * streaks, 0, 0.8)
        muscle = np.float32(self.contrast.muscle) * (1 + np.float32(0.05) * grain)
        muscle = muscle + share * (np.float32(s["fat"]) - muscle)
        fine = textures.at(TRABECULAE, z)
        marrow = np.float32(s["red_marrow"]) * (1 + np.float32(0.05) * (fine + grain))
        return Tissues(fat, muscle, np.maximum(marrow, 0), grain)

    def _draw_skin(self, canvas: Canvas) -> None:
        """The skin, over the one that CT's trunk has."""
        found = canvas.depth(self.torso.skin(canvas.z))
        if found is not None:
            box, depth = found
            rim = canvas.cover(depth) - canvas.cover(depth - np.float32(self.torso.skin_mm))
            canvas.lay(box, np.maximum(rim, 0), self.signals["skin"])

    def _draw_spine(self, canvas: Canvas, textures: Textures, tissues: Tissues) -> None:
        """Vertebra or disc as CT draws it, its nucleus, and the dural sac with roots in fluid."""
        s, spine = self.signals, self.spine
        spine.draw(canvas, self.torso, tissues)
        away = abs(((canvas.z + spine.shift_mm) / spine.pitch_mm) % 1.0 - 0.5)
        in_disc = float(np.clip((away - 0.40) * 16, 0, 1))
        if in_disc > 0:
            nucleus = superellipse(0.62 * spine.half_x, 0.55 * spine.half_y, 0, 2.3)
            bright = spine.disc_hu + self.hydration * (s["disc"] - spine.disc_hu)
            shape = Contour(0, spine.y, nucleus.astype(np.float32))
            canvas.fill(shape, bright, in_disc, 5.0)
        middle = spine.y + 0.95 * spine.half_y + 7.5
        sac = Contour(0, middle, superellipse(10.5, 8.0, 0, 2.2).astype(np.float32))
        canvas.fill(sac.grown(2.2), s["fat"])
        canvas.fill(sac.grown(0.4), s["dura"])
        canvas.fill(sac, s["csf"] * (1 + np.float32(0.02) * tissues.grain))
        rows = [
            [10.5 * u, middle + 8 * v, -500.0, 10.5 * u, middle + 8 * v, 500.0, 0.75, 0.75]
            for u, v in self.roots.tolist()
        ]
        canvas.tubes(np.array(rows, np.float32), s["nerve"])


def plan_abdomen_mr(rng: np.random.Generator, contrast: str) -> MRAbdomenPlan:
    """A random patient's abdomen in ``contrast``; the same anatomy in all for the same generator.

    Raises:
        ValueError: no such contrast.
    """
    if contrast not in CONTRASTS:
        raise ValueError(f"contrast must be one of {', '.join(CONTRASTS)}, not {contrast!r}")
    # What the contrast decides takes no random number of the anatomy's.
    of_signals, of_look, of_scan = (
        np.random.default_rng(int(seed)) for seed in rng.integers(2**62, size=3)
    )
    signals = tissue_signals(contrast, of_signals, 0.0)
    look = random_look(of_look, signals, contrast)
    values = _values(signals, look, contrast)
    torso = replace(
        random_torso(rng, 150, 102),
        fat_hu=signals["fat"],
        muscle_hu=values.muscle,
        cortex_hu=signals["bone"],
    )
    heights = (10 * torso.scale, 195 * torso.scale)
    scene = random_scene(rng, torso, 0.0, heights)
    annulus = 0.25 * signals["disc"] + 0.75 * signals["ligament"]
    spine = replace(random_spine(rng, torso, lumbar=True), disc_hu=annulus)
    room = room_of(rng, torso, spine)
    blur_pixels = float(of_scan.uniform(*BLUR_PIXELS))
    turns, far = rng.uniform(0.1, np.pi - 0.1, 14), rng.uniform(0.35, 0.82, 14)
    return MRAbdomenPlan(
        field_mm=scene.field_mm,
        heights=heights,
        origin=scene.origin,
        turn=scene.turn,
        bend_mm=(float(rng.uniform(1.5, 4)), float(rng.uniform(0.25, 0.6))),
        torso=torso,
        ribs=random_ribs(rng, torso.scale),
        spine=spine,
        scene=scene,
        contrast=values,
        organs=plan_organs(room, spine, values),
        loops=plan_gut(room, values.gut_wall),
        backs=plan_backs(room, spine),
        signals=signals,
        look=look,
        hydration=float(rng.uniform(0.1, 1.0)),
        roots=np.stack([far * np.cos(turns), far * np.sin(turns)], axis=1).astype(np.float32),
        acquisition=Acquisition(blur_pixels, plan_shading(of_scan, 170 * torso.scale)),
    )


def _values(signals: Mapping[str, float], look: Look, contrast: str) -> Contrast:
    """Signals in the places of the HU that CT's plans ask for."""
    liver = signals["liver"] + BLOOD_IN_LIVER * (signals["blood"] - signals["liver"])
    left = 1.0 if contrast == "T1" else MUSCLE_LEFT
    return Contrast(
        phase="portal",
        artery=look.artery,
        vein=look.vein,
        portal=look.portal,
        liver=liver,
        spleen=signals["spleen"],
        cortex=signals["kidney_cortex"],
        medulla=signals["kidney_medulla"],
        urine=signals["urine"],
        muscle=left * signals["muscle"],
        gut_wall=signals["bowel_wall"],
    )


PLANS_ABDOMEN: dict[tuple[str, str], Callable[[np.random.Generator], MRAbdomenPlan]] = {
    (REGION, contrast): partial(plan_abdomen_mr, contrast=contrast) for contrast in CONTRASTS
}
"""(region, contrast) -> function that makes a random plan."""
