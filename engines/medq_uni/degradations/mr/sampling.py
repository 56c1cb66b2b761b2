"""Which part of k-space is measured: lines left out, one side left out, or all but the middle.

A fold counts how many times fewer samples are measured than the image needs. Lines are numbered as
in ``encoding``, the lowest frequency first, so that line ``lines // 2`` has frequency zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from engines.base import BoolArray, FloatArray
from engines.medq_uni.degradations.checks import LEAST_SIDE, MOST_SIDE, within

CENTRE = (0.04, 0.08)
"""Least and usual most share of the lines that make up a fully sampled centre; 8 and 4 % are those
of the public benchmark (Knoll et al., Radiol Artif Intell 2020;2:e190007)."""
LEAST_CENTRE = 2
"""Fewest lines of a centre."""
CLOSE = (-0.05, 0.03)
"""A fold this close to that asked for, as a share, is taken as found. There is less room above:
levels come closer to the cut-off of the next severity."""
DENSITY_POWER = (1.0, 3.0)
"""Random lines get rarer outwards by a power of the distance from the edge of k-space."""
LEAST_FRACTION = 9 / 16
"""Least share of lines that partial Fourier measures, hardly more than half."""
USUAL_FRACTION = (9 / 16, 6 / 8)
"""The same where the phase resolution is reduced as well."""
LEAST_BEYOND = 4
"""Partial Fourier measures so many lines beyond the middle, or a third where there are few."""
READ_SHARE = (0.3, 0.5)
"""The logarithm's share of a low resolution's fold that falls on the direction of reading; phase
encoding costs time, so that it is cut at least as much."""
ROLL_OFF = (0.1, 0.6)
"""Least and most share of the measured block that a scanner's filter rolls off."""

Samples = Callable[[int, int, float, np.random.Generator], BoolArray]
"""(lines, reads, fold, chance) -> what is measured, (lines, reads)."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A way to measure less than all of k-space; ``folds`` are the least and the most it can."""

    name: str
    folds: tuple[float, float]
    samples: Samples = field(repr=False)
    filtered: bool = False
    """Whether scanners may filter what this pattern measures, against ringing: then an image holds
    not exactly what was measured, but a rolled-off share of it."""

    def mask(
        self, rows: int, columns: int, fold: float, phase_axis: int, rng: np.random.Generator
    ) -> tuple[BoolArray, float]:
        """What is measured, bool (rows, columns), and how many fold less that is.

        ``phase_axis`` is the image's axis along which lines are left out, 0 or 1; a line runs
        along the other. The fold is as close to that asked for as whole lines allow.

        Raises:
            ValueError: a side outside 16 to 4096, a fold outside ``folds``, or no such axis.
        """
        within("rows", rows, LEAST_SIDE, MOST_SIDE)
        within("columns", columns, LEAST_SIDE, MOST_SIDE)
        check_axis(phase_axis)
        within("fold", fold, *self.folds)
        if phase_axis == 0:
            mask = self.samples(rows, columns, fold, rng)
        else:
            mask = self.samples(columns, rows, fold, rng).T
        return np.ascontiguousarray(mask), mask.size / int(mask.sum())

    def weights(self, mask: BoolArray, rng: np.random.Generator) -> FloatArray:
        """Weights, float32 from 0 to 1, by which the reconstruction takes what was measured.

        1 where ``mask`` (rows, columns) is, but for a pattern that scanners may filter: every
        second time its block is rolled off by a cosine (a Tukey window), which rings less. What was
        measured is then not kept exactly: a restoration may have to change these samples too.
        """
        weights = mask.astype(np.float32)
        if self.filtered and rng.random() < 0.5:
            share = rng.uniform(*ROLL_OFF)
            weights *= _rolled_off(mask, 1, share)[:, None]
            weights *= _rolled_off(mask, 0, share)
        return weights


def check_axis(phase_axis: int) -> None:
    """Refuse, with a ValueError, what is no axis of an image."""
    if phase_axis not in (0, 1):
        raise ValueError(f"phase_axis must be 0 or 1, not {phase_axis}")


def _centre(lines: int, count: int) -> BoolArray:
    """The ``count`` lines about frequency zero."""
    first = lines // 2 - count // 2
    kept = np.zeros(lines, np.bool_)
    kept[first : first + count] = True
    return kept


def _whole_lines(kept: BoolArray, reads: int) -> BoolArray:
    return np.broadcast_to(kept[:, None], (kept.size, reads))


