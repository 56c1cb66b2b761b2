"""The four bones of a knee as solids; sizes of an average adult, mm.

Plausible, not measured on anyone; surveys are Yue et al., J Arthroplasty 2011;26:124 (femur and
tibia) and Baldwin and House, J Arthroplasty 2005;20:250 (patella).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.mr.knee_solids import (
    Coordinate,
    Place,
    bell,
    ellipsoid,
    merged,
    merged_edge,
    ring,
    slope,
    within,
)

GAP_MM = 4.3
"""Between the bones: two layers of cartilage and a film of fluid."""


@dataclass(frozen=True, slots=True)
class Bones:
    """What differs between people.

    ``condyles`` are radii of the inner and outer condyle's back, ``apart`` their distance from the
    middle, ``bend`` how far the femur leans forward (radians), ``groove`` the depth of the
    trochlea, ``patella`` the middle of it (a, d, s), ``patella_long`` half its height, ``fall`` of
    the tibia's plateau to the back, ``eminence`` its height.
    """

    condyles: tuple[float, float]
    apart: float
    bend: float
    groove: float
    patella_at: tuple[float, float, float]
    patella_long: float
    fall: float
    eminence: float

    def femur(self, p: Place) -> FloatArray:
        """Depth in the femur."""
        p = p.turned((6.0, -26.0), self.bend)
        parts = []
        for side, radius in zip((-1, 1), self.condyles, strict=True):
            s = side * self.apart
            front = 1.32 * radius
            back = ellipsoid(p, (9.0, -GAP_MM - radius, s), (radius + 1.0, radius, 15.0))
            fore = ellipsoid(p, (-6.0, -GAP_MM - 0.5 - front, s * 0.92), (front, front, 16.5))
            parts.append(merged(back, fore, 6.0))
        total = merged(parts[0], parts[1], 3.0)
        bridge = ellipsoid(p, (-15.0, -34.0, 0.0), (17.5, 18.0, 24.0))
        total = merged(total, bridge, 5.0)
        flare = slope(p.d, -92.0, -44.0)
        shaft = ring(p.a - (-8.0 + 3 * flare), p.s, 15.0 + 8.5 * flare, 15.5 + 24 * flare)
        # The roof of the notch rises to the back (Blumensaat's line).
        roof = 0.8 * (-34.0 - 0.75 * (p.a - 2.0) - p.d)
        total = merged(total, within(merged_edge(shaft, roof, 8.0), -26.0 - p.d), 6.0)
        # The groove in which the patella runs.
        cut = self.groove * bell(p.s, 1.5, 9.0) * slope(-p.a, 16.0, 24.0) * slope(p.d, -62.0, -50.0)
        return np.asarray(total - cut, np.float32)

    def plateau(self, p: Place) -> Coordinate:
        """Height (d) of the tibia's joint surface."""
        peaks = bell(p.s, -4.5, 3.6) + 0.85 * bell(p.s, 5.0, 3.6)
        hollow = 0.9 * bell(p.s, -21.0, 9.0) * bell(p.a, 2.0, 14.0)
        dome = 0.8 * bell(p.s, 21.0, 9.0) * bell(p.a, 2.0, 14.0)
        rise = self.eminence * peaks * bell(p.a, 1.0, 10.0)
        result: Coordinate = self.fall * (p.a - 2.0) - rise + hollow - dome
        return result

    def tibia(self, p: Place) -> FloatArray:
        """Depth in the tibia."""
        taper = slope(p.d, 6.0, 62.0)
        body = ring(p.a - (1.0 - 2 * taper), p.s, 25.5 - 10 * taper, 37.5 - 22 * taper)
        tuberosity = ellipsoid(p, (-15.5, 36.0, 3.0), (10.5, 17.0, 11.0))
        head = merged(body, tuberosity, 8.0)
        return merged_edge(head, np.asarray(p.d - self.plateau(p), np.float32), 3.0)

    def fibula(self, p: Place) -> FloatArray:
        """Depth in the fibula."""
        head = ellipsoid(p, (19.0, 24.0, 32.0), (8.5, 12.0, 8.0))
        shaft = within(ring(p.a - 18.0, p.s - 31.0, 5.8, 5.8), p.d - 24.0)
        return merged(head, shaft, 4.0)

    def patella(self, p: Place, back_mm: Coordinate = 0.0) -> FloatArray:
        """Depth in the patella, flat in front, a ridge behind; ``back_mm`` more at the back."""
        a, d, s = self.patella_at
        long = self.patella_long
        body = ellipsoid(p, (a - 1.0, d, s), (11.0, long, 22.5)) + back_mm
        wedge = 9.8 + back_mm - (p.a - a) - 0.30 * np.abs(p.s - s)
        return within(np.asarray(body, np.float32), wedge, (p.a - a) + 8.8)


def random_bones(rng: np.random.Generator) -> Bones:
    """Random bones."""
    inner = float(rng.normal(21.0, 0.9))
    return Bones(
        condyles=(inner, inner - float(rng.uniform(0.0, 1.8))),
        apart=float(rng.normal(23.5, 0.8)),
        bend=float(rng.normal(0.03, 0.05)),
        groove=float(rng.uniform(3.0, 6.5)),
        patella_at=(
            float(rng.normal(-45.5, 0.7)),
            float(rng.normal(-39.0, 3.5)),
            float(rng.normal(1.5, 1.5)),
        ),
        patella_long=float(rng.uniform(19.5, 23.0)),
        fall=float(rng.uniform(0.04, 0.17)),
        eminence=float(rng.uniform(6.0, 9.0)),
    )
