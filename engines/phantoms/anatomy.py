"""Random CT patients without noise: head, chest, abdomen and pelvis, in HU.

A phantom is drawn, not scanned: its values are the truth itself. Everything about it is random and
decided by its seed: build, position, shape and HU of each organ, contrast medium, disease,
texture. What is common to all is what anatomy books and CT tables say. It is no atlas: positions
are plausible, not measured on anyone.

Partial volume along z is approximated: rims that lean are blurred by the slice's thickness, thin
pipes that lie in it are fainter. Not modelled: motion, metal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engines.base import FloatArray
from engines.description import REGIONS
from engines.phantoms.canvas import AIR_HU, Canvas
from engines.phantoms.ct.abdomen import plan_abdomen
from engines.phantoms.ct.chest import plan_chest
from engines.phantoms.ct.head import plan_head
from engines.phantoms.ct.pelvis import plan_pelvis
from engines.phantoms.texture import BEND, RIPPLE, Textures

LEAST_SIZE, MOST_SIZE = 32, 2048
EDGE_MM = (0.8, 1.5)
"""Width of an edge in nature and scanner together, where pixels are finer."""
LEAST_SLICE_MM, MOST_SLICE_MM = 0.1, 20.0


class Plan(Protocol):
    """One patient of one region: everything random is decided, nothing is drawn yet."""

    @property
    def field_mm(self) -> float:
        """Width of the image."""
        ...

    @property
    def heights(self) -> tuple[float, float]:
        """Lowest and highest z (mm) that the plan is made for."""
        ...

    @property
    def origin(self) -> tuple[float, float]:
        """The body's middle in the field, x and y, mm."""
        ...

    @property
    def turn(self) -> float:
        """How far the body is rolled, radians."""
        ...

    @property
    def bend_mm(self) -> tuple[float, float]:
        """How far nature departs from the drawing board, at coarse and at fine scale."""
        ...

    def draw(self, canvas: Canvas, textures: Textures) -> None:
        """Draw the slice at ``canvas.z``."""
        ...


PLANS: dict[str, Callable[[np.random.Generator], Plan]] = {
    "head": plan_head,
    "chest": plan_chest,
    "abdomen": plan_abdomen,
    "pelvis": plan_pelvis,
}
"""Region -> function that makes a random plan."""


@dataclass(frozen=True, slots=True)
class Phantom:
    """A made CT series and where it is from.

    ``values`` is float32 (slices, rows, columns) in HU, air exactly -1000; ``region`` is a word of
    ``engines.description.REGIONS``; ``pixel_mm`` and ``slice_mm`` are the spacing in and between
    slices; ``seed`` makes it again.
    """

    values: FloatArray
    region: str
    pixel_mm: float
    slice_mm: float
    seed: int


def random_phantom(
    region: str, seed: int, size: int = 512, slices: int = 1, slice_mm: float = 3.0
) -> Phantom:
    """A random patient's ``slices`` of ``region``, ``size`` pixels square, without noise.

    The same arguments give the same values. Slices go from feet to head, ``slice_mm`` apart.

    Raises:
        ValueError: region not one of ``PLANS``, seed negative or not whole, size not within 32 to
            2048, no slices, slice_mm not within 0.1 to 20, or more slices than the region has room
            for.
    """
    if region not in PLANS:
        raise ValueError(f"region must be one of {', '.join(PLANS)}, not {region!r}")
    _whole("seed", seed, 0, 2**63 - 1)
    _whole("size", size, LEAST_SIZE, MOST_SIZE)
    _whole("slices", slices, 1, 10_000)
    if not (math.isfinite(slice_mm) and LEAST_SLICE_MM <= slice_mm <= MOST_SLICE_MM):
        raise ValueError(
            f"slice_mm must be from {LEAST_SLICE_MM} to {MOST_SLICE_MM:g}, not {slice_mm}"
        )
    rng = np.random.default_rng([int(seed), REGIONS.index(region)])
    plan = PLANS[region](rng)
    low, high = plan.heights
    span = (slices - 1) * slice_mm
    if span > high - low:
        raise ValueError(
            f"slices x slice_mm must be at most {high - low:.0f} mm in the {region}, not {span:g}"
        )
    first = float(rng.uniform(low, high - span))
    edge_mm = float(rng.uniform(*EDGE_MM))
    textures = Textures(int(rng.integers(2**31)), int(size), plan.field_mm / size)
    values = np.empty((slices, size, size), np.float32)
    for k in range(slices):
        values[k] = _draw(plan, textures, first + k * slice_mm, edge_mm, slice_mm)
    return Phantom(values, region, plan.field_mm / size, float(slice_mm), int(seed))


def _whole(name: str, value: int, low: int, high: int) -> None:
    """Refuse what isn't a whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} must be a whole number, not {value!r}")  # noqa: TRY004
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high}, not {value}")


def _draw(plan: Plan, textures: Textures, z: float, edge_mm: float, slice_mm: float) -> FloatArray:
    """One slice (size, size): bent coordinates first, then the plan's drawing."""
    size, pixel_mm = textures.size, textures.pixel_mm
    axis = ((np.arange(size) + 0.5 - size / 2) * pixel_mm).astype(np.float32)
    cos, sin = np.float32(math.cos(plan.turn)), np.float32(math.sin(plan.turn))
    across, down = (
        axis[None, :] - np.float32(plan.origin[0]),
        axis[:, None] - np.float32(plan.origin[1]),
    )
    x, y = cos * across + sin * down, cos * down - sin * across
    coarse, fine = (np.float32(mm) for mm in plan.bend_mm)
    bend_x = coarse * textures.at(BEND, z) + fine * textures.at(RIPPLE, z)
    bend_y = coarse * textures.at(BEND, z, 1) + fine * textures.at(RIPPLE, z, 1)
    reach = float(max(np.abs(bend_x).max(), np.abs(bend_y).max()))
    x, y = x + bend_x, y + bend_y
    values = np.full((size, size), AIR_HU, np.float32)
    canvas = Canvas(values, x, y, pixel_mm, z, plan.origin, plan.turn, reach, edge_mm, slice_mm)
    plan.draw(canvas, textures)
    return canvas.values
