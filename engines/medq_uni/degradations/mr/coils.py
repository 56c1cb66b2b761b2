"""Receive coils around the body: what each of them sees, and how their images become one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.medq_uni.degradations.mr.encoding import ComplexArray

MOST_COILS = 32
DISTANCE = 1.05
"""Loops lie so many half diagonals from the middle: nothing in the image touches one."""
LOOP_RADIUS = (0.4, 0.6)
"""Least and most radius of the loops, in half diagonals."""


def check_count(name: str, count: int) -> None:
    """Refuse, with a ValueError, what is no number of coils."""
    if count not in range(1, MOST_COILS + 1):
        raise ValueError(f"{name} must be a whole number from 1 to {MOST_COILS}, not {count}")


def coil_maps(count: int, shape: tuple[int, int], rng: np.random.Generator) -> ComplexArray:
    """Sensitivities, complex64 (count, rows, columns), of loops in a ring around the image.

    At each pixel the sum of their squared magnitudes is 1, as sensitivities are scaled for a
    combination that shows the object evenly (Pruessmann et al., Magn Reson Med 1999;42:952). A
    single coil is a body coil, which sees all alike.

    Raises:
        ValueError: count not a whole number from 1 to 32.
    """
    check_count("count", count)
    if count == 1:
        return np.ones((1, *shape), np.complex64)
    rows, columns = shape
    half_diagonal = np.hypot(rows, columns) / 2
    down = ((np.arange(rows) - rows // 2) / half_diagonal).astype(np.float32)[:, None]
    right = ((np.arange(columns) - columns // 2) / half_diagonal).astype(np.float32)
    first = rng.uniform(0, 2 * np.pi)
    angles = first + 2 * np.pi * (np.arange(count) + rng.uniform(-0.15, 0.15, count)) / count
    radius = rng.uniform(*LOOP_RADIUS)
    cables = rng.uniform(-np.pi, np.pi, count)
    maps = np.empty((count, rows, columns), np.complex64)
    for k, (angle, cable) in enumerate(zip(angles, cables, strict=True)):
        maps[k] = _loop(right, down, float(angle), float(radius)) * np.complex64(np.exp(1j * cable))
    squares = np.zeros(shape, np.float32)
    for seen in maps:
        squares += seen.real**2 + seen.imag**2
    maps /= np.sqrt(squares)
    return maps


def combine(coil_images: ComplexArray, maps: ComplexArray) -> ComplexArray:
    """One image (rows, columns) from those of the coils (coils, rows, columns), each by its map.

    The best estimate of the object where the coils' noise is equal and independent (Roemer et al.,
    Magn Reson Med 1990;16:192), which it then leaves as strong as in one coil.
    """
    image = np.zeros(maps.shape[1:], np.complex64)
    for seen, sensitivity in zip(coil_images, maps, strict=True):
        image += np.conj(sensitivity) * seen
    return image


def _loop(
    right: NDArray[np.float32], down: NDArray[np.float32], angle: float, radius: float
) -> ComplexArray:
    """Field of a loop at ``angle`` that faces the middle, as one complex number per pixel.

    Exact (Biot-Savart) on the loop's axis and far from it, smooth between.
    """
    along_x, along_y = float(np.cos(angle)), float(np.sin(angle))
    x, y = right - np.float32(DISTANCE * along_x), down - np.float32(DISTANCE * along_y)
    square = x**2 + y**2
    facing = 3 * (along_x * x + along_y * y)
    rest = 2 * radius**2 - square
    falloff = (square + radius**2) ** np.float32(-2.5)
    values = np.empty(square.shape, np.complex64)
    # What precesses induces by the field's rotating part, B_x - i B_y.
    np.multiply(facing * x + along_x * rest, falloff, out=values.real)
    np.multiply(-(facing * y + along_y * rest), falloff, out=values.imag)
    return values
