"""What pairs are made of: a fixed, seeded and even sample of sources and of what is done to them.

Each severity of a task comes equally often, and so, as far as the number allows, do regions and
contrasts, phantoms and real images, and variants, also within a severity. Sources are dealt over
patients: no patient comes twice before every other of its group has come. Any first part of the
sample is itself nearly even, so that a slow contestant can be given just the first cases.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.description import Severity
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.pair import Pair, Source, compose
from engines.medq_uni.phantom_sources import PHANTOM, is_phantom
from engines.medq_uni.tasks.task import Task, Variant

Group = tuple[str, str, str]
"""Region, contrast, and phantom or real."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What a case is made of: the same draw gives the same case.

    ``spares`` are taken in their order where the source has no place for what the task does to it.
    """

    task: Task[Any]
    severity: Severity
    variant: Variant | None
    source: Source
    seed: int
    spares: tuple[Source, ...] = ()


def pair_of(draw: Draw, say: Callable[[str], None] = lambda line: None) -> tuple[Draw, Pair] | None:
    """The pair of a draw, and the draw with the source that was taken.

    Where a source has no place for what is done to it the next spare is taken, and ``say`` is told;
    ``None`` where none has.
    """
    sources = (draw.source, *draw.spares)
    found = first_that_fits(draw.task, draw.severity, draw.variant, draw.seed, sources, say)
    return None if found is None else (replace(draw, source=found[0]), found[1])


def first_that_fits(
    task: Task[Any],
    severity: Severity,
    variant: Variant | None,
    seed: int,
    sources: Iterable[Source],
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Source, Pair] | None:
    """The first of ``sources`` with a place for what ``task`` does to it, and the pair made of it.

    ``say`` is told of those passed over; ``None`` where none has a place.
    """
    for source in sources:
        rng = np.random.default_rng([seed, 1])
        try:
            return source, compose(source, task.steps(source, severity, variant, rng), seed)
        except NoPlaceError as error:
            say(f"{source.name} is passed over: {error}")
    return None


def origin(source: Source) -> str:
    """``phantom`` or ``real``."""
    return PHANTOM if is_phantom(source) else "real"


def group_of(source: Source) -> Group:
    """What sources are evenly taken from."""
    return source.region, source.contrast, origin(source)


def sample(task: Task[Any], sources: Sequence[Source], count: int, seed: int) -> tuple[Draw, ...]:
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
    groups = sorted({group_of(s) for s in fitting})
    dealers = {group: _dealt([s for s in fitting if group_of(s) == group], rng) for group in groups}
    deck = _deck([groups[k] for k in rng.permutation(len(groups))], list(task.variants))
    # Each severity goes on in the deck where the one before it ends.
    lengths = [
        len(range(rank, count, len(task.severities))) for rank in range(len(task.severities))
    ]
    starts = np.cumsum([0, *lengths])
    draws = []
    for number in range(count):
        turn, rank = divmod(number, len(task.severities))
        group, variant = deck[int(starts[rank] + turn) % len(deck)]
        case_seed = int(rng.integers(2**32))
        source = next(dealers[group])
        spares = _spares([s for s in fitting if group_of(s) == group], source, case_seed)
        draws.append(Draw(task, task.severities[rank], variant, source, case_seed, spares))
    return tuple(draws)


def _spares(sources: list[Source], source: Source, seed: int) -> tuple[Source, ...]:
    """All others of the group in an order of chance that depends on their names alone."""
    others = sorted((s for s in sources if s.name != source.name), key=lambda s: s.name)
    order = np.random.default_rng([seed, 3]).permutation(len(others))
    return tuple(others[k] for k in order)


def _deck(
    groups: list[Group], variants: list[Variant | None]
) -> list[tuple[Group, Variant | None]]:
    """Every group with every variant, neighbours differing in both as in a Latin square."""
    return [
        (group, variants[(block + place) % len(variants)])
        for block in range(len(variants))
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
