"""Whether PET still measures what it measured: activity, hot spots, cold places, uniform tissue.

The recovery coefficients of phantoms (NEMA NU 2-2018; EANM, Boellaard et al., Eur J Nucl Med Mol
Imaging 2015;42:328), on the hot spots of the truth itself: restored over true, for the hottest
pixel (SUVmax) and for the hottest mean over a disc as wide as a sphere of 1 cm^3 (SUVpeak; Wahl et
al., PERCIST, J Nucl Med 2009;50:122S).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.yardstick.native.tissue import flat_part, uniform_tissue
from engines.medq_uni.yardstick.restoration.scores import Ruler

PEAK_MM = 12.4
"""Diameter of a sphere of 1 cm^3."""
CONTRAST = 2.5
"""A hot spot's SUVpeak is so many times what lies around it."""
RING_MM = (14.0, 26.0)
"""What lies around it, from its hottest pixel."""
SEARCH_MM = 8.0
"""The hottest pixel and disc of a restored image are looked for so far around the truth's."""
APART_MM = 15.0
MOST_SPOTS = 10
RIM_MM = 6.0
"""Uniform and cold tissue keep so far from other tissue: more than the scanner's resolution."""
COLD = 0.5
"""Cold is what has less than this share of tissue's signal: lungs, bowel, water."""
LEAST_RING_PIXELS = 12


@dataclass(frozen=True, slots=True)
class Spot:
    """A hot spot of a truth: where its hottest pixel is, its SUVmax and SUVpeak in its unit."""

    row: int
    column: int
    hottest: float
    peak: float


@dataclass(frozen=True, slots=True)
class Places:
    """Where a PET truth is looked at; areas are bool (rows, columns), ``None`` where none is."""

    spots: tuple[Spot, ...]
    uniform: BoolArray | None
    cold: BoolArray | None


def places_of(held: Ruler) -> Places:
    """Hot spots and uniform and cold areas of a PET truth; nothing where no pixel size is known."""
    if not held.pixel_mm > 0 or held.signal is None:
        return Places((), None, None)
    return Places(_spots(held), uniform_tissue(held, RIM_MM), _cold(held))


def total_activity(image: FloatArray, held: Ruler) -> float | None:
    """Sum of ``image`` in % of the truth's; ``None`` where that holds nothing."""
    true = float(held.truth.sum(dtype=np.float64))
    return 100 * float(image.sum(dtype=np.float64)) / true if true > 0 else None


def recovery_of_peaks(image: FloatArray, held: Ruler, spots: Sequence[Spot]) -> list[float]:
    """SUVpeak of each hot spot in % of the truth's."""
    means = disc_means(image, held.pixel_mm)
    return [100 * _highest(means, spot, held.pixel_mm) / spot.peak for spot in spots]


def recovery_of_maxima(image: FloatArray, held: Ruler, spots: Sequence[Spot]) -> list[float]:
    """SUVmax of each hot spot in % of the truth's; noise raises it, as it does in practice."""
    return [100 * _highest(image, spot, held.pixel_mm) / spot.hottest for spot in spots]


def noise_in(image: FloatArray, held: Ruler, where: BoolArray) -> float:
    """Standard deviation of the error in ``where`` in % of the truth's mean there."""
    mean = float(held.truth[where].mean(dtype=np.float64))
    return 100 * float((image - held.truth)[where].std(dtype=np.float64)) / mean


def bias_in(image: FloatArray, held: Ruler, where: BoolArray) -> float | None:
    """Mean error in ``where`` in % of the signal of tissue."""
    return held.in_percent(float((image - held.truth)[where].mean(dtype=np.float64)))


def disc_means(image: FloatArray, pixel_mm: float) -> FloatArray:
    """Mean over a disc as wide as a sphere of 1 cm^3 about every pixel, (rows, columns).

    Pixels on the disc's rim count by the share that lies within.
    """
    radius = PEAK_MM / 2 / pixel_mm
    half = int(np.ceil(radius))
    fine = 8
    offsets = (np.arange((2 * half + 1) * fine) + 0.5) / fine - half - 0.5
    inside = np.hypot(offsets[:, None], offsets) <= radius
    weights = inside.reshape(2 * half + 1, fine, 2 * half + 1, fine).mean(axis=(1, 3))
    weights /= weights.sum()
    return np.asarray(ndimage.correlate(image, weights, mode="nearest"), np.float32)


def _spots(held: Ruler) -> tuple[Spot, ...]:
    """Local maxima well above what lies around them in the body, hottest first."""
    truth, mm = held.truth, held.pixel_mm
    assert held.signal is not None
    means = disc_means(truth, mm)
    # A wide spot has a flat top, on which rounding would find several.
    hills = ndimage.gaussian_filter(means.astype(np.float64), PEAK_MM / 2 / mm)
    size = 2 * max(1, round(SEARCH_MM / mm)) + 1
    high = held.body & (hills == ndimage.maximum_filter(hills, size)) & (means > held.signal)
    rows, columns = np.ogrid[: truth.shape[0], : truth.shape[1]]
    found: list[Spot] = []
    for row, column in sorted(map(tuple, np.argwhere(high)), key=lambda at: -float(means[at])):
        if any(np.hypot(row - s.row, column - s.column) * mm < APART_MM for s in found):
            continue
        distance = np.hypot(rows - row, columns - column) * mm
        ring = held.body & (distance >= RING_MM[0]) & (distance <= RING_MM[1])
        if ring.sum() < LEAST_RING_PIXELS:
            continue
        around = float(np.median(truth[ring]))
        # The mean over a disc: noise alone has single pixels as hot as that.
        peak = float(means[distance <= SEARCH_MM].max())
        if around > 0 and peak >= CONTRAST * around:
            hottest = float(truth[distance <= SEARCH_MM].max())
            found.append(Spot(int(row), int(column), hottest, peak))
        if len(found) == MOST_SPOTS:
            break
    return tuple(found)


def _highest(values: FloatArray, spot: Spot, pixel_mm: float) -> float:
    rows, columns = np.ogrid[: values.shape[0], : values.shape[1]]
    near = np.hypot(rows - spot.row, columns - spot.column) * pixel_mm <= SEARCH_MM
    return float(values[near].max())


def _cold(held: Ruler) -> BoolArray | None:
    """Cold areas within the body, not its rim."""
    assert held.signal is not None
    smooth = ndimage.gaussian_filter(held.truth, RIM_MM / 4 / held.pixel_mm)
    inner = ndimage.distance_transform_edt(held.body) * held.pixel_mm > 2 * RIM_MM
    return flat_part(inner & (smooth < COLD * held.signal), smooth, held.pixel_mm, RIM_MM, share=1)
