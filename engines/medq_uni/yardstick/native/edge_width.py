"""How wide the strong edges of an image are, beside those of its truth.

The slanted-edge method of resolution (ISO 12233; for CT Richard et al., Med Phys 2012;39:4115) with
the patient's own edges: profiles across hundreds of strong and lonely edges of the truth are laid
upon each other at their half height and averaged, so that noise cancels, and the distance from 10
to 90 % of the rise is read off. It is that of the truth where nothing was blurred, doubled or
sharpened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import FloatArray
from engines.medq_uni.yardstick.restoration.scores import Ruler

REACH_MM = 4.0
REACH_PIXELS = 4.0
"""Profiles reach so far to either side, whichever is more."""
STEP = 0.125
"""Between points of a profile, in pixels."""
SMOOTHING_PIXELS = 1.0
MOST_EDGES = 400
MOST_TRIED = 4000
LEAST_EDGES = 20
STRONGEST = 0.4
"""Edges are looked for in this share of the body and its rim, by slope."""
UNEVEN = 0.25
"""The outer third of either side may rise by this share of the edge at most."""
LEAST_LEFT = 0.05
"""With less of the edges' height left there is no edge to measure."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Edges:
    """Profiles across the edges of a truth: where they lie and how high they are.

    ``rows`` and ``columns`` are coordinates in pixels, (edges, points), from the dark side to the
    bright one with the half height in the middle; ``heights`` (edges,) are in the truth's unit;
    ``step_mm`` lies between points.
    """

    rows: Floats
    columns: Floats
    heights: Floats
    step_mm: float


def edges_of(held: Ruler) -> Edges | None:
    """The strong and lonely edges of a truth; ``None`` where there are too few or no pixel size."""
    if not held.pixel_mm > 0:
        return None
    truth = held.truth.astype(np.float64)
    smooth = ndimage.gaussian_filter(truth, SMOOTHING_PIXELS)
    down, right = np.gradient(smooth)
    slope = np.hypot(down, right)
    reach = max(REACH_MM / held.pixel_mm, REACH_PIXELS)
    border = int(np.ceil(reach)) + 2
    near = ndimage.binary_dilation(held.body, iterations=3)
    near[:border] = near[-border:] = False
    near[:, :border] = near[:, -border:] = False
    if near.sum() < LEAST_EDGES:
        return None
    least = float(np.quantile(slope[near], 1 - STRONGEST))
    places = np.argwhere(near & (slope >= max(least, 1e-12)) & _is_crest(slope, down, right))
    if len(places) < LEAST_EDGES:
        return None
    order = np.argsort(-slope[tuple(places.T)], kind="stable")[:MOST_TRIED]
    places = places[order]
    directions = np.stack([down, right])[:, places[:, 0], places[:, 1]]
    directions /= np.hypot(*directions)
    offsets = np.arange(-reach, reach + STEP / 2, STEP)
    found = _sampled(ndimage.spline_filter(truth), places.T.astype(np.float64), directions, offsets)
    shift, heights, good = _centred(found, offsets, reach)
    if good.sum() < LEAST_EDGES:
        return None
    chosen = np.flatnonzero(good)[:MOST_EDGES]
    centre = places[chosen].T + shift[chosen] * directions[:, chosen]
    along = np.arange(-reach, reach + STEP / 2, STEP)
    rows, columns = (centre[k][:, None] + directions[k][chosen][:, None] * along for k in (0, 1))
    return Edges(rows, columns, heights[chosen], STEP * held.pixel_mm)


def edge_width(image: FloatArray, edges: Edges) -> float | None:
    """Distance in mm from 10 to 90 % of the mean rise across ``edges``; ``None`` where it is gone.

    Each edge counts alike, whatever its height.
    """
    coefficients = ndimage.spline_filter(image.astype(np.float64))
    where = np.stack([edges.rows, edges.columns])
    found = ndimage.map_coordinates(coefficients, where, prefilter=False, mode="nearest")
    profile = (found / edges.heights[:, None]).mean(axis=0)
    # Only the very ends: what is blurred widely reaches far.
    outer = max(1, len(profile) // 10)
    low, high = float(profile[:outer].mean()), float(profile[-outer:].mean())
    if high - low < LEAST_LEFT:
        return None
    profile = (profile - low) / (high - low)
    middle = len(profile) // 2
    ten, ninety = _crossing(profile, 0.1, middle), _crossing(profile, 0.9, middle)
    return None if ten is None or ninety is None else (ninety - ten) * edges.step_mm


def _is_crest(slope: Floats, down: Floats, right: Floats) -> NDArray[np.bool_]:
    """Where the slope is not less than a pixel on and a pixel back along its direction."""
    steep = np.where(slope > 0, slope, 1.0)
    here = np.indices(slope.shape).astype(np.float64)
    step = np.stack([down / steep, right / steep])
    beside = (
        ndimage.map_coordinates(slope, here + sign * step, order=1, mode="nearest")
        for sign in (-1, 1)
    )
    return np.asarray(np.logical_and.reduce([slope >= other for other in beside]), np.bool_)


def _sampled(coefficients: Floats, places: Floats, directions: Floats, offsets: Floats) -> Floats:
    where = places[:, :, None] + directions[:, :, None] * offsets
    return np.asarray(
        ndimage.map_coordinates(coefficients, where, prefilter=False, mode="nearest"), np.float64
    )


def _centred(
    found: Floats, offsets: Floats, reach: float
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Offset of the half height, height of the edge, and whether it is even on both sides."""
    near = np.abs(offsets) <= reach
    within = found[:, near]
    third = within.shape[1] // 6
    low, high = within[:, : 2 * third].mean(axis=1), within[:, -2 * third :].mean(axis=1)
    heights = high - low
    safe = np.where(heights > 0, heights, 1.0)
    level = (within - low[:, None]) / safe[:, None]
    uneven = np.maximum(
        np.ptp(level[:, : 2 * third], axis=1), np.ptp(level[:, -2 * third :], axis=1)
    )
    good = (heights > 0) & (uneven < UNEVEN)
    # The half height nearest to the crest of the slope.
    over = (level[:, :-1] < 0.5) & (level[:, 1:] >= 0.5)
    distance = np.where(over, np.abs(offsets[near][:-1]), np.inf)
    place = np.argmin(distance, axis=1)
    each = np.arange(len(found))
    good &= np.isfinite(distance[each, place])
    below, above = level[each, place], level[each, np.minimum(place + 1, level.shape[1] - 1)]
    rise = np.where(above > below, above - below, 1.0)
    shift = offsets[near][place] + STEP * (0.5 - below) / rise
    good &= np.abs(shift) < reach / 2
    return shift, heights, good


def _crossing(profile: Floats, level: float, middle: int) -> float | None:
    """Place in points where the profile first crosses ``level`` going out from the middle."""
    if level < 0.5:
        below = np.flatnonzero(profile[: middle + 1] < level)
        if not below.size:
            return None
        k = int(below[-1])
    else:
        above = np.flatnonzero(profile[middle:] > level)
        if not above.size:
            return None
        k = middle + int(above[0]) - 1
    if k + 1 >= len(profile) or profile[k + 1] == profile[k]:
        return float(k)
    return k + float((level - profile[k]) / (profile[k + 1] - profile[k]))
