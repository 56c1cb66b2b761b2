"""A chest without noise, as it would be with some, and who blurs it: for tests of harm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.yardstick.contestant import Contestant
from engines.phantoms.ellipses import draw
from engines.phantoms.thorax import AIR_HU, FIELD_MM, thorax_ellipses

PIXELS = 256
PIXEL = FIELD_MM / PIXELS
TRUTH = np.maximum(draw(thorax_ellipses(0.3), PIXELS) + AIR_HU, -1024).astype(np.float32)
NOISE = np.random.default_rng(3).normal(0, 1, TRUTH.shape)
GRAIN = ndimage.gaussian_filter(NOISE, 0.6)


def source(values: FloatArray, noise: float, name: str = "chest") -> Source:
    return Source(name, "p", Modality.CT, "chest", "HU", values, PIXEL, 3.0, noise)


def noisy(sigma: float) -> FloatArray:
    return np.asarray(TRUTH + sigma * GRAIN / GRAIN.std(), np.float32)


PHANTOM = source(TRUTH, 0.0, "phantom")
REAL = source(noisy(10.0), 10.0, "real")


def by_slice(name: str, change: Callable[[FloatArray], FloatArray]) -> Contestant:
    return Contestant(
        name, lambda stack, _: np.stack([change(s) for s in stack.values]).astype(np.float32)
    )


BLUR = by_slice("blur", lambda image: ndimage.gaussian_filter(image, 1 / PIXEL))
