"""Where metal belongs in a CT slice: bone surface, femoral heads, dental arch, tissue.

Found from the image itself, on a grid of about 1.5 mm, by HU and by where in the body things lie.
The patient is taken to lie on the back, rows growing towards the table. Points are (x, y) in mm
from the centre of pixel (0, 0). For vertebrae see ``metal_spine``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.medq_uni.degradations.checks import NoPlaceError

Point = tuple[float, float]
GRID_MM = 1.5
BODY_HU, BONE_HU = -300.0, 180.0
PLATED_HU, TOOTH_HU = 280.0, 350.0
"""Bone that holds a plate is denser than kidneys full of contrast medium; so is a jaw."""
MOST_CLOSED = 0.6
"""A jaw is open to the back but for the spine, a braincase is closed."""
HEAD_RADIUS_MM = 21.0
"""Radius of a femoral head with its socket's rim left out."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A slice on a coarse grid of ``step_mm``.

    ``values`` is HU (rows, columns), ``body`` the patient without the table, ``bone`` what in it
    is as dense as bone, ``middle`` the centre of the body in mm, ``width`` and ``depth`` its
    extent in mm.
    """

    values: FloatArray
    body: BoolArray
    bone: BoolArray
    step_mm: float
    middle: Point
    width: float
    depth: float

    def grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both x and y in mm of every grid point, (rows, columns)."""
        y, x = np.indices(self.values.shape) * self.step_mm
        return x, y


def anatomy(values: FloatArray, pixel_mm: float) -> Anatomy:
    """What is known of a slice in HU before anything is placed.

    Raises:
        NoPlaceError: there is no body of at least 5 cm in it.
    """
    step = max(round(GRID_MM / pixel_mm), 1)
    coarse = ndimage.uniform_filter(values, step, mode="nearest")[::step, ::step]
    step_mm = step * pixel_mm
    solid = ndimage.binary_opening(coarse > BODY_HU, iterations=max(round(4 / step_mm), 1))
    labels, count = ndimage.label(solid)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    if count == 0 or sizes.max() * step_mm**2 < 2500:
        raise NoPlaceError("no place for metal: no body is found in the image")
    body = ndimage.binary_fill_holes(labels == 1 + int(np.argmax(sizes)))
    rows, columns = np.nonzero(body)
    left, right = np.percentile(columns, [1, 99]) * step_mm
    top, bottom = np.percentile(rows, [1, 99]) * step_mm
    return Anatomy(
        coarse,
        body,
        body & (coarse > BONE_HU),
        step_mm,
        (float(left + right) / 2, float(top + bottom) / 2),
        float(right - left),
        float(bottom - top),
    )


def femoral_heads(found: Anatomy) -> tuple[Point, ...]:
    """Centres of the femoral heads, left of the image first.

    Raises:
        NoPlaceError: there is none.
    """
    x, _ = found.grid()
    reach = HEAD_RADIUS_MM / found.step_mm
    dy, dx = np.mgrid[-int(reach) : int(reach) + 1, -int(reach) : int(reach) + 1]
    ball = (dx**2 + dy**2 <= reach**2).astype(np.float32)
    filled = found.bone & (found.values > BONE_HU - 40)
    score = ndimage.convolve(filled.astype(np.float32), ball / ball.sum(), mode="constant")
    heads: list[Point] = []
    for side in (-1, 1):
        aside = side * (x - found.middle[0])
        there = np.where((aside > 55) & (aside < 0.45 * found.width), score, 0)
        row, column = np.unravel_index(int(np.argmax(there)), there.shape)
        if there[row, column] > 0.8:
            heads.append((float(column) * found.step_mm, float(row) * found.step_mm))
    if not heads:
        raise NoPlaceError("no place for a hip: no femoral head is found")
    return tuple(heads)


def dental_arch(found: Anatomy) -> tuple[tuple[Point, Point], ...]:
    """Places of teeth along the jaw and its direction there, from one side to the other.

    Raises:
        NoPlaceError: there is no open arch of bone in front, or the slice cuts the braincase.
    """
    if _closed_behind(found) > MOST_CLOSED:
        raise NoPlaceError("no place for dental work: the slice cuts the braincase")
    centre = (found.middle[0], found.middle[1] - 0.08 * found.depth)
    hard = np.where(found.body & (found.values > TOOTH_HU), found.values, 0).astype(np.float32)
    radius = np.arange(12, 85, found.step_mm / 2)
    angles = np.radians(np.arange(-75, 76, 9.0))  # 0 looks to the front
    points: list[Point] = []
    for angle in angles:
        x = centre[0] + radius * np.sin(angle)
        y = centre[1] - radius * np.cos(angle)
        at = np.stack([y, x]) / found.step_mm
        weight = ndimage.map_coordinates(hard, at, order=1, mode="constant")
        if weight.sum() * found.step_mm / 2 > 3 * TOOTH_HU:
            r = float(np.sum(weight * radius) / np.sum(weight))
            points.append((centre[0] + r * np.sin(angle), centre[1] - r * np.cos(angle)))
    if len(points) < 0.7 * len(angles):
        raise NoPlaceError("no place for dental work: no arch of teeth is found")
    path = np.array(points)
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    return tuple(
        ((float(p[0]), float(p[1])), (float(t[0]), float(t[1])))
        for p, t in zip(path, tangent, strict=True)
    )


