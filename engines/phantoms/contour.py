"""Closed outlines around a centre, as radii over angle, and the lumps that they are cuts of.

An outline is a table of radii over equal angles. So every shape that a ray from its centre leaves
once is drawn at one price: a superellipse, a perturbed one, a kidney with its hilum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray

TURN = 1024
"""Angles of an outline's table."""
ANGLES: NDArray[np.float64] = np.arange(TURN, dtype=np.float64) * (2 * np.pi / TURN)
"""The angles themselves, radians, from x (columns) towards y (rows)."""


@dataclass(frozen=True, slots=True)
class Contour:
    """An outline: its centre (mm) and its radii (mm) over ``ANGLES``, float32 (TURN,).

    ``steep`` says by how many mm the radius changes per mm of z: a slice of some thickness sees
    such a rim blurred.
    """

    x: float
    y: float
    radii: FloatArray
    steep: float = 0.0

    def grown(self, by_mm: float | FloatArray) -> Contour:
        """The outline moved outwards, or inwards by a negative ``by_mm``."""
        return replace(self, radii=np.maximum(self.radii + np.float32(by_mm), np.float32(0.01)))

    def point(self, angle: float, inset_mm: float = 0.0) -> tuple[float, float]:
        """Where the ray at ``angle`` (radians) meets the outline, ``inset_mm`` inside it."""
        radius = float(self.radii[round(angle / (2 * np.pi) * TURN) % TURN]) - inset_mm
        return self.x + radius * np.cos(angle), self.y + radius * np.sin(angle)

    def slant(self) -> FloatArray:
        """Radial distance to true distance from the rim, to first order: (TURN,)."""
        slope = (np.roll(self.radii, -1) - np.roll(self.radii, 1)) * (TURN / (4 * np.pi))
        share: FloatArray = (self.radii / np.hypot(self.radii, slope)).astype(np.float32)
        return share


def superellipse(
    half_x: float, half_y: float, angle: float = 0.0, power: float = 2.0
) -> NDArray[np.float64]:
    """Radii (TURN,) of ``|u / half_x|^power + |w / half_y|^power = 1``, turned by ``angle``."""
    along = np.abs(np.cos(ANGLES - angle)) / half_x
    across = np.abs(np.sin(ANGLES - angle)) / half_y
    radii: NDArray[np.float64] = (along**power + across**power) ** (-1 / power)
    return radii


def ripple(amplitudes: FloatArray, phases: FloatArray, first: int = 2) -> NDArray[np.float64]:
    """Sum of cosines over ``ANGLES`` from harmonic ``first`` on, (TURN,)."""
    order = np.arange(first, first + len(amplitudes))[:, None]
    total: NDArray[np.float64] = (
        amplitudes[:, None] * np.cos(order * ANGLES[None, :] + phases[:, None])
    ).sum(axis=0)
    return total


def bump(angle: float, width: float) -> NDArray[np.float64]:
    """A smooth bump of height 1 at ``angle``, ``width`` wide (radians), over ``ANGLES``."""
    away = np.abs((ANGLES - angle + np.pi) % (2 * np.pi) - np.pi)
    result: NDArray[np.float64] = np.exp(-((away / width) ** 2))
    return result


@dataclass(frozen=True, slots=True)
class Lump:
    """A rounded body in space whose cut at each height is an outline; mm and radians.

    ``lean`` moves the centre in x and y per mm of z; ``twist`` (radians per mm) turns the
    irregularities. ``dent`` is (angle, width, depth as a share): a hilum.
    """

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    angle: float
    power: float
    amplitudes: FloatArray
    phases: FloatArray
    lean: tuple[float, float] = (0.0, 0.0)
    twist: float = 0.006
    dent: tuple[float, float, float] | None = None

    def at(self, z: float) -> Contour | None:
        """The cut at height ``z`` (mm), or ``None`` where there is nothing to see."""
        away = z - self.centre[2]
        share = 1 - abs(away / self.half[2]) ** 2.4
        if share < 0.004:
            return None
        scale = share ** (1 / 2.4)
        radii = superellipse(self.half[0] * scale, self.half[1] * scale, self.angle, self.power)
        order = np.arange(len(self.phases)) % 2 * 2 - 1
        wobble = ripple(self.amplitudes, self.phases + order * np.float32(self.twist * away))
        radii = radii * np.maximum(1 + wobble, 0.3)
        if self.dent is not None:
            radii = radii * (1 - self.dent[2] * bump(self.dent[0], self.dent[1]))
        x, y = (self.centre[i] + self.lean[i] * away for i in (0, 1))
        slope = scale * abs(away / self.half[2]) ** 1.4 / (self.half[2] * share)
        steep = min(float(slope * min(self.half[:2])), 4.0)
        return Contour(x, y, radii.astype(np.float32), steep)


def lump(
    rng: np.random.Generator,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    angle: float = 0.0,
    power: float = 2.0,
    rough: float = 0.06,
    dent: tuple[float, float, float] | None = None,
    lean: tuple[float, float] | None = None,
) -> Lump:
    """A lump with random irregularities: ``rough`` is about their share of the radius."""
    order = np.arange(2, 11)
    amplitudes = (rough * 1.6 * rng.standard_normal(9) / order**1.1).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, 9).astype(np.float32)
    drawn = (float(rng.normal(0, 0.08)), float(rng.normal(0, 0.08)))
    return Lump(centre, half, angle, power, amplitudes, phases, lean or drawn, dent=dent)
