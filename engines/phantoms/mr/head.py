"""A random head, axial, from the base of the skull to the vertex, in any contrast of MR.

z is 0 at the floor of the middle fossa and goes up; y is 0 in the middle and negative in front. The
outlines and the skull's base are those of the CT phantom's heads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import bump, ripple
from engines.phantoms.ct.head import HeadPlan, plan_head
from engines.phantoms.mr.acquisition import Acquisition, plan_acquisition
from engines.phantoms.mr.brain import Brain
from engines.phantoms.mr.brain_plan import plan_brain
from engines.phantoms.mr.signal import tissue_signals
from engines.phantoms.mr.skull_base import draw_skull_base
from engines.phantoms.mr.vessels import Vessels, plan_vessels
from engines.phantoms.texture import PARENCHYMA, STRANDS, TRABECULAE, Textures

HEIGHTS_MM = (10.0, 101.0)
MPRAGE_SHARE = 0.65
"""How often a T1 of the head is an MPRAGE."""
MEDIUM_SHARE = 0.3
"""How often it is taken after gadolinium."""


@dataclass(frozen=True, slots=True)
class MRHead:
    """One head and one examination of it: ``build`` has outlines, skull and base, ``signals`` the
    signal of every tissue.
    """

    build: HeadPlan
    brain: Brain
    vessels: Vessels
    signals: Mapping[str, float]
    acquisition: Acquisition

    @property
    def field_mm(self) -> float:
        """Width of the image."""
        return self.build.field_mm

    @property
    def heights(self) -> tuple[float, float]:
        """Lowest and highest z, mm."""
        return HEIGHTS_MM

    @property
    def origin(self) -> tuple[float, float]:
        """The head's middle in the field, mm."""
        return self.build.origin

    @property
    def turn(self) -> float:
        """How far the head is rolled, radians."""
        return self.build.turn

    @property
    def bend_mm(self) -> tuple[float, float]:
        """How far nature departs from the drawing board."""
        return self.build.bend_mm

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``: scalp, skull, brain, base; then picture it."""
        self.acquisition.prepare(canvas)
        z, build, signals = canvas.z, self.build, self.signals
        skin = build.outline(z)
        body = canvas.depth(skin)
        if body is None:
            return
        low = min(max((22 - z) / 30, 0), 1)
        scalp = build.scalp_mm * (1 + 0.3 * ripple(build.amplitudes, build.phases + 1) * 30)
        scalp = np.maximum(scalp + 18 * low * bump(np.pi / 2, 0.7) + 6 * low, 3)
        temple = np.clip((62 - z) / 30, 0, 1) * (bump(-0.55, 0.5) + bump(np.pi + 0.55, 0.5))
        scalp = scalp + 9 * temple
        grain = 1 + np.float32(0.03) * textures.at(PARENCHYMA, z)
        septa = textures.lines(STRANDS, z, 0.2, 3)
        fat = signals["fat"] * grain * (1 - np.float32(0.22) * septa)
        bundles = textures.lines(STRANDS, z, 0.2, 4)
        muscle = grain * np.float32(signals["muscle"])
        muscle += np.float32(0.2 * (signals["fat"] - signals["muscle"])) * bundles
        box, depth = body
        canvas.lay(box, canvas.cover(depth), signals["skin"])
        canvas.fill(skin.grown(-1.6), fat)
        gap = np.maximum(scalp * (0.80 - 0.55 * temple), 2.2).astype(np.float32)
        canvas.fill(skin.grown(-gap), muscle)
        outer = skin.grown((-scalp).astype(np.float32))
        thick = build.bone_mm * (1 + 12 * ripple(build.amplitudes, build.phases + 2))
        thick = np.clip(thick + 2.5 * bump(-np.pi / 2, 0.25) + 3 * bump(np.pi / 2, 0.2), 4.2, 14)
        inner = outer.grown((-thick).astype(np.float32))
        spongy = 0.55 + 0.06 * textures.at(TRABECULAE, z)
        marrow = np.maximum(signals["marrow"] * spongy, np.float32(0))
        canvas.bone(outer, signals["bone"], 2.0, marrow)
        canvas.fill(inner.grown(1.8), signals["bone"])
        above, here = build.outline(z + 1), skin
        slope = float(np.mean(here.radii - above.radii)) if z < 124 else 3.0
        lean = 1 / np.hypot(1.0, max(slope, 0.0))
        self.brain.draw(canvas, textures, inner, float(lean), signals)
        self.vessels.draw(canvas, inner, signals)
        draw_skull_base(build.base, canvas, textures, outer, signals)
        self.acquisition.picture(canvas)


def plan_head_mr(contrast: str) -> Callable[[np.random.Generator], MRHead]:
    """The planner of random heads in a contrast; the same generator, the same head in all."""

    def plan(rng: np.random.Generator) -> MRHead:
        examination = np.random.default_rng(int(rng.integers(2**32)))
        build = plan_head(rng)
        return MRHead(
            build=build,
            brain=plan_brain(rng, build.half_width - 14, build.half_length - 15),
            vessels=plan_vessels(rng, build.half_width - 14, build.half_length - 15),
            signals=tissue_signals(
                contrast, examination, MPRAGE_SHARE, MEDIUM_SHARE if contrast == "T1" else 0.0
            ),
            acquisition=plan_acquisition(rng, build.half_width),
        )

    return plan


PLANS_HEAD = {
    ("head", contrast): plan_head_mr(contrast) for contrast in ("T1", "T2", "PD", "FLAIR")
}
