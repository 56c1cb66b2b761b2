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
from engines.description import Degradation, Modality, QualityDescription, Severity
from engines.medq_uni.degradations.ct.metal_sites import NoPlaceError
from engines.medq_uni.degradations.kernels import Kernel
from engines.medq_uni.pair import Pair, Source, compose
from engines.medq_uni.tasks import Task
from engines.medq_uni.yardstick.restoration.material import PHANTOM, is_phantom
from engines.medq_uni.yardstick.restoration.wordings import pair_description, wrong_severity

SATURATION: dict[Modality, tuple[float, float]] = {
    Modality.CT: (-1024.0, 3071.0),
    Modality.MR: (0.0, 4095.0),
    Modality.PT: (0.0, 1e9),
}
"""Lowest and highest value that the format could have stored; PET is scaled slice by slice."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What a case is made of: the same draw gives the same case.

    ``spares`` are taken in their order where the source has no place for what the task does to it.
    """

    task: Task
    severity: Severity
    kernel: Kernel | None
    source: Source
    seed: int
    spares: tuple[Source, ...] = ()


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
    def added_noise(self) -> float:
        """Standard deviation of the noise beyond the source's own, in the source's unit.

        It is all that a filter can take away, as the truth keeps the source's own.
        """
        return float(np.sqrt(max(0.0, self.pair.noise**2 - self.pair.source.known_noise**2)))

    @property
    def origin(self) -> str:
        """``phantom`` or ``real``."""
        return origin(self.pair.source)


def origin(source: Source) -> str:
    """``phantom`` or ``real``."""
    return PHANTOM if is_phantom(source) else "real"


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
        source = next(dealers[group])
        spares = _spares([s for s in fitting if (s.region, origin(s)) == group], source, case_seed)
        draws.append(Draw(task, task.severities[rank], kernel, source, case_seed, spares))
    return tuple(draws)


def _spares(sources: list[Source], source: Source, seed: int) -> tuple[Source, ...]:
    """All others of the group in an order of chance that depends on their names alone."""
    others = sorted((s for s in sources if s.name != source.name), key=lambda s: s.name)
    order = np.random.default_rng([seed, 3]).permutation(len(others))
    return tuple(others[k] for k in order)


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
    for source in (draw.source, *draw.spares):
        rng = np.random.default_rng([draw.seed, 1])
        try:
            steps = draw.task.steps(source, draw.severity, draw.kernel, rng)
            pair = compose(source, steps, draw.seed)
        except NoPlaceError as error:
            say(f"{name}: {source.name} is passed over: {error}")
            continue
        words = pair_description(pair)
        kind = draw.task.degradation or Degradation.NOISE
        other = wrong_severity(words, kind, source.pixel_mm, draw.seed)
        return Case(name, replace(draw, source=source), pair, words, other)
    say(f"{name} is left out: no source of its kind can be used")
    return None
