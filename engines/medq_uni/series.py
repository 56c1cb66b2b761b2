"""Words of slices and words of their series: smoothed on the way up, told apart on the way down.

Noise, low count, undersampling and motion belong to the acquisition: where a slice is said to have
much more or less of them than its neighbours, that is a slip of the assessment, and the median of
the neighbours is said instead. Metal is where it is and stays as said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from engines.base import StackInfo
from engines.description import (
    Amount,
    Confidence,
    Degradation,
    Finding,
    QualityDescription,
    Severity,
)
from engines.medq_uni.levels import amount_of
from engines.medq_uni.tokens import SPOKEN
from engines.medq_uni.weights_file import Calibration
from engines.severity import grade

SMOOTHED: frozenset[Degradation] = frozenset(
    {Degradation.NOISE, Degradation.LOW_COUNT, Degradation.UNDERSAMPLING, Degradation.MOTION}
)
REACH = 2
"""Neighbours on each side that are asked."""
REACH_MM = 40.0
"""Slices further away, where that is known, are no neighbours."""
FEWEST = 3
"""With fewer slices there is no middle one."""
HELD = (0.6, 1.25)
"""A slice's own number moves the words' within these times."""
STEP_DOWN: dict[Severity, Severity] = {
    Severity.SEVERE: Severity.MODERATE,
    Severity.MODERATE: Severity.MILD,
    Severity.MILD: Severity.NONE,
    Severity.NONE: Severity.NONE,
}
"""Outside the slices that a finding names its severity is less than said."""


@dataclass(frozen=True, slots=True)
class SliceWords:
    """What the model said of the slice ``index`` (0-based).

    ``findings`` by kind, and in ``chances`` for each kind the probability of every severity, by
    rank.
    """

    index: int
    findings: Mapping[Degradation, Finding]
    chances: Mapping[Degradation, Sequence[float]]


def pixel_mm_of(info: StackInfo) -> float:
    """In-plane pixel spacing, 0 where unknown."""
    return float(np.sqrt(max(info.spacing_mm[1] * info.spacing_mm[2], 0.0)))


def smoothed(said: Sequence[SliceWords], info: StackInfo) -> list[SliceWords]:
    """``said``, in the order of the slices, without flicker: see the module."""
    found = []
    for k, words in enumerate(said):
        near = [
            other
            for other in said[max(0, k - REACH) : k + REACH + 1]
            if abs(other.index - words.index) * max(info.spacing_mm[0], 0.0) <= REACH_MM
        ]
        if len(near) < FEWEST:
            found.append(words)
            continue
        findings = {
            kind: _middle(finding, [n.findings[kind] for n in near], info)
            if kind in SMOOTHED
            else finding
            for kind, finding in words.findings.items()
        }
        chances = {
            kind: np.mean([n.chances[kind] for n in near], axis=0).tolist()
            if kind in SMOOTHED
            else mine
            for kind, mine in words.chances.items()
        }
        found.append(SliceWords(words.index, findings, chances))
    return found


def _middle(own: Finding, near: Sequence[Finding], info: StackInfo) -> Finding:
    """``own`` with the medians of the numbers of ``near``, and the severity that those have."""
    units = dict(SPOKEN[info.modality])[own.degradation]
    amounts = []
    for unit in units:
        numbers = [finding.amount_in(unit) for finding in near]
        # "None" without a number says that there was nothing to measure.
        told = [
            0.0 if number is None else number
            for number, finding in zip(numbers, near, strict=True)
            if number is not None or finding.severity is Severity.NONE
        ]
        if told and median(told) > 0:
            amounts.append(Amount(median(told), unit))
    if not amounts:
        ranks = sorted(finding.severity.rank for finding in near)
        severity: Severity | None = list(Severity)[ranks[(len(ranks) - 1) // 2]]
    else:
        severity = grade(own.degradation, amounts, info.modality, info.region, pixel_mm_of(info))
    if severity is None:
        return own
    first, more = (amounts[0], tuple(amounts[1:])) if amounts else (None, ())
    return Finding(
        own.degradation,
        severity,
        first.value if first else None,
        first.unit if first else None,
        more=more,
        place=own.place if severity is not Severity.NONE else None,
    )


def claimed(words: SliceWords) -> float:
    """The probability that the model gives to all severities of a slice being right."""
    return math.prod(
        words.chances[kind][finding.severity.rank] for kind, finding in words.findings.items()
    )


def confidence_of(words: SliceWords, calibration: Calibration) -> Confidence:
    """How sure the model is that all severities of a slice are right."""
    chance = claimed(words)
    if chance >= calibration.high:
        return Confidence.HIGH
    return Confidence.MEDIUM if chance >= calibration.medium else Confidence.LOW


def words_of_slice(
    words: QualityDescription, own: Mapping[Degradation, Finding], number: int
) -> QualityDescription:
    """What the words of a series say of its slice ``number`` (1-based), which itself says ``own``.

    Outside the slices named, a slice is judged by itself, at most one severity lower than said.
    """
    found = []
    for finding in words.findings:
        if finding.slices is None or finding.slices[0] <= number <= finding.slices[1]:
            found.append(replace(finding, slices=None, worst_slice=None))
            continue
        itself = own.get(finding.degradation)
        most = STEP_DOWN[finding.severity]
        severity = most if itself is None else min(most, itself.severity, key=_rank)
        if itself is None or severity is Severity.NONE:
            found.append(Finding(finding.degradation, Severity.NONE))
        else:
            found.append(replace(itself, severity=severity))
    return replace(words, findings=tuple(found))


def number_for(
    words: QualityDescription, own: Finding | None, kind: Degradation, pixel_mm: float
) -> float | None:
    """``n_k``: the words' number, pulled towards the slice's own; ``None`` for nothing to mend.

    The words lead: the slice moves their number within ``HELD`` times of it and no further.
    """
    told = amount_of(words, kind, pixel_mm)
    if told is None:
        return None
    unit = dict(SPOKEN[words.modality])[kind][0]
    mine = own.amount_in(unit) if own is not None else None
    if mine is None:
        if own is None or own.severity is not Severity.NONE:
            return told
        mine = 0.0
    low, high = HELD
    return min(max(math.sqrt(told * mine), low * told), high * told)


def _rank(severity: Severity) -> int:
    return severity.rank
