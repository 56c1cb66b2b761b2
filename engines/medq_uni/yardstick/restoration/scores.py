"""How near a restored image is to its truth: PSNR, SSIM and RMSE.

In the windows of the literature, both images clipped first. What such a window clips doesn't count
in it, in CT lungs and bones. So the error inside the body is given without a window, and where
there are lungs the PSNR inside the body in the window that lungs are read in. Where a truth is
noisy itself, as every real one is, its noise bounds what can be reached.

MR and PET have scales of their own from image to image, so that means over images in their units
would be those of the images with the largest numbers. Their errors are told in per cent of the
signal of tissue as well, the same that noise is told in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.metrics import structural_similarity

from engines.base import BoolArray, FloatArray
from engines.description import Modality
from engines.medq_uni.signal import tissue_signal
from engines.medq_uni.yardstick.restoration.windows import (
    LUNG_WINDOW,
    Window,
    own_range,
    published_window,
)

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
    unit; ``percent`` and ``percent_body`` are the same in per cent of the signal of tissue,
    ``None`` in CT and where there is no tissue. ``psnr_own`` (dB) and ``ssim_own`` are in the range
    of the truth itself, in MR alone.
    """

    psnr: float
    ssim: float
    rmse: float
    rmse_body: float
    psnr_lung: float | None
    percent: float | None = None
    percent_body: float | None = None
    psnr_own: float | None = None
    ssim_own: float | None = None


@dataclass(frozen=True, slots=True)
class Ruler:
    """What is measured on a truth once, however many images are then held against it.

    ``window`` is that of the literature, ``own`` the truth's own range (MR) and ``lungs`` that of
    lungs (CT), ``None`` where there is none; ``body`` is bool (rows, columns); ``signal`` is that
    of tissue in the truth's unit, ``None`` in CT and where there is no tissue.
    """

    truth: FloatArray
    modality: Modality
    pixel_mm: float
    body: BoolArray
    window: Window
    own: Window | None
    lungs: Window | None
    signal: float | None

    def in_percent(self, amount: float) -> float | None:
        """An amount in the truth's unit in per cent of the signal of tissue."""
        return None if self.signal is None else 100 * amount / self.signal


def ruler(
    truth: FloatArray,
    modality: Modality,
    region: str = "unknown",
    unit: str | None = None,
    pixel_mm: float = 0.0,
) -> Ruler:
    """What ``truth`` (rows, columns) is measured with.

    ``region`` says where no lungs can be; ``unit`` is by default that of the literature;
    ``pixel_mm`` is 0 where it is unknown.

    Raises:
        ValueError: ``truth`` is no image of finite numbers.
    """
    _check("truth", truth)
    if truth.ndim != 2 or truth.size == 0:
        raise ValueError(f"truth must be (rows, columns), not of shape {truth.shape}")
    body = body_mask(truth, modality)
    told = unit or {Modality.CT: "HU", Modality.MR: "signal", Modality.PT: "SUV"}[modality]
    return Ruler(
        truth,
        modality,
        pixel_mm,
        body,
        published_window(truth, modality, told, body),
        own_range(truth, told) if modality is Modality.MR else None,
        LUNG_WINDOW if has_lungs(truth, modality, body, region) else None,
        None if modality is Modality.CT else tissue_signal(truth, modality, pixel_mm),
    )


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
    image: FloatArray, truth: FloatArray, modality: Modality, region: str = "unknown"
) -> Scores:
    """All scores of ``image`` (rows, columns) against ``truth`` in the literature's unit.

    Raises:
        ValueError: as ``scores_of``.
    """
    return scores_of(image, ruler(truth, modality, region))


def scores_of(image: FloatArray, held: Ruler) -> Scores:
    """All scores of ``image`` (rows, columns) against the truth of a ruler, in the truth's unit.

    Raises:
        ValueError: the images differ in shape, are too small, or ``image`` is not finite.
    """
    _check("image", image)
    truth, window = held.truth, held.window
    seen, meant = _in_window(image, truth, window)
    lung = None
    if held.lungs is not None:
        lung = psnr(*_in_window(image, truth, held.lungs), held.lungs.span, held.body)
    own_psnr = own_ssim = None
    if held.own is not None:
        looked = _in_window(image, truth, held.own)
        own_psnr, own_ssim = psnr(*looked, held.own.span), ssim(*looked, held.own.span)
    whole, inside = rmse(seen, meant), rmse(image, truth, held.body)
    return Scores(
        psnr=psnr(seen, meant, window.span),
        ssim=ssim(seen, meant, window.span),
        rmse=whole,
        rmse_body=inside,
        psnr_lung=lung,
        percent=held.in_percent(whole),
        percent_body=held.in_percent(inside),
        psnr_own=own_psnr,
        ssim_own=own_ssim,
    )


def _check(name: str, image: FloatArray) -> None:
    """Refuse what has values that can't be scored."""
    if not np.can_cast(np.asarray(image).dtype, np.float64, "same_kind"):
        raise ValueError(f"{name} must be real numbers")
    if not np.isfinite(image).all():
        raise ValueError(f"{name} has NaN or infinite values: it can't be scored")
    if np.abs(image).max(initial=0) > MOST_VALUE:
        raise ValueError(f"{name} has values beyond {MOST_VALUE:g}: it can't be scored")


def _in_window(
    image: FloatArray, truth: FloatArray, window: Window
) -> tuple[FloatArray, FloatArray]:
    return np.clip(image, window.low, window.high), np.clip(truth, window.low, window.high)


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
