"""Branching vessels: pipes that taper and divide, in space, as (n, 8) segments for the canvas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray

Point = tuple[float, float, float]
Points = NDArray[np.float64]
Within = Callable[[Points], NDArray[np.bool_]]


def tree(
    rng: np.random.Generator,
    root: Point,
    aim: Point,
    radius: float,
    length: float,
    levels: int,
    within: Within | None = None,
    spread: float = 0.55,
    least: float = 0.3,
) -> FloatArray:
    """A tree from ``root`` towards ``aim``; see ``forest``."""
    ends = np.array([root]), np.array([aim]), np.array([radius])
    return forest(rng, *ends, length, levels, within, spread, least)


def forest(
    rng: np.random.Generator,
    roots: Points,
    aims: Points,
    radii: Points,
    length: float,
    levels: int,
    within: Within | None = None,
    spread: float = 0.55,
    least: float = 0.3,
    shortening: float = 0.80,
) -> FloatArray:
    """Trees from ``roots`` towards ``aims``, both (n, 3); ``radii`` (n,) and ``length`` in mm;
    a branch is ``shortening`` times as long as its parent.

    Each end divides in two. The cubes of the children's radii add up to the parent's (Murray,
    Proc. Natl. Acad. Sci. 12 (1926) 207). A branch ends at ``levels``, below ``least`` mm, or
    where ``within`` says that a point (n, 3) lies outside.
    """
    at = roots.astype(np.float64)
    way = aims - at
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    rows = []
    for level in range(levels):
        count = len(at)
        reach = length * shortening**level * rng.uniform(0.65, 1.35, count)
        middle = at + way * (reach / 2)[:, None] + rng.normal(0, 0.06, (count, 3)) * reach[:, None]
        end = at + way * reach[:, None]
        mean = radii * 0.94
        rows += [np.c_[at, middle, radii, mean], np.c_[middle, end, mean, radii * 0.88]]
        share = rng.uniform(0.25, 0.75, count)
        pair = np.stack([share, 1 - share]) ** (1 / 3)
        sideways = rng.normal(0, 1, (count, 3))
        sideways -= (sideways * way).sum(1, keepdims=True) * way
        sideways /= np.linalg.norm(sideways, axis=1, keepdims=True) + 1e-9
        turn = spread * rng.uniform(0.6, 1.3, (2, count)) * pair[::-1] / 0.8
        ways = np.stack(
            [way + sideways * np.tan(turn[0])[:, None], way - sideways * np.tan(turn[1])[:, None]]
        )
        at = np.tile(end, (2, 1))
        way = ways.reshape(-1, 3)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        radii = (np.tile(radii, 2) * pair.reshape(-1)) * 0.97
        alive = radii > least
        if within is not None:
            alive &= within(at)
        at, way, radii = at[alive], way[alive], radii[alive]
        if not len(at):
            break
    segments: FloatArray = np.concatenate(rows).astype(np.float32)
    return segments


def path(points: list[tuple[float, float, float]], radii: list[float]) -> FloatArray:
    """A pipe through ``points`` (mm) with a radius (mm) at each."""
    ends = np.array(points)
    wide = np.array(radii)
    segments: FloatArray = np.c_[ends[:-1], ends[1:], wide[:-1], wide[1:]].astype(np.float32)
    return segments


def wavy(
    rng: np.random.Generator,
    start: tuple[float, float, float],
    stop: tuple[float, float, float],
    radius: float,
    waviness: float = 0.08,
    steps: int = 5,
) -> FloatArray:
    """A meandering pipe between two points that tapers by a third."""
    share = np.linspace(0, 1, steps + 1)
    way = np.array(stop) - np.array(start)
    points = np.array(start) + share[:, None] * way
    shift = (
        rng.normal(0, waviness * np.linalg.norm(way), (steps + 1, 3))
        * np.sin(np.pi * share)[:, None]
    )
    points = points + shift
    wide = radius * (1 - share / 3)
    segments: FloatArray = np.c_[points[:-1], points[1:], wide[:-1], wide[1:]].astype(np.float32)
    return segments
