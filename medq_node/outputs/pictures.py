"""The worst slice as grey pictures: before, after and what changed, in the window of a reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from engines.base import BoolArray, FloatArray
from engines.quality import QualityDescription
from medq_node.errors import OutputError
from medq_node.outputs.content import worst_slices
from medq_node.outputs.window import Grey, Window, difference_window, fit_window
from medq_node.pixels.series import SeriesStack


@dataclass(frozen=True, slots=True)
class Restored:
    """The restored slice and what changed: as grey levels and, less exactly, in numbers.

    ``change`` is after less before, in the unit of the series; ``window`` that of ``change_grey``.
    """

    grey: Grey
    change: FloatArray
    change_grey: Grey
    window: Window


@dataclass(frozen=True, slots=True)
class Views:
    """One slice, 0-based ``index``, as grey levels (rows, columns) in one window.

    ``spacing_mm`` is that between rows and between columns, 0 where unknown.
    """

    index: int
    before: Grey
    valid: BoolArray
    window: Window
    spacing_mm: tuple[float, float]
    restored: Restored | None = None


def views_of(
    source: SeriesStack, restored: SeriesStack | None, description: QualityDescription
) -> Views:
    """The slice that shows best what ``description`` finds, before and, if any, after.

    Raises:
        OutputError: the two series don't have the same shape.
        Unprocessable: its pixel data can't be decoded.
    """
    a = source.info
    if restored is not None:
        b = restored.info
        if (a.slices, a.rows, a.columns) != (b.slices, b.rows, b.columns):
            raise OutputError("the restored series has another shape than its source")
    index = worst_slices(description, a.slices)[0]
    slab = source.slab(index, index + 1)
    before, valid = slab.values[0], slab.valid[0]
    window = fit_window(before, valid, a)
    after: Restored | None = None
    if restored is not None:
        values = restored.slab(index, index + 1).values[0]
        change = np.where(valid, values - before, np.float32(0))
        change_window = difference_window(change, a.unit)
        after = Restored(window.grey(values), change, change_window.grey(change), change_window)
    return Views(index, window.grey(before), valid, window, a.spacing_mm[1:], after)


def physical_size(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> tuple[float, float]:
    """Height and width in mm, or in pixels where the spacing is unknown."""
    row, column = spacing_mm if min(spacing_mm) > 0 else (1.0, 1.0)
    return shape[0] * row, shape[1] * column


def fitted(
    shape: tuple[int, ...], spacing_mm: tuple[float, float], room: tuple[float, float]
) -> tuple[int, int]:
    """Width and height in pixels of a picture that fills ``room`` (width, height), shape true."""
    height, width = physical_size(shape, spacing_mm)
    factor = min(room[0] / width, room[1] / height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def resized(grey: Grey, size: tuple[int, int]) -> Image.Image:
    """``grey`` as a picture of ``size`` (width, height) pixels."""
    return Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
