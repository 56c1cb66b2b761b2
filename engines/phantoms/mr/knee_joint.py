"""What lies between a knee's bones: cartilage, menisci, cruciate and collateral ligaments, fluid.

Cartilage is about 2 mm thick, at the patella 3 to 5 mm (for measurements see Eckstein et al., Anat
Embryol 2001;203:147).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.mr.knee_bones import GAP_MM, Bones
from engines.phantoms.mr.knee_solids import (
    Coordinate,
    Place,
    Point,
    ellipsoid,
    rod,
    slope,
    within,
)

ACL: tuple[Point, ...] = (
    (14.0, -31.0, 7.5),
    (6.0, -18.0, 4.0),
    (-3.0, -6.0, 1.5),
    (-8.5, 2.0, 0.0),
)
PCL: tuple[Point, ...] = (
    (-3.0, -19.0, -7.5),
    (5.0, -21.0, -5.5),
    (13.0, -21.0, -3.5),
    (20.0, -14.0, -2.0),
    (25.0, -3.0, -0.5),
    (27.0, 9.0, 0.0),
)
MCL: tuple[Point, ...] = (
    (2.0, -30.0, -40.5),
    (1.0, 0.0, -40.0),
    (-1.0, 30.0, -34.0),
    (-2.0, 55.0, -24.0),
)
LCL: tuple[Point, ...] = ((6.0, -28.0, 40.5), (12.0, 0.0, 41.0), (19.0, 16.0, 37.0))


@dataclass(frozen=True, slots=True)
class Meniscus:
    """One half ring on the plateau: its middle and outer radii (a, s), and the wedge's breadth and
    height; ``open_to`` is the side its gap looks to, ``gap`` half the angle of the gap.
    """

    at: tuple[float, float]
    half: tuple[float, float]
    breadth: tuple[float, float]
    tall: float
    open_to: float
    gap: float

    def parts(self, p: Place, plateau: Coordinate) -> tuple[FloatArray, FloatArray]:
        """Depth in the wedge, and the way inwards from its outer rim (mm)."""
        u, v = (p.a - self.at[0]) / self.half[0], (p.s - self.at[1]) / self.half[1]
        round_ = np.sqrt(u * u + v * v) + 1e-4
        size = np.sqrt((p.a - self.at[0]) ** 2 + (p.s - self.at[1]) ** 2) + 1e-3
        inwards = (1 - round_) * size / round_
        # The hind horn is broader than the front one.
        breadth = self.breadth[0] + (self.breadth[1] - self.breadth[0]) * slope(p.a, -12.0, 12.0)
        share = np.clip(inwards / breadth, 0, 1)
        half = 0.5 * self.tall * (1.12 - share)
        middle = plateau - 1.9 - 0.42 * self.tall
        flat = half - np.abs(p.d - middle)
        turn = np.arccos(np.clip(v * self.open_to / round_, -1, 1))
        closed = (turn - self.gap) * size
        depth = within(np.asarray(flat * 0.93, np.float32), inwards, breadth - inwards, closed)
        return depth, np.asarray(inwards, np.float32)


@dataclass(frozen=True, slots=True)
class Joint:
    """What differs between people; mm.

    ``layer`` is the thickness of cartilage on femur, tibia and patella; ``torn`` whether the
    anterior cruciate ligament is; ``fluid_mm`` half the thickness of the fluid above the patella.
    """

    layer: tuple[float, float, float]
    menisci: tuple[Meniscus, Meniscus]
    acl_mm: float
    pcl_mm: float
    torn: bool
    fluid_mm: float

    def femoral_cartilage(self, p: Place, femur: FloatArray) -> FloatArray:
        """Depth in the layer on femur, from the groove around to the condyles' backs."""
        notch = np.maximum(np.abs(p.s) - 8.5, -13.0 - p.a)
        rim = np.minimum(p.d + 62.0, p.d + 42.0 + 3 * np.maximum(-4.0 - p.a, 0))
        thick = self.layer[0] * np.clip(np.minimum(rim, 36.0 - np.abs(p.s)) / 7.0, 0, 1) ** 0.5
        return within(np.asarray(femur + thick, np.float32), notch, rim)

    def tibial_cartilage(self, p: Place, bones: Bones, tibia: FloatArray) -> FloatArray:
        """Depth in the layer on tibia, on both sides of the eminence."""
        round_ = 1 - np.sqrt(((p.a - 2.0) / 23.5) ** 2 + ((np.abs(p.s) - 20.5) / 15.5) ** 2)
        thick = self.layer[1] * np.clip(round_ * 3.0, 0, 1) ** 0.5
        top = bones.plateau(p) + 1.5 - p.d
        return within(np.asarray(round_ * 14.0, np.float32), tibia + thick, top)

    def patellar_cartilage(self, p: Place, bones: Bones) -> FloatArray:
        """Depth in the layer behind the patella, thickest at its ridge."""
        a, d, s = bones.patella_at
        v, w = (p.d - d + 2.5) / (bones.patella_long - 3.0), (p.s - s) / 20.5
        disc = 1 - v * v - w * w
        thick = self.layer[2] * np.clip(disc, 0, 1) ** 0.6
        return within(bones.patella(p, back_mm=thick), disc * 9.0, p.a - a - 2.0)

    def acl(self, p: Place) -> FloatArray:
        """Depth in the anterior cruciate ligament."""
        r = self.acl_mm
        return rod(p, ACL, (1.1 * r, 0.85 * r, r, 1.3 * r), 1.2)

    def pcl(self, p: Place) -> FloatArray:
        """Depth in the posterior cruciate ligament."""
        r = self.pcl_mm
        return rod(p, PCL, (1.3 * r, 1.1 * r, r, r, r, 0.9 * r), 1.1)

    def collaterals(self, p: Place) -> FloatArray:
        """Depth in both collateral ligaments."""
        inner = rod(p, MCL, (1.2,) * 4, deep=6.0)
        return np.maximum(inner, rod(p, LCL, (1.9, 1.8, 2.0)))

    def recess(self, p: Place, top: float) -> FloatArray:
        """Depth in the fluid of the recess above the patella and beside the condyles."""
        r = self.fluid_mm
        points = [(-37.0, -52.0, 0.0), (-35.5, -66.0, 0.0), (-31.0, -80.0, 0.0), (-27.5, top, 0.0)]
        return rod(p, points, (0.7 * r, r, 1.15 * r, 0.5 * r), 4.5)

    def gutters(self, p: Place) -> FloatArray:
        """Depth in the fluid that surrounds condyles: a film, unless there is much of it."""
        extra = max(self.fluid_mm - 2.0, 0.0)
        slit = np.maximum(
            ellipsoid(p, (2.0, -GAP_MM / 2 - 1.0, -22.0), (23.0, 4.5, 13.0)),
            ellipsoid(p, (2.0, -GAP_MM / 2 - 1.0, 22.0), (21.0, 4.5, 13.0)),
        )
        behind = ellipsoid(p, (29.0, -26.0, -20.0), (6.0 + 1.2 * extra, 17.0, 9.0))
        beside = ellipsoid(p, (-20.0, -30.0, 34.0), (16.0, 20.0, 4.0 + 1.4 * extra))
        cleft = ((-33.0, -22.0, 0.0), (-30.0, -10.0, 0.0), (-22.0, -3.0, 0.0))
        front = rod(p, cleft, (0.3 * extra, 0.4 + 0.4 * extra, 0.2), 6.0)
        return np.maximum(np.maximum(slit, behind), np.maximum(beside, front))


