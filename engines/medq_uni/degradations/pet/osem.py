"""Ordered subsets of expectation maximisation, two scans at a time.

Shepp and Vardi, IEEE Trans Med Imaging 1982;1:113 (the algorithm); Hudson and Larkin, IEEE Trans
Med Imaging 1994;13:601 (subsets). Attenuation and the expectation of the background are in the
model and not taken off the counts, so that those stay Poisson. The noise follows the activity
(Barrett, Wilson and Tsui, Phys Med Biol 1994;39:833).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.medq_uni.degradations.pet.rays import ComplexArray, StripRays

GOLDEN = (np.sqrt(5) - 1) / 2
LEAST = 1e-6
"""Least expectation of a ray over the mean of all: what it met counts for no more."""


class OrderedSubsets:
    """Maximises the likelihood of scans seen by ``rays`` through ``passing`` (views, detectors).

    ``subsets`` divides the number of views. Each holds every so many-th view, and they take turns
    in an order in which neighbours see the body from far apart.
    """

    def __init__(self, rays: StripRays, passing: FloatArray, subsets: int) -> None:
        order = np.argsort((np.arange(subsets) * GOLDEN) % 1)
        self._rays = rays
        self._parts = [slice(int(first), None, subsets) for first in np.argsort(order)]
        self._passing = passing[..., None]
        shown = [rays.adjoint(passing[part].astype(np.complex64), part) for part in self._parts]
        self._sensitivity = [np.maximum(seen.real, 1e-6 * seen.real.max()) for seen in shown]

    def images(
        self, counts: NDArray[np.floating], background: FloatArray, iterations: int
    ) -> FloatArray:
        """Images (2, rows, columns) of two scans, ``counts`` (2, views, detectors).

        Both have the expected ``background``. They begin with the same activity everywhere.
        """
        beam = self._rays.beam
        measured = np.stack([counts[0], counts[1]], axis=-1).astype(np.float32)
        behind = background[..., None]
        least = np.float32(LEAST * float(measured.mean()) + np.finfo(np.float32).tiny)
        whole = sum(float(seen.sum()) for seen in self._sensitivity)
        start = np.maximum((measured - behind).sum((0, 1)) / whole, least).astype(np.float32)
        image = np.empty((beam.rows, beam.columns, 2), np.float32)
        image[...] = start
        for _ in range(iterations):
            for part, seen in zip(self._parts, self._sensitivity, strict=True):
                passing = self._passing[part]
                # Rings of the narrowest rays must not take from the background, or noise explodes.
                ratio = np.maximum(_parts(self._rays.forward(_packed(image), part)), 0)
                ratio *= passing
                ratio += behind[part]
                np.divide(measured[part], np.maximum(ratio, least), out=ratio)
                # Back projected is what is amiss, not the whole: deep in the body, where hardly
                # anything passes, the transform's error of the whole would be too large.
                ratio -= 1
                ratio *= passing
                step = _parts(self._rays.adjoint(_packed(ratio), part)) / seen[..., None]
                image *= np.maximum(1 + step, 0)
        return np.ascontiguousarray(np.moveaxis(image, -1, 0))


def _packed(parts: FloatArray) -> ComplexArray:
    """(..., 2) as complex numbers, without copying."""
    return parts.view(np.complex64)[..., 0]


def _parts(packed: ComplexArray) -> FloatArray:
    """Complex numbers as (..., 2), without copying."""
    return np.ascontiguousarray(packed)[..., None].view(np.float32)
