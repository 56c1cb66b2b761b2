"""Bowel and stomach: a wall around stool, fluid, gas or drunk contrast medium."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Lump, lump
from engines.phantoms.ct.body import Tissues
from engines.phantoms.texture import FIBRES, RIPPLE, Textures

FILLINGS = ("stool", "gas", "fluid", "collapsed", "contrast", "level")


@dataclass(frozen=True, slots=True)
class Loop:
    """One stretch of bowel; ``filling`` is one of ``FILLINGS``, ``level`` the share of gas."""

    lump: Lump
    filling: str
    wall_hu: float
    wall_mm: float
    content_hu: float
    level: float

    def draw(
        self, canvas: Canvas, textures: Textures, tissues: Tissues, inside: FloatArray | None
    ) -> None:
        """Draw its cut, kept within ``inside``."""
        cut = self.lump.at(canvas.z)
        if cut is None or float(cut.radii.max()) < 2:
            return
        canvas.fill(cut, self.wall_hu + 4 * tissues.grain, inside)
        if self.filling == "collapsed" or float(cut.radii.min()) < self.wall_mm * 1.2:
            return
        lumen = cut.grown(-self.wall_mm)
        if self.filling == "gas":
            canvas.fill(lumen, -985.0, inside)
        elif self.filling == "stool":
            bubbles = textures.at(FIBRES, canvas.z, 7) + np.float32(0.5) * textures.at(
                RIPPLE, canvas.z, 7
            )
            gas = np.clip((bubbles - np.float32(1.4 - 2 * self.level)) * 3, 0, 1)
            canvas.fill(
                lumen, self.content_hu + 14 * textures.at(FIBRES, canvas.z, 8) - 850 * gas, inside
            )
        else:
            canvas.fill(lumen, self.content_hu + 3 * tissues.grain, inside)
            if self.filling == "level":
                found = canvas.depth(lumen)
                if found is not None:
                    box, depth = found
                    top = np.float32(lumen.y + (self.level * 1.6 - 0.8) * float(lumen.radii[768]))
                    gas = canvas.cover(np.minimum(depth, top - canvas.y[box]))
                    canvas.lay(box, gas if inside is None else gas * inside[box], -980.0)


def loop(
    rng: np.random.Generator,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    wall_hu: float,
    chances: tuple[float, ...],
    rough: float = 0.09,
    wall_mm: float = 2.4,
) -> Loop:
    """A random stretch of bowel; ``chances`` are those of ``FILLINGS``."""
    filling = str(rng.choice(FILLINGS, p=np.array(chances) / sum(chances)))
    content = rng.uniform(150, 450) if filling == "contrast" else rng.uniform(8, 45)
    shape = lump(rng, centre, half, float(rng.uniform(0, np.pi)), 2.1, rough)
    return Loop(
        shape,
        filling,
        wall_hu,
        wall_mm * float(rng.uniform(0.8, 1.4)),
        float(content),
        float(rng.uniform(0.25, 0.75)),
    )


def small_bowel(
    rng: np.random.Generator,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    wall_hu: float,
    count: int,
    scale: float,
) -> tuple[Loop, ...]:
    """About ``count`` loops within a box; each keeps its distance from the others."""
    kept: list[tuple[float, float, float]] = []
    loops = []
    chances = (0.05, 0.05, 0.45, 0.3, 0.05 if rng.random() < 0.65 else 0.6, 0.07)
    for _ in range(count * 6):
        at = tuple(float(c + h * rng.uniform(-1, 1)) for c, h in zip(centre, half, strict=True))
        if any(
            (at[0] - x) ** 2 + (at[1] - y) ** 2 + ((at[2] - z) * 0.8) ** 2 < (20 * scale) ** 2
            for x, y, z in kept
        ):
            continue
        kept.append((at[0], at[1], at[2]))
        wide = float(rng.uniform(11, 18)) * scale
        shape = (wide * float(rng.uniform(1.0, 2.3)), wide, wide * float(rng.uniform(1.0, 1.8)))
        loops.append(loop(rng, kept[-1], shape, wall_hu, chances, 0.08, 2.0))
        if len(loops) >= count:
            break
    return tuple(loops)
