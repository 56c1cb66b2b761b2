"""How much nearer to truth an engine comes when it is told other words of the same image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engines.base import Engine, FloatArray
from engines.description import QualityDescription, Severity
from engines.medq_uni.yardstick.contestant import ALWAYS, with_words
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import (
    NONE_WORDS,
    TRUE_WORDS,
    Outcome,
)
from engines.medq_uni.yardstick.restoration.found import by_entry
from engines.medq_uni.yardstick.restoration.found import gain as of_entry
from engines.medq_uni.yardstick.restoration.scores import Ruler, psnr
from engines.medq_uni.yardstick.restoration.wordings import none_words
from engines.medq_uni.yardstick.steering.wordings import Ablated, scaled, shifted, swapped

OWN, TRUE, SWAPPED = "own words", "true words", "words of another case"
UP, DOWN = "severity alone one up", "severity alone one down"
HALF, TWICE = "number alone x 0.5", "number alone x 2"
ABLATED, NONE = "own words, c_k zeroed", "words that say none"
WORDINGS = (OWN, TRUE, SWAPPED, UP, DOWN, HALF, TWICE, ABLATED, NONE)
"""What an engine is told, in the order of tables."""


@dataclass(frozen=True, slots=True)
class Told:
    """One case told in one way: ``gain`` is in dB of PSNR over the input in the window.

    ``other`` says whether that differs from the engine's own words (or the engine from itself).
    """

    wording: str
    case: Case
    gain: float
    other: bool


def told(
    engine: Engine,
    cases: Sequence[Case],
    stated: Mapping[str, QualityDescription],
    seed: int,
    most: int,
    done: Callable[[], None] = lambda: None,
    known: Mapping[str, Mapping[str, float]] | None = None,
) -> list[Told]:
    """Every wording on the first ``most`` cases of each task that has something to mend.

    ``stated`` holds the engine's own words by the case's name; words are swapped among all
    ``cases``, clean ones too. The engine is always run, whatever the words plan. ``done()`` is
    called after each case. ``known`` holds gains that were measured already, by wording and the
    case's name (``known_gains``).

    Raises:
        ValueError: an engine gives another shape, or values that are not finite.
    """
    known = known or {}
    given = swapped(cases, stated, seed)
    ablated = engine.without_steering() if isinstance(engine, Ablated) else None
    found = []
    for case in steered(cases, most):
        own, mm = stated[case.name], case.pair.source.pixel_mm
        words: dict[str, QualityDescription | None] = {
            TRUE: case.words,
            SWAPPED: given.get(case.name),
            UP: shifted(own, 1, mm),
            DOWN: shifted(own, -1, mm),
            HALF: scaled(own, 0.5, mm),
            TWICE: scaled(own, 2.0, mm),
            NONE: none_words(case.pair),
        }
        held = case.ruler

        def measured(
            wording: str, said: QualityDescription, case: Case = case, held: Ruler = held
        ) -> float:
            before = known.get(wording, {}).get(case.name)
            if before is not None:
                return before
            return gain_of(case, with_words(engine, case.stack, said)[0], held)

        first = measured(OWN, own)
        found.append(Told(OWN, case, first, False))
        for wording, other in words.items():
            if other is None:
                continue
            same = other == own
            gain = first if same else measured(wording, other)
            found.append(Told(wording, case, gain, not same))
        if ablated is not None:
            gain = gain_of(case, with_words(ablated, case.stack, own)[0], held)
            found.append(Told(ABLATED, case, gain, True))
        done()
    return found


RESTORED = {OWN: ALWAYS, TRUE: TRUE_WORDS, NONE: NONE_WORDS}
"""Wordings that the restoration measures as well, and what it calls them."""


def known_gains(outcomes: Sequence[Outcome], engine: str) -> dict[str, dict[str, float]]:
    """Gains of the engine that the restoration has measured: wording -> case -> dB."""
    found = by_entry(outcomes)
    return {
        wording: {case: of_entry(found, entry, case) for case in found.get(entry, {})}
        for wording, name in RESTORED.items()
        if (entry := f"{engine}, {name}") in found
    }


def steered(cases: Sequence[Case], most: int) -> list[Case]:
    """The first ``most`` cases of each task that has something to mend."""
    some: dict[str, list[Case]] = {}
    for case in cases:
        if case.draw.task.severities != (Severity.NONE,):
            some.setdefault(case.draw.task.name, []).append(case)
    return [case for of_task in some.values() for case in of_task[:most]]


def gain_of(case: Case, image: FloatArray, held: Ruler) -> float:
    """By how many dB of PSNR ``image`` (rows, columns) is nearer to the truth than the input.

    In the literature's window, as ``restoration.found.gain``.

    Raises:
        ValueError: another shape than the truth's, or values that are not finite.
    """
    if not np.isfinite(image).all():
        raise ValueError(f"{case.name}: the restored image has NaN or infinite values")
    window = held.window
    after, before, truth = (
        np.clip(one, window.low, window.high) for one in (image, case.pair.image, held.truth)
    )
    return psnr(after, truth, window.span) - psnr(before, truth, window.span)
