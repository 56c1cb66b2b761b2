"""How near a restored image is to its truth: PSNR, SSIM and RMSE.

In the windows of the literature, both images clipped first. What such a window clips doesn't count
in it, in CT lungs and bones. So the error inside the body is given without a window, and where
there are lungs the PSNR inside the body in the window that lungs are read in. Where a truth is
noisy itself, as every real one is, its noise bounds what can be reached.
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
LUNG_WINDOW = Window(-1350, 150, "HU")
"""Window that lungs are read in: level -600 HU, width 1500 HU."""
LUNG_HU = (-950.0, -500.0)
"""Lung holds air and tissue; what has less is air alone."""
LUNG_SHARE = 0.06
"""Images have lungs where this share of the body is in that range: gas in bowels has only rims."""
WITHOUT_LUNGS = frozenset({"head", "pelvis", "breast", "arm", "leg"})
"""Regions where cavities of air are no lungs."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one image. ``psnr`` (dB), ``ssim`` and ``rmse`` are in the literature's window over
    the whole image; ``rmse_body`` is without a window and inside the body, ``psnr_lung`` (dB) in
    the lung window and inside the body, ``None`` where there are no lungs. RMSE is in the image's
    unit.
    """

    psnr: float
    ssim: float
    rmse: float
    rmse_body: float
    psnr_lung: float | None


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


def psnr(
    image: FloatArray, truth: FloatArray, data_range: float, inside: BoolArray | None = None
) -> float:
    """Peak signal-to-noise ratio in dB, at most 100: what identical images get.

    Raises:
        ValueError: the images differ in shape, the data range is not positive, or no pixel is
            ``inside``.
    """
    if not data_range > 0:
        raise ValueError(f"data_range must be positive, not {data_range}")
    return _decibels(data_range, rmse(image, truth, inside))


def gain_in_body(scores: Scores, before: Scores) -> float:
    """By how many dB the error inside the body fell: 20 log10 of the ratio, within +-100."""
    return _decibels(before.rmse_body, scores.rmse_body)


def _decibels(much: float, little: float) -> float:
    """20 log10 of the ratio of two amounts of 0 or more, within +-100."""
    if much == little:
        return 0.0
    if little == 0 or much == 0:
        return MOST_DB if little == 0 else -MOST_DB
    return float(np.clip(20 * np.log10(much / little), -MOST_DB, MOST_DB))


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
    image: FloatArray,
    truth: FloatArray,
    modality: Modality,
    body: BoolArray | None = None,
    region: str = "unknown",
) -> Scores:
    """All scores of ``image`` (rows, columns) against ``truth``, in the truth's unit.

    ``body`` saves finding it again: ``body_mask(truth, modality)``. ``region`` says where no lungs
    can be.

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
    inside = body_mask(truth, modality) if body is None else body
    lung = None
    if has_lungs(truth, modality, inside, region):
        low, high = LUNG_WINDOW.low, LUNG_WINDOW.high
        lung = psnr(np.clip(image, low, high), np.clip(truth, low, high), LUNG_WINDOW.span, inside)
    return Scores(
        psnr=psnr(seen, meant, window.span),
        ssim=ssim(seen, meant, window.span),
        rmse=rmse(seen, meant),
        rmse_body=rmse(image, truth, inside),
        psnr_lung=lung,
    )


def has_lungs(truth: FloatArray, modality: Modality, body: BoolArray, region: str) -> bool:
    """Whether a CT shows lungs: enough of the ``body`` is as dense as they are."""
    if modality is not Modality.CT or region in WITHOUT_LUNGS:
        return False
    inside = truth[body]
    return bool(np.mean((inside > LUNG_HU[0]) & (inside < LUNG_HU[1])) >= LUNG_SHARE)


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
