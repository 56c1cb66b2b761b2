"""Solids in space that a slice in any direction may cut, as depth below their surface.

Places are of an adult's knee, mm: ``a`` to the back, ``d`` down, ``s`` to the outer side; 0 in the
middle of the tibia's joint surface. One of the three is the same over a whole slice and a number;
the others are float32 (rows, columns). Depth is positive inside, mm, true near the surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas

Point = tuple[float, float, float]
Coordinate = NDArray[np.floating[Any]] | float

VIEWS = ("sagittal", "coronal", "axial")
NEAR_MM = 8.0
"""How far from a solid its depth still counts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pixels of a slice lie; ``spans`` are bounds of the three by row and column."""

    a: Coordinate
    d: Coordinate
    s: Coordinate
    spans: tuple[tuple[FloatArray, ...], ...] = ()

    @property
    def axes(self) -> tuple[Coordinate, Coordinate, Coordinate]:
        """All three."""
        return self.a, self.d, self.s

    def turned(self, middle: tuple[float, float], angle: float) -> Place:
        """Places as seen by a bone bent by ``angle`` (radians) about an axis across the knee."""
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        a, d = self.a - middle[0], self.d - middle[1]
        return Place(middle[0] + cos * a + sin * d, middle[1] + cos * d - sin * a, self.s)


def place(canvas: Canvas, view: str, outer: float, scale: float) -> Place:
    """Places of a canvas' pixels in a knee of ``scale``.

    ``view`` is one of ``VIEWS``, front to the left or up; ``outer`` is 1 where the outer side is
    to the right (of a sagittal series: where it comes last), else -1.
    """
    x, y, z = canvas.x / np.float32(scale), canvas.y / np.float32(scale), canvas.z / scale
    if view == "sagittal":
        axes: tuple[Coordinate, Coordinate, Coordinate] = (x, y, outer * z)
    elif view == "coronal":
        axes = (z, y, x * np.float32(outer))
    else:
        axes = (y, -z, x * np.float32(outer))
    return Place(*axes, tuple(_spans(q) for q in axes))


def ellipsoid(p: Place, centre: Point, half: Point) -> FloatArray:
    """Depth in an ellipsoid, to first order."""
    u = [(q - c) / h for q, c, h in zip(p.axes, centre, half, strict=True)]
    near = np.sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2]) + 1e-4
    v = [q / h for q, h in zip(u, half, strict=True)]
    steep = np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) + 1e-5
    return np.asarray(near * (1 - near) / steep, np.float32)


def ring(u: Coordinate, v: Coordinate, half_u: Coordinate, half_v: Coordinate) -> FloatArray:
    """Depth in an ellipse of which ``u`` and ``v`` are away from the middle, to first order."""
    p, q = u / half_u, v / half_v
    near = np.sqrt(p * p + q * q) + 1e-4
    steep = np.sqrt((p / half_u) ** 2 + (q / half_v) ** 2) + 1e-5
    return np.asarray(near * (1 - near) / steep, np.float32)


def rod(
    p: Place,
    points: Sequence[Point],
    radii: Sequence[float],
    flat: float = 1.0,
    deep: float = 1.0,
) -> FloatArray:
    """Depth in a bent rod through ``points`` with a radius at each.

    It is ``flat`` times as broad (in ``s``) and ``deep`` times as long (in ``a``) as thick. Far
    from it the depth is ``-NEAR_MM``.
    """
    shape = np.broadcast_shapes(*(np.shape(q) for q in p.axes))
    depth = np.full(shape, -NEAR_MM, np.float32)
    stretch = (deep, 1.0, flat)
    spans = p.spans or tuple(_spans(q) for q in p.axes)
    for (start, stop), (first, last) in zip(pairwise(points), pairwise(radii), strict=True):
        reach = max(first, last) + NEAR_MM
        box = _box(
            shape,
            spans,
            [
                (min(b, e) - reach * w, max(b, e) + reach * w)
                for b, e, w in zip(start, stop, stretch, strict=True)
            ],
        )
        if box is None:
            continue
        off = [
            ((q[box] if isinstance(q, np.ndarray) else q) - b) / w
            for q, b, w in zip(p.axes, start, stretch, strict=True)
        ]
        way = [(e - b) / w for b, e, w in zip(start, stop, stretch, strict=True)]
        square = max(sum(w * w for w in way), 1e-6)
        along = off[0] * (way[0] / square) + off[1] * (way[1] / square) + off[2] * (way[2] / square)
        t = np.clip(along, 0, 1)
        away = [o - t * w for o, w in zip(off, way, strict=True)]
        far = np.sqrt(away[0] * away[0] + away[1] * away[1] + away[2] * away[2])
        here = depth[box]
        np.maximum(here, first + t * (last - first) - far, out=here)
    return depth


def _spans(q: Coordinate) -> tuple[FloatArray, ...]:
    """Least and greatest value of a coordinate in each row and in each column."""
    if not isinstance(q, np.ndarray):
        return (np.full((1,), q, np.float32),)
    bounds = q.min(axis=1), q.max(axis=1), q.min(axis=0), q.max(axis=0)
    return tuple(b.astype(np.float32) for b in bounds)


def _box(
    shape: tuple[int, ...],
    spans: Sequence[tuple[FloatArray, ...]],
    bounds: Sequence[tuple[float, float]],
) -> tuple[slice, slice] | None:
    """The pixels whose coordinates may lie within ``bounds``, or ``None``."""
    keep = [np.ones(n, np.bool_) for n in shape]
    for span, (low, high) in zip(spans, bounds, strict=True):
        if len(span) == 1:
            if not low < float(span[0][0]) < high:
                return None
            continue
        keep[0] &= (span[0] < high) & (span[1] > low)
        keep[1] &= (span[2] < high) & (span[3] > low)
    ends = [np.flatnonzero(k) for k in keep]
    if not all(len(e) for e in ends):
        return None
    return slice(int(ends[0][0]), int(ends[0][-1]) + 1), slice(
        int(ends[1][0]), int(ends[1][-1]) + 1
    )


def merged(one: Coordinate, other: Coordinate, round_mm: float) -> FloatArray:
    """Depth in either of two solids, with the seam filled over about ``round_mm``."""
    near = np.maximum(round_mm - np.abs(one - other), 0)
    return np.asarray(np.maximum(one, other) + near * near / (4 * round_mm), np.float32)


def merged_edge(one: Coordinate, other: Coordinate, round_mm: float) -> FloatArray:
    """Depth in both of two solids, with the edge rounded over about ``round_mm``."""
    return -merged(-one, -other, round_mm)


def within(one: Coordinate, *others: Coordinate) -> FloatArray:
    """Depth in all of the solids."""
    for other in others:
        one = np.minimum(one, other)
    return np.asarray(one, np.float32)


def slope(values: Coordinate, low: float, high: float) -> Coordinate:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    result: Coordinate = t * t * (3 - 2 * t)
    return result


def bell(values: Coordinate, middle: float, width: float) -> Coordinate:
    """A bump of height 1."""
    away = (values - middle) / width
    result: Coordinate = np.exp(-(away * away))
    return result
