"""Thickness and increment of slices: how they share photons, and how slices are averaged.

A slice collects the photons of its thickness, so its noise goes with thickness ** -0.5, and slices
that overlap share photons and hence noise. The stack is cut into slabs at every border of a slice;
each slab is scanned once, and a slice is the mean of its slabs by thickness, as scanners average
the logarithms of detector rows. Slabs can be thinner than any detector row: their noise is that of
a whole slice made larger, so that they starve no earlier than the slice does. Slices are thought of
as boxes: no helix, no slice profile.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from engines.base import FloatArray
from engines.medq_uni.degradations.checks import hu_image, within
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.degradations.ct.scanned import ScannedSlice

SAME_MM = 1e-3
"""Borders nearer than this are one."""


def noise_stack(
    images: ArrayLike, pixel_mm: float, increment_mm: float, scan: Scan, rng: np.random.Generator
) -> FloatArray:
    """Noise (slices, rows, columns) in HU of a stack of slices ``scan.slice_mm`` thick.

    ``images`` is (slices, rows, columns) in HU, one every ``increment_mm``. Neighbours are
    correlated by the share of their thickness that overlaps. Memory: a few slices beside input and
    result.

    Raises:
        ValueError: no stack of CT images, or an increment outside 0.1 to 100 mm.
    """
    stack = _stack(images)
    within("increment_mm", increment_mm, 0.1, 100)
    total = np.zeros_like(stack)
    middles = np.arange(len(stack)) * increment_mm
    scanned, of = ScannedSlice(stack[0], pixel_mm, scan), 0
    for start, stop, shares in _slabs(len(stack), increment_mm, scan.slice_mm):
        # What lies in the slab is best known from the slice whose middle is nearest.
        nearest = int(np.argmin(np.abs(middles - (start + stop) / 2)))
        if nearest != of:
            scanned, of = ScannedSlice(stack[nearest], pixel_mm, scan), nearest
        noise = scanned.noise(scan.dose, 1, rng)[0]
        larger = (scan.slice_mm / (stop - start)) ** 0.5
        for index, share in shares:
            total[index] += noise * np.float32(share * larger)
    return total


def thicker(
    images: ArrayLike,
    increment_mm: float,
    slice_mm: float,
    to_slice_mm: float,
    to_increment_mm: float,
) -> FloatArray:
    """Thicker slices from thin ones: (slices, rows, columns) in HU, averaged along the stack.

    The first new slice begins where the first old one does; the last is the last that fits. Old
    slices may overlap; a new one is as thick as all of those together that it is made of.

    Raises:
        ValueError: no stack of CT images, a new slice thinner than the old or thicker than the
            stack, gaps between the old slices, or increments outside 0.1 to 100 mm.
    """
    stack = _stack(images)
    within("slice_mm", slice_mm, 0.1, 50)
    within("increment_mm", increment_mm, 0.1, slice_mm * 1.01)
    within("to_increment_mm", to_increment_mm, 0.1, 100)
    length = len(stack) * increment_mm
    overlap = max(0.0, slice_mm - increment_mm)
    within("to_slice_mm", to_slice_mm, slice_mm, max(slice_mm, length + overlap))
    # Every old slice stands for its increment; the first and the last bring half an overlap each.
    step = to_slice_mm - overlap
    count = int((length - step) / to_increment_mm + 1 + SAME_MM)
    weights = np.zeros((max(1, count), len(stack)), np.float32)
    borders = np.arange(len(stack) + 1) * increment_mm
    for k, row in enumerate(weights):
        begin = k * to_increment_mm
        inside = np.clip(borders, begin, begin + step)
        row[:] = np.diff(inside)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.tensordot(weights, stack, 1), np.float32)


def _stack(images: ArrayLike) -> FloatArray:
    """``images`` as float32 (slices, rows, columns); ValueError where they are no CT stack."""
    array = np.asarray(images)
    if array.ndim != 3 or not len(array):
        raise ValueError(f"images must be (slices, rows, columns), not {array.shape}")
    return np.stack([hu_image("images", one) for one in array])


def _slabs(
    slices: int, increment_mm: float, slice_mm: float
) -> list[tuple[float, float, list[tuple[int, float]]]]:
    """Slabs (from, to, the slices that hold it with its share of each) in mm from slice 0's middle.

    Only slabs in a slice are named; shares of a slice add up to 1.
    """
    begins = np.arange(slices) * increment_mm - slice_mm / 2
    ordered = np.sort(np.concatenate([begins, begins + slice_mm]))
    borders = ordered[np.concatenate([[True], np.diff(ordered) > SAME_MM])]
    found = []
    for start, stop in pairwise(borders):
        middle = (start + stop) / 2
        within_it = np.flatnonzero((begins < middle) & (middle < begins + slice_mm))
        if within_it.size:
            share = float((stop - start) / slice_mm)
            found.append((float(start), float(stop), [(int(k), share) for k in within_it]))
    return found
