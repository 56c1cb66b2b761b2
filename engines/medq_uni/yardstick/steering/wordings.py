"""Words that differ in one thing: another case's, a severity alone, a number alone, no noise.

Each function takes a description and gives another one whose verdict and plan follow from its
findings. What can't be mended (``engines.verdict.MENDED_BY``) stays as it was said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from engines.base import Engine
from engines.description import (
    MAX_AMOUNT,
    Amount,
    Finding,
    QualityDescription,
    Severity,
)
from engines.medq_uni.levels import times_as_bad
from engines.medq_uni.truth import NOISE_OF
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.severity import CutOffs, cut_offs
from engines.verdict import MENDED_BY, verdict_of


@runtime_checkable
class Ablated(Protocol):
    """An engine that can be had without what its words do beyond gate and number."""

    def without_steering(self) -> Engine:
        """The same engine with every conditioning c_k zero; gates and numbers work as before."""
        ...


def with_findings(
    words: QualityDescription, change: Callable[[Finding], Finding], pixel_mm: float
) -> QualityDescription:
    """``words`` with every finding changed; verdict and plan are those that follow.

    ``words`` themselves where no finding changes.
    """
    findings = tuple(change(finding) for finding in words.findings)
    if findings == words.findings:
        return words
    verdict, actions = verdict_of(
        findings, words.modality, words.region, words.confidence, pixel_mm=pixel_mm
    )
    return replace(words, findings=findings, verdict=verdict, actions=actions)


def shifted(words: QualityDescription, steps: int, pixel_mm: float = 0.0) -> QualityDescription:
    """Every severity ``steps`` up or down, numbers as they were; never to none and not from it.

    Severe can't go up, mild not down: to none would not be another severity but silence.
    """

    def change(finding: Finding) -> Finding:
        if not _there(finding):
            return finding
        rank = min(max(finding.severity.rank + steps, Severity.MILD.rank), Severity.SEVERE.rank)
        return replace(finding, severity=list(Severity)[rank])

    return with_findings(words, change, pixel_mm)


def scaled(words: QualityDescription, factor: float, pixel_mm: float = 0.0) -> QualityDescription:
    """Every number so many times as bad, severities as they were."""

    def change(finding: Finding) -> Finding:
        if not _there(finding) or not finding.amounts:
            return finding
        first, *more = (_times(amount, factor) for amount in finding.amounts)
        return replace(finding, amount=first.value, unit=first.unit, more=tuple(more))

    return with_findings(words, change, pixel_mm)


def _times(amount: Amount, factor: float) -> Amount:
    value = times_as_bad(amount.value, amount.unit, factor)
    return Amount(min(value, 100.0 if amount.unit.startswith("%") else MAX_AMOUNT), amount.unit)


def _there(finding: Finding) -> bool:
    return finding.severity is not Severity.NONE and bool(MENDED_BY[finding.degradation])


def with_noise(
    words: QualityDescription, severity: Severity, pixel_mm: float = 0.0, *, keep: bool
) -> QualityDescription | None:
    """``words`` with this severity of noise (in PET of low counts).

    ``keep`` keeps the number; else it is the middle of the severity's range, and none has none.
    ``None`` where nothing is said of noise or it has no cut-offs.
    """
    kind = NOISE_OF[words.modality]
    said, row = words.finding(kind), cut_offs(words.modality, kind, words.region, pixel_mm)
    if said is None or row is None:
        return None
    if severity is Severity.NONE:
        new = Finding(kind, severity)
    elif keep:
        new = replace(said, severity=severity)
    else:
        new = Finding(kind, severity, _middle(row, severity), row.unit, place=said.place)
    return with_findings(words, lambda f: new if f.degradation is kind else f, pixel_mm)


def _middle(row: CutOffs, severity: Severity) -> float:
    edges = (row.mild, row.moderate, row.severe, 2 * row.severe - row.moderate)
    return (edges[severity.rank - 1] + edges[severity.rank]) / 2


def only_noise(words: QualityDescription) -> bool:
    """Whether noise is all that is said to be wrong."""
    wrong = {f.degradation for f in words.findings if f.severity is not Severity.NONE}
    return wrong == {NOISE_OF[words.modality]}


def swapped(
    cases: Sequence[Case], stated: Mapping[str, QualityDescription], seed: int
) -> dict[str, QualityDescription]:
    """For each case the words on another one of its modality, drawn by chance.

    Every case's words are given away once, and nobody keeps their own (a cyclic permutation). The
    region stays the case's own, as engines are told it. A case alone in its modality has none.
    """
    rng = np.random.default_rng(seed)
    given: dict[str, QualityDescription] = {}
    for modality in dict.fromkeys(case.pair.source.modality for case in cases):
        alike = [case for case in cases if case.pair.source.modality is modality]
        order = [alike[k] for k in rng.permutation(len(alike))]
        if len(order) > 1:
            for case, other in zip(order, order[1:] + order[:1], strict=True):
                region = stated[case.name].region
                given[case.name] = replace(stated[other.name], region=region)
    return given
