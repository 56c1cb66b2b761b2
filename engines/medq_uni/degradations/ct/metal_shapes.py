"""Implants as shapes: which there are, how large they are, and how they are drawn.

Lengths are those of common implants: pedicle screws of 4.5 to 7.5 mm by 35 to 55 mm, plates of 2
to 4 mm, femoral heads of 28 to 36 mm on stems of 12 to 16 mm, crowns of 7 to 11 mm. Points are
(x, y) in mm from the centre of pixel (0, 0), x along columns and y along rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.description import REGIONS
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct import metal_sites as sites
from engines.medq_uni.degradations.ct.metal_sites import Anatomy, Point
from engines.medq_uni.degradations.ct.metal_spine import vertebra


@dataclass(frozen=True, slots=True)
class Rod:
    """A rod lying in the plane, from ``start`` to ``end`` with round ends; radii in mm.

    ``filling`` is the part of its volume that is metal: wires of a coil leave gaps.
    """

    start: Point
    end: Point
    start_radius: float
    end_radius: float
    filling: float = 1.0

    def cover(
        self, x: NDArray[np.float64], y: NDArray[np.float64], pixel_mm: float
    ) -> NDArray[np.float64]:
        """Part of pixels centred at points in mm that is metal, 0 to 1, along the rod's width."""
        dx, dy = self.end[0] - self.start[0], self.end[1] - self.start[1]
        along = ((x - self.start[0]) * dx + (y - self.start[1]) * dy) / max(dx**2 + dy**2, 1e-9)
        along = np.clip(along, 0, 1)
        apart = np.hypot(x - self.start[0] - along * dx, y - self.start[1] - along * dy)
        radius = self.start_radius + along * (self.end_radius - self.start_radius)
        # As wide as a pixel is across the rod: then a thin one has the same area at any angle.
        wide = pixel_mm * max((abs(dx) + abs(dy)) / max(float(np.hypot(dx, dy)), 1e-9), 1.0)
        inside = np.minimum(radius, apart + wide / 2) - np.maximum(-radius, apart - wide / 2)
        result: NDArray[np.float64] = np.clip(inside / wide, 0, 1) * self.filling
        return result


def disc(centre: Point, radius: float, filling: float = 1.0) -> Rod:
    """A rod cut across: a ball, a crown, a coil."""
    return Rod(centre, centre, radius, radius, filling)


def draw(rods: tuple[Rod, ...], shape: tuple[int, int], pixel_mm: float) -> FloatArray:
    """Part of every pixel (rows, columns) that is metal, 0 to 1; edges are one pixel wide."""
    image = np.zeros(shape, np.float32)
    for rod in rods:
        reach = max(rod.start_radius, rod.end_radius) + pixel_mm
        low = np.minimum(rod.start, rod.end) - reach
        high = np.maximum(rod.start, rod.end) + reach
        left, top = np.maximum(np.floor(low / pixel_mm), 0).astype(int)
        right, bottom = np.maximum(np.ceil(high / pixel_mm) + 1, 0).astype(int)
        part = image[top:bottom, left:right]
        if part.size:
            y, x = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]] * pixel_mm
            np.maximum(part, rod.cover(x, y, pixel_mm).astype(np.float32), out=part)
    return image


def _screws(anatomy: Anatomy, size: float, rng: np.random.Generator) -> tuple[Rod, ...]:
    """A pair of pedicle screws with heads."""
    spine = vertebra(anatomy)
    radius = size * rng.uniform(2.3, 3.6)
    reach = rng.uniform(0.25, 0.5)  # how far from the middle the tips lie
    rods: list[Rod] = []
    for side in (-1, 1):
        tip = spine.point(side * reach * spine.half_width, rng.uniform(-2, 8))
        pedicle = spine.point(side * (spine.half_width * 0.62 + rng.uniform(-1, 1)), -spine.canal)
        away = np.subtract(pedicle, tip) / np.hypot(*np.subtract(pedicle, tip))
        head = (
            pedicle[0] + away[0] * spine.half_width * 0.85,
            pedicle[1] + away[1] * spine.half_width * 0.85,
        )
        rods.append(Rod(head, tip, radius, 0.7 * radius))
        rods.append(disc(head, 1.9 * radius))
    return tuple(rods)


def _plate(anatomy: Anatomy, size: float, rng: np.random.Generator) -> tuple[Rod, ...]:
    """A plate that follows the outer side of a bone, and its screws; thin bones get thin ones."""
    length, radius = rng.uniform(28, 60), rng.uniform(1.0, 1.9)
    path, inward = sites.along_bone(anatomy, length, size * radius, rng)
    count, screw, deep = int(rng.integers(2, 5)), rng.uniform(1.2, 1.9), rng.uniform(9, 18)
    heads = [path[round(k * (len(path) - 1))] for k in np.linspace(0.08, 0.92, count)]
    depths = [max(sites.depth_of_bone(anatomy, head, inward, deep), 4.0) for head in heads]
    thin = size * float(np.clip(np.mean(depths) / 12, 0.4, 1))
    rods = [Rod(a, b, thin * radius, thin * radius) for a, b in pairwise(path)]
    for head, depth in zip(heads, depths, strict=True):
        end = (head[0] + inward[0] * depth, head[1] + inward[1] * depth)
        rods.append(Rod(head, end, thin * screw, 0.6 * thin * screw))
    return tuple(rods)


