"""What may be wrong with a knee: oedema of marrow, torn menisci, holes in cartilage, cysts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.mr.knee_solids import Place, Point, ellipsoid, rod


@dataclass(frozen=True, slots=True)
class Disease:
    """Random findings; all places (a, d, s) of an average adult, mm.

    ``oedema`` are places, sizes and strengths (0 to 1) in bone; ``tear`` is a meniscus (0 inner, 1
    outer), the way inwards at which it begins and its slant; ``holes`` are places and sizes of
    defects in cartilage; ``cyst`` the size of a popliteal cyst (0: none).
    """

    oedema: tuple[tuple[Point, Point, float], ...]
    tear: tuple[int, float, float] | None
    holes: tuple[tuple[Point, float], ...]
    cyst: float

    def oedema_share(self, p: Place) -> FloatArray | float:
        """How much of the marrow's fat fluid has taken the place of, 0 to 1."""
        total: FloatArray | float = 0.0
        for at, half, strength in self.oedema:
            depth = ellipsoid(p, at, half)
            share = strength / (1 + np.exp(np.clip(-depth / (0.22 * min(half)), -30, 30)))
            total = np.maximum(total, share).astype(np.float32)
        return total

    def hole_depth(self, p: Place) -> FloatArray | None:
        """Depth in the defects of cartilage."""
        depth: FloatArray | None = None
        for at, r in self.holes:
            one = ellipsoid(p, at, (r, 3.6, r))
            depth = one if depth is None else np.maximum(depth, one)
        return depth

    def cyst_depth(self, p: Place) -> FloatArray | None:
        """Depth in the popliteal cyst, between semimembranosus and gastrocnemius."""
        if self.cyst <= 0:
            return None
        r = self.cyst
        points = (
            (34.0, -18.0, -20.0),
            (43.0, -12.0, -21.0),
            (47.0, 4.0, -21.0),
            (47.0, 14 + r, -20.0),
        )
        return rod(p, points, (1.2, 0.5 * r, r, 0.5 * r))


def random_disease(rng: np.random.Generator) -> Disease:
    """Random findings: none in one of four knees, a few in the others."""
    sick = rng.random() < 0.75
    oedema = []
    for _ in range(int(rng.integers(1, 3)) if sick and rng.random() < 0.5 else 0):
        side = -1 if rng.random() < 0.6 else 1
        d = rng.uniform(-22, -7) if rng.random() < 0.5 else rng.uniform(3, 14)
        at = (float(rng.uniform(-14, 20)), float(d), side * float(rng.uniform(12, 30)))
        half = tuple(float(v) for v in rng.uniform(6, 17, 3))
        oedema.append((at, (half[0], half[1], half[2]), float(rng.uniform(0.4, 0.9))))
    tear = None
    if sick and rng.random() < 0.45:
        tear = (int(rng.random() < 0.3), float(rng.uniform(2.0, 6.0)), float(rng.normal(0, 0.7)))
    holes = []
    for _ in range(int(rng.integers(1, 3)) if sick and rng.random() < 0.4 else 0):
        side = -1 if rng.random() < 0.6 else 1
        at = (float(rng.uniform(-12, 18)), -4.2, side * float(rng.uniform(15, 28)))
        holes.append((at, float(rng.uniform(3, 8))))
    cyst = float(rng.uniform(4, 9)) if sick and rng.random() < 0.2 else 0.0
    return Disease(tuple(oedema), tear, tuple(holes), cyst)
