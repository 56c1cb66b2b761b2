"""The noise power spectrum: how strong noise is at every frequency, and in which direction.

After ICRU Report 87 (2012) and Siewerdsen, Cunningham and Jaffray, "A framework for
noise-power spectrum analysis of multidimensional images", Med Phys 2002;29:2655: the squared
magnitudes of the Fourier transforms of square regions are averaged and scaled by the pixel area
over the number of pixels. The spectrum's integral over frequency is then the variance (Parseval).
In a single image regions are freed of their best plane first, which takes slow shading along with
the noise of about one period per region: the lowest bins read low, and coarse grain seems finer.
Where repeats or the truth are known there is no shading left, and nothing is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.degradations.checks import hu_image, within

LEAST_SIDE = 8
"""Smaller regions, in pixels, resolve no spectrum."""
SOFT_TISSUE_HU = (0.0, 150.0)
"""Means of regions in which noise is measured, as in ``engines.classical.noise``."""
SMOOTHING_MM = 3.0
"""Sigma of the Gaussian on whose image flat regions are chosen: on the noisy image itself the
choice would favour regions where noise happens to be low."""
FLAT_FACTOR = 1.6
"""Regions whose smoothed deviation exceeds the flattest tenth's by more hold structure."""
FLAT_RATIO = 0.2
"""And those where it is more than this share of the rest: what smoothing leaves of noise alone is
0.19 with the smoothest kernels (half height at 2.2 lp/cm), 0.07 with standard ones."""

LEAST_HU = 0.01
"""Less structure than this is rounding."""


