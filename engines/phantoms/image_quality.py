"""A physicist's image-quality phantom, drawn: known numbers at known places.

In the manner of the ACR CT accreditation phantom (Gammex 464; McCollough et al., "The phantom
portion of the American College of Radiology computed tomography accreditation program", Med Phys
2004;31:2423): a cylinder of 200 mm in air with inserts of known CT number, faint discs, a uniform
section and line pairs. Two things differ: all sections are of one material like soft tissue, since
engines look for noise there, and two more sections stand beside them: one for model observers with
many identical discs, and one with discs that begin between two slices.

Places are in mm from the middle, which is the middle of pixel (size // 2, size // 2); x grows with
columns, y with rows. A pixel's value is the mean over its area.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray

BODY_MM = 200.0
AIR_HU = -1000.0
BACKGROUND_HU = 40.0
"""Of the body: muscle or liver. Water would be at the lower end of what engines take for tissue."""
PIXEL_MM = 0.45
"""Of a 512 x 512 image: a field of 230 mm."""
INSERTS_HU = {
    "polyethylene": -95.0,
    "acrylic": 120.0,
    "bone": 955.0,
    "air": -1000.0,
    "water": 0.0,
}
"""Nominal CT numbers of the materials of module 1."""
INSERT_MM = 25.0
LOW_CONTRAST_HU = 6.0
LOW_CONTRAST_MM = (6.0, 5.0, 4.0, 3.0, 2.0)
LINE_PAIRS_PER_CM = (4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0)
LINE_PAIRS_HU = 1000.0
BEAD_MM = 0.28
BEAD_HU = 8000.0
EDGE_MM = 25.0
EDGES_HU = (80.0, 20.0, 10.0)
"""Contrasts of the large discs for the low-contrast sharpness; the first is acrylic's."""
_EDGES_AT_MM = ((0.0, -56.0), (-42.0, 28.0), (42.0, 28.0))
_BONE_AT_MM = (0.0, 0.0)
OBSERVER_MM = (6.0, 4.0, 3.0, 2.0)
SITE_MM = 14.0
"""Width of the square that belongs to one disc of the observer's section."""
_SITES_WITHIN_MM = 74.0
_SUBSAMPLES = 16
_LEAST_SIZE, _MOST_SIZE = 64, 2048


@dataclass(frozen=True, slots=True)
class Disc:
    """A disc at (x, y) mm with the CT number ``hu``, by itself, whatever lies around it."""

    name: str
    x_mm: float
    y_mm: float
    diameter_mm: float
    hu: float


