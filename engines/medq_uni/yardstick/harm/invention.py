"""Does a restoration see things in noise? Pure noise in uniform water holds no lesion.

The noise has the grain of a scan (white noise through the filtered back projection). At the sizes
of lesions every image is matched with a disc: what stands out from noise of that kind by more than
``BLOB_SIGMAS`` and wasn't there before was invented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engines.base import FloatArray
from engines.medq_uni.degradations.kernels import STANDARD
from engines.medq_uni.degradations.projection import ParallelBeam

SIZE = 256
PIXEL_MM = 0.75
WATER_HU = 40.0
BLOB_SIGMAS = 5.0
"""In 200 mm squared there are some thousand places for a blob: noise alone reaches 4 to 5."""
BLOB_DIAMETERS_MM = (3.0, 6.0, 10.0)
BORDER_MM = 8.0
MERGE_PIXELS = 6


@dataclass(frozen=True, slots=True)
class Invention:
    """What was found in one restored image of pure noise.

    ``blobs`` counts places where something was invented; ``largest`` is the strongest blob in
    standard deviations of the input's noise at that size, ``largest_before`` that of the input
    itself; ``shift_hu`` is how far the mean moved; ``noise_left`` is the share of the noise's
    standard deviation.
    """

    blobs: int
    largest: float
    largest_before: float
    shift_hu: float
    noise_left: float


def noise_image(sigma_hu: float, rng: np.random.Generator) -> FloatArray:
    """A uniform section of 40 HU, (256, 256) of 0.75 mm, with noise of ``sigma_hu`` and no more."""
    beam = ParallelBeam(SIZE, SIZE, PIXEL_MM, views=360)
    white = rng.standard_normal((1, beam.views, beam.detectors)).astype(np.float32)
    noise = beam.reconstruct(white, STANDARD)[0]
    noise -= noise.mean()
    return np.asarray(WATER_HU + noise * np.float32(sigma_hu / noise.std()), np.float32)


def invented(before: FloatArray, after: FloatArray) -> Invention:
    """What ``after`` shows that pure noise ``before`` didn't; both (256, 256) in HU.

    Raises:
        ValueError: another shape, or there is no noise in ``before``.
    """
    if before.shape != (SIZE, SIZE) or after.shape != before.shape:
        raise ValueError(f"before and after must be {SIZE} x {SIZE} pixels")
    if not np.ptp(before) > 0:
        raise ValueError("before must hold noise")
    inner = (slice(round(BORDER_MM / PIXEL_MM), -round(BORDER_MM / PIXEL_MM)),) * 2
    largest, was, found = 0.0, 0.0, np.zeros(before[inner].shape, np.bool_)
    for diameter in BLOB_DIAMETERS_MM:
        old, new = (_matched(image, diameter)[inner] for image in (before, after))
        sigma = float(old.std())
        found |= (np.abs(new) > BLOB_SIGMAS * sigma) & (np.abs(new) > np.abs(old) + sigma)
        largest = max(largest, float(np.abs(new).max()) / sigma)
        was = max(was, float(np.abs(old).max()) / sigma)
    # One blob may show at several sizes, and a strong one has a ring of the other sign.
    blobs = int(ndimage.label(ndimage.binary_dilation(found, iterations=MERGE_PIXELS))[1])
    noise, left = before[inner], after[inner]
    shift = float(left.mean(dtype=np.float64) - noise.mean(dtype=np.float64))
    return Invention(blobs, largest, was, shift, float(left.std() / noise.std()))


def _matched(image: FloatArray, diameter_mm: float) -> FloatArray:
    """Mean under a Gaussian of about a lesion's size less that of its surroundings."""
    sigma = diameter_mm / 2 / np.sqrt(2) / PIXEL_MM
    near, far = (ndimage.gaussian_filter(image, s, truncate=3) for s in (sigma, 2 * sigma))
    return np.asarray(near - far, np.float32)