@dataclass(frozen=True, slots=True)
class Radial:
    """A spectrum averaged over direction: ``power`` in HU^2 mm^2 at ``lp_cm``.

    Bins are one frequency step of the regions wide and reach from zero to Nyquist.
    """

    lp_cm: NDArray[np.float64]
    power: NDArray[np.float64]

    @property
    def mean_lp_cm(self) -> float:
        """Average frequency weighted with power (as AAPM Report 233 does)."""
        total = float(self.power.sum())
        return float((self.lp_cm * self.power).sum() / total) if total > 0 else 0.0

    @property
    def peak_lp_cm(self) -> float:
        """Frequency of the greatest power, refined by a parabola through its neighbours."""
        k = int(np.argmax(self.power))
        step = float(self.lp_cm[1] - self.lp_cm[0])
        if not 0 < k < len(self.power) - 1:
            return float(self.lp_cm[k])
        below, peak, above = self.power[k - 1 : k + 2]
        bend = below - 2 * peak + above
        offset = 0.5 * (below - above) / bend if bend < 0 else 0.0
        return float(self.lp_cm[k] + step * offset)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A two-dimensional noise power spectrum.

    ``power`` is float64 (side, side) in HU^2 mm^2, zero frequency first along both axes as
    ``numpy.fft.fftfreq`` orders them; ``regions`` counts the regions averaged.
    """

    power: NDArray[np.float64]
    pixel_mm: float
    regions: int

    @property
    def variance(self) -> float:
        """The integral over frequency in HU^2: the mean variance of the regions."""
        side = len(self.power)
        return float(self.power.sum() / (side * self.pixel_mm) ** 2)

    @property
    def lp_cm(self) -> NDArray[np.float64]:
        """Length of every bin's frequency vector in lp/cm, (side, side)."""
        along = np.fft.fftfreq(len(self.power), self.pixel_mm) * 10
        return np.asarray(np.hypot(along[:, None], along[None, :]))

    def radial(self) -> Radial:
        """The average over direction, up to the Nyquist frequency."""
        side = len(self.power)
        bins = np.rint(self.lp_cm * side * self.pixel_mm / 10).astype(np.int64)
        most = side // 2
        inside = bins <= most
        count = np.bincount(bins[inside], minlength=most + 1)
        total = np.bincount(bins[inside], weights=self.power[inside], minlength=most + 1)
        lp_cm = np.arange(most + 1) * 10 / (side * self.pixel_mm)
        return Radial(lp_cm, total / count)

    def directions(self, sectors: int = 12) -> NDArray[np.float64]:
        """Share of the power by direction, (sectors,), summing to 1.

        Sector k is centred on k x 180 / sectors degrees from the columns' axis (along a row)
        towards the rows' axis (down a column), as a frequency vector points. White noise gives
        equal shares: each is divided by its share of the bins inside the Nyquist circle.

        Raises:
            ValueError: fewer than 2 sectors or more than half the side.
        """
        side = len(self.power)
        within("sectors", sectors, 2, side // 2)
        along = np.fft.fftfreq(side)
        angle = np.arctan2(along[:, None], along[None, :])
        radius = np.hypot(along[:, None], along[None, :])
        used = (radius > 0) & (radius < 0.5)
        sector = np.rint(angle / np.pi * sectors).astype(np.int64) % sectors
        power = np.bincount(sector[used], weights=self.power[used], minlength=sectors)
        share = power / np.bincount(sector[used], minlength=sectors)
        total = share.sum()
        return np.asarray(share / total if total > 0 else np.full(sectors, 1 / sectors))


def spectrum(
    regions: FloatArray, pixel_mm: float, gain: float = 1.0, detrend: bool = True
) -> Spectrum:
    """The spectrum of square ``regions`` of noise, (regions, side, side) in HU.

    ``gain`` multiplies the power: n / (n - 1) where the mean of n repeats was subtracted.
    ``detrend`` takes each region's best plane off; only noise that is known can do without.

    Raises:
        ValueError: not square regions of at least 8 pixels, none, values that aren't finite, or a
            pixel spacing outside 0.01 to 100 mm.
    """
    within("pixel_mm", pixel_mm, 0.01, 100)
    array = np.asarray(regions, np.float64)
    if array.ndim != 3 or not len(array) or array.shape[1] != array.shape[2]:
        raise ValueError(f"regions must be (regions, side, side), at least one, not {array.shape}")
    side = array.shape[1]
    if side < LEAST_SIDE:
        raise ValueError(f"regions must have sides of at least {LEAST_SIDE} pixels, not {side}")
    if not np.isfinite(array).all():
        raise ValueError("regions have NaN or infinite values: leave those regions out")
    power = np.abs(np.fft.fft2(detrended(array) if detrend else array)) ** 2
    return Spectrum(power.mean(axis=0) * (gain * pixel_mm**2 / side**2), pixel_mm, len(array))


def from_repeats(
    images: FloatArray,
    pixel_mm: float,
    side: int = 64,
    truth: FloatArray | None = None,
    where: BoolArray | None = None,
) -> Spectrum:
    """The spectrum of noise that is known: repeats of one image (repeats, rows, columns) in HU.

    ``truth`` (rows, columns) is subtracted; without it their mean is, and what that takes of the
    noise is given back by n / (n - 1). Regions overlap by half (Siewerdsen 2002) and lie wholly in
    ``where`` (rows, columns).

    Raises:
        ValueError: wrong shapes, one repeat and no truth, or no region fits.
    """
    array = np.asarray(images, np.float64)
    if array.ndim != 3 or not len(array):
        raise ValueError(f"images must be (repeats, rows, columns), not {array.shape}")
    if truth is None and len(array) < 2:
        raise ValueError("images must be at least two repeats, or truth must be given")
    within("side", side, LEAST_SIDE, max(array.shape))
    gain = 1.0 if truth is not None else len(array) / (len(array) - 1)
    noise = array - (array.mean(axis=0) if truth is None else np.asarray(truth, np.float64))
    shape = (int(array.shape[1]), int(array.shape[2]))
    corners = grid(shape, side, where)
    if not corners:
        raise ValueError(f"side: no region of {side} pixels fits into the images")
    cut = np.concatenate([regions_at(field, corners, side) for field in noise])
    return spectrum(cut, pixel_mm, gain, detrend=False)


def from_image(
    image: FloatArray,
    pixel_mm: float,
    side: int = 32,
    where: BoolArray | None = None,
    tissue: tuple[float, float] = SOFT_TISSUE_HU,
) -> Spectrum | None:
    """The spectrum of the noise in flat regions of one real image (rows, columns) in HU.

    An upper bound: what anatomy is finer than the regions is in it. ``None`` where no region is
    flat; see ``flat_corners``.
    """
    corners = flat_corners(image, pixel_mm, side, where, tissue)
    return spectrum(regions_at(image, corners, side), pixel_mm) if corners else None


def flat_corners(
    image: FloatArray,
    pixel_mm: float,
    side: int = 32,
    where: BoolArray | None = None,
    tissue: tuple[float, float] = SOFT_TISSUE_HU,
) -> list[tuple[int, int]]:
    """Top left corners (row, column) of flat regions of tissue, overlapping by half.

    Chosen on a smoothed image: all its values within ``tissue``, its deviation about a plane near
    the flattest tenth's and no more than smoothing leaves of noise.

    Raises:
        ValueError: no image of HU, or a pixel spacing outside 0.01 to 100 mm.
    """
    within("pixel_mm", pixel_mm, 0.01, 100)
    smooth = ndimage.gaussian_filter(hu_image("image", image), SMOOTHING_MM / pixel_mm)
    low, high = tissue
    allowed = (smooth >= low) & (smooth <= high)
    if where is not None:
        allowed &= where
    corners = grid(smooth.shape, side, allowed, step=side // 4)
    if not corners:
        return []
    deviation = detrended(regions_at(smooth, corners, side)).std(axis=(1, 2))
    rest = detrended(regions_at(image - smooth, corners, side)).std(axis=(1, 2))
    flat = deviation <= FLAT_FACTOR * np.percentile(deviation, 10)
    flat &= deviation <= np.maximum(FLAT_RATIO * rest, LEAST_HU)
    return [corner for corner, found in zip(corners, flat, strict=True) if found]


def grid(
    shape: tuple[int, int], side: int, where: BoolArray | None = None, step: int | None = None
) -> list[tuple[int, int]]:
    """Corners (row, column) of all regions on a grid of ``step`` (half a side) inside ``where``."""
    stride = step or max(side // 2, 1)
    rows = range(0, shape[0] - side + 1, stride)
    columns = range(0, shape[1] - side + 1, stride)
    return [
        (i, k)
        for i in rows
        for k in columns
        if where is None or bool(where[i : i + side, k : k + side].all())
    ]


def regions_at(image: FloatArray, corners: list[tuple[int, int]], side: int) -> FloatArray:
    """The regions of ``image`` at ``corners``, (regions, side, side)."""
    return np.stack([image[i : i + side, k : k + side] for i, k in corners])


def detrended(regions: NDArray[np.floating]) -> NDArray[np.float64]:
    """``regions`` (regions, side, side) less their best planes."""
    array = np.asarray(regions, np.float64)
    array = array - array.mean(axis=(1, 2), keepdims=True)
    ramp = np.arange(array.shape[1]) - (array.shape[1] - 1) / 2
    power = float((ramp**2).sum() * len(ramp))
    down = np.einsum("nij,i->n", array, ramp) / power
    along = np.einsum("nij,j->n", array, ramp) / power
    plane = down[:, None, None] * ramp[:, None] + along[:, None, None] * ramp[None, :]
    return np.asarray(array - plane)
