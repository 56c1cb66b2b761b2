"""How near a restored image is to its truth: PSNR, SSIM and RMSE.

In the windows of the literature, both images clipped first, and in the native unit. A score over a
whole image is mostly one of the air around a patient, so the native error is also given inside the
body. Where an image is noisy itself, as every real truth is, its noise bounds what can be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.metrics import structural_similarity

from engines.base import BoolArray, FloatArray
from engines.description import Modality

MOST_DB = 100.0
"""PSNR of identical images. It would be infinite, and so would every mean that holds it."""
SSIM_SIGMA = 1.5
"""Gaussian weights of SSIM in pixels (Wang et al., IEEE Trans Image Process 2004;13:600)."""
_similarity: Callable[..., float] = structural_similarity  # scikit-image is not typed
MOST_VALUE = 1e12
"""Squares of larger values leave what single precision holds."""
LEAST_SIDE = 11
"""Side in pixels of the weights of SSIM; smaller images have none."""
BODY_SCALE_PIXELS = 2.0
"""Smoothing before the body is found, so that noise does not decide where it ends."""
BODY_HU = -500.0
BODY_SHARE = 0.1
"""In MR and PET the body is what has more than this share of the 99th percentile."""


@dataclass(frozen=True, slots=True)
class Window:
    """Values that are looked at, in ``unit``; all beyond is clipped."""

    low: float
    high: float
    unit: str

    @property
    def span(self) -> float:
        """Width of the window in its unit: the data range of PSNR and SSIM within it."""
        return self.high - self.low

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}] {self.unit}"


WINDOWS: dict[Modality, Window] = {
    Modality.CT: Window(-160, 240, "HU"),
    Modality.MR: Window(0, 4095, "signal"),
    Modality.PT: Window(0, 20, "SUV"),
}
"""Windows in which results are published: CT that of the abdomen in work on the 2016 low-dose
grand challenge, MR the 12 bits of a scanner, PET up to an uptake of 20."""
NATIVE_RANGE: dict[Modality, float] = {Modality.CT: 4095, Modality.MR: 4095, Modality.PT: 20}
"""Data range of the native scores: for CT the 12 bits from -1024 to 3071 HU."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one image. ``psnr`` (dB), ``ssim`` and ``rmse`` are in the literature's window,
    ``*_native`` without one; ``rmse_body`` is without one and inside the body. RMSE is in the
    image's unit.
    """

    psnr: float
    ssim: float
    rmse: float
    psnr_native: float
    ssim_native: float
    rmse_native: float
    rmse_body: float


def rmse(image: FloatArray, truth: FloatArray, inside: BoolArray | None = None) -> float:
    """Root mean square error in the images' unit, over all pixels or those ``inside``.

    Raises:
        ValueError: the images differ in shape, or no pixel is inside.
    """
    _same_shape(image, truth)
    square = (image.astype(np.float64) - truth) ** 2
    if inside is not None:
        square = square[inside]
    if square.size == 0:
        raise ValueError("inside leaves no pixel to compare")
    return float(np.sqrt(square.mean()))


def psnr(image: FloatArray, truth: FloatArray, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB, at most 100: what identical images get.

    Raises:
        ValueError: the images differ in shape, or the data range is not positive.
    """
    if not data_range > 0:
        raise ValueError(f"data_range must be positive, not {data_range}")
    error = rmse(image, truth)
    if error == 0:
        return MOST_DB
    return min(MOST_DB, float(20 * np.log10(data_range / error)))


def ssim(image: FloatArray, truth: FloatArray, data_range: float) -> float:
    """Mean structural similarity, 1 for identical images (Wang et al. 2004, gaussian weights).

    Raises:
        ValueError: the images differ in shape, the data range is not positive, or a side is under
            11 pixels.
    """
    if not data_range > 0:
        raise ValueError(f"data_range must be positive, not {data_range}")
    _same_shape(image, truth)
    if min(image.shape) < LEAST_SIDE:
        raise ValueError(f"image must have sides of {LEAST_SIDE} or more, not {min(image.shape)}")
    value = _similarity(
        image.astype(np.float32, copy=False),
        truth.astype(np.float32, copy=False),
        data_range=data_range,
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
    )
    return float(value)


def score(
    image: FloatArray, truth: FloatArray, modality: Modality, body: BoolArray | None = None
) -> Scores:
    """All scores of ``image`` (rows, columns) against ``truth``, in the truth's unit.

    ``body`` saves finding it again: ``body_mask(truth, modality)``.

    Raises:
        ValueError: the images differ in shape, are too small, or ``image`` is not finite.
    """
    if not np.can_cast(np.asarray(image).dtype, np.float64, "same_kind"):
        raise ValueError("image must be real numbers")
    if not np.isfinite(image).all():
        raise ValueError("image has NaN or infinite values: it can't be scored")
    if np.abs(image).max(initial=0) > MOST_VALUE:
        raise ValueError(f"image has values beyond {MOST_VALUE:g}: it can't be scored")
    window = WINDOWS[modality]
    seen, meant = (np.clip(a, window.low, window.high) for a in (image, truth))
    span = NATIVE_RANGE[modality]
    return Scores(
        psnr=psnr(seen, meant, window.span),
        ssim=ssim(seen, meant, window.span),
        rmse=rmse(seen, meant),
        psnr_native=psnr(image, truth, span),
        ssim_native=ssim(image, truth, span),
        rmse_native=rmse(image, truth),
        rmse_body=rmse(image, truth, body_mask(truth, modality) if body is None else body),
    )


def body_mask(truth: FloatArray, modality: Modality) -> BoolArray:
    """Where the body is in ``truth`` (rows, columns): its largest part, holes filled.

    Everything, where no body can be told.
    """
    smooth = ndimage.gaussian_filter(truth, BODY_SCALE_PIXELS, mode="nearest")
    least = BODY_HU if modality is Modality.CT else BODY_SHARE * float(np.percentile(smooth, 99))
    parts, count = ndimage.label(smooth > least)
    if count == 0:
        return np.ones(truth.shape, bool)
    sizes = np.bincount(parts.ravel())[1:]
    return np.asarray(ndimage.binary_fill_holes(parts == 1 + int(sizes.argmax())), bool)


def _same_shape(image: FloatArray, truth: FloatArray) -> None:
    if image.shape != truth.shape:
        raise ValueError(f"image must have the shape of truth, {truth.shape}, not {image.shape}")
