"""The cases that an engine is measured on: pairs of an even sample and what can be said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engines.base import ArrayStack, FloatArray, StackInfo
from engines.description import Modality, QualityDescription, Severity
from engines.medq_uni.draws import Draw, origin, pair_of
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.truth import NOISE_OF, pair_description
from engines.medq_uni.yardstick.restoration.scores import Ruler, ruler
from engines.medq_uni.yardstick.restoration.wordings import wrong_severity

SATURATION: dict[Modality, tuple[float, float]] = {
    Modality.CT: (-1024.0, 3071.0),
    Modality.MR: (0.0, 4095.0),
    Modality.PT: (0.0, 1e9),
}
"""Lowest and highest value that the format could have stored; PET is scaled slice by slice, and MR
beyond 4095 was stored in more bits."""
SIXTEEN_BITS = 65535.0


@dataclass(frozen=True, slots=True)
class Case:
    """A pair to restore and what can be said of it.

    ``words`` are the true ones; ``other_words`` are the same but for the severity of what the task
    is about, or of noise on a clean case; ``None`` where none can be said.
    """

    name: str
    draw: Draw
    pair: Pair
    words: QualityDescription
    other_words: QualityDescription | None = None

    @property
    def stack(self) -> ArrayStack:
        """The degraded image as a series of one slice."""
        return stack_of(self.pair.source, self.pair.image)

    @property
    def ruler(self) -> Ruler:
        """What restored images are measured with; made anew at every call."""
        source = self.pair.source
        return ruler(self.pair.truth, source.modality, source.region, source.unit, source.pixel_mm)

    @property
    def severity(self) -> Severity:
        """How bad it has become, of what the task's severity is of; as was asked for if unknown."""
        kind = self.draw.task.degradation
        finding = None if kind is None else self.pair.finding(kind)
        return self.draw.severity if finding is None else finding.severity

    @property
    def added_noise(self) -> float:
        """Standard deviation of the noise beyond the source's own, in the source's unit.

        It is all the noise that a filter can take away, as the truth keeps the source's own.
        """
        return float(np.sqrt(max(0.0, self.pair.noise**2 - self.pair.source.known_noise**2)))

    @property
    def origin(self) -> str:
        """``phantom`` or ``real``."""
        return origin(self.pair.source)


def stack_of(source: Source, image: FloatArray) -> ArrayStack:
    """``image`` (rows, columns) in a source's place, as a series of one slice."""
    low, high = SATURATION[source.modality]
    if source.modality is Modality.MR and float(image.max()) > high:
        high = SIXTEEN_BITS
    rows, columns = image.shape
    spacing = (source.slice_mm, source.pixel_mm, source.pixel_mm)
    info = StackInfo(
        source.modality, source.region, source.unit, 1, rows, columns, spacing, (low, high)
    )
    return ArrayStack(info, image[None], np.ones((1, *image.shape), bool))


def make_cases(
    draws: Sequence[Sequence[Draw]],
    made: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Case, ...]:
    """The cases of all tasks, one after the other; ``made()`` is called after each.

    ``draws`` holds those of each task. Where a source has no place for what is done to it the next
    of its spares is taken, and where none has the case is left out; ``say`` is told.
    """
    cases = []
    for of_task in draws:
        for number, draw in enumerate(of_task, 1):
            case = _case(f"{draw.task.name} {number:03}", draw, say)
            if case is not None:
                cases.append(case)
            made()
    return tuple(cases)


def _case(name: str, draw: Draw, say: Callable[[str], None]) -> Case | None:
    made = pair_of(draw, lambda line: say(f"{name}: {line}"))
    if made is None:
        say(f"{name} is left out: no source of its kind can be used")
        return None
    taken, pair = made
    words = pair_description(pair)
    kind = draw.task.degradation or NOISE_OF[pair.source.modality]
    other = wrong_severity(words, kind, pair.source.pixel_mm, draw.seed)
    return Case(name, taken, pair, words, other)
