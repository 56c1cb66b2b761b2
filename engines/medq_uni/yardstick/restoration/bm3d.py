"""BM3D, the strongest filter without training, where its package is installed.

Block matching and 3D filtering (Dabov et al., IEEE Trans Image Process 2007;16:2080) as its authors
wrote it (PyPI ``bm3d``, for non-commercial use). It takes seconds a slice, so it sees only a fixed,
stratified part of the cases. Its constants are those of ``filters.STRENGTHS``.
"""

from __future__ import annotations

import importlib
import importlib.util

import numpy as np

from engines.base import FloatArray
from engines.medq_uni.yardstick.restoration.filters import by_slice, in_noise_levels


def available() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("bm3d") is not None


def denoise(image: FloatArray, noise: float, strength: float) -> FloatArray:
    """BM3D told that the noise is white and of ``strength`` levels of ``noise``.

    An image without noise comes back as it is.

    Raises:
        ImportError: the package is not installed.
        ValueError: the noise level is negative or not finite.
    """
    package = importlib.import_module("bm3d")
    return in_noise_levels(
        image, noise, lambda scaled: np.asarray(package.bm3d(scaled, strength), np.float32)
    )


BM3D = by_slice("BM3D", denoise)
