"""The cases that an engine is measured on: a fixed, seeded and even sample.

Each severity of a task comes equally often, and so, as far as the number allows, do regions,
phantoms and real images, and kernels, also within a severity. Sources are dealt over patients: no
patient comes twice before every other of its region has come. Any first part of the sample is
itself nearly even, so that a slow contestant can be given just the first cases.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.base import ArrayStack, StackInfo
from engines.description import Modality, QualityDescription, Severity
from engines.medq_uni.degradations.kernels import Kernel
from engines.medq_uni.pair import Pair, Source, compose
from engines.medq_uni.tasks import Task
from engines.medq_uni.yardstick.restoration.material import PHANTOM
from engines.medq_uni.yardstick.restoration.wordings import pair_description, says_other

SATURATION: dict[Modality, tuple[float, float]] = {
    Modality.CT: (-1024.0, 3071.0),
    Modality.MR: (0.0, 4095.0),
    Modality.PT: (0.0, 1e9),
}
"""Lowest and highest value that the format could have stored; PET is scaled slice by slice."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What a case is made of: the same draw gives the same case."""

    task: Task
    severity: Severity
    kernel: Kernel | None
    source: Source
    seed: int


@dataclass(frozen=True, slots=True)
class Case:
    """A pair to restore and what can be said of it.

    ``words`` are the true ones; ``other_words`` are the true words of another case of the modality
    with another degradation or severity, ``None`` where no case has such.
    """

    name: str
    draw: Draw
    pair: Pair
    words: QualityDescription
    other_words: QualityDescription | None = None

    @property
    def stack(self) -> ArrayStack:
        """The degraded image as a series of one slice."""
        source, image = self.pair.source, self.pair.image
        info = StackInfo(
            source.modality,
            source.region,
            source.unit,
            1,
            image.shape[0],
            image.shape[1],
            (source.slice_mm, source.pixel_mm, source.pixel_mm),
            SATURATION[source.modality],
        )
        return ArrayStack(info, image[None], np.ones((1, *image.shape), bool))

    @property
    def severity(self) -> Severity:
        """How bad it has become, of what the task's severity is of; as was asked for if unknown."""
        kind = self.draw.task.degradation
        finding = None if kind is None else self.pair.finding(kind)
        return self.draw.severity if finding is None else finding.severity

    @property
    def origin(self) -> str:
        """``phantom`` or ``real``."""
        return origin(self.pair.source)


def origin(source: Source) -> str:
    """``phantom`` or ``real``."""
    return PHANTOM if source.patient.startswith(f"{PHANTOM} ") else "real"


def sample(task: Task, sources: Sequence[Source], count: int, seed: int) -> tuple[Draw, ...]:
    """``count`` draws for ``task`` from the sources of its modality, severities taking turns.

    Raises:
        ValueError: count under 1, or no source has the task's modality.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, not {count}")
    fitting = [s for s in sources if s.modality is task.modality]
    if not fitting:
        raise ValueError(f"sources must hold {task.modality} images for the task {task.name!r}")
    rng = np.random.default_rng([seed, zlib.crc32(task.name.encode())])
    groups = sorted({(s.region, origin(s)) for s in fitting})
    dealers = {
        group: _dealt([s for s in fitting if (s.region, origin(s)) == group], rng)
        for group in groups
    }
    deck = _deck([groups[k] for k in rng.permutation(len(groups))], list(task.kernels))
    # Each severity goes on in the deck where the one before it ends.
    lengths = [
        len(range(rank, count, len(task.severities))) for rank in range(len(task.severities))
    ]
    starts = np.cumsum([0, *lengths])
    draws = []
    for number in range(count):
        turn, rank = divmod(number, len(task.severities))
        group, kernel = deck[int(starts[rank] + turn) % len(deck)]
        case_seed = int(rng.integers(2**32))
        draws.append(Draw(task, task.severities[rank], kernel, next(dealers[group]), case_seed))
    return tuple(draws)


def _deck(
    groups: list[tuple[str, str]], kernels: list[Kernel | None]
) -> list[tuple[tuple[str, str], Kernel | None]]:
    """Every group with every kernel, neighbours differing in both as in a Latin square."""
    return [
        (group, kernels[(block + place) % len(kernels)])
        for block in range(len(kernels))
        for place, group in enumerate(groups)
    ]


def _dealt(sources: list[Source], rng: np.random.Generator) -> Iterator[Source]:
    """Without end: every patient once in an order of chance, then again in another."""
    by_patient: dict[str, list[Source]] = {}
    for source in sources:
        by_patient.setdefault(source.patient, []).append(source)
    patients = sorted(by_patient)
    left: dict[str, list[Source]] = {patient: [] for patient in patients}
    while True:
        for k in rng.permutation(len(patients)):
            patient = patients[k]
            if not left[patient]:
                order = rng.permutation(len(by_patient[patient]))
                left[patient] = [by_patient[patient][m] for m in order]
            yield left[patient].pop()


def make_cases(
    draws: Sequence[Sequence[Draw]], made: Callable[[], None] = lambda: None
) -> tuple[Case, ...]:
    """The cases of all tasks, one after the other; ``made()`` is called after each.

    ``draws`` holds those of each task. What an engine is falsely told of a case is true of another
    of any task.
    """
    cases = []
    for of_task in draws:
        for number, draw in enumerate(of_task, 1):
            rng = np.random.default_rng([draw.seed, 1])
            steps = draw.task.steps(draw.source, draw.severity, draw.kernel, rng)
            pair = compose(draw.source, steps, draw.seed)
            words = pair_description(pair)
            cases.append(Case(f"{draw.task.name} {number:03}", draw, pair, words))
            made()
    return tuple(replace(case, other_words=_other_words(case, cases)) for case in cases)


def _other_words(case: Case, cases: Sequence[Case]) -> QualityDescription | None:
    """What is true of another case, one by chance of those of which other words are true."""
    fitting = [c.words for c in cases if says_other(case.words, c.words)]
    chosen = np.random.default_rng([case.draw.seed, 2]).integers(max(1, len(fitting)))
    return fitting[chosen] if fitting else None