def random_joint(rng: np.random.Generator) -> Joint:
    """A random joint; every other has more fluid than it should."""
    inner = Meniscus(
        at=(2.0 + float(rng.normal(0, 0.6)), -19.5),
        half=(24.0, 18.5),
        breadth=(float(rng.uniform(8.0, 10.0)), float(rng.uniform(11.0, 14.0))),
        tall=float(rng.uniform(5.6, 7.0)),
        open_to=1.0,
        gap=float(rng.uniform(0.85, 1.0)),
    )
    outer = Meniscus(
        at=(1.0 + float(rng.normal(0, 0.6)), 20.0),
        half=(20.0, 18.0),
        breadth=(float(rng.uniform(9.5, 11.0)), float(rng.uniform(9.5, 11.5))),
        tall=float(rng.uniform(5.6, 7.0)),
        open_to=-1.0,
        gap=float(rng.uniform(0.45, 0.6)),
    )
    much = rng.random() < 0.5
    torn = rng.random() < 0.12
    return Joint(
        layer=(
            float(rng.uniform(1.9, 2.5)),
            float(rng.uniform(1.9, 2.5)),
            float(rng.uniform(3.0, 4.6)),
        ),
        menisci=(inner, outer),
        acl_mm=float(rng.uniform(3.8, 4.8)),
        pcl_mm=float(rng.uniform(3.6, 4.6)),
        torn=bool(torn),
        fluid_mm=float(rng.uniform(2.5, 6.5) if much else rng.uniform(0.7, 1.6)),
    )
