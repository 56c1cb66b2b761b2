"""Vessels of the head and the sheets of dura: flow voids, or bright inflow, and dark lines."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engines.base import FloatArray
from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour


@dataclass(frozen=True, slots=True)
class Vessels:
    """Arteries and veins of one head as pipes (n, 8): ends and radii, mm."""

    arteries: FloatArray
    veins: FloatArray

    def draw(self, canvas: Canvas, inner: Contour, signals: Mapping[str, float]) -> None:
        """Falx, sinus and vessels; ``inner`` is the skull's inside."""
        z = canvas.z
        front, back = float(inner.radii[768]), float(inner.radii[256])
        rise = min(max((z - 30) / 55, 0), 1)
        if z > 30:
            gap = 40 * (1 - rise)
            rows = [
                [0, -front, z, 0, -min(gap + 14, front), z, 0.45, 0.25],
                [0, min(gap + 12, back), z, 0, back, z, 0.3, 0.5],
            ]
            canvas.tubes(np.array(rows, np.float32), signals["dura"])
        wide = 2.6 + 0.6 * rise
        sinus = [[0, back - 2.5, z - 1, 0, back - 0.5, z + 1, 1.2, wide]]
        if z > 60:
            sinus.append([0, 1.5 - front, z - 1, 0, 0.8 - front, z + 1, 0.8, 1.6])
        canvas.tubes(np.array(sinus, np.float32), signals["vessel"])
        canvas.tubes(self.veins, signals["vessel"])
        canvas.tubes(self.arteries, signals["vessel"])


def plan_vessels(rng: np.random.Generator, half_x: float, half_y: float) -> Vessels:
    """Carotid and basilar arteries, the cerebral ones, and veins of the surface."""
    arteries: list[list[float]] = []
    basilar = float(rng.normal(0, 1.5))
    arteries += _path([(basilar, -11, 5), (0, -12, 18), (0, -11, 27)], 1.7, 1.4)
    for side in (-1, 1):
        arteries += _path(
            [(side * 11, -18, 5), (side * 12, -20, 18), (side * 10, -22, 28)], 2.3, 1.8
        )
        arteries += _path(
            [(0, -11, 27), (side * 9, -7, 29), (side * 18, 6, 31), (side * 20, 22, 36)], 1.1, 0.7
        )
        middle = [(side * 10.0, -22.0, 28.0), (side * 0.32 * half_x, -23.0, 31.0)]
        middle.append((side * 0.54 * half_x, -14 + float(rng.normal(0, 2)), 38.0))
        arteries += _path(middle, 1.5, 1.1)
        for _ in range(5):
            at = (middle[-1][0], float(rng.uniform(-24, 10)), float(rng.uniform(44, 60)))
            out = (
                side * half_x * float(rng.uniform(0.75, 0.95)),
                at[1] + rng.normal(0, 6),
                at[2] + 8,
            )
            arteries += _path([middle[-1], at, out], 0.9, 0.6)
        front = [(side * 10.0, -22.0, 28.0), (side * 2.0, -34.0, 34.0)]
        arteries += _path(
            [*front, (side * 1.5, -0.56 * half_y, 58), (side * 1.5, -30, 82)], 1.0, 0.7
        )
    return Vessels(np.array(arteries, np.float32), _veins(rng, half_x, half_y))


def _veins(rng: np.random.Generator, half_x: float, half_y: float) -> FloatArray:
    """Short pipes along the surface, here and there."""
    rows: list[list[float]] = []
    for _ in range(46):
        turn = float(rng.uniform(0, 2 * np.pi))
        z = float(rng.uniform(30, 108))
        scale = (1 - abs((z - 42) / 76) ** 2.5) ** 0.4 if z > 42 else 1.0
        far = float(rng.uniform(0.955, 1.0)) * scale
        at = (half_x * far * np.cos(turn), half_y * far * np.sin(turn), z)
        up = (at[0] * 0.96, at[1] * 0.96, z + float(rng.uniform(6, 14)))
        radius = float(rng.uniform(0.5, 1.0))
        rows += _path([at, up], radius, radius)
    rows += _path([(0.8, 22, 62), (0, 34, 56), (0, 0.62 * half_y, 60)], 1.6, 1.9)
    return np.array(rows, np.float32)


def _path(points: list[tuple[float, float, float]], first: float, last: float) -> list[list[float]]:
    """Pipes from point to point, tapering."""
    radii = np.linspace(first, last, len(points))
    return [
        [*start, *end, float(radii[k]), float(radii[k + 1])]
        for k, (start, end) in enumerate(itertools.pairwise(points))
    ]
