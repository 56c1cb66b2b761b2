"""Contact sheets of PET: phantoms, low count by reconstruction, breathing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.sheet import Tile, Window, spoiled
from benchmarks.sheets_mr import captioned
from engines.base import FloatArray
from engines.description import Degradation, Modality
from engines.medq_uni.degradations.pet.breathing import Breathing
from engines.medq_uni.degradations.pet.low_count import LowCount
from engines.medq_uni.degradations.pet.reconstruction import RECONSTRUCTIONS
from engines.medq_uni.pair import Source
from engines.medq_uni.phantom_sources import kinds_of, phantom_source

PERCENTS = (9.0, 12.0, 20.0, 35.0)
"""None, mild, moderate and severe."""
WAYS_MM = (3.0, 7.0, 14.0, 25.0)
SEEDS = range(8)


def window(image: FloatArray) -> Window:
    """From nothing to what lets organs be told; a full bladder is beyond it."""
    body = image[image > 0.05 * float(np.percentile(image, 99.5))]
    return 0.0, float(min(np.percentile(image, 99.8), 5 * np.median(body)))


def phantoms(size: int) -> list[list[Tile]]:
    """Eight people of every kind."""
    rows = []
    for kind in kinds_of([Modality.PT]):
        made = [phantom_source(kind, seed, size) for seed in SEEDS]
        rows.append([
            (s.values, window(s.values), f"{kind.region}, seed {seed}")
            for s, seed in zip(made, SEEDS, strict=True)
        ])  # fmt: skip
    return rows


def low_count(sources: Sequence[Source]) -> list[list[Tile]]:
    """Truth, and four levels of noise by every reconstruction."""
    tiles = []
    for source in sources:
        shown = window(source.values)
        for percent in PERCENTS:
            row: list[Tile] = [(source.values, shown, f"truth, {source.region}")]
            for reconstruction in RECONSTRUCTIONS:
                step = LowCount(percent=percent, reconstruction=reconstruction)
                told = captioned(f"{reconstruction.name}\n", Degradation.LOW_COUNT)
                row.append(spoiled(source, [step], 1, shown, told))
            tiles.append(row)
    return tiles


def breathing(sources: Sequence[Source]) -> list[list[Tile]]:
    """Four ways of a breath, alone and with few counts."""
    tiles = []
    for source in sources:
        shown = window(source.values)
        alone: list[Tile] = [(source.values, shown, "truth")]
        noisy: list[Tile] = [(source.values, shown, "truth")]
        for way, percent in zip(WAYS_MM, PERCENTS, strict=True):
            told = captioned("", Degradation.MOTION)
            alone.append(spoiled(source, [Breathing(way)], 1, shown, told))
            few = LowCount(percent=percent, reconstruction=RECONSTRUCTIONS[0])
            told = captioned("", Degradation.MOTION, Degradation.LOW_COUNT)
            noisy.append(spoiled(source, [Breathing(way), few], 1, shown, told))
        tiles += [alone, noisy]
    return tiles
