"""Random patients without noise, in the unit of their modality: CT in HU, MR in signal, PET in SUV.

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
from typing import NamedTuple, Protocol

import numpy as np

from engines.base import FloatArray
from engines.description import REGIONS, Modality
from engines.phantoms.canvas import AIR_HU, Canvas
from engines.phantoms.ct.abdomen import plan_abdomen
from engines.phantoms.ct.chest import plan_chest
from engines.phantoms.ct.head import plan_head
from engines.phantoms.ct.pelvis import plan_pelvis
from engines.phantoms.mr import plans as mr
from engines.phantoms.pet import plans as pet
from engines.phantoms.texture import BEND, RIPPLE, Textures

LEAST_SIZE, MOST_SIZE = 32, 2048
EDGE_MM = (0.8, 1.5)
"""Width of an edge in nature and scanner together, where pixels are finer."""
LEAST_SLICE_MM, MOST_SLICE_MM = 0.1, 20.0
_MODALITY_SEEDS: dict[Modality, list[int]] = {Modality.CT: [], Modality.MR: [1], Modality.PT: [2]}


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


class Kind(NamedTuple):
    """What a phantom shows: ``contrast`` is the weighting of MR, empty elsewhere."""

    modality: Modality
    region: str
    contrast: str = ""


PLANS: dict[Kind, Callable[[np.random.Generator], Plan]] = {
    Kind(Modality.CT, "head"): plan_head,
    Kind(Modality.CT, "chest"): plan_chest,
    Kind(Modality.CT, "abdomen"): plan_abdomen,
    Kind(Modality.CT, "pelvis"): plan_pelvis,
    **{Kind(Modality.MR, *of): plan for of, plan in mr.PLANS.items()},
    **{Kind(Modality.PT, *of): plan for of, plan in pet.PLANS.items()},
}
"""Kind -> function that makes a random plan.

The same seed gives the same anatomy in every contrast of a region."""
UNITS: dict[Modality, str] = {Modality.CT: "HU", Modality.MR: "signal", Modality.PT: "SUV"}
EMPTY: dict[Modality, float] = {Modality.CT: AIR_HU, Modality.MR: 0.0, Modality.PT: 0.0}
"""Value of what is outside the body."""


@dataclass(frozen=True, slots=True)
class Phantom:
    """A made series and where it is from.

    ``values`` is float32 (slices, rows, columns) in ``unit``, ``EMPTY`` outside the body;
    ``region`` is a word of ``engines.description.REGIONS``; ``pixel_mm`` and ``slice_mm`` are the
    spacing in and between slices; ``seed`` makes it again.
    """

    values: FloatArray
    region: str
    pixel_mm: float
    slice_mm: float
    seed: int
    modality: Modality = Modality.CT
    contrast: str = ""

    @property
    def unit(self) -> str:
        """Unit of ``values``."""
        return UNITS[self.modality]


def random_phantom(
    region: str,
    seed: int,
    size: int = 512,
    slices: int = 1,
    slice_mm: float = 3.0,
    modality: Modality = Modality.CT,
    contrast: str = "",
) -> Phantom:
    """A random patient's ``slices`` of ``region``, ``size`` pixels square, without noise.

    The same arguments give the same values. Slices go from feet to head, ``slice_mm`` apart; those
    of knees that are seen from the side or the front from one side or the front to the other.

    Raises:
        ValueError: no such kind in ``PLANS``, seed negative or not whole, size not within 32 to
            2048, no slices, slice_mm not within 0.1 to 20, or more slices than the region has room
            for.
    """
    kind = Kind(modality, region, contrast)
    if kind not in PLANS:
        known = ", ".join(f"{k.region} {k.contrast}".strip() for k in PLANS if k[0] is modality)
        wanted = f"{region} {contrast}".strip()
        raise ValueError(f"region of {modality} must be one of {known}, not {wanted!r}")
    _whole("seed", seed, 0, 2**63 - 1)
    _whole("size", size, LEAST_SIZE, MOST_SIZE)
    _whole("slices", slices, 1, 10_000)
    if not (math.isfinite(slice_mm) and LEAST_SLICE_MM <= slice_mm <= MOST_SLICE_MM):
        raise ValueError(
            f"slice_mm must be from {LEAST_SLICE_MM} to {MOST_SLICE_MM:g}, not {slice_mm}"
        )
    # CT came first and keeps its own: what was made stays as it was.
    of_kind = [REGIONS.index(region), *_MODALITY_SEEDS[modality]]
    rng = np.random.default_rng([int(seed), *of_kind])
    plan = PLANS[kind](rng)
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
        height = first + k * slice_mm
        values[k] = _draw(plan, textures, height, edge_mm, slice_mm, EMPTY[modality])
    pixel_mm = plan.field_mm / size
    return Phantom(values, region, pixel_mm, float(slice_mm), int(seed), modality, contrast)


def _whole(name: str, value: int, low: int, high: int) -> None:
    """Refuse what isn't a whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} must be a whole number, not {value!r}")  # noqa: TRY004
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high}, not {value}")


def _draw(
    plan: Plan, textures: Textures, z: float, edge_mm: float, slice_mm: float, empty: float
) -> FloatArray:
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
    values = np.full((size, size), empty, np.float32)
    canvas = Canvas(values, x, y, pixel_mm, z, plan.origin, plan.turn, reach, edge_mm, slice_mm)
    plan.draw(canvas, textures)
    return canvas.values
