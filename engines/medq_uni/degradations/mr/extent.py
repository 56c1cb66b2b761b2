"""How far k-space of a real image was measured; the rest, which scanners fill in, is taken off.

Scanners interpolate: they put zeros around what they measured, so that images have more pixels than
they have details. Of such an image a quarter of k-space may hold all there is, and a scan that
measures only that quarter would lose nothing. A truth must need the k-space that it has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from engines.base import FloatArray

FALL = 8.0
"""Where k-space ends its power falls by this factor, at least (11 to 46 in series known to be
interpolated), ..."""
WITHIN = 0.1
"""... within this share of the way to the Nyquist frequency. Anatomy's own falls by 2 to 4 there
in series that aren't interpolated."""
LEAST_HELD = 0.25
"""What ends earlier is not looked for: there anatomy's own power falls as steeply."""
SMOOTH = 0.02
"""Deviation of the Gaussian that smooths profiles of power, in shares of the way to Nyquist."""
NOTHING = 1e-12
"""Less than this share of the largest power counts as this much."""
LEAST_SIDE = 32
"""Smaller images are left as they are: too few frequencies to tell by."""


def held_extents(images: NDArray[Any]) -> tuple[float, float]:
    """Shares (down, right), up to 1, of k-space that images (..., rows, columns) of a series hold.

    k-space ends where the power falls steeply to a floor that lasts to the Nyquist frequency. The
    end is set where half of that fall, in its logarithm, is done. 1 where no end is found.
    """
    rows, columns = images.shape[-2:]
    if min(rows, columns) < LEAST_SIDE:
        return 1.0, 1.0
    stack = np.asarray(images, np.float32).reshape(-1, rows, columns)
    spectra = fft.fftshift(fft.fft2(stack, axes=(1, 2), workers=1), (1, 2))
    power = np.mean(np.square(np.abs(spectra), dtype=np.float64), axis=0)
    return _held(power.mean(axis=1)), _held(power.mean(axis=0))


def to_extent(image: NDArray[Any], shape: tuple[int, int]) -> FloatArray:
    """``image`` (rows, columns) as a magnitude of ``shape`` from the middle of its k-space.

    Field of view and scale of the signal stay, so that pixels grow. Of the same shape it is the
    image itself.

    Raises:
        ValueError: shape larger than the image's.
    """
    rows, columns = image.shape
    if shape == (rows, columns):
        return np.asarray(image, np.float32)
    if not (1 <= shape[0] <= rows and 1 <= shape[1] <= columns):
        raise ValueError(f"shape must be within 1 to {(rows, columns)}, not {shape}")
    spectrum = fft.fftshift(fft.fft2(fft.ifftshift(image), norm="forward", workers=1))
    top, left = rows // 2 - shape[0] // 2, columns // 2 - shape[1] // 2
    middle = spectrum[top : top + shape[0], left : left + shape[1]]
    smaller = fft.ifft2(fft.ifftshift(middle), norm="forward", workers=1)
    return np.asarray(np.abs(fft.fftshift(smaller)), np.float32)


def held_shape(
    shape: tuple[int, int], held: tuple[float, float], spacing_mm: tuple[float, float]
) -> tuple[int, int]:
    """Even sides of an image (rows, columns) of ``shape`` that needs all of its k-space.

    Pixels become square, as large as the axis of which less is held can tell them: of the other the
    finer details go too, since a truth can't be undersampled along an axis that has none. The same
    shape where all is held.
    """
    if min(held) >= 1:
        return shape
    known = spacing_mm if min(spacing_mm) > 0 else (1.0, 1.0)
    pixel_mm = max(mm / share for mm, share in zip(known, held, strict=True))
    rows, columns = (
        min(side, 2 * round(side * mm / pixel_mm / 2))
        for side, mm in zip(shape, known, strict=True)
    )
    return rows, columns


def _held(power: NDArray[np.float64]) -> float:
    """The share of one axis's frequencies, up to 1, within which ``power`` (side,) lies."""
    middle = len(power) // 2
    below, above = power[middle:0:-1], power[middle:]
    count = min(len(below), len(above))
    profile = (below[:count] + above[:count])[1:]
    most = float(profile.max())
    if not (np.isfinite(most) and most > 0):
        return 1.0
    profile = np.maximum(profile, most * NOTHING)
    level = ndimage.gaussian_filter1d(np.log10(profile), SMOOTH * len(profile), mode="nearest")
    reach = max(2, round(WITHIN * len(level)))
    first = round(LEAST_HELD * len(level)) - reach // 2
    falls = level[:-reach] - level[reach:]
    falls[:first] = 0
    start = int(falls.argmax())
    if (
        falls[start] < np.log10(FALL)
        or level[start + reach :].max() > level[start] - np.log10(FALL) / 2
    ):
        return 1.0
    half = (level[start] + level[start + reach]) / 2
    end = start + int(np.argmax(level[start : start + reach + 1] <= half))
    return float((end + 1) / len(level))
