"""Ellipses and what is known of them exactly: their image and their parallel-beam projections.

The plane is [-1, 1] x [-1, 1]; x grows with columns, y with rows. All arrays of ellipses have one
row per ellipse and the columns of ``FIELDS``; values add where ellipses overlap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray

FIELDS = ("x", "y", "half_x", "half_y", "angle", "value")
"""Centre, half axes, rotation (radians, from x towards y) and value (HU on top of what lies there).
"""
Ellipses = NDArray[np.float64]


def project(ellipses: Ellipses, angles: FloatArray, positions: FloatArray) -> FloatArray:
    """Exact line integrals, (angles, positions), of the sum of ``ellipses``.

    A ray at angle t holds the points with ``x cos t + y sin t = position``. Over an ellipse of half
    axes a, b and value v its integral is ``2 v a b sqrt(w - s^2) / w`` with
    ``w = a^2 cos^2 + b^2 sin^2`` (Kak and Slaney, Principles of Computerized Tomographic Imaging,
    section 3.1).
    """
    total = np.zeros((len(angles), len(positions)), np.float32)
    for x, y, a, b, phi, value in ellipses:
        width = (a * np.cos(angles - phi)) ** 2 + (b * np.sin(angles - phi)) ** 2
        shift = positions[None, :] - (x * np.cos(angles) + y * np.sin(angles))[:, None]
        inside = np.maximum(width[:, None] - shift**2, 0)
        total += (2 * value * a * b / width)[:, None].astype(np.float32) * np.sqrt(inside)
    return total


def draw(ellipses: Ellipses, size: int) -> FloatArray:
    """Image (size, size) of the sum of ``ellipses``; edges are one pixel wide, as by averaging."""
    image = np.zeros((size, size), np.float32)
    axis = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
    for x, y, a, b, phi, value in ellipses:
        reach_x = np.hypot(a * np.cos(phi), b * np.sin(phi)) + 2 / size
        reach_y = np.hypot(a * np.sin(phi), b * np.cos(phi)) + 2 / size
        left, right = np.searchsorted(axis, [x - reach_x, x + reach_x])
        top, bottom = np.searchsorted(axis, [y - reach_y, y + reach_y])
        dx, dy = axis[None, left:right] - np.float32(x), axis[top:bottom, None] - np.float32(y)
        u = (dx * np.float32(np.cos(phi)) + dy * np.float32(np.sin(phi))) / np.float32(a)
        w = (dy * np.float32(np.cos(phi)) - dx * np.float32(np.sin(phi))) / np.float32(b)
        level = u * u + w * w
        # Distance from the rim in pixels, to first order: (1 - level) over the level's slope.
        slope = 2 * np.sqrt((u / np.float32(a)) ** 2 + (w / np.float32(b)) ** 2) + np.float32(1e-6)
        cover = np.clip((1 - level) / slope * np.float32(size / 2) + np.float32(0.5), 0, 1)
        image[top:bottom, left:right] += np.float32(value) * cover
    return image
