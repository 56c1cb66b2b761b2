"""Real series as engines see them in the node, and which of them are one scan by two kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy import ndimage

from engines.base import ArrayStack, FloatArray, StackInfo
from engines.description import Modality
from engines.medq_uni.sources import Series
from engines.medq_uni.yardstick.restoration.cases import SATURATION, SIXTEEN_BITS

GE = ("SOFT", "STANDARD", "DETAIL", "LUNG", "BONE", "EDGE")
"""Kernels of GE, smooth to sharp."""
SIEMENS = re.compile(r"[A-Z][a-z]?(\d\d)[a-z]?")
"""As B40f, B70f or Br40: the number is the sharpness."""
PHILIPS = re.compile(r"[A-Z]")
"""A (smooth) to E, and L for lungs, the sharpest."""
LIKE_PIXELS, LIKE = 4.0, 0.99
"""Slices are of one scan where they correlate so much once smoothed by so many pixels."""


def stack_of_series(series: Series) -> ArrayStack:
    """The whole series as a stack, padding marked."""
    low, high = SATURATION[series.modality]
    if series.modality is Modality.MR and float(series.values.max(initial=0)) > high:
        high = SIXTEEN_BITS
    slices, rows, columns = series.values.shape
    info = StackInfo(
        series.modality, series.region, series.unit, slices, rows, columns, series.spacing_mm,
        (low, high),
    )  # fmt: skip
    return ArrayStack(info, series.values, series.valid)


def slice_of(stack: ArrayStack, k: int) -> ArrayStack:
    """Slice ``k`` (0-based) as a series of its own."""
    info = replace(stack.info, slices=1)
    return ArrayStack(info, stack.values[k : k + 1], stack.valid[k : k + 1])


def kernel_of(series: Series) -> str:
    """The reconstruction kernel's name, empty where it isn't told."""
    return str(series.acquisition.get("kernel", "") or "").strip()


def sharpness(kernel: str) -> tuple[str, int] | None:
    """Family of a kernel and its place in it from smooth to sharp, by its name; ``None`` unknown.

    Kernels of two families can't be compared.
    """
    if kernel.upper() in GE:
        return "GE", GE.index(kernel.upper())
    numbered = SIEMENS.fullmatch(kernel)
    if numbered:
        return "Siemens", int(numbered[1])
    return ("Philips", ord(kernel)) if PHILIPS.fullmatch(kernel) else None


def kernel_pairs(series: Sequence[Series]) -> Iterator[tuple[Series, Series]]:
    """Of CT series the (smooth, sharp) ones of the same scan: the same slices by two kernels."""
    ct = [one for one in series if one.modality is Modality.CT]
    for one, other in combinations(ct, 2):
        places = sharpness(kernel_of(one)), sharpness(kernel_of(other))
        if places[0] is None or places[1] is None or places[0][0] != places[1][0]:
            continue
        if places[0] != places[1] and _same_scan(one, other):
            yield (one, other) if places[0] < places[1] else (other, one)


def _same_scan(one: Series, other: Series) -> bool:
    if one.patient != other.patient or one.values.shape != other.values.shape:
        return False
    if not np.allclose(one.spacing_mm, other.spacing_mm, rtol=1e-3):
        return False
    return all(_alike(a, b) for a, b in zip(one.values, other.values, strict=True))


def _alike(a: FloatArray, b: FloatArray) -> bool:
    smooth = [ndimage.gaussian_filter(image, LIKE_PIXELS)[::4, ::4].ravel() for image in (a, b)]
    if min(one.std() for one in smooth) == 0:
        return bool(np.array_equal(a, b))
    return bool(np.corrcoef(*smooth)[0, 1] >= LIKE)
