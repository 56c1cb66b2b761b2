"""The engine's own second look: it may veto a restoration, never approve one.

A change of severity counts when the amount grew by more than a tenth, as otherwise it only stood
near a cut-off; within one severity an amount has to grow by more than a quarter, since measured
blur moves by up to a fifth when noise goes. "None" is no degradation, however its amount moves: of
several amounts those count that are graded above none by themselves, and what is not graded counts
only where nothing graded was measured both times. Where no amount can be compared the words are;
where these are the same, that is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from engines.quality import (
    LESS_IS_WORSE,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    format_amounts,
)
from engines.severity import cut_offs, severity_of

_MORE_AND_WORSE = 1.1
_MORE_AT_LEAST = 1.25


def veto(
    before: QualityDescription, after: QualityDescription, *, pixel_mm: float = 0.0
) -> tuple[str, ...]:
    """Why the engine, looking again, finds the restored series worse; empty where it doesn't.

    Whole sentences, one for each thing that got worse. ``pixel_mm`` is the in-plane spacing, 0
    where unknown.
    """
    return tuple(_complaints(before, after, pixel_mm))


def _complaints(
    before: QualityDescription, after: QualityDescription, pixel_mm: float
) -> Iterator[str]:
    again = "The engine's second look at the restored series"
    if after.verdict.rank > before.verdict.rank:
        yield f"{again} finds it {after.verdict} where the original was {before.verdict}."
    for found in after.findings:
        earlier = before.finding(found.degradation)
        if found.severity is Severity.NONE:
            continue
        if earlier is None:
            yield (
                f"{again} finds {_words(found)}; whether the original had it could not be judged."
            )
            continue
        growth = _growth(earlier, found, before.modality, before.region, pixel_mm)
        if _worse(earlier, found, growth):
            yield f"{again} finds {_words(found)} where the original had {_words(earlier)}."
        elif growth is None and _silent(earlier, found):
            yield (
                f"{again} finds {_words(found)}, which can't be compared with the original's"
                f" {_words(earlier)}."
            )
    for earlier in before.findings:
        if after.finding(earlier.degradation) is None:
            yield f"{again} can no longer judge {earlier.degradation}."


def _worse(before: Finding, after: Finding, growth: float | None) -> bool:
    """Whether ``after``, which is above none and has grown ``growth`` times, is more."""
    step = after.severity.rank - before.severity.rank
    if step > 0:
        return growth is None or growth > _MORE_AND_WORSE
    return step == 0 and growth is not None and growth > _MORE_AT_LEAST


def _silent(before: Finding, after: Finding) -> bool:
    """Whether the words are the same, and only numbers could have told which is more."""
    return before.severity is after.severity and bool(before.amounts or after.amounts)


def _growth(
    before: Finding, after: Finding, modality: Modality, region: str, pixel_mm: float
) -> float | None:
    """How many times more there is of it, by the unit that grew most; None without a common one."""
    graded: list[float] = []
    bad: list[float] = []
    other: list[float] = []
    some_bad = False
    for now in after.amounts:
        row = cut_offs(modality, after.degradation, region, pixel_mm, now.unit)
        is_bad = row is not None and severity_of(now.value, row) is not Severity.NONE
        some_bad = some_bad or is_bad
        then = before.amount_in(now.unit)
        if then is not None:
            times = _times(then, now.value, less_is_worse=now.unit in LESS_IS_WORSE)
            (bad if is_bad else other if row is None else graded).append(times)
    if bad:
        return max(bad)
    if graded:
        # Words that are worse than every number are believed: then what is graded none counts.
        return None if some_bad else max(graded)
    return max(other, default=None)


def _times(then: float, now: float, *, less_is_worse: bool) -> float:
    less, more = (now, then) if less_is_worse else (then, now)
    if less:
        return more / less
    return math.inf if more else 1.0


def _words(finding: Finding) -> str:
    """``mild blur (2.5 mm FWHM)``, ``no blur (1.4 mm FWHM)``."""
    severity = "no" if finding.severity is Severity.NONE else str(finding.severity)
    amount = f" ({format_amounts(finding)})" if finding.amounts else ""
    return f"{severity} {finding.degradation}{amount}"
