"""Who restores how well: contestants on cases, and the tables of what came out.

An entry is a contestant that may know its case: filters are told how large the error is, an engine
is given its own words, wrong ones, none or the true ones. So one sees what the words change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engines.base import Engine, FloatArray
from engines.description import QualityDescription
from engines.medq_uni.yardstick.contestant import (
    ALWAYS,
    UNTREATED,
    Contestant,
    when_needed,
    with_words,
)
from engines.medq_uni.yardstick.native.gauge import Numbers, gauge_of
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.scores import Scores, scores_of
from engines.medq_uni.yardstick.restoration.told import told_level
from engines.medq_uni.yardstick.restoration.wordings import no_words, none_words


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
    """What an entry made of a case; ``largest_change`` is in the case's unit.

    ``native`` holds the numbers of the modality's own measures by name.
    """

    entry: str
    case: Case
    scores: Scores
    same: bool
    largest_change: float
    native: Mapping[str, Numbers] = field(default_factory=dict)


TRUTH = "truth"
"""Name of the outcome that measures the truth itself, where the modality has measures of its own.
"""


def entry_of(
    contestant: Contestant, is_filter: bool = False, case_names: frozenset[str] | None = None
) -> Entry:
    """A contestant as an entry; it is told how large the error is, see ``told_level``."""

    def restore(case: Case) -> FloatArray | None:
        image: FloatArray = contestant.restore(case.stack, told_level(case))[0]
        return image

    return Entry(contestant.name, restore, is_filter, case_names)


INPUT = entry_of(UNTREATED)
TRUE_WORDS, WRONG_WORDS = "true words", "wrong severity"
NO_WORDS, NONE_WORDS = "no words", "words that say none"
"""What follows the engine's name where it is not used as in the node."""


def worded_entries(engine: Engine, stated: Mapping[str, QualityDescription]) -> tuple[Entry, ...]:
    """The engine as the node uses it, and always run: by its own words, by others and by true ones.

    ``stated`` holds its own words on every case by the case's name. The first leaves alone what its
    words plan to leave alone; all others are run whatever the words plan, so that they differ by
    the words alone.
    """
    told: dict[str, Callable[[Case], QualityDescription | None]] = {
        ALWAYS: lambda case: stated[case.name],
        NO_WORDS: lambda case: no_words(case.pair),
        NONE_WORDS: lambda case: none_words(case.pair),
        WRONG_WORDS: lambda case: case.other_words,
        TRUE_WORDS: lambda case: case.words,
    }

    def always(words_of: Callable[[Case], QualityDescription | None]) -> Entry:
        def restore(case: Case) -> FloatArray | None:
            words = words_of(case)
            if words is None:
                return None
            image: FloatArray = with_words(engine, case.stack, words)[0]
            return image

        return Entry("", restore)

    own = Entry(engine.name, lambda c: when_needed(engine, c.stack, stated[c.name])[0])
    return (
        own,
        *(replace(always(of), name=f"{engine.name}, {name}") for name, of in told.items()),
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
        held = case.ruler
        gauge = gauge_of(held, dict(case.pair.recipe))
        if gauge.measures:
            truth = held.truth
            native = gauge.read(truth)
            found.append(Outcome(TRUTH, case, scores_of(truth, held), False, 0.0, native))
        for entry in entries:
            if not is_shown(entry, case):
                continue
            image = entry.restore(case)
            if image is not None:
                try:
                    scores = scores_of(image, held)
                except ValueError as error:
                    raise ValueError(f"{entry.name} on {case.name}: {error}") from error
                change = float(np.abs(image - case.pair.image).max())
                same = bool(np.array_equal(image, case.pair.image))
                native = gauge.read(image)
                found.append(Outcome(entry.name, case, scores, same, change, native))
        done()
    return found


def is_shown(entry: Entry, case: Case) -> bool:
    """Whether the entry takes part in the case."""
    return entry.case_names is None or case.name in entry.case_names
