"""Sharpness from the edge of a disc: the modulation transfer, as physicists measure it.

Every pixel near a disc's rim is put at its distance from the known middle; since the rim is round
these distances sample the edge far more finely than pixels do. The edge's derivative is the line
spread, and the magnitude of its Fourier transform the modulation transfer function (Richard et
al., "Towards task-based assessment of CT performance", Med Phys 2012;39:4115; AAPM Report 233,
2019). With a faint disc the same gives the task transfer function of an engine that treats faint
and strong edges differently. Averaging realisations and a standard error make it a measurement.

What it says includes the pixel's own aperture, as on scanners.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from engines.base import FloatArray
from engines.medq_uni.degradations.checks import within
from engines.phantoms.image_quality import Disc

REACH_MM = 8.0
"""How far from the rim, on either side, an edge is followed; never beyond 0.8 of the radius."""
BIN_PIXELS = 0.125
"""Width of the distance bins."""
FLAT_SHARE = 0.5
"""Share of the reach that the window leaves as it is; beyond it falls to zero (Tukey)."""
STEP_LP_CM = 0.05
LARGEST_ERROR = 0.15
"""A frequency with a relative standard error above this is reported as not measurable."""
LEAST_GROUPS, MOST_GROUPS = 2, 8
"""Realisations are split into this many groups for the jackknife."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A modulation transfer function: ``modulation`` is 1 at zero of ``lp_cm``."""

    lp_cm: NDArray[np.float64]
    modulation: NDArray[np.float64]

    def frequency_at(self, level: float) -> float | None:
        """First frequency (lp/cm) where the modulation falls below ``level``; ``None`` if never."""
        below = np.flatnonzero(self.modulation < level)
        if not below.size or below[0] == 0:
            return None
        k = int(below[0])
        high, low = self.modulation[k - 1], self.modulation[k]
        share = (high - level) / (high - low)
        return float(self.lp_cm[k - 1] + share * (self.lp_cm[k] - self.lp_cm[k - 1]))


@dataclass(frozen=True, slots=True)
class Sharpness:
    """A transfer function with its 50 % and 10 % frequencies in lp/cm and their standard errors.

    ``None`` where not measurable: never reached, or an error too large.
    """

    transfer: Transfer
    mtf50: float | None
    mtf10: float | None
    error50: float | None
    error10: float | None


