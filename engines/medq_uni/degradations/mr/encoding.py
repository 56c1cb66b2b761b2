"""From image to k-space and back, and the smooth phase that every MR object has.

k-space is centred: its zero frequency lies at (rows // 2, columns // 2), that of the image's
origin too. The transforms are unitary, so energy and the standard deviation of white noise are the
same on both sides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from engines.base import FloatArray

ComplexArray = NDArray[np.complex64]

AXES = (-2, -1)
WAVES = 4
"""Smooth phase goes through so many half periods along each axis at most."""
PHASE_RADIANS = (0.4, 1.2)
"""Least and most standard deviation of the smooth phase."""
MOST_ECHO_SHIFT = 1.0
"""The echo's peak lies so many lines from the middle of k-space at most: shims and gradients are
not perfect."""


def to_kspace(images: ArrayLike) -> ComplexArray:
    """k-space, complex64, of images (..., rows, columns); centred and unitary."""
    values = np.asarray(images, np.complex64)
    spectrum = fft.fft2(fft.ifftshift(values, AXES), axes=AXES, norm="ortho", workers=1)
    return np.asarray(fft.fftshift(spectrum, AXES), np.complex64)


def to_image(kspace: ArrayLike) -> ComplexArray:
    """Images, complex64, of k-space (..., rows, columns): the inverse of ``to_kspace``."""
    values = np.asarray(kspace, np.complex64)
    image = fft.ifft2(fft.ifftshift(values, AXES), axes=AXES, norm="ortho", workers=1)
    return np.asarray(fft.fftshift(image, AXES), np.complex64)


def random_phase(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Smooth phase, float32 radians of ``shape``, as main field, shim and excitation leave it.

    Low cosines whose amplitudes fall with their frequency, and a ramp that moves the echo off the
    middle of k-space. Without it k-space would be conjugate symmetric, and the half that partial
    Fourier leaves out would be no loss (McGibney et al., Magn Reson Med 1993;30:51).
    """
    rows, columns = shape
    order = np.arange(WAVES + 1)
    amplitudes = rng.standard_normal((order.size, order.size))
    amplitudes /= 1 + order[:, None] ** 2 + order**2
    amplitudes[0, 0] = 0.0
    field = _cosines(rows) @ amplitudes @ _cosines(columns).T
    field *= rng.uniform(*PHASE_RADIANS) / field.std()
    down, right = rng.uniform(-MOST_ECHO_SHIFT, MOST_ECHO_SHIFT, 2) * 2 * np.pi
    field += rng.uniform(-np.pi, np.pi)
    field += down * np.linspace(-0.5, 0.5, rows)[:, None] + right * np.linspace(-0.5, 0.5, columns)
    return field.astype(np.float32)


def with_phase(magnitude: FloatArray, phase: FloatArray) -> ComplexArray:
    """The complex object, complex64, of this magnitude and phase (radians)."""
    values = np.empty(magnitude.shape, np.complex64)
    np.multiply(magnitude, np.cos(phase), out=values.real)
    np.multiply(magnitude, np.sin(phase), out=values.imag)
    return values


def _cosines(count: int) -> NDArray[np.float64]:
    """Cosines of no to ``WAVES`` half periods of the field of view, (count, WAVES + 1)."""
    middle = (np.arange(count) + 0.5) / count
    return np.cos(np.pi * middle[:, None] * np.arange(WAVES + 1))
