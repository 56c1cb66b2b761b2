"""Do faint lesions survive? They are put into flat soft tissue and looked for after restoration.

An image is restored twice, with and without lesions; the difference is what the restoration leaves
of them. Both hold the same noise, so that even a lesion far below it is measured exactly. Lesions
of all sizes and contrasts lie in one image, far enough apart not to touch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, special

from engines.base import FloatArray
from engines.medq_uni.yardstick.harm.anatomy import TISSUES, body, smoothed

CONTRASTS_HU = (5.0, 10.0, 20.0)
DIAMETERS_MM = (3.0, 6.0, 10.0)
"""A faint liver metastasis differs from its organ by 10 to 40 HU; below 3 mm none is looked for."""
RIM_MM = 0.5
"""Standard deviation of the blur of a lesion's rim, about that of a standard kernel."""
RING_MM = (2.0, 5.0)
"""The surroundings that a lesion is compared with, from here to there beyond its radius."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """A faint round lesion: centre in pixels (row, column), diameter in mm, contrast in HU."""

    row: int
    column: int
    diameter_mm: float
    contrast_hu: float


def place_lesions(
    image: FloatArray, pixel_mm: float, rng: np.random.Generator
) -> tuple[Lesion, ...]:
    """One lesion of each size and contrast, brighter or darker, in soft tissue of ``image``.

    Larger ones are placed first; where there is no room left the rest is left out.
    """
    _, low, high = next(tissue for tissue in TISSUES if tissue[0] == "soft tissue")
    level = smoothed(image, pixel_mm)
    tissue = (level >= low) & (level <= high) & body(image, pixel_mm)
    tissue[[0, -1]] = tissue[:, [0, -1]] = False  # a lesion wants all its surroundings
    wanted = [(d, c) for d in sorted(DIAMETERS_MM, reverse=True) for c in CONTRASTS_HU]
    found: list[Lesion] = []
    for diameter, contrast in wanted:
        room = ndimage.distance_transform_edt(tissue, sampling=pixel_mm)
        # A lesion's whole ring wants to be soft tissue; the smallest may lie nearer the rim.
        places = np.flatnonzero(room > diameter / 2 + RING_MM[1])
        if not places.size:
            places = np.flatnonzero(room > diameter / 2 + RING_MM[0] + 1)
        if not places.size:
            continue
        row, column = divmod(int(rng.choice(places)), image.shape[1])
        found.append(Lesion(row, column, diameter, contrast * float(rng.choice((-1, 1)))))
        tissue = tissue & (_distance(image.shape, found[-1], pixel_mm) > diameter / 2 + RING_MM[1])
    return tuple(found)


def lesion_image(shape: tuple[int, ...], lesion: Lesion, pixel_mm: float) -> FloatArray:
    """What ``lesion`` adds to an image of ``shape``, in HU."""
    radius = lesion.diameter_mm / 2
    # A rim as wide as a pixel at least; its half height is at the radius.
    width = max(RIM_MM, pixel_mm / 2)
    inside = special.expit((radius - _distance(shape, lesion, pixel_mm)) / (0.6 * width))
    return np.asarray(lesion.contrast_hu * inside, np.float32)


def with_lesions(image: FloatArray, lesions: tuple[Lesion, ...], pixel_mm: float) -> FloatArray:
    """``image`` with all ``lesions`` in it."""
    parts = [lesion_image(image.shape, lesion, pixel_mm) for lesion in lesions]
    return np.asarray(image + sum(parts, np.zeros(image.shape, np.float32)), np.float32)


def recovered(difference: FloatArray, lesion: Lesion, pixel_mm: float) -> float:
    """Share of a lesion's contrast that is left: 1 is all, 0 none, below 0 it is turned over.

    ``difference`` is the restored image with lesions less the restored one without, in HU.
    """
    distance = _distance(difference.shape, lesion, pixel_mm) - lesion.diameter_mm / 2
    core = distance <= -0.25 * lesion.diameter_mm
    if not core.any():
        core = distance == distance.min()
    ring = (distance >= RING_MM[0]) & (distance <= RING_MM[1])
    put = lesion_image(difference.shape, lesion, pixel_mm)
    contrast = float(put[core].mean() - put[ring].mean())
    left = float(difference[core].mean() - difference[ring].mean())
    return left / contrast


def _distance(shape: tuple[int, ...], lesion: Lesion, pixel_mm: float) -> FloatArray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(np.hypot(rows - lesion.row, columns - lesion.column) * pixel_mm, np.float32)
