"""From findings to the verdict and the plan: one rule for every engine.

Mild faults leave an image good; moderate and severe ones make it usable. It is rejected for what
loses anatomy: a severe fault that leaves nothing to restore from, or any fault ``REJECT_FACTOR``
times as strong as its severe cut-off. Nobody rejects on a low confidence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from engines.description import (
    RESTORING,
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    Severity,
    Verdict,
)
from engines.severity import times_severe

REJECT_FACTOR = 3.0
"""An amount this many times the severe cut-off makes an image unfit."""

MENDED_BY: dict[Degradation, tuple[Action, ...]] = {
    Degradation.NOISE: (Action.REDUCE_NOISE,),
    Degradation.BLUR: (),  # sharpening invents what was never measured
    Degradation.UNDERSAMPLING: (Action.RESTORE_RESOLUTION,),
    Degradation.MOTION: (Action.CORRECT_MOTION,),
    Degradation.METAL: (Action.REDUCE_METAL,),
    Degradation.LOW_COUNT: (Action.RECOVER_COUNTS, Action.REDUCE_NOISE),
    Degradation.CLIPPING: (),  # the values are gone
}
"""What mends a degradation, best first."""

FATAL: frozenset[Degradation] = frozenset({Degradation.CLIPPING, Degradation.MOTION})
"""Severe and not to be mended these lose anatomy: its values are gone, or it lies where it is not.
Noise, blur, streaks and missing lines leave something to read."""


def verdict_of(
    findings: Sequence[Finding],
    modality: Modality,
    region: str,
    confidence: Confidence,
    restorable: Collection[Action] = RESTORING,
    *,
    local: Collection[Degradation] = (),
    pixel_mm: float = 0.0,
) -> tuple[Verdict, tuple[Action, ...]]:
    """The verdict on an image or a series with ``findings``, and the actions to plan.

    ``restorable`` are the actions that the engine can carry out: no other is planned. Findings of
    ``local`` kinds spoil so few slices that they never make a series unfit. ``pixel_mm`` is the
    in-plane spacing, 0 where unknown.
    """
    severities = [finding.severity for finding in findings]
    rejected = any(
        unfit(finding, modality, region, restorable, pixel_mm=pixel_mm)
        for finding in findings
        if finding.degradation not in local
    )
    if rejected and confidence is not Confidence.LOW:
        verdict = Verdict.REJECT
    elif any(severity.rank >= Severity.MODERATE.rank for severity in severities):
        verdict = Verdict.USABLE
    else:
        verdict = Verdict.GOOD
    return verdict, plan(findings, verdict, restorable)


def plan(
    findings: Sequence[Finding], verdict: Verdict, restorable: Collection[Action] = RESTORING
) -> tuple[Action, ...]:
    """What to do about ``findings``: mend what is moderate or severe and ``restorable``.

    What is rejected is not restored: a clean-looking picture of it would mislead.
    """
    if verdict is Verdict.REJECT:
        return (Action.REPEAT,)
    wanted = {
        _mended_by(finding.degradation, restorable)
        for finding in findings
        if finding.severity.rank >= Severity.MODERATE.rank
    }
    return tuple(action for action in Action if action in wanted) or (Action.KEEP,)


def _mended_by(degradation: Degradation, restorable: Collection[Action]) -> Action | None:
    return next((action for action in MENDED_BY[degradation] if action in restorable), None)


def unfit(
    finding: Finding,
    modality: Modality,
    region: str,
    restorable: Collection[Action] = RESTORING,
    *,
    pixel_mm: float = 0.0,
) -> bool:
    """Whether ``finding`` alone makes an image unfit, for an engine that can do ``restorable``."""
    if finding.severity is not Severity.SEVERE:
        return False
    kind = finding.degradation
    if kind in FATAL and _mended_by(kind, restorable) is None:
        return True
    return times_severe(finding, modality, region, pixel_mm) >= REJECT_FACTOR
