"""Where a brain takes up less than it should: dementia, epilepsy, stroke.

Patterns after Brown et al., "Brain PET in suspected dementia: patterns of altered FDG metabolism",
RadioGraphics 34 (2014) 684; where, not how much. Epilepsy between seizures and stroke as any
textbook of nuclear medicine shows them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray

KINDS = ("none", "alzheimer", "frontal", "epilepsy", "stroke")


@dataclass(frozen=True, slots=True)
class Deficit:
    """An ellipsoid with less uptake: middle and half axes in mm, share that is left within it.

    ``sharp`` is the power of its rim: 2 fades, 8 has an edge.
    """

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    left: float
    sharp: float

    def factor(self, x: FloatArray, y: FloatArray, z: float) -> FloatArray:
        """What the uptake is multiplied by at each point at height ``z``."""
        (cx, cy, cz), (a, b, c) = self.centre, self.half
        far = ((x - np.float32(cx)) / a) ** 2 + ((y - np.float32(cy)) / b) ** 2
        far = far + np.float32(((z - cz) / c) ** 2)
        share = np.exp(-(far ** np.float32(self.sharp / 2)))
        return np.asarray(1 - (1 - self.left) * share, np.float32)


def random_deficits(rng: np.random.Generator, half_x: float, half_y: float) -> tuple[Deficit, ...]:
    """Those of one patient, whose brain is ``half_x`` by ``half_y`` mm: half have none."""
    kind = str(rng.choice(KINDS, p=[0.5, 0.16, 0.08, 0.12, 0.14]))
    u = rng.uniform
    side = float(rng.choice([-1, 1]))

    def pair(
        at: tuple[float, float, float], half: tuple[float, float, float], left: float
    ) -> list[Deficit]:
        """The same on both sides, but not equally much."""
        return [
            Deficit(
                (s * at[0] * half_x, at[1] * half_y, at[2]),
                (half[0] * half_x, half[1] * half_y, half[2]),
                float(np.clip(left + rng.normal(0, 0.08), 0.3, 1)),
                2.6,
            )
            for s in (-1.0, 1.0)
        ]

    if kind == "alzheimer":
        left = float(u(0.5, 0.8))
        found = pair((0.72, 0.42, 62), (0.42, 0.36, 24), left)
        found += pair((0.85, 0.12, 32), (0.3, 0.4, 18), left + 0.08)
        found += pair((0.08, 0.52, 72), (0.2, 0.26, 18), left)
    elif kind == "frontal":
        left = float(u(0.45, 0.75))
        found = pair((0.4, -0.66, 58), (0.55, 0.42, 40), left)
        found += pair((0.6, -0.3, 12), (0.36, 0.25, 14), left + 0.1)
    elif kind == "epilepsy":
        at = (side * half_x * float(u(0.5, 0.62)), half_y * float(u(-0.25, 0.0)), float(u(8, 30)))
        half = (half_x * float(u(0.3, 0.5)), half_y * float(u(0.2, 0.4)), float(u(14, 24)))
        found = [Deficit(at, half, float(u(0.5, 0.78)), 3.0)]
    elif kind == "stroke":
        at = (side * half_x * float(u(0.4, 0.85)), half_y * float(u(-0.5, 0.7)), float(u(35, 85)))
        half = (half_x * float(u(0.2, 0.5)), half_y * float(u(0.14, 0.42)), float(u(14, 34)))
        found = [Deficit(at, half, float(u(0.06, 0.4)), 6.0)]
        # The cerebellum on the other side rests with it.
        away = (-side * 0.35 * half_x, 0.45 * half_y, 8.0)
        found.append(Deficit(away, (0.45 * half_x, 0.4 * half_y, 22.0), float(u(0.75, 1.0)), 4.0))
    else:
        found = []
    return tuple(found)
