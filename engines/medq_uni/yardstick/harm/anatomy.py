"""Where in a CT slice to look for harm, and how much of a change is the image's own anatomy.

Regions are chosen on a smoothed image. Chosen on noisy values, bright noise would fall into the
bright region, and every filter that removes that noise would seem to darken tissue. This holds for
clean images and up to about 30 HU of noise at pixels below 1 mm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import BoolArray, FloatArray

TISSUES: tuple[tuple[str, float, float], ...] = (
    ("lung", -930, -600),
    ("fat", -150, -60),
    ("soft tissue", 0, 130),
    ("bone", 250, 2000),
)
"""Tissue, lowest and highest value in HU of the smoothed image; contrast medium passes for bone."""

SMOOTHING_MM = 1.5
"""Standard deviation of the Gaussian that takes the noise away before anything is chosen."""
RIM_MM = 1.5
"""Flat regions keep this far away from other tissue, where a pixel holds some of both."""
FLATTEST = 0.5
"""Share of a tissue, by its gradient, that counts as flat."""
LEAST_MM2 = 40.0
"""A smaller region tells no mean."""
BODY_HU = -300.0
"""What is denser and hangs together is the patient; what it encloses, lungs and gas, is as well."""
SKIN_MM = 4.0
"""Edges are looked for so far inside the skin, which else would outdo all others."""
EDGE_SHARE = 0.05
"""Share of the body, by its gradient, that counts as edges."""
EDGE_RIM_MM = 2.0
LEAST_EDGES = 50
LEAST_CHANGE_HU = 1e-3
"""Smaller changes are rounding."""


def smoothed(image: FloatArray, pixel_mm: float, sigma_mm: float = SMOOTHING_MM) -> FloatArray:
    """``image`` (rows, columns) under a Gaussian of ``sigma_mm``, mirrored at the border."""
    return np.asarray(
        ndimage.gaussian_filter(image, max(sigma_mm / pixel_mm, 0.5), truncate=3), np.float32
    )


def gradient(image: FloatArray, pixel_mm: float) -> FloatArray:
    """Length of the smoothed image's gradient in HU per mm, (rows, columns)."""
    down, right = np.gradient(smoothed(image, pixel_mm), pixel_mm)
    return np.asarray(np.hypot(down, right), np.float32)


def body(image: FloatArray, pixel_mm: float) -> BoolArray:
    """Pixels that show the patient, without table and clothes; all where there is hardly any."""
    labels, count = ndimage.label(smoothed(image, pixel_mm) > BODY_HU)
    if count:
        sizes = np.bincount(labels.ravel())
        found = ndimage.binary_fill_holes(labels == 1 + int(np.argmax(sizes[1:])))
        if found.mean() > 0.01:
            return np.asarray(found, np.bool_)
    return np.ones(image.shape, np.bool_)


def flat_regions(image: FloatArray, pixel_mm: float) -> dict[str, BoolArray]:
    """Flat parts of each tissue by name, (rows, columns); a tissue with too little has no entry.

    A tissue's pixels lie ``RIM_MM`` or more from any other's; of these the flattest half counts.
    """
    level, slope = smoothed(image, pixel_mm), gradient(image, pixel_mm)
    inside = body(image, pixel_mm)
    regions = {}
    for name, low, high in TISSUES:
        of_tissue = inside & (level >= low) & (level <= high)
        inner = ndimage.distance_transform_edt(of_tissue, sampling=pixel_mm) > RIM_MM
        if inner.sum() * pixel_mm**2 * FLATTEST < LEAST_MM2:
            continue
        regions[name] = inner & (slope <= np.quantile(slope[inner], FLATTEST))
    return regions


def edges(image: FloatArray, pixel_mm: float) -> BoolArray:
    """The twentieth of the body where the smoothed image rises most; none in a constant image."""
    slope, inside = gradient(image, pixel_mm), _below_skin(body(image, pixel_mm), pixel_mm)
    if not inside.any():
        return inside
    least = float(np.quantile(slope[inside], 1 - EDGE_SHARE))
    return np.asarray(inside & (slope >= least) & (slope > 1e-3), np.bool_)


def away_from_edges(image: FloatArray, pixel_mm: float) -> BoolArray:
    """The body below its skin and ``EDGE_RIM_MM`` or more from ``edges``."""
    inside, edge = _below_skin(body(image, pixel_mm), pixel_mm), edges(image, pixel_mm)
    far = ndimage.distance_transform_edt(~edge, sampling=pixel_mm) >= EDGE_RIM_MM
    return np.asarray(inside & far if edge.any() else inside, np.bool_)


def _below_skin(inside: BoolArray, pixel_mm: float) -> BoolArray:
    # What the image's border cuts off has no surroundings either.
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=pixel_mm)[1:-1, 1:-1]
    return np.asarray(depth > SKIN_MM, np.bool_)


def gradient_correlation(change: FloatArray, image: FloatArray, pixel_mm: float) -> float:
    """Pearson's correlation of ``|change|`` with the image's gradient below the skin, -1 to 1.

    0 where the change is everywhere the same, or the image is constant.
    """
    inside = _below_skin(body(image, pixel_mm), pixel_mm)
    if not inside.any():
        return 0.0
    size = np.abs(change[inside]).astype(np.float64)
    if np.ptp(size) < LEAST_CHANGE_HU:
        return 0.0
    slope = gradient(image, pixel_mm)[inside].astype(np.float64)
    size -= size.mean()
    slope -= slope.mean()
    scale = float(np.sqrt((size @ size) * (slope @ slope)))
    return float(size @ slope) / scale if scale > 1e-9 * len(size) else 0.0


def structure(change: FloatArray, image: FloatArray, pixel_mm: float) -> tuple[float, float]:
    """How much of ``change`` at edges is the image's own anatomy: (share of energy, RMS in HU).

    A blur takes away the Laplacian of the image, sharpening adds it, a shift adds its gradient; the
    change at ``edges`` is fitted by these three of the smoothed image, and the fit is what they
    explain. Noise that was removed has next to nothing in common with them. (0, 0) where there are
    no edges or nothing changed.
    """
    where = edges(image, pixel_mm)
    if int(where.sum()) < LEAST_EDGES:
        return 0.0, 0.0
    level = smoothed(image, pixel_mm).astype(np.float64)
    down, right = np.gradient(level, axis=0), np.gradient(level, axis=1)
    parts: NDArray[np.float64] = np.stack(
        [ndimage.laplace(level)[where], down[where], right[where]]
    )
    found = change[where].astype(np.float64)
    energy = float(found @ found)
    if energy < LEAST_CHANGE_HU**2 * found.size:
        return 0.0, 0.0
    factors = np.linalg.lstsq(parts @ parts.T, parts @ found, rcond=None)[0]
    explained: NDArray[np.float64] = parts.T @ factors
    fitted = float(explained @ explained)
    return min(fitted / energy, 1.0), float(np.sqrt(fitted / found.size))
