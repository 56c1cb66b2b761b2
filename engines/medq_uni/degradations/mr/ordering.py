"""When each line of k-space is measured: the same movement makes ghosts in one order, blur in
another.

Times run from 0 at the start of the acquisition towards 1 at its end; lines are in k-space order,
the zero frequency at ``lines // 2``. The orders are those of Bernstein, King and Zhou, Handbook of
MRI Pulse Sequences (2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines.medq_uni.degradations.checks import LEAST_SIDE, MOST_SIDE, within

TimeArray = NDArray[np.float64]

LEAST_SHOTS, MOST_SHOTS = 8, 40
"""Echo trains of an image with a few to 30 echoes each."""
TRAIN = 0.1
"""Share of a repetition that its echo train takes: 100 to 300 ms of 3 s. The rest measures other
slices."""
SHARES: tuple[float, float, float] = (0.45, 0.35, 0.2)
"""How often orders are sequential, interleaved, centric: spin and gradient echo of old and dynamic
series; turbo spin echo; prepared gradient echo. Chosen, not counted."""


class Ordering(Protocol):
    """A way to go through k-space."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def times(self, lines: int) -> TimeArray:
        """When each of ``lines`` lines (16 to 4096, in k-space order) is measured, from 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Sequential:
    """One line after the other from one rim of k-space to the other; ``descending`` from above."""

    descending: bool = False
    name: str = "sequential"

    def times(self, lines: int) -> TimeArray:
        """When each line is measured, from 0 to 1."""
        index = np.arange(_checked(lines))
        return _in_turn(-index if self.descending else index)


@dataclass(frozen=True, slots=True)
class Centric:
    """From the middle outwards, below and above taking turns."""

    name: str = "centric"

    def times(self, lines: int) -> TimeArray:
        """When each line is measured, from 0 to 1."""
        return _in_turn(np.abs(np.arange(_checked(lines)) - lines // 2 - 0.25))


@dataclass(frozen=True, slots=True)
class Interleaved:
    """Echo trains, or shots, each of which spreads its echoes evenly over k-space.

    Neighbouring lines belong to neighbouring shots, and the bands of k-space that one echo fills
    each see the whole acquisition. There are half as many shots as lines at most.

    Raises:
        ValueError: shots outside 2 to 4096.
    """

    shots: int
    name: str = "interleaved"

    def __post_init__(self) -> None:
        within("shots", self.shots, 2, MOST_SIDE)

    def times(self, lines: int) -> TimeArray:
        """When each line is measured, from 0 to 1."""
        shots = min(self.shots, _checked(lines) // 2)
        echo, shot = np.divmod(np.arange(lines), shots)
        share = echo / (echo[-1] + 1) * TRAIN
        return np.asarray((shot + share) / shots, np.float64)


def random_ordering(rng: np.random.Generator) -> Ordering:
    """A way to go through k-space as scanners have them, by chance."""
    kind = int(rng.choice(3, p=SHARES))
    if kind == 0:
        return Sequential(bool(rng.random() < 0.5))
    if kind == 1:
        return Interleaved(int(rng.integers(LEAST_SHOTS, MOST_SHOTS + 1)))
    return Centric()


def _checked(lines: int) -> int:
    within("lines", lines, LEAST_SIDE, MOST_SIDE)
    return lines


def _in_turn(keys: NDArray[np.number]) -> TimeArray:
    """Times of lines that are measured in the order of ``keys``."""
    order = np.argsort(keys, kind="stable")
    times = np.empty(len(order), np.float64)
    times[order] = np.arange(len(order)) / len(order)
    return times
