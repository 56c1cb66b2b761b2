"""Noise of one slice, measured in homogeneous tissue.

CT: the Global Noise Level of Christianson et al., "Automated technique to measure noise in
clinical CT examinations", AJR 2015;205:W93: the local standard deviation in a small sliding
window, over all windows in soft tissue; the mode of its histogram is the noise, since windows
that hold edges or texture lie above the mode. Here a plane is removed from every window first,
so that slow shading is no noise. MR and PET have no absolute scale, so the same is done in
tissue (MR) or in tissue with uptake (PET) and expressed in % of the signal there. Anatomy as fine
as the window (gyri, lesions) leaves no histogram mode that is noise alone, so that there the
quietest tenth of the windows is asked too and the lower answer taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.description import Modality

KERNEL_MM: dict[Modality, float] = {Modality.CT: 6.0, Modality.MR: 2.0, Modality.PT: 16.0}
"""Side of the window: fine for MR to fit between gyri, wide for PET, whose noise is coarse."""
KERNEL_PIXELS = (5, 13)
"""Fewest and most pixels along a window's side, whatever the spacing."""
DEFAULT_KERNEL = 7
"""Side in pixels where the spacing is unknown."""
SOFT_TISSUE_HU = (0.0, 150.0)
"""Local means that count as soft tissue: organs and muscle, with and without contrast medium."""
QUIET_PERCENTILE = 10.0
QUIET_FACTOR = 0.75
"""Sigma is the 10th percentile of local deviations over this, for noise alone: 0.80 where 22
degrees of freedom are independent (chi distribution), less where noise is correlated."""
AIR_PERCENTILE, HIGHEST_PERCENTILE = 5.0, 99.0
BULK_SHARE, HALF, ABOVE_AIR = 0.25, 0.5, 1.8
MIN_WINDOWS = 200
"""Windows needed for a histogram with a mode."""
BINS = 128
HOT_SPOT = 3.0
"""What Otsu's threshold leaves of PET is a hot spot, and no body, where with what is found below it
is so many times as large: 11 to 27 times round full bladders, up to 1.6 in other bodies and up to
2.7 from brain to head."""
RAGGED = 15.0
"""What is found below is noise of the air, and no body, where the border is so long: a disc has
4.5, legs and arms 7, bodies with noise 9, noise 25 and more."""
SMOOTH_SHARE = 0.05
"""Of the image's longer side is averaged over for that."""


@dataclass(frozen=True, slots=True)
class LocalStatistics:
    """Per pixel, over the window around it: ``mean`` and detrended ``deviation`` (rows, columns).

    ``inside`` is True where the whole window is valid pixels.
    """

    mean: FloatArray
    deviation: FloatArray
    inside: BoolArray


@dataclass(frozen=True, slots=True)
class SliceNoise:
    """Noise of a slice: ``sigma`` and the tissue's ``signal`` in the image's unit.

    ``sigma`` is ``None`` where there is too little homogeneous tissue; ``windows`` counts those
    that were used.
    """

    sigma: float | None
    signal: float
    windows: int

    @property
    def percent(self) -> float | None:
        """Noise in % of the tissue's signal."""
        return None if self.sigma is None else 100.0 * self.sigma / self.signal


def kernel_side(modality: Modality, row_mm: float, column_mm: float) -> int:
    """Odd side of the window in pixels."""
    spacing = (row_mm * column_mm) ** 0.5
    if spacing <= 0 or modality not in KERNEL_MM:
        return DEFAULT_KERNEL
    side = round(KERNEL_MM[modality] / spacing)
    return int(np.clip(side | 1, *KERNEL_PIXELS))


def local_statistics(values: FloatArray, valid: BoolArray, side: int) -> LocalStatistics:
    """Mean and standard deviation about the best plane in every ``side`` x ``side`` window."""
    centre = float(values[valid].mean()) if valid.any() else 0.0
    work = np.where(valid, values - np.float32(centre), np.float32(0))
    rows = ndimage.uniform_filter1d(work, side, axis=1, mode="nearest")
    mean = ndimage.uniform_filter1d(rows, side, axis=0, mode="nearest")
    square = ndimage.uniform_filter(work * work, side, mode="nearest")
    offsets = np.arange(side, dtype=np.float32) - side // 2
    power = float((offsets**2).mean())
    columns = ndimage.uniform_filter1d(work, side, axis=0, mode="nearest")
    slope_rows = ndimage.correlate1d(rows, offsets / side, axis=0, mode="nearest")
    slope_columns = ndimage.correlate1d(columns, offsets / side, axis=1, mode="nearest")
    variance = square - mean**2 - (slope_rows**2 + slope_columns**2) / np.float32(power)
    # Three of the window's degrees of freedom went into the plane.
    variance *= np.float32(side**2 / (side**2 - 3))
    deviation = np.sqrt(np.maximum(variance, 0))
    inside = valid
    if not valid.all():
        inside = ndimage.minimum_filter(valid, side, mode="constant", cval=False)
    return LocalStatistics(mean + np.float32(centre), deviation, inside)


