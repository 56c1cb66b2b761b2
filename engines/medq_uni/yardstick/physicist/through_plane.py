"""Sharpness through the plane: how many slices a disc needs to begin.

Mixing slices lowers noise and leaves every slice as sharp as it was: what it costs is seen only
where something begins between two slices. A full modulation transfer would need a finer grid than
slices are; the width of the edge says enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray
from engines.phantoms.image_quality import Disc, Section

CORE = 0.7
"""Share of a disc's radius in which its mean is taken, clear of the rim at any kernel."""
LEAST_KEPT = 0.1
"""A disc with less of its contrast left has no edge to measure."""
UNTOUCHED_SLICES = 0.8
"""Width of an edge between two slices, from 10 to 90 % of the straight line that joins them."""


def edges(
    difference: FloatArray, section: Section, names: Sequence[str]
) -> dict[str, float | None]:
    """Width in slices of the edge of each disc of ``section``, see ``rise``.

    ``difference`` (slices, rows, columns) is the restored series less the same without discs, which
    begin in its middle. ``None`` where not measurable.
    """
    found: dict[str, float | None] = {}
    for name in names:
        disc = section.named(name)[0]
        profile = core_means(difference, section, disc) / (disc.hu - section.background_hu)
        found[name] = rise(profile)
    return found


def rise(profile: NDArray[np.float64]) -> float | None:
    """Slices from 10 to 90 % of the way of ``profile`` from its first quarter to its last.

    Both crossings are the ones next to the middle of the way, and straight lines join the slices:
    0.8 for an edge between two slices, 2.4 for the mean of three. ``None`` for fewer than 4 slices,
    or where less than a tenth of the way is left (1 is all of it).
    """
    quarter = len(profile) // 4
    if not quarter:
        return None
    low, high = profile[:quarter].mean(), profile[-quarter:].mean()
    if not high - low > LEAST_KEPT:
        return None
    way = (profile - low) / (high - low)
    middle = int(np.flatnonzero(way >= 0.5)[0])
    below = np.flatnonzero(way[:middle] <= 0.1)
    above = np.flatnonzero(way[middle:] >= 0.9)
    if not below.size or not above.size:
        return None
    i, k = int(below[-1]), middle + int(above[0])
    start = i + (0.1 - way[i]) / (way[i + 1] - way[i])
    end = k - (way[k] - 0.9) / (way[k] - way[k - 1])
    return float(end - start)


def core_means(images: FloatArray, section: Section, disc: Disc) -> NDArray[np.float64]:
    """Mean of each of ``images`` (slices, rows, columns) well inside ``disc``."""
    middle, mm = len(section.image) // 2, section.pixel_mm
    along = np.arange(len(section.image)) - middle
    distance = np.hypot((along * mm - disc.y_mm)[:, None], (along * mm - disc.x_mm)[None, :])
    inside = distance <= CORE * disc.diameter_mm / 2
    return np.asarray(images[:, inside].mean(axis=1, dtype=np.float64))


def core_mean(images: FloatArray, section: Section, disc: Disc) -> float:
    """Mean of all ``images`` (realisations, rows, columns) well inside ``disc``."""
    return float(core_means(images, section, disc).mean())
