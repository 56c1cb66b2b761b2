"""The noise a source has of its own, so that nobody calls it clean who hasn't measured it.

Three rulers, since each errs in its own way:

- the Global Noise Level (Christianson 2015; ``engines.classical.noise``), the ruler of the words.
  Its windows are 6 mm wide and lose what noise is coarser: smooth kernels read up to 6 % low;
- flat regions of 22 mm and their spectrum (``yardstick.physicist.nps``): nothing is lost,
  but anatomy that no eye sees is counted in, so that it is an upper bound;
- diagonal differences of neighbours in flat tissue, the finest Haar wavelets (Donoho and
  Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 1994;81:425): right for
  white noise only. Over the first it tells how correlated the noise is: 1 for white, 0.4 for a
  smooth kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.classical.noise import LocalStatistics, kernel_side, local_statistics, slice_noise
from engines.description import Modality
from engines.medq_uni.degradations.checks import hu_image, within
from engines.medq_uni.yardstick.physicist.nps import SOFT_TISSUE_HU, Spectrum, from_image

REGION_MM = 22.0
"""Side of a flat region."""
REGION_PIXELS = (16, 64)
"""Least and most pixels along its side."""
LEAST_REGIONS = 4
"""Fewer flat regions, overlapping as they do, are chance."""
SMOOTHING_MM = 1.5
"""Sigma of the Gaussian that leaves structure and little noise."""
FLAT_RATIO = 0.25
"""Most that the smoothed image may vary in a window, as a share of the image itself: noise of a
smooth kernel keeps 0.09 to 0.22, sharper ones less, edges and vessels more."""
MOST_FACTOR = 2.5
"""Windows so many times noisier than the image's level hold structure."""
MAP_MM = 12.0
"""Sigma of the Gaussian that the map's local variances are averaged with."""
MEAN_TO_SIGMA = 1.2533
"""Of the mean absolute value of normal numbers to their standard deviation, the root of pi / 2. The
median, which Donoho takes, jumps by 0.7 HU where values are whole HU."""


@dataclass(frozen=True, slots=True)
class Residual:
    """Noise of one CT image in soft tissue, in HU; ``None`` where too little of it is flat.

    ``sigma`` is the Global Noise Level, ``regions`` the upper bound, ``fine`` that of diagonal
    neighbours. ``spectrum`` is that of the flat regions.
    """

    sigma: float | None
    regions: float | None
    fine: float | None
    spectrum: Spectrum | None

    @property
    def mean_lp_cm(self) -> float | None:
        """Mean frequency of the noise in lp/cm."""
        return None if self.spectrum is None else self.spectrum.radial().mean_lp_cm

    @property
    def known(self) -> float | None:
        """What the source's noise is taken to be in HU: the lower of the two, for structure only
        adds to either; ``None`` where nothing could be measured.
        """
        known = [found for found in (self.sigma, self.regions) if found is not None]
        return min(known, default=None)

    @property
    def level(self) -> float:
        """``known``, or 0 where nothing is."""
        return self.known or 0.0


def residual(
    image: FloatArray, pixel_mm: float, where: BoolArray | None = None
) -> tuple[Residual, FloatArray]:
    """The noise of a CT ``image`` (rows, columns) in HU, and its local sigma map (HU, same shape).

    ``where`` is False at padding. The map is noise as flat soft tissue shows it, carried on
    smoothly to where there is none; it is the image's level all over where nothing was measured.

    Raises:
        ValueError: no image of HU, ``where`` of another shape, or a pixel spacing outside 0.01 to
            100 mm.
    """
    within("pixel_mm", pixel_mm, 0.01, 100)
    values = hu_image("image", image)
    valid = np.ones(values.shape, np.bool_) if where is None else np.asarray(where, np.bool_)
    if valid.shape != values.shape:
        raise ValueError(f"where must be of the image's shape {values.shape}, not {valid.shape}")
    side = kernel_side(Modality.CT, pixel_mm, pixel_mm)
    noise, local = slice_noise(values, valid, Modality.CT, side)
    region = int(np.clip(round(REGION_MM / pixel_mm), *REGION_PIXELS))
    spectrum = from_image(values, pixel_mm, region, valid)
    if spectrum is not None and spectrum.regions < LEAST_REGIONS:
        spectrum = None
    flat = _flat(values, valid, pixel_mm, side, local)
    if noise.sigma is not None:
        flat &= local.deviation <= MOST_FACTOR * noise.sigma
    found = Residual(
        noise.sigma,
        None if spectrum is None else spectrum.variance**0.5,
        _fine(values, flat),
        spectrum,
    )
    return found, _sigma_map(local, flat, pixel_mm, found.level)


def ceiling_db(noise: float, added: float) -> tuple[float, float]:
    """Gain of PSNR in dB against noisy truth: of a perfect restoration, and the most of any.

    ``noise`` is the truth's own and ``added`` what was added to it, both in HU and independent.
    The first is for the noise-free object: its error against such truth is ``noise``. The second is
    for the best guess at the noisy truth itself, which keeps a share of the noise: an error of
    ``noise * added / hypot(noise, added)`` where both have one spectrum (Wiener). Infinite for
    noise-free truth.

    Raises:
        ValueError: ``noise`` negative, or ``added`` not above 0.
    """
    within("noise", noise, 0, 1e5)
    within("added", added, 1e-6, 1e5)
    if noise == 0:
        return np.inf, np.inf
    perfect = 20 * np.log10(added / noise)
    most = 20 * np.log10(np.hypot(noise, added) / noise)
    return float(perfect), float(most)


def _flat(
    values: FloatArray, valid: BoolArray, pixel_mm: float, side: int, local: LocalStatistics
) -> BoolArray:
    """Centres of windows of soft tissue that hold little but noise."""
    low, high = SOFT_TISSUE_HU
    smooth = ndimage.gaussian_filter(values, SMOOTHING_MM / pixel_mm)
    structure = local_statistics(smooth, valid, side).deviation
    flat = local.inside & (local.mean >= low) & (local.mean <= high)
    return np.asarray(flat & (structure <= FLAT_RATIO * local.deviation), np.bool_)


def _fine(values: FloatArray, flat: BoolArray) -> float | None:
    """Sigma from the diagonal differences of neighbours in ``flat`` tissue."""
    differences = (values[1:, 1:] - values[1:, :-1] - values[:-1, 1:] + values[:-1, :-1]) / 2
    sample = differences[flat[1:, 1:]]
    return MEAN_TO_SIGMA * float(np.abs(sample).mean()) if sample.size else None


def _sigma_map(
    local: LocalStatistics, flat: BoolArray, pixel_mm: float, level: float
) -> FloatArray:
    """Local variances of flat tissue, averaged over the neighbourhood that has any."""
    weight = flat.astype(np.float32)
    variance = np.where(flat, local.deviation**2, 0).astype(np.float32)
    total = ndimage.gaussian_filter(weight, MAP_MM / pixel_mm, mode="nearest")
    found = ndimage.gaussian_filter(variance, MAP_MM / pixel_mm, mode="nearest")
    # Far from flat tissue the image's own level takes over.
    share = np.float32(1e-3)
    return np.asarray(np.sqrt((found + share * level**2) / (total + share)), np.float32)