def tissue_range(modality: Modality, values: FloatArray, valid: BoolArray) -> tuple[float, float]:
    """Lowest and highest local mean that counts as tissue in this image, in its unit.

    MR: around the bulk of the signal above Otsu's threshold between background and body. PET:
    the same above the threshold between body and what surrounds it, without hot spots.
    """
    if modality is Modality.CT:
        return SOFT_TISSUE_HU
    threshold = body_threshold(modality, values, valid)
    body = values[valid & (values > threshold)]
    if body.size == 0:
        return np.inf, np.inf
    middle = float(np.median(body))
    high = float(np.percentile(body, 98))
    return max(threshold, 0.5 * middle), max(high, 1.5 * middle)


def body_threshold(modality: Modality, values: FloatArray, valid: BoolArray) -> float:
    """Value above which a pixel belongs to the body, in the image's unit; ``inf`` where nothing.

    ``values`` and ``valid`` are (rows, columns).
    """
    if modality is Modality.CT:
        return -300.0
    threshold = _otsu(values[valid])
    if modality is Modality.PT and np.isfinite(threshold):
        return _below_hot_spot(values, valid, threshold)
    return threshold


def _below_hot_spot(values: FloatArray, valid: BoolArray, threshold: float) -> float:
    """``threshold``, or the one below it where it tells only a hot spot from the body.

    A full bladder is so hot that the widest gap of all lies between it and the body. What is below
    is smoothed for that, so that noise is not taken for a body nor makes holes in one.
    """
    hot = valid & (values > threshold)
    rest = valid & ~hot
    side = max(3, round(max(values.shape) * SMOOTH_SHARE) | 1)
    weight = ndimage.uniform_filter(rest.astype(np.float32), side, mode="nearest")
    below = ndimage.uniform_filter(np.where(rest, values, np.float32(0)), side, mode="nearest")
    below /= np.maximum(weight, np.float32(side**-2))
    second = _otsu(below[rest])
    body = hot | (rest & (below > second))
    grown = int(body.sum()) > HOT_SPOT * int(hot.sum())
    return second if grown and _ragged(body) < RAGGED else threshold


def _otsu(sample: FloatArray) -> float:
    """Otsu's threshold of positive values of any number; ``inf`` where there are none."""
    if sample.size == 0 or float(sample.max()) <= max(float(sample.min()), 0.0):
        return float("inf")
    # Square roots pull in the few hot pixels that would otherwise own the threshold.
    roots = np.sqrt(np.maximum(sample, 0))
    # A body so small that it is beyond the percentile is all there is.
    top = float(np.percentile(roots, 99.5)) or float(roots.max())
    counts, edges = np.histogram(roots, bins=BINS, range=(0.0, top))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    mass = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    if not np.isfinite(between).any():
        return float("inf")  # All of nearly one value: nothing parts them.
    return float(middles[int(np.nanargmax(between))] ** 2)


def _ragged(mask: BoolArray) -> float:
    """Length of the border of ``mask`` (rows, columns) over the root of its area, in pixels."""
    border = sum(int(np.count_nonzero(np.diff(mask, axis=axis))) for axis in (0, 1))
    return float(border / np.sqrt(max(int(mask.sum()), 1)))


def slice_noise(
    values: FloatArray, valid: BoolArray, modality: Modality, side: int
) -> tuple[SliceNoise, LocalStatistics]:
    """Noise of one slice and the local statistics it came from.

    ``values`` is float32 and ``valid`` bool, (rows, columns); ``side`` from ``kernel_side``.
    """
    statistics = local_statistics(values, valid, side)
    low, high = tissue_range(modality, values, valid)
    tissue = statistics.inside & (statistics.mean >= low) & (statistics.mean <= high)
    windows = int(tissue.sum())
    if windows < MIN_WINDOWS:
        return SliceNoise(None, 0.0, windows), statistics
    means = statistics.mean[tissue]
    signal = _bulk(statistics) if modality is Modality.MR else float(np.median(means))
    deviations = statistics.deviation[tissue]
    if modality is Modality.PT:
        # The noise of a reconstructed PET image follows its signal: compare like with like.
        deviations = deviations / means * np.float32(signal)
    sigma = _mode(deviations)
    if sigma is not None and modality is not Modality.CT:
        quiet = float(np.percentile(deviations, QUIET_PERCENTILE)) / QUIET_FACTOR
        sigma = min(sigma, quiet) or None
    return SliceNoise(sigma, signal, windows), statistics


def _bulk(statistics: LocalStatistics) -> float:
    """Signal of the bulk of the body: the median of local means above a quarter of the highest.

    A threshold between air and body moves with the noise where much of the body is nearly dark, as
    fat is where it is suppressed, and would tell another signal of the same tissue. Where air is
    so noisy that it comes near a quarter itself, what is above it counts.
    """
    means = statistics.mean[statistics.inside]
    air, highest = np.percentile(means, (AIR_PERCENTILE, HIGHEST_PERCENTILE))
    least = max(BULK_SHARE * highest, min(ABOVE_AIR * air, HALF * highest))
    return float(np.median(means[means > least]))


def _mode(deviations: NDArray[np.float32]) -> float | None:
    """Mode of the histogram of local deviations; ``None`` where the image is flat (synthetic)."""
    top = 3.0 * float(np.median(deviations))
    if not top > 0:
        return None
    counts, edges = np.histogram(deviations, bins=BINS, range=(0.0, top))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 3.0, mode="constant")
    peak = int(np.argmax(smooth))
    return float((edges[peak] + edges[peak + 1]) / 2)
