"""Contact sheets of MR: phantoms in every contrast, fewer lines, movement, mixtures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.sheet import Tile, Window, spoiled
from engines.base import FloatArray
from engines.description import Degradation, Modality
from engines.medq_uni.degradations.mr.movement import MOVEMENTS
from engines.medq_uni.degradations.mr.sampling import LOW_RESOLUTION, PATTERNS
from engines.medq_uni.degradations.mr.scan import MRScan
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.phantom_sources import kinds_of, phantom_source

FOLDS = (1.9, 3.2, 5.0, 8.0)
"""Mild, moderate, severe and more."""
CENTRAL = 16.0
"""Low resolution goes further: the central 6 % of k-space."""
AMOUNTS: dict[str, tuple[float, ...]] = {
    "head": (0.4, 1.0, 2.2, 4.5), "body": (0.8, 1.7, 3.7, 7.5),
}  # fmt: skip
"""Millimetres and degrees that are none, mild, moderate and severe."""
TURNS = {"jerk": 0.6, "drift": 0.6, "breathing": 0.05}
PERCENTS = (5.0, 11.0, 17.0, 28.0)
SEEDS = range(4)


def window(image: FloatArray) -> Window:
    """From nothing to a little above what is usual."""
    return 0.0, 1.05 * float(np.percentile(image, 99.3))


def captioned(name: str, *kinds: Degradation) -> Callable[[Pair], str]:
    """A caption of ``name`` and the findings of those kinds, a line each."""
    return lambda pair: name + said(pair, *kinds)


def said(pair: Pair, *kinds: Degradation) -> str:
    """The findings in a caption's words, a line each."""
    found = [pair.finding(kind) for kind in kinds]
    return "\n".join(
        f"{', '.join(f'{a.value:.3g} {a.unit}' for a in f.amounts)}: {f.severity}"
        for f in found
        if f is not None
    )


def phantoms(size: int) -> list[list[Tile]]:
    """Every kind, four people each, two kinds a row."""
    rows = []
    for kind in kinds_of([Modality.MR]):
        made = [phantom_source(kind, seed, size) for seed in SEEDS]
        rows.append(
            [
                (s.values, window(s.values), f"{kind.region} {kind.contrast}, seed {seed}")
                for s, seed in zip(made, SEEDS, strict=True)
            ]
        )
    return [left + right for left, right in zip(rows[::2], [*rows[1::2], []], strict=False)]


def undersampling(sources: Sequence[Source]) -> list[list[Tile]]:
    """Truth, and four folds by every pattern."""
    tiles = []
    for source in sources:
        shown = window(source.values)
        for fold in FOLDS:
            row: list[Tile] = [(source.values, shown, "truth")]
            for pattern in PATTERNS:
                most = pattern is LOW_RESOLUTION and fold == FOLDS[-1]
                step = MRScan(pattern, CENTRAL if most else fold)
                told = captioned(f"{pattern.name}\n", Degradation.UNDERSAMPLING)
                row.append(spoiled(source, [step], 1, shown, told))
            tiles.append(row)
    return tiles


def motion(sources: Sequence[Source]) -> list[list[Tile]]:
    """Four amounts by every movement, sources beside each other."""
    tiles = []
    for place in range(len(PERCENTS)):
        row: list[Tile] = []
        for source in sources:
            amount = AMOUNTS.get(source.region, AMOUNTS["body"])[place]
            shown = window(source.values)
            for number, kind in enumerate(MOVEMENTS):
                # Both directions of phase encoding take turns.
                axis = number % 2
                movement = kind.movement(amount, amount * TURNS[kind.name])
                step = MRScan(movement=movement, phase_axis=axis)
                name = f"{kind.name}, phase along {('rows', 'columns')[axis]}\n"
                told = captioned(name, Degradation.MOTION)
                row.append(spoiled(source, [step], 4, shown, told))
        tiles.append(row)
    return tiles


def mixtures(sources: Sequence[Source]) -> list[list[Tile]]:
    """Noise alone, with fewer lines, and with movement and fewer lines; truth beside them."""
    tiles = []
    for source in sources:
        shown = window(source.values)
        amounts = AMOUNTS.get(source.region, AMOUNTS["body"])
        for fold, amount, percent in zip(FOLDS, amounts, PERCENTS, strict=True):
            movement = MOVEMENTS[0].movement(amount, amount * TURNS[MOVEMENTS[0].name])
            steps = (
                MRScan(noise_percent=percent),
                MRScan(PATTERNS[1], fold, noise_percent=percent),
                MRScan(PATTERNS[1], fold, movement, percent / 2),
            )
            row: list[Tile] = [(source.values, shown, "truth")]
            for step in steps:
                kinds = (Degradation.NOISE, Degradation.UNDERSAMPLING, Degradation.MOTION)
                row.append(spoiled(source, [step], 5, shown, captioned("", *kinds)))
            tiles.append(row)
    return tiles