def _hips(both: bool) -> Callable[[Anatomy, float, np.random.Generator], tuple[Rod, ...]]:
    def place(anatomy: Anatomy, size: float, rng: np.random.Generator) -> tuple[Rod, ...]:
        """Ball and neck, going down and outwards into the stem."""
        heads = sites.femoral_heads(anatomy)
        ball, stem = size * rng.uniform(14, 18), size * rng.uniform(5.5, 8)
        neck, turn = rng.uniform(24, 38), rng.uniform(0.0, 0.6)
        if len(heads) < 2 and both:
            raise NoPlaceError("no place for two hips: only one femoral head is found")
        chosen = heads if both else (heads[int(rng.integers(len(heads)))],)
        rods: list[Rod] = []
        for head in chosen:
            outward = np.sign(head[0] - anatomy.middle[0])
            end = (head[0] + outward * neck * np.cos(turn), head[1] + neck * np.sin(turn))
            rods += [disc(head, ball), Rod(head, end, 0.8 * stem, stem)]
        return tuple(rods)

    return place


def _crowns(anatomy: Anatomy, size: float, rng: np.random.Generator) -> tuple[Rod, ...]:
    """Crowns and fillings along the dental arch."""
    arch = sites.dental_arch(anatomy)
    count = int(rng.integers(2, 8))
    chosen = np.sort(rng.choice(len(arch), min(count, len(arch)), replace=False))
    rods: list[Rod] = []
    for k in chosen:
        crown = rng.random() < 0.5
        radius = size * (rng.uniform(3.2, 4.8) if crown else rng.uniform(1.2, 2.4))
        along = rng.uniform(0.2, 0.7) * radius
        (x, y), (tx, ty) = arch[k]
        rods.append(
            Rod(
                (x - along * tx, y - along * ty),
                (x + along * tx, y + along * ty),
                radius,
                radius,
                1.0 if crown else 0.85,
            )
        )
    return tuple(rods)


def _clip(anatomy: Anatomy, size: float, rng: np.random.Generator) -> tuple[Rod, ...]:
    """One to four surgical clips near each other."""
    at, _ = sites.soft_tissue(anatomy, 6, rng)
    rods: list[Rod] = []
    for _ in range(int(rng.integers(1, 5))):
        x, y = at[0] + rng.uniform(-14, 14), at[1] + rng.uniform(-14, 14)
        angle, half = rng.uniform(0, np.pi), rng.uniform(2, 5.5)
        dx, dy = half * np.cos(angle), half * np.sin(angle)
        rods.append(Rod((x - dx, y - dy), (x + dx, y + dy), size * 0.9, size * 0.9))
    return tuple(rods)


def _coil(anatomy: Anatomy, size: float, rng: np.random.Generator) -> tuple[Rod, ...]:
    """An embolisation coil in a vessel deep in the body: a ball of wire, a third of it metal."""
    at, room = sites.soft_tissue(anatomy, 6, rng, deep=0.7)
    radius = min(size * rng.uniform(1.5, 4.5), room - 2)
    return (disc(at, radius, rng.uniform(0.22, 0.4)),)


_ANYWHERE = frozenset(REGIONS)
_SPINE = frozenset({"chest", "abdomen", "spine", "whole body"})
"""Of the pelvis most is below the last pedicle."""
_EMBOLISED = frozenset({"head", "abdomen"})
"""Where aneurysms and bleeding vessels are coiled."""


@dataclass(frozen=True, slots=True)
class Kind:
    """An implant: the regions it belongs to, its materials, the usual one first, and its place.

    ``place(anatomy, size, rng)`` gives its rods or raises ``NoPlaceError``.
    """

    regions: frozenset[str]
    materials: tuple[str, ...]
    place: Callable[[Anatomy, float, np.random.Generator], tuple[Rod, ...]]


_OF_HIPS = ("cobalt-chrome", "titanium", "steel")
_OF_TEETH = ("gold alloy", "amalgam", "cobalt-chrome", "titanium")
KINDS: dict[str, Kind] = {
    "pedicle screws": Kind(_SPINE, ("titanium", "steel"), _screws),
    "plate": Kind(_ANYWHERE, ("titanium", "steel"), _plate),
    "hip": Kind(frozenset({"pelvis", "whole body"}), _OF_HIPS, _hips(False)),
    "two hips": Kind(frozenset({"pelvis", "whole body"}), _OF_HIPS, _hips(True)),
    "dental work": Kind(frozenset({"head", "neck"}), _OF_TEETH, _crowns),
    "clip": Kind(_ANYWHERE, ("titanium", "steel"), _clip),
    "coil": Kind(_EMBOLISED, ("platinum",), _coil),
}


def kind_named(name: str) -> Kind:
    """The kind called ``name``.

    Raises:
        ValueError: none is.
    """
    if name not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {name!r}")
    return KINDS[name]


def place(
    name: str, anatomy: Anatomy, region: str, size: float, rng: np.random.Generator
) -> tuple[Rod, ...]:
    """The rods of an implant of kind ``name`` where it belongs.

    ``size`` scales its thickness, 1 as usual; the same generator state gives the same place.

    Raises:
        NoPlaceError: it doesn't belong to ``region``, or the bone it needs isn't found.
        ValueError: no such kind.
    """
    kind = kind_named(name)
    if region not in kind.regions:
        raise NoPlaceError(f"no place for {name}: it doesn't belong to region {region!r}")
    return kind.place(anatomy, size, rng)
