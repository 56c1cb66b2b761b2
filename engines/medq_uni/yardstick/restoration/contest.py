"""Who restores how well: contestants on cases, and the tables of what came out.

An entry is a contestant that may know its case: filters are told the true noise level, an engine
is given its own words, none, another case's or the true ones. So one sees what the words change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engines.base import Engine, FloatArray
from engines.description import QualityDescription
from engines.medq_uni.yardstick.contestant import UNTREATED, Contestant, with_words
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.scores import Scores, body_mask, score
from engines.medq_uni.yardstick.restoration.wordings import no_words


@dataclass(frozen=True, slots=True)
class Entry:
    """A way to restore a case.

    ``restore(case)`` gives float32 (rows, columns) in the case's unit, or ``None`` where it can't
    take part. ``is_filter`` marks those that an engine is compared with. ``case_names`` are those
    it is shown, ``None`` for all.
    """

    name: str
    restore: Callable[[Case], FloatArray | None]
    is_filter: bool = False
    case_names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an entry made of a case; ``largest_change`` is in the case's unit."""

    entry: str
    case: Case
    scores: Scores
    same: bool
    largest_change: float


def entry_of(
    contestant: Contestant, is_filter: bool = False, case_names: frozenset[str] | None = None
) -> Entry:
    """A contestant as an entry, told each case's true noise level."""
    return Entry(
        contestant.name,
        lambda case: contestant.restore(case.stack, case.pair.noise)[0],
        is_filter,
        case_names,
    )


INPUT = entry_of(UNTREATED)


def worded_entries(engine: Engine, stated: Mapping[str, QualityDescription]) -> tuple[Entry, ...]:
    """The engine by its own words, without words, with another case's and with the true ones.

    ``stated`` holds its own words on every case by the case's name.
    """

    def other(case: Case) -> FloatArray | None:
        words = case.other_words
        return None if words is None else with_words(engine, case.stack, words)[0]

    return (
        Entry(engine.name, lambda c: with_words(engine, c.stack, stated[c.name])[0]),
        Entry(
            f"{engine.name}, no words",
            lambda c: with_words(engine, c.stack, no_words(c.pair))[0],
        ),
        Entry(f"{engine.name}, another's words", other),
        Entry(f"{engine.name}, true words", lambda c: with_words(engine, c.stack, c.words)[0]),
    )


def outcomes(
    entries: Sequence[Entry], cases: Iterable[Case], done: Callable[[], None] = lambda: None
) -> list[Outcome]:
    """Every entry on every case that it is shown; ``done()`` is called after each case.

    Raises:
        ValueError: an entry gives another shape than it was given, or values that are not finite.
    """
    found = []
    for case in cases:
        truth, modality = case.pair.truth, case.pair.source.modality
        body = body_mask(truth, modality)
        for entry in entries:
            if not is_shown(entry, case):
                continue
            image = entry.restore(case)
            if image is not None:
                try:
                    scores = score(image, truth, modality, body)
                except ValueError as error:
                    raise ValueError(f"{entry.name} on {case.name}: {error}") from error
                change = float(np.abs(image - case.pair.image).max())
                same = bool(np.array_equal(image, case.pair.image))
                found.append(Outcome(entry.name, case, scores, same, change))
        done()
    return found


def is_shown(entry: Entry, case: Case) -> bool:
    """Whether the entry takes part in the case."""
    return entry.case_names is None or case.name in entry.case_names