def _closed_behind(found: Anatomy) -> float:
    """In which share of the directions to the back there is bone: all of a skull, a spine's few."""
    angles = np.radians(np.arange(100, 261, 5.0))  # 180 looks to the back
    radius = np.arange(0, 130, found.step_mm / 2)
    x = found.middle[0] + np.sin(angles)[:, None] * radius
    y = found.middle[1] - np.cos(angles)[:, None] * radius
    at = np.stack([y, x]) / found.step_mm
    bone = ndimage.map_coordinates(found.bone.astype(np.float32), at, order=1, mode="constant")
    return float(np.mean((bone > 0.5).any(axis=1)))


def along_bone(
    found: Anatomy, length: float, off: float, rng: np.random.Generator
) -> tuple[list[Point], Point]:
    """A gently bent path of ``length`` mm on the outer side of a bone, ``off`` mm above it, and the
    direction into the bone.

    Raises:
        NoPlaceError: there is no bone large enough.
    """
    x, y = found.grid()
    bone = (found.body & (found.values > PLATED_HU)).astype(np.float32)
    soft = ndimage.gaussian_filter(bone, 2.5 / found.step_mm)
    down, across = np.gradient(soft)
    outward = across * (x - found.middle[0]) + down * (y - found.middle[1]) < 0
    # A plate lies where the bone goes on along it to both sides: where its wider blur is dense.
    wide = ndimage.gaussian_filter(bone, length / 4 / found.step_mm)
    behind = y - found.middle[1]
    spine = (np.abs(x - found.middle[0]) < 40) & (behind > 0.05 * found.depth)
    spine &= behind < 0.5 * found.depth - 15  # the back of the skull lies right under the skin
    rim = (np.abs(soft - 0.45) < 0.15) & outward & found.body & ~spine
    candidates = np.argwhere(rim)
    if len(candidates) < 10:
        raise NoPlaceError("no place for a plate: no bone is found")
    weight = wide[rim].astype(np.float64) ** 2
    row, column = candidates[int(rng.choice(len(candidates), p=weight / weight.sum()))]
    into = np.array([across[row, column], down[row, column]], np.float64)
    into /= max(float(np.linalg.norm(into)), 1e-6)
    along = np.array([-into[1], into[0]])
    start = np.array([column, row]) * found.step_mm - into * off
    # The rim near this point, as a parabola over the tangent: surgeons bend plates, but not far.
    away = np.stack([x - start[0], y - start[1]], axis=-1)[rim]
    t, height = away @ along, away @ into
    near = (np.abs(t) < length / 2) & (np.abs(height) < length / 4)
    bend = float(np.sum(height[near] * t[near] ** 2) / max(float(np.sum(t[near] ** 4)), 1e-6))
    bend = float(np.clip(bend, -1 / 80, 1 / 80))
    steps = np.linspace(-length / 2, length / 2, int(length / 4) + 2)
    points = start + steps[:, None] * along + (bend * steps**2)[:, None] * into
    return [(float(p[0]), float(p[1])) for p in points], (float(into[0]), float(into[1]))


def depth_of_bone(found: Anatomy, start: Point, inward: Point, reach: float) -> float:
    """How far, in mm, the first bone goes that lies from ``start`` inwards, at most ``reach``."""
    along = np.arange(0, reach + 0.5, 0.5)
    at = np.stack([start[1] + along * inward[1], start[0] + along * inward[0]]) / found.step_mm
    bone = ndimage.map_coordinates(found.bone.astype(np.float32), at, order=1) > 0.5
    if not bone.any():
        return 0.0
    first = int(np.argmax(bone))
    behind = np.flatnonzero(~bone[first:])
    return float(along[first + behind[0] - 1] if behind.size else along[-1])


def soft_tissue(
    found: Anatomy, margin_mm: float, rng: np.random.Generator, deep: float = 1.0
) -> tuple[Point, float]:
    """A point in soft tissue and how far, in mm, it is from air, fat, bone and skin: at least
    ``margin_mm``. The smaller ``deep``, the nearer to the body's middle.

    Raises:
        NoPlaceError: there is none.
    """
    tissue = found.body & (found.values > -60) & (found.values < BONE_HU)
    tissue = ndimage.binary_opening(tissue, iterations=1)
    room = ndimage.distance_transform_edt(tissue) * found.step_mm
    x, y = found.grid()
    # Not in the muscles of the wall, where nothing is clipped or embolised.
    far = np.hypot(
        (x - found.middle[0]) / (0.36 * found.width), (y - found.middle[1]) / (0.38 * found.depth)
    )
    candidates = np.argwhere((room > margin_mm) & (far < deep))
    if len(candidates) == 0:
        raise NoPlaceError("no place for a clip or coil: no soft tissue is found")
    row, column = candidates[int(rng.integers(len(candidates)))]
    at = (float(column) * found.step_mm, float(row) * found.step_mm)
    return at, float(room[row, column])
