"""The engine's own second look: it may veto a restoration, never approve one.

A change of severity counts when the amount grew by more than a tenth, as otherwise it only stood
near a cut-off; within one severity an amount has to grow by more than a quarter, since measured
blur moves by up to a fifth when noise goes. "None" is no degradation, however its amount moves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from engines.quality import (
    LESS_IS_WORSE,
    Finding,
    QualityDescription,
    Severity,
    Verdict,
    format_amounts,
)

_MORE_AND_WORSE = 1.1
_MORE_AT_LEAST = 1.25
_SEVERITIES = list(Severity)
_VERDICTS = list(Verdict)


def veto(before: QualityDescription, after: QualityDescription) -> tuple[str, ...]:
    """Why the engine, looking again, finds the restored series worse; empty where it doesn't.

    Whole sentences, one for each thing that got worse.
    """
    return tuple(_complaints(before, after))


def _complaints(before: QualityDescription, after: QualityDescription) -> Iterator[str]:
    again = "The engine's second look at the restored series"
    if _VERDICTS.index(after.verdict) > _VERDICTS.index(before.verdict):
        yield f"{again} finds it {after.verdict} where the original was {before.verdict}."
    for found in after.findings:
        earlier = before.finding(found.degradation)
        if found.severity is Severity.NONE:
            continue
        if earlier is None:
            yield (
                f"{again} finds {_words(found)}; whether the original had it could not be judged."
            )
        elif _worse(earlier, found):
            yield f"{again} finds {_words(found)} where the original had {_words(earlier)}."
    for earlier in before.findings:
        if after.finding(earlier.degradation) is None:
            yield f"{again} can no longer judge {earlier.degradation}."


def _worse(before: Finding, after: Finding) -> bool:
    """Whether ``after``, which is above none, is more than ``before``."""
    growth = max(_growths(before, after), default=None)
    step = _SEVERITIES.index(after.severity) - _SEVERITIES.index(before.severity)
    if step > 0:
        return growth is None or growth > _MORE_AND_WORSE
    return step == 0 and growth is not None and growth > _MORE_AT_LEAST


def _growths(before: Finding, after: Finding) -> Iterator[float]:
    """How many times more there is of it, in every unit that both have; fewer counts are worse."""
    for now in after.amounts:
        then = before.amount_in(now.unit)
        if then is None:
            continue
        less, more = (now.value, then) if now.unit in LESS_IS_WORSE else (then, now.value)
        if less:
            yield more / less
        else:
            yield math.inf if more else 1.0


def _words(finding: Finding) -> str:
    """``mild blur (2.5 mm FWHM)``, ``no blur (1.4 mm FWHM)``."""
    severity = "no" if finding.severity is Severity.NONE else str(finding.severity)
    amount = f" ({format_amounts(finding)})" if finding.amounts else ""
    return f"{severity} {finding.degradation}{amount}"