@dataclass(frozen=True, slots=True)
class Bars:
    """Upright bars in a square of ``side_mm`` about (x, y) mm; bars and gaps are equally wide."""

    x_mm: float
    y_mm: float
    side_mm: float
    lp_cm: float
    hu: float


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the phantom: its true image and where everything in it is.

    ``image`` is float32 (size, size) in HU. ``background_hu`` is what discs and bars lie in.
    """

    name: str
    pixel_mm: float
    image: FloatArray
    discs: tuple[Disc, ...] = ()
    bars: tuple[Bars, ...] = ()
    background_hu: float = BACKGROUND_HU

    def named(self, name: str) -> tuple[Disc, ...]:
        """The discs of this name."""
        return tuple(d for d in self.discs if d.name == name)


def inserts(size: int = 512, pixel_mm: float = PIXEL_MM) -> Section:
    """Module 1: polyethylene, acrylic, bone, air and water, 25 mm each.

    Raises:
        ValueError: as for every section, a size outside 64 to 2048, or pixels too small for the
            phantom and a rim of air to fit, or above 2 mm.
    """
    places = [(-45, -45), (-45, 45), (45, -45), (45, 45), (62, 0)]
    discs = tuple(
        Disc(name, x, y, INSERT_MM, hu)
        for (name, hu), (x, y) in zip(INSERTS_HU.items(), places, strict=True)
    )
    return _section("inserts", size, pixel_mm, discs)


def low_contrast(
    size: int = 512, pixel_mm: float = PIXEL_MM, contrast_hu: float = LOW_CONTRAST_HU
) -> Section:
    """Module 2: a disc of 25 mm and four each of 6, 5, 4, 3 and 2 mm, two diameters apart."""
    discs = [Disc("25 mm", 0, -50, 25.0, BACKGROUND_HU + contrast_hu)]
    for k, mm in enumerate(LOW_CONTRAST_MM):
        turn = math.radians(-30 + 60 * k)
        along = np.array([-math.sin(turn), math.cos(turn)])
        middle = 50 * np.array([math.cos(turn), math.sin(turn)])
        for step in (-1.5, -0.5, 0.5, 1.5):
            x, y = middle + along * step * 2 * mm
            discs.append(Disc(f"{mm:g} mm", float(x), float(y), mm, BACKGROUND_HU + contrast_hu))
    return _section("low contrast", size, pixel_mm, tuple(discs))


def uniform(size: int = 512, pixel_mm: float = PIXEL_MM) -> Section:
    """Module 3: the body alone but for two fine beads near the rim, far apart."""
    beads = tuple(Disc("bead", x, 0, BEAD_MM, BEAD_HU) for x in (-90, 90))
    return _section("uniform", size, pixel_mm, beads)


def line_pairs(size: int = 512, pixel_mm: float = PIXEL_MM) -> Section:
    """Module 4: bars of 4, 5, 6, 7, 8, 9, 10 and 12 line pairs per cm in squares of 15 mm."""
    bars = []
    for k, lp_cm in enumerate(LINE_PAIRS_PER_CM):
        turn = 2 * math.pi * k / len(LINE_PAIRS_PER_CM)
        x, y = 65 * math.cos(turn), 65 * math.sin(turn)
        bars.append(Bars(x, y, 15.0, lp_cm, LINE_PAIRS_HU))
    return _section("line pairs", size, pixel_mm, (), tuple(bars))


def observer(
    size: int = 512, pixel_mm: float = PIXEL_MM, contrast_hu: float = LOW_CONTRAST_HU
) -> Section:
    """Many identical faint discs for a model observer, and three large discs for their edges.

    The small discs are named by their diameter, ``6 mm`` to ``2 mm``, and lie in the middle of
    pixels, so that all of one name look alike; each has a square of ``SITE_MM`` to itself, and
    each size is spread over the whole section. The large ones are named by their contrast,
    ``80 HU``, ``20 HU`` and ``10 HU``, and have their surroundings to themselves.
    """
    discs = [
        Disc(f"{hu:g} HU", x, y, EDGE_MM, BACKGROUND_HU + hu)
        for hu, (x, y) in zip(EDGES_HU, _EDGES_AT_MM, strict=True)
    ]
    clear = EDGE_MM / 2 + 8 + SITE_MM / 2
    reach = int(_SITES_WITHIN_MM // SITE_MM)
    sites = [
        (SITE_MM * i, SITE_MM * j, (i + 2 * j + 2) % len(OBSERVER_MM))
        for j in range(-reach, reach + 1)
        for i in range(-reach, reach + 1)
    ]
    for x, y, kind in sites:
        if math.hypot(x, y) > _SITES_WITHIN_MM or any(
            max(abs(x - e.x_mm), abs(y - e.y_mm)) < clear for e in discs[: len(EDGES_HU)]
        ):
            continue
        x, y = (round(v / pixel_mm) * pixel_mm for v in (x, y))
        mm = OBSERVER_MM[kind]
        discs.append(Disc(f"{mm:g} mm", x, y, mm, BACKGROUND_HU + contrast_hu))
    return _section("observer", size, pixel_mm, tuple(discs))


def steps(size: int = 512, pixel_mm: float = PIXEL_MM) -> Section:
    """Bone and the three large discs of ``observer``, whose ends are edges through the plane.

    What makes a series of it has them begin between two slices.
    """
    x, y = _BONE_AT_MM
    discs = [Disc("bone", x, y, EDGE_MM, INSERTS_HU["bone"])]
    for hu, (x, y) in zip(EDGES_HU, _EDGES_AT_MM, strict=True):
        discs.append(Disc(f"{hu:g} HU", x, y, EDGE_MM, BACKGROUND_HU + hu))
    return _section("steps", size, pixel_mm, tuple(discs))


def _section(
    name: str, size: int, pixel_mm: float, discs: tuple[Disc, ...], bars: tuple[Bars, ...] = ()
) -> Section:
    """The section with its image: a cylinder in air, discs and bars on top."""
    if not _LEAST_SIZE <= size <= _MOST_SIZE:
        raise ValueError(f"size must be from {_LEAST_SIZE} to {_MOST_SIZE} pixels, not {size}")
    least = BODY_MM * 1.02 / size
    if not least <= pixel_mm <= 2.0:  # NaN is refused as well
        raise ValueError(f"pixel_mm must be from {least:.3g} to 2 for {size} pixels: {pixel_mm}")
    image = np.full((size, size), AIR_HU, np.float64)
    _add_disc(image, pixel_mm, Disc("body", 0, 0, BODY_MM, BACKGROUND_HU), BACKGROUND_HU - AIR_HU)
    for disc in discs:
        if not math.isfinite(disc.hu) or not -1024 <= disc.hu <= 30_000:
            raise ValueError(f"contrast_hu gives {disc.hu} HU, which no scanner holds")
        _add_disc(image, pixel_mm, disc, disc.hu - BACKGROUND_HU)
    for group in bars:
        _add_bars(image, pixel_mm, group, group.hu - BACKGROUND_HU)
    return Section(name, pixel_mm, image.astype(np.float32), discs, bars)


def _add_disc(image: NDArray[np.float64], pixel_mm: float, disc: Disc, hu: float) -> None:
    """Add ``hu`` where the disc is: whole pixels inside, their covered share at the rim."""
    middle = len(image) // 2
    x, y = disc.x_mm / pixel_mm + middle, disc.y_mm / pixel_mm + middle
    radius = disc.diameter_mm / 2 / pixel_mm
    top, left = math.floor(y - radius) - 1, math.floor(x - radius) - 1
    side = math.ceil(2 * radius) + 4
    part = image[top : top + side, left : left + side]
    dy = np.arange(top, top + side)[:, None] - y
    dx = np.arange(left, left + side)[None, :] - x
    distance = np.hypot(dy, dx)
    cover = (distance <= radius).astype(np.float64)
    rim = np.nonzero(np.abs(distance - radius) < 0.75)
    sub = (np.arange(_SUBSAMPLES) + 0.5) / _SUBSAMPLES - 0.5
    fine_y = dy[rim[0], 0][:, None, None] + sub[None, :, None]
    fine_x = dx[0, rim[1]][:, None, None] + sub[None, None, :]
    cover[rim] = (fine_y**2 + fine_x**2 <= radius**2).mean(axis=(1, 2))
    if radius < 0.7 and cover.any():  # few subsamples: keep at least the area right
        cover *= math.pi * radius**2 / cover.sum()
    part += hu * cover


def _add_bars(image: NDArray[np.float64], pixel_mm: float, bars: Bars, hu: float) -> None:
    """Add ``hu`` where bars are, each pixel by the share of it that they cover, exactly."""
    edges = (np.arange(len(image) + 1) - len(image) // 2 - 0.5) * pixel_mm
    half, width = bars.side_mm / 2, 5.0 / bars.lp_cm
    down = np.diff(np.clip(edges, bars.y_mm - half, bars.y_mm + half)) / pixel_mm
    across = np.zeros(len(image))
    count = math.floor(bars.side_mm / (2 * width) + 0.5)
    start = bars.x_mm - (2 * count - 1) * width / 2
    for k in range(count):
        low = start + 2 * k * width
        across += np.diff(np.clip(edges, low, low + width)) / pixel_mm
    image += hu * down[:, None] * across[None, :]
