"""Simple MR and PET truths for tests: discs whose blur, ghosts and hot spots are known."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni.yardstick.restoration.scores import Ruler, ruler

SIZE = 160


def disc(
    radius: float, height: float, at: tuple[float, float] = (80, 80), size: int = SIZE
) -> FloatArray:
    """A disc of ``radius`` pixels, its rim as sharp as pixels can show."""
    down, right = np.indices((size, size)) - np.reshape(at, (2, 1, 1))
    inside = np.clip(radius + 0.5 - np.hypot(down, right), 0, 1)
    return np.asarray(height * inside, np.float32)


def blurred(image: FloatArray, pixels: float) -> FloatArray:
    """``image`` under a Gaussian of that standard deviation."""
    return np.asarray(ndimage.gaussian_filter(image, pixels), np.float32)


def mr(truth: FloatArray, pixel_mm: float = 1.0) -> Ruler:
    """A ruler of an MR truth."""
    return ruler(truth, Modality.MR, "head", "signal", pixel_mm)


def pet(truth: FloatArray, pixel_mm: float = 2.0, unit: str = "SUV") -> Ruler:
    """A ruler of a PET truth."""
    return ruler(truth, Modality.PT, "whole body", unit, pixel_mm)


def rician(truth: FloatArray, sigma: float, seed: int = 0) -> FloatArray:
    """The magnitude of ``truth`` with noise in both of its parts."""
    parts = np.random.default_rng(seed).normal(0, sigma, (2, *truth.shape))
    return np.asarray(np.hypot(truth + parts[0], parts[1]), np.float32)
