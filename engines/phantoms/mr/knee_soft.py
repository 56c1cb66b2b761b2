"""The soft parts around a knee: skin and fascia, muscles, tendons, vessels and nerves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.mr.knee_solids import Coordinate, Place, Point, ring, rod, slope, within

_HEIGHTS = (-120.0, -95.0, -70.0, -48.0, -38.0, -22.0, -5.0, 15.0, 38.0, 60.0, 90.0)
_FRONT = (-60.0, -58.0, -57.5, -58.0, -57.5, -55.0, -49.5, -43.0, -36.0, -31.0, -28.0)
_BACK = (70.0, 68.0, 64.0, 60.0, 57.5, 55.5, 55.0, 57.0, 61.0, 65.0, 68.0)
_SIDE = (62.0, 60.0, 56.0, 51.0, 49.0, 47.0, 45.0, 45.0, 45.5, 48.0, 51.0)

MUSCLES: dict[str, tuple[tuple[Point, ...], tuple[float, ...], float]] = {
    "vastus intermedius": (((-22, -120, 2), (-24, -92, 2), (-32, -72, 1)), (21, 17, 1.5), 1.6),
    "rectus": (((-48, -120, 2), (-48, -95, 1), (-47, -78, 1)), (9, 6, 0.5), 2.0),
    "vastus medialis": (((-18, -120, -32), (-22, -82, -34), (-30, -50, -32)), (27, 24, 7), 0.95),
    "vastus lateralis": (((-16, -120, 34), (-18, -88, 37), (-27, -60, 35)), (27, 22, 4), 0.85),
    "semimembranosus": (
        ((42, -120, -16), (42, -60, -18), (41, -28, -24), (38, 0, -29)),
        (21, 18, 11, 2.5),
        1.1,
    ),
    "semitendinosus": (((60, -120, -10), (58, -60, -16), (50, -20, -26)), (10, 6, 1.8), 1.2),
    "sartorius": (((22, -120, -46), (28, -50, -42), (26, 0, -37)), (8, 7, 3), 0.8),
    "biceps": (((44, -120, 22), (42, -60, 27), (34, -20, 34), (23, 14, 36)), (21, 17, 9, 2.5), 1.0),
    "gastrocnemius medial": (
        ((33, -40, -19), (43, -12, -17), (47, 25, -14), (49, 100, -14)),
        (3, 10, 15, 18),
        1.35,
    ),
    "gastrocnemius lateral": (
        ((32, -38, 20), (42, -10, 17), (47, 25, 14), (49, 100, 14)),
        (3, 9, 13, 17),
        1.35,
    ),
    "popliteus": (((29, 2, 14), (27, 20, 2), (21, 48, -10)), (3, 7.5, 7), 2.4),
    "soleus": (((27, 24, 20), (31, 52, 6), (33, 110, 2)), (5, 13, 17), 2.3),
    "tibialis posterior": (((19, 32, 16), (17, 55, 13), (17, 110, 12)), (4, 9, 11), 1.5),
    "tibialis anterior": (((-4, 14, 31), (-5, 42, 26), (-6, 110, 22)), (3, 14, 17), 0.95),
    "peroneus": (((11, 24, 41), (8, 50, 37), (8, 110, 36)), (3, 9, 11), 1.0),
}
"""Name -> points (a, d, s), radii and how much broader than thick, of an average adult, mm."""


@dataclass(frozen=True, slots=True)
class Soft:
    """What differs between people.

    ``fat_mm`` is the thickness of fat under the skin, in front and elsewhere; ``strong`` the
    muscles' size; ``marbling`` the share of fat in them; ``top`` the patella's middle (d) and half
    its height.
    """

    fat_mm: tuple[float, float]
    strong: float
    marbling: float
    patella: tuple[float, float]
    tendon_mm: tuple[float, float]
    shifts: FloatArray
    vein: float
    twigs: FloatArray

    def fascia(self, p: Place) -> FloatArray:
        """Depth under the fascia, which holds all but fat and skin."""
        front, back, side = (np.interp(p.d, _HEIGHTS, line) for line in (_FRONT, _BACK, _SIDE))
        bulky = 1 + 0.10 * (self.strong - 1) * slope(np.abs(p.d + 15.0), 20.0, 80.0)
        middle, half = (back + front) / 2, (back - front) / 2
        return ring(p.a - middle, p.s + 1.0, half * bulky, side * bulky)

    def skin_mm(self, p: Place) -> Coordinate:
        """Thickness of the fat between fascia and skin: little in front of patella and tendon."""
        before = slope(-p.a, 5.0, 42.0)
        bare = before * (1 - slope(np.abs(p.d + 20.0), 45.0, 80.0))
        return self.fat_mm[1] + (self.fat_mm[0] - self.fat_mm[1]) * bare

    def muscles(self, p: Place) -> list[FloatArray]:
        """Depth in each muscle."""
        found = []
        for (points, radii, flat), (a, s, size) in zip(
            MUSCLES.values(), self.shifts.tolist(), strict=True
        ):
            moved = [(q[0] + a, q[1], q[2] + s) for q in points]
            grown = [r * size * self.strong for r in radii]
            found.append(rod(p, moved, grown, flat))
        return found

    def tendons(self, p: Place) -> FloatArray:
        """Depth in the quadriceps tendon, the patellar tendon and the layer over the patella."""
        at, long = self.patella
        quad, patellar = self.tendon_mm
        upper: list[Point] = [
            (-48.0, at - long + 3, 1),
            (-46.5, at - long - 12, 1),
            (-42, -92, 1),
            (-39.5, -125, 1),
        ]
        lower: list[Point] = [(-50.0, at + long - 6, 1.5), (-44.0, 5.0, 2.0), (-29.0, 37.0, 3.0)]
        over: list[Point] = [(-55.0, at - long + 5, 1), (-56.2, at, 1), (-54.0, at + long - 5, 1)]
        rods = (
            within(rod(p, upper, (quad, quad, 0.8 * quad, 0.5 * quad), 4.5), at - p.d),
            rod(p, lower, (0.9 * patellar, patellar, 1.1 * patellar), 4.6),
            rod(p, over, (1.0, 0.9, 1.0), 14.0),
        )
        return np.maximum(np.maximum(rods[0], rods[1]), rods[2])

    def hamstring_tendons(self, p: Place) -> FloatArray:
        """Depth in the tendons at the knee's back and inner side."""
        rods = (
            rod(p, ((40, -30, -27), (37, -5, -30), (30, 12, -31)), (1.2, 2.4, 1.8)),
            rod(
                p,
                ((48, -50, -22), (44, -10, -28), (20, 30, -33), (2, 52, -27)),
                (1.5, 1.8, 1.6, 1.2),
            ),
            rod(p, ((33, -20, 37), (25, 8, 37), (20, 18, 34)), (1.4, 2.2, 2.4)),
        )
        return np.maximum(np.maximum(rods[0], rods[1]), rods[2])

    def vessels(self, p: Place) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Depth in the popliteal artery, the vein and the nerve."""
        artery: list[Point] = [
            (22, -120, -8),
            (28, -70, -3),
            (34, -30, 1),
            (35, 0, 2),
            (31, 30, 2),
            (32, 110, 4),
        ]
        vein: list[Point] = [
            (27, -120, -4),
            (34, -70, 0),
            (40, -30, 4),
            (41, 0, 5),
            (36, 30, 6),
            (38, 110, 8),
        ]
        nerve: list[Point] = [(40, -120, 4), (44, -60, 4), (47, -20, 6), (47, 10, 6), (42, 45, 8)]
        return (
            rod(p, artery, (3.0, 3.0, 2.8, 2.6, 2.3, 1.6)),
            rod(p, vein, [self.vein * r for r in (4.0, 4.0, 4.0, 3.8, 3.4, 2.0)], 1.2),
            rod(p, nerve, (3.0, 2.8, 2.4, 2.0, 1.6), 1.3),
        )

    def small_veins(self, p: Place) -> FloatArray:
        """Depth in veins under the skin and around the joint."""
        depth = rod(p, (), ())
        for x0, x1, x2, y0, y1, y2, r in self.twigs.tolist():
            np.maximum(depth, rod(p, ((x0, x1, x2), (y0, y1, y2)), (r, 0.8 * r)), out=depth)
        return depth


def random_soft(rng: np.random.Generator, patella: tuple[float, float]) -> Soft:
    """Random soft parts around a patella whose middle and half height are given."""
    plump = float(rng.beta(1.4, 2.4))
    shifts = np.stack(
        [
            rng.normal(0, 1.0, len(MUSCLES)),
            rng.normal(0, 1.0, len(MUSCLES)),
            rng.normal(1, 0.05, len(MUSCLES)),
        ],
        axis=1,
    )
    twigs = []
    for _ in range(14):  # under the skin
        turn, d = rng.uniform(-0.6 * np.pi, 0.6 * np.pi), rng.uniform(-80, 70)
        r = rng.uniform(0.5, 1.4)
        out = rng.uniform(1.03, 1.12)
        start = (4 + 52 * np.cos(turn) * out, d, 50 * np.sin(turn) * out)
        twigs.append(
            (
                *start,
                start[0] + rng.normal(0, 5),
                d + rng.uniform(25, 60),
                start[2] + rng.normal(0, 5),
                r,
            )
        )
    for _ in range(16):  # around the joint and in the hollow of the knee
        start = (rng.uniform(26, 40), rng.uniform(-60, 40), rng.normal(0, 12))
        twigs.append(
            (
                *start,
                start[0] + rng.normal(2, 8),
                start[1] + rng.normal(0, 14),
                start[2] + rng.normal(0, 14),
                rng.uniform(0.4, 0.9),
            )
        )
    for _ in range(10):  # in Hoffa's fat
        start = (rng.uniform(-42, -26), rng.uniform(-16, 16), rng.normal(0, 10))
        twigs.append(
            (
                *start,
                start[0] + rng.normal(0, 7),
                start[1] + rng.normal(0, 7),
                start[2] + rng.normal(0, 7),
                rng.uniform(0.35, 0.7),
            )
        )
    return Soft(
        fat_mm=(2.5 + 4 * plump, 4.0 + 18 * plump),
        strong=float(np.clip(rng.normal(1.0, 0.07), 0.85, 1.15)),
        marbling=float(rng.beta(1.3, 5)),
        patella=patella,
        tendon_mm=(float(rng.uniform(3.0, 3.9)), float(rng.uniform(2.1, 2.9))),
        shifts=shifts.astype(np.float32),
        vein=float(rng.uniform(0.7, 1.2)),
        twigs=np.array(twigs, np.float32),
    )
