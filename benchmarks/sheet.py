"""Contact sheets: rows of images with a caption each, in one small PNG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from PIL import Image

from engines.base import FloatArray
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.pair import Degrade, Pair, Source, compose

mpl.use("Agg")
from matplotlib import pyplot as plt

Window = tuple[float, float]
GREYS = 48
"""Levels of grey kept in the files: enough for the eye, and small."""
Tile = tuple[FloatArray, Window, str]


def spoiled(
    source: Source, steps: Sequence[Degrade], seed: int, shown: Window, said: Callable[[Pair], str]
) -> Tile:
    """What ``steps`` make of a source, ``said`` in the caption; itself where they can't be done,
    as where it has more noise of its own.
    """
    try:
        pair = compose(source, steps, seed)
    except NoPlaceError:
        return source.values, shown, "left as it is: it has\nmore of its own already"
    return pair.image, shown, said(pair)


def sheet(tiles: Sequence[Sequence[Tile]], title: str, path: Path, inverted: bool = False) -> None:
    """Rows of images in one PNG; ``inverted`` shows much as dark, as PET is read."""
    rows, columns = len(tiles), max(map(len, tiles))
    tall, wide = tiles[0][0][0].shape
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.5 * columns, (2.5 * tall / wide + 0.35) * rows + 0.4),
        squeeze=False, layout="constrained", facecolor="#11151a",
    )  # fmt: skip
    figure.suptitle(title, color="white", fontsize=12)
    for row, shown in zip(axes, tiles, strict=True):
        for axis in row:
            axis.set_axis_off()
        for axis, (image, (low, high), caption) in zip(row, shown, strict=False):
            axis.imshow(
                image,
                cmap="gray_r" if inverted else "gray",
                vmin=low,
                vmax=high,
                interpolation="antialiased",
            )
            axis.set_title(caption, color="0.85", fontsize=8)
    figure.savefig(path, dpi=90, facecolor=figure.get_facecolor())
    plt.close(figure)
    with Image.open(path) as drawn:
        few = drawn.convert("L").quantize(GREYS)
    few.save(path, optimize=True)
