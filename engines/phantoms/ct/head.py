"""A random head, from the base of the skull to the vertex, as an unenhanced CT shows it.

z is 0 at the floor of the middle fossa and goes up; y is 0 in the middle and negative in front.
Brain values after Osborn (Diagnostic Neuroradiology): grey matter 37 to 41, white 20 to 32, fluid
0 to 15, fresh blood 50 to 80, skull 600 to 1800 HU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, bump, ripple, superellipse
from engines.phantoms.ct.brain import Brain, plan_brain
from engines.phantoms.ct.skull_base import SkullBase, plan_skull_base
from engines.phantoms.texture import PARENCHYMA, STRANDS, TRABECULAE, Textures


@dataclass(frozen=True, slots=True)
class HeadPlan:
    """One head; lengths in mm, values in HU, phases in radians."""

    field_mm: float
    heights: tuple[float, float]
    origin: tuple[float, float]
    turn: float
    bend_mm: tuple[float, float]
    half_width: float
    half_length: float
    scalp_mm: float
    bone_mm: float
    diploe: float
    cortex: float
    fat: float
    amplitudes: FloatArray
    phases: FloatArray
    holder: bool
    brain: Brain
    base: SkullBase

    def outline(self, z: float) -> Contour:
        """The skin at height ``z``."""
        away = (z - 42) / (84.0 if z > 42 else 150.0)
        scale = max(1 - abs(away) ** 2.5, 0.001) ** (1 / 2.5)
        radii = superellipse(self.half_width * scale, self.half_length * scale, 0, 2.25)
        radii = radii * (1 + ripple(self.amplitudes, self.phases))
        # Narrower in front than behind; the nape's muscles show in low slices.
        radii = radii * (
            1 - 0.05 * bump(-np.pi / 2 - 0.7, 0.45) - 0.05 * bump(-np.pi / 2 + 0.7, 0.45)
        )
        if z < 25:
            radii = radii * (1 + 0.10 * min((25 - z) / 30, 1) * bump(np.pi / 2, 0.8))
        return Contour(0, 0, radii.astype(np.float32))

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``: holder, scalp, skull, brain, base."""
        z = canvas.z
        skin = self.outline(z)
        if self.holder:
            self._draw_holder(canvas)
        body = canvas.depth(skin)
        if body is None:
            return
        low = min(max((22 - z) / 30, 0), 1)
        scalp = self.scalp_mm * (1 + 0.3 * ripple(self.amplitudes, self.phases + 1) * 30)
        scalp = np.maximum(scalp + 18 * low * bump(np.pi / 2, 0.7) + 6 * low, 3)
        # Temporal muscle under the skin at both temples.
        temple = np.clip((62 - z) / 30, 0, 1) * (bump(-0.55, 0.5) + bump(np.pi + 0.55, 0.5))
        scalp = scalp + 9 * temple
        grain = textures.at(PARENCHYMA, z)
        strands = textures.lines(STRANDS, z, 0.22, 3)
        fat = np.float32(self.fat) + 6 * grain + 45 * strands
        muscle = 52 + 5 * grain - 18 * textures.lines(STRANDS, z, 0.2, 4)
        box, depth = body
        canvas.lay(box, canvas.cover(depth), 35.0)
        canvas.fill(skin.grown(-1.8), fat)
        canvas.fill(
            skin.grown(-np.maximum(scalp * (0.62 - 0.45 * temple), 2.2).astype(np.float32)), muscle
        )
        outer = skin.grown((-scalp).astype(np.float32))
        thick = self.bone_mm * (1 + 12 * ripple(self.amplitudes, self.phases + 2))
        thick = np.clip(thick + 2.5 * bump(-np.pi / 2, 0.25) + 3 * bump(np.pi / 2, 0.2), 3.2, 14)
        spongy = np.float32(self.diploe) + 130 * textures.at(TRABECULAE, z)
        inner = outer.grown((-thick).astype(np.float32))
        canvas.bone(outer, self.cortex, 2.1, spongy)
        canvas.fill(inner.grown(2.0), self.cortex)
        self.brain.draw(canvas, textures, inner)
        self.base.draw(canvas, textures, outer, inner)

    def _draw_holder(self, canvas: Canvas) -> None:
        """The head holder: a thin shell below and at both sides."""
        arc = (superellipse(105, 128, 0, 3) * 1.0).astype(np.float32)
        shell = Contour(0, -5, arc)
        found = canvas.depth(shell)
        if found is None:
            return
        box, depth = found
        below = canvas.cover(canvas.y[box] - np.float32(18), 4)
        rim = canvas.cover(depth) * (1 - canvas.cover(depth - 2.2)) * below
        canvas.lay(box, rim, 90.0)
        foam = canvas.cover(depth - 2.2) * below * canvas.cover(canvas.y[box] - np.float32(60), 4)
        canvas.lay(box, foam, -960.0)


def plan_head(rng: np.random.Generator) -> HeadPlan:
    """A random head: about a child's to a large man's."""
    scale = float(np.clip(rng.normal(1.0, 0.06), 0.78, 1.12))
    half_width, half_length = (
        79 * scale * rng.uniform(0.95, 1.06),
        97 * scale * rng.uniform(0.95, 1.06),
    )
    field = max(200.0, 2 * half_length + rng.uniform(12, 60))
    slack = max(0.0, (field - 2 * half_length) / 2 - 5)
    order = np.arange(2, 9)
    return HeadPlan(
        field_mm=float(field),
        heights=(4.0, 118.0),
        origin=(float(rng.uniform(-slack, slack)), float(rng.uniform(-slack, slack)) * 0.8),
        turn=float(rng.normal(0, 0.09)),
        bend_mm=(float(rng.uniform(1.0, 2.6)), float(rng.uniform(0.2, 0.5))),
        half_width=float(half_width),
        half_length=float(half_length),
        scalp_mm=float(rng.uniform(4.0, 8.5)),
        bone_mm=float(rng.uniform(4.8, 8.2)),
        diploe=float(rng.uniform(350, 850)),
        cortex=float(rng.uniform(1050, 1650)),
        fat=float(rng.uniform(-105, -75)),
        amplitudes=(rng.normal(0, 0.012, 7) / order).astype(np.float32),
        phases=rng.uniform(0, 2 * np.pi, 7).astype(np.float32),
        holder=bool(rng.random() < 0.75),
        brain=plan_brain(rng, half_width - 14, half_length - 15),
        base=plan_skull_base(rng, half_width, half_length),
    )