def edge_spread(
    image: FloatArray, pixel_mm: float, disc: Disc
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean value at every distance from the disc's rim: (distance in mm, value in HU).

    Raises:
        ValueError: the surroundings of the disc's rim leave the image, the disc is smaller than 12
            pixels, or there are values that aren't finite.
    """
    within("pixel_mm", pixel_mm, 0.05, 5)
    array = np.asarray(image, np.float64)
    if array.ndim != 2:
        raise ValueError(f"image must be (rows, columns), not of {array.ndim} dimensions")
    radius = disc.diameter_mm / 2
    if not np.isfinite([disc.x_mm, disc.y_mm, disc.diameter_mm]).all():
        raise ValueError("disc: place and diameter must be finite")
    if disc.diameter_mm < 12 * pixel_mm:
        raise ValueError(f"disc: {disc.diameter_mm:g} mm are too few pixels for an edge")
    reach = min(REACH_MM, 0.8 * radius)
    row = array.shape[0] // 2 + disc.y_mm / pixel_mm
    column = array.shape[1] // 2 + disc.x_mm / pixel_mm
    far = (radius + reach) / pixel_mm + 1
    top, left = int(np.floor(row - far)), int(np.floor(column - far))
    bottom, right = int(np.ceil(row + far)) + 1, int(np.ceil(column + far)) + 1
    if min(top, left) < 0 or bottom > array.shape[0] or right > array.shape[1]:
        raise ValueError("disc: its surroundings leave the image")
    part = array[top:bottom, left:right]
    if not np.isfinite(part).all():
        raise ValueError("image has NaN or infinite values around the disc")
    y = (np.arange(top, bottom) - row)[:, None] * pixel_mm
    x = (np.arange(left, right) - column)[None, :] * pixel_mm
    distance = np.hypot(y, x) - radius
    width = BIN_PIXELS * pixel_mm
    count = int(reach / width)
    centres = np.arange(-count, count + 1) * width
    index = np.rint(distance / width).astype(np.int64) + count
    used = (index >= 0) & (index <= 2 * count)
    number = np.bincount(index[used], minlength=2 * count + 1)
    total = np.bincount(index[used], weights=part[used], minlength=2 * count + 1)
    place = np.bincount(index[used], weights=distance[used], minlength=2 * count + 1)
    filled = number > 0
    # Pixels are not spread evenly over a bin: their mean distance is taken, not the bin's middle.
    mean_place, value = place[filled] / number[filled], total[filled] / number[filled]
    found = np.asarray(np.interp(centres, mean_place, value), np.float64)
    return np.asarray(centres, np.float64), found


def transfer(image: FloatArray, pixel_mm: float, disc: Disc) -> Transfer | None:
    """The modulation transfer of ``image`` (rows, columns) at the rim of ``disc``.

    ``None`` where there is no edge at all.

    Raises:
        ValueError: see ``edge_spread``.
    """
    distance, edge = edge_spread(image, pixel_mm, disc)
    step = float(distance[1] - distance[0])
    line = np.gradient(edge, step) * signal.windows.tukey(len(edge), 1 - FLAT_SHARE)
    lp_cm = np.arange(0, 5 / pixel_mm + STEP_LP_CM, STEP_LP_CM)
    phase = np.exp(-2j * np.pi * lp_cm[:, None] / 10 * distance[None, :])
    spectrum = np.abs(phase @ line)
    # What the bins' width and the central difference over two of them take away.
    lost = np.sinc(lp_cm / 10 * step) * np.sinc(lp_cm / 10 * 2 * step)
    if not spectrum[0] > 1e-9 * max(1.0, float(np.abs(edge).max())):
        return None
    return Transfer(lp_cm, spectrum / spectrum[0] / lost)


def sharpness(images: FloatArray, pixel_mm: float, discs: tuple[Disc, ...]) -> Sharpness | None:
    """Sharpness at the rims of ``discs``, equal but for place, in ``images``.

    ``images`` is (realisations, rows, columns) in HU. Realisations and discs are averaged before
    anything is done that is not linear; standard errors are jackknifed over groups of
    realisations, 0 for a single image. ``None`` where there is no edge.

    Raises:
        ValueError: no images or discs, or see ``edge_spread``.
    """
    if images.ndim != 3 or not len(images) or not discs:
        raise ValueError("images must be (realisations, rows, columns), with at least one disc")
    groups = np.array_split(np.arange(len(images)), min(len(images), MOST_GROUPS))
    sums = np.array([images[group].sum(axis=0, dtype=np.float64) for group in groups])
    total = sums.sum(axis=0)
    whole = _mean_transfer(total / len(images), pixel_mm, discs)
    if whole is None:
        return None
    parts: list[Transfer | None] = []
    if len(groups) >= LEAST_GROUPS:
        for group, part in zip(groups, sums, strict=True):
            rest = (total - part) / (len(images) - len(group))
            parts.append(_mean_transfer(rest, pixel_mm, discs))
    mtf50, error50 = _with_error(whole, parts, 0.5)
    mtf10, error10 = _with_error(whole, parts, 0.1)
    return Sharpness(whole, mtf50, mtf10, error50, error10)


def _mean_transfer(
    image: NDArray[np.floating], pixel_mm: float, discs: tuple[Disc, ...]
) -> Transfer | None:
    found = [transfer(np.asarray(image, np.float32), pixel_mm, disc) for disc in discs]
    known = [t.modulation for t in found if t is not None]
    first = next((t for t in found if t is not None), None)
    return None if first is None else Transfer(first.lp_cm, np.mean(known, axis=0))


def _with_error(
    whole: Transfer, parts: list[Transfer | None], level: float
) -> tuple[float | None, float | None]:
    """The frequency at ``level`` and its jackknifed standard error, or ``None`` and ``None``."""
    found = whole.frequency_at(level)
    if found is None or not parts:
        return found, None if found is None else 0.0
    others = [None if part is None else part.frequency_at(level) for part in parts]
    known = np.array([f for f in others if f is not None])
    if len(known) < len(others):
        return None, None
    n = len(known)
    error = float(np.sqrt((n - 1) / n * ((known - known.mean()) ** 2).sum()))
    return (found, error) if error <= LARGEST_ERROR * found else (None, None)
