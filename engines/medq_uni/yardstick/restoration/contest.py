"""Who restores how well: contestants on cases, and the tables of what came out.

An entry is a contestant that may know its case: filters are told the noise that was added, an
engine is given its own words, wrong ones, none or the true ones. So one sees what the words change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.base import Engine, FloatArray
from engines.description import QualityDescription
from engines.medq_uni.yardstick.contestant import UNTREATED, Contestant, when_needed, with_words
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.scores import Scores, body_mask, score
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
    """What an entry made of a case; ``largest_change`` is in the case's unit."""

    entry: str
    case: Case
    scores: Scores
    same: bool
    largest_change: float


def entry_of(
    contestant: Contestant, is_filter: bool = False, case_names: frozenset[str] | None = None
) -> Entry:
    """A contestant as an entry, told the noise that was added to each case.

    A filter takes no part where none was: it would be told to do nothing.
    """

    def restore(case: Case) -> FloatArray | None:
        if is_filter and not case.draw.task.noisy:
            return None
        image: FloatArray = contestant.restore(case.stack, case.added_noise)[0]
        return image

    return Entry(contestant.name, restore, is_filter, case_names)


INPUT = entry_of(UNTREATED)
ALWAYS, TRUE_WORDS, WRONG_WORDS = "always run", "true words", "wrong severity"
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
        truth, source = case.pair.truth, case.pair.source
        modality = source.modality
        body = body_mask(truth, modality)
        for entry in entries:
            if not is_shown(entry, case):
                continue
            image = entry.restore(case)
            if image is not None:
                try:
                    scores = score(image, truth, modality, body, source.region)
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