def _equidistant(lines: int, reads: int, fold: float, rng: np.random.Generator) -> BoolArray:
    """Every n-th line, with the smallest n that a centre of any size can bring to the fold."""
    least = max(LEAST_CENTRE, round(CENTRE[0] * lines))
    start = rng.random()
    wanted = lines / fold
    best, error = np.ones(lines, np.bool_), fold - 1
    for step in range(2, lines + 1):
        first = int(start * step)
        count = round((wanted - lines / step) / (1 - 1 / step))
        kept = _centre(lines, max(least, count))
        kept[first::step] = True
        off = lines / int(kept.sum()) / fold - 1
        if abs(off) < error:
            best, error = kept, abs(off)
        if CLOSE[0] <= off <= CLOSE[1]:
            return _whole_lines(kept, reads)
    return _whole_lines(best, reads)


def _random(lines: int, reads: int, fold: float, rng: np.random.Generator) -> BoolArray:
    """A full centre, and lines by chance that get rarer outwards (Lustig et al., 2007)."""
    wanted = max(LEAST_CENTRE, round(lines / fold))
    centre = round(rng.uniform(*CENTRE) * lines)
    kept = _centre(lines, min(max(LEAST_CENTRE, centre), wanted))
    others = np.flatnonzero(~kept)
    distance = np.abs(others - lines // 2) / (lines / 2 + 1)
    density = (1 - distance) ** rng.uniform(*DENSITY_POWER)
    more = wanted - int(kept.sum())
    kept[rng.choice(others, more, replace=False, p=density / density.sum())] = True
    return _whole_lines(kept, reads)


def _partial_fourier(lines: int, reads: int, fold: float, rng: np.random.Generator) -> BoolArray:
    """One side of k-space and a little of the other; of a narrower k-space where that can't do."""
    wanted = max(LEAST_CENTRE, round(lines / fold))
    # Too few lines beyond the middle would miss the echo's peak.
    beyond = min(LEAST_BEYOND, wanted // 3)
    fraction = max(rng.uniform(*USUAL_FRACTION), wanted / (2 * (wanted - beyond)))
    reach = lines if fold * LEAST_FRACTION <= 1 else min(lines, round(wanted / fraction))
    if rng.random() < 0.5:
        last = lines // 2 + (reach + 1) // 2
        first = min(last - wanted, lines // 2)
    else:
        first = lines // 2 - reach // 2
        last = max(first + wanted, lines // 2 + 1)
    kept = np.zeros(lines, np.bool_)
    kept[first:last] = True
    return _whole_lines(kept, reads)


def _low_resolution(lines: int, reads: int, fold: float, rng: np.random.Generator) -> BoolArray:
    """The middle of both axes."""
    wanted = lines * reads / fold
    along = min(reads, round(reads * fold ** -rng.uniform(*READ_SHARE)))
    across = min(lines, round(wanted / along))
    return _centre(lines, across)[:, None] & _centre(reads, along)


def _rolled_off(mask: BoolArray, across: int, share: float) -> FloatArray:
    """A Tukey window over the block that was measured, falling over its outer ``share``.

    Along the axis of ``mask`` that is not ``across``.
    """
    measured = np.asarray(mask.any(axis=across), np.bool_)
    distance = np.abs(np.arange(measured.size) - measured.size // 2)
    fall = np.clip((distance / ((int(measured.sum()) + 1) / 2) - 1 + share) / share, 0, 1)
    return np.asarray(0.5 * (1 + np.cos(np.pi * fall)), np.float32)


EQUIDISTANT = Pattern("equidistant", (1.5, 12.0), _equidistant)
"""As parallel imaging measures (Pruessmann et al., Magn Reson Med 1999;42:952), with a centre to
calibrate by; without its reconstruction copies of the object lie a share of the field apart."""
RANDOM = Pattern("random", (1.2, 12.0), _random)
"""As compressed sensing measures (Lustig et al., Magn Reson Med 2007;58:1182): what is left out
smears along the phase axis like noise."""
PARTIAL_FOURIER = Pattern("partial Fourier", (1.1, 8.0), _partial_fourier)
"""One side of k-space (McGibney et al., Magn Reson Med 1993;30:51), up to 1.8 fold; beyond that of
a lower phase resolution."""
LOW_RESOLUTION = Pattern("low resolution", (1.1, 16.0), _low_resolution, filtered=True)
"""Blur, and rings beside edges where k-space is cut off (Gibbs)."""
PATTERNS: tuple[Pattern, ...] = (EQUIDISTANT, RANDOM, PARTIAL_FOURIER, LOW_RESOLUTION)
"""In the order of reports."""
