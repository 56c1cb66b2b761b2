"""Do faint lesions survive? They are put into flat soft tissue and looked for after restoration.

An image is restored twice, with and without lesions; the difference is what the restoration leaves
of them. Both hold the same noise, so that even a lesion far below it is measured exactly. Lesions
of all sizes and contrasts lie in one image, far enough apart not to touch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, special

from engines.base import BoolArray, FloatArray
from engines.medq_uni.yardstick.harm.anatomy import TISSUES, body, smoothed

CONTRASTS_HU = (5.0, 10.0, 20.0)
DIAMETERS_MM = (3.0, 6.0, 10.0)
"""A faint liver metastasis differs from its organ by 10 to 40 HU; below 3 mm none is looked for."""


@dataclass(frozen=True, slots=True)
class Kit:
    """Lesions of a modality: ``contrasts`` in its unit or in % of tissue's signal, sizes in mm.

    ``rim_mm`` is the standard deviation of the blur of a lesion's rim; ``ring_mm`` are the
    surroundings that it is compared with, from here to there beyond its radius; ``signs`` say
    whether it is brighter (1) or darker (-1).
    """

    contrasts: tuple[float, ...]
    diameters_mm: tuple[float, ...]
    rim_mm: float
    ring_mm: tuple[float, float]
    signs: tuple[int, ...] = (-1, 1)


CT_KIT = Kit(CONTRASTS_HU, DIAMETERS_MM, rim_mm=0.5, ring_mm=(2.0, 5.0))
"""The rim is about that of a standard kernel."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """A faint round lesion: centre in pixels (row, column), diameter in mm, contrast in the image's
    unit.
    """

    row: int
    column: int
    diameter_mm: float
    contrast: float


def place_lesions(
    image: FloatArray, pixel_mm: float, rng: np.random.Generator
) -> tuple[Lesion, ...]:
    """One lesion of each size and contrast, brighter or darker, in soft tissue of a CT ``image``.

    Larger ones are placed first; where there is no room left the rest is left out.
    """
    _, low, high = next(tissue for tissue in TISSUES if tissue[0] == "soft tissue")
    level = smoothed(image, pixel_mm)
    tissue = (level >= low) & (level <= high) & body(image, pixel_mm)
    return place_in(tissue, pixel_mm, rng, CT_KIT)


def place_in(
    tissue: BoolArray, pixel_mm: float, rng: np.random.Generator, kit: Kit
) -> tuple[Lesion, ...]:
    """One lesion of each size and contrast of a ``kit`` in ``tissue``, bool (rows, columns)."""
    tissue = tissue.copy()
    tissue[[0, -1]] = tissue[:, [0, -1]] = False  # a lesion wants all its surroundings
    wanted = [(d, c) for d in sorted(kit.diameters_mm, reverse=True) for c in kit.contrasts]
    found: list[Lesion] = []
    for diameter, contrast in wanted:
        room = ndimage.distance_transform_edt(tissue, sampling=pixel_mm)
        # A lesion's whole ring wants to be tissue; the smallest may lie nearer the rim.
        places = np.flatnonzero(room > diameter / 2 + kit.ring_mm[1])
        if not places.size:
            places = np.flatnonzero(room > diameter / 2 + kit.ring_mm[0] + 1)
        if not places.size:
            continue
        row, column = divmod(int(rng.choice(places)), tissue.shape[1])
        found.append(Lesion(row, column, diameter, contrast * float(rng.choice(kit.signs))))
        apart = _distance(tissue.shape, found[-1], pixel_mm) > diameter / 2 + kit.ring_mm[1]
        tissue = tissue & apart
    return tuple(found)


def lesion_image(
    shape: tuple[int, ...], lesion: Lesion, pixel_mm: float, kit: Kit = CT_KIT
) -> FloatArray:
    """What ``lesion`` adds to an image of ``shape``, in its unit."""
    radius = lesion.diameter_mm / 2
    # A rim as wide as a pixel at least; its half height is at the radius.
    width = max(kit.rim_mm, pixel_mm / 2)
    inside = special.expit((radius - _distance(shape, lesion, pixel_mm)) / (0.6 * width))
    return np.asarray(lesion.contrast * inside, np.float32)


def with_lesions(
    image: FloatArray, lesions: tuple[Lesion, ...], pixel_mm: float, kit: Kit = CT_KIT
) -> FloatArray:
    """``image`` with all ``lesions`` in it."""
    parts = [lesion_image(image.shape, lesion, pixel_mm, kit) for lesion in lesions]
    return np.asarray(image + sum(parts, np.zeros(image.shape, np.float32)), np.float32)


def recovered(difference: FloatArray, lesion: Lesion, pixel_mm: float, kit: Kit = CT_KIT) -> float:
    """Share of a lesion's contrast that is left: 1 is all, 0 none, below 0 it is turned over.

    ``difference`` is the restored image with lesions less the restored one without.
    """
    distance = _distance(difference.shape, lesion, pixel_mm) - lesion.diameter_mm / 2
    core = distance <= -0.25 * lesion.diameter_mm
    if not core.any():
        core = distance == distance.min()
    ring = (distance >= kit.ring_mm[0]) & (distance <= kit.ring_mm[1])
    put = lesion_image(difference.shape, lesion, pixel_mm, kit)
    contrast = float(put[core].mean() - put[ring].mean())
    left = float(difference[core].mean() - difference[ring].mean())
    return left / contrast


def _distance(shape: tuple[int, ...], lesion: Lesion, pixel_mm: float) -> FloatArray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(np.hypot(rows - lesion.row, columns - lesion.column) * pixel_mm, np.float32)
