"""From descriptions of slices to the one of their series.

Each degradation is said at the **level that a fifth of the slices reach**: of the slices ordered
from the worst, the one at a fifth of their number speaks for the series, with its own severity and
numbers, so that both always belong together. Shoulders or hips count although most slices are
quiet; a single odd slice of four or more does not.

- **Pervasive** degradations (noise, blur, low count, undersampling) belong to the acquisition: the
  fifth is one of all slices on which they were assessed.
- **Focal** ones (metal, motion, clipping) are where they are: the fifth is one of the slices that
  have them. In a long series a single affected slice between sound ones is taken for a mistake,
  unless such slices are a fifth of all, or it is severe metal or clipping, which can be that thin.

The range named reaches from the first to the last slice that is as severe as is said; between them
there may be better ones. The place is kept where all those slices agree on it. Slices need not be
all of the series: neighbours are neighbours among those described.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from engines.description import (
    LESS_IS_WORSE,
    RESTORING,
    Action,
    Confidence,
    Degradation,
    Finding,
    QualityDescription,
    Severity,
    Verdict,
)
from engines.verdict import plan, verdict_of

FIFTH = 5
"""One slice of so many counts,"""
FEW = 4
"""and of so many or more at least two."""
FOCAL: frozenset[Degradation] = frozenset(
    {Degradation.METAL, Degradation.MOTION, Degradation.CLIPPING}
)
THIN: frozenset[Degradation] = frozenset({Degradation.METAL, Degradation.CLIPPING})
"""Focal degradations that a single slice may really have, where they are severe."""
LONG_SERIES = 10
"""From so many slices on a single odd one is taken for a mistake."""

Known = list[tuple[int, Finding]]
"""Slice numbers with their findings on one degradation, in the order of the slices."""


def aggregate(
    slices: Mapping[int, QualityDescription],
    restorable: Collection[Action] = RESTORING,
    *,
    confidence: Confidence | None = None,
    pixel_mm: float = 0.0,
) -> QualityDescription:
    """The description of the series that ``slices`` (1-based slice number -> description) are of.

    A degradation is not assessed where some slice says so and none assesses it. The verdict follows
    ``engines.verdict`` from the findings of the series, for an engine that can carry out the
    actions ``restorable``; it is never better than that on the best slice nor worse than that on
    the worst. What spoils less than a fifth of the slices never makes a series unfit.
    ``confidence`` is by default that of the slice at a fifth of them, from the least sure.

    Raises:
        ValueError: no slices, a number below 1, different modalities or regions, or a description
            that speaks of slices itself.
    """
    ordered = _checked(slices)
    first = ordered[0][1]
    said = [description for _, description in ordered]
    findings: list[Finding] = []
    local: set[Degradation] = set()
    for kind in Degradation:
        known = [(n, f) for n, d in ordered if (f := d.finding(kind)) is not None]
        if known:
            finding, slices_like_it = _of_series(known)
            findings.append(finding)
            if slices_like_it * FIFTH < len(known):
                local.add(kind)
    found = {finding.degradation for finding in findings}
    unknown = {kind for description in said for kind in description.not_assessed} - found
    sure = confidence or _usual_confidence([description.confidence for description in said])
    verdict, _ = verdict_of(
        findings, first.modality, first.region, sure, restorable, local=local, pixel_mm=pixel_mm
    )
    verdict = _between(verdict, [description.verdict for description in said])
    return QualityDescription(
        first.modality,
        first.region,
        tuple(findings),
        tuple(kind for kind in Degradation if kind in unknown),
        verdict,
        plan(findings, verdict, restorable),
        sure,
    )


def _checked(
    slices: Mapping[int, QualityDescription],
) -> list[tuple[int, QualityDescription]]:
    if not slices:
        raise ValueError("slices must hold at least one description")
    ordered = sorted(slices.items(), key=lambda item: item[0])
    if ordered[0][0] < 1:
        raise ValueError(f"slices are counted from 1, not from {ordered[0][0]}")
    if len({(d.modality, d.region) for d in slices.values()}) > 1:
        raise ValueError("slices must be of one modality and one region")
    if any(f.slices or f.worst_slice for d in slices.values() for f in d.findings):
        raise ValueError("slices must be described each by itself: a finding names slices")
    return ordered


def _of_series(known: Known) -> tuple[Finding, int]:
    """The finding on the series, and how many slices are as severe as it says or more."""
    focal = known[0][1].degradation in FOCAL
    counted = _without_odd_ones(known) if focal else known
    affected = [item for item in counted if item[1].severity is not Severity.NONE]
    ranked = sorted(affected if focal and affected else counted, key=_worst_first)
    level = ranked[_a_fifth(len(ranked))][1]
    if level.severity is Severity.NONE or len(known) == 1:
        return level, len(known)
    reached = [item for item in counted if item[1].severity.rank >= level.severity.rank]
    first, last = reached[0][0], reached[-1][0]
    whole = first == known[0][0] and last == known[-1][0]
    places = {finding.place for _, finding in reached}
    finding = replace(
        level,
        slices=None if whole else (first, last),
        worst_slice=ranked[0][0],
        place=places.pop() if len(places) == 1 else None,
    )
    return finding, len(reached)


def _a_fifth(count: int) -> int:
    """Index of the slice that a fifth of ``count`` slices, ordered by something, reaches."""
    return max((count - 1) // FIFTH, 1 if count >= FEW else 0)


def _worst_first(item: tuple[int, Finding]) -> tuple[int, tuple[float, ...], int]:
    """Sorts by severity, then by the numbers (of counts kept, fewer are worse), then by place."""
    number, finding = item
    amounts = tuple(a.value if a.unit in LESS_IS_WORSE else -a.value for a in finding.amounts)
    return -finding.severity.rank, amounts or (1.0,), number


def _without_odd_ones(known: Known) -> Known:
    """``known`` without the single affected slices that are taken for mistakes."""
    sound = [finding.severity is Severity.NONE for _, finding in known]
    odd = {
        k
        for k, (_, finding) in enumerate(known)
        if not sound[k]
        and all(sound[j] for j in (k - 1, k + 1) if 0 <= j < len(known))
        and not (finding.degradation in THIN and finding.severity is Severity.SEVERE)
    }
    if len(known) < LONG_SERIES or len(odd) * FIFTH >= len(known):
        return known
    return [item for k, item in enumerate(known) if k not in odd]


def _usual_confidence(said: list[Confidence]) -> Confidence:
    """One slice of air must not put a long series in doubt, but a fifth of the slices do."""
    surest_last = sorted(said, key=lambda word: -list(Confidence).index(word))
    return surest_last[_a_fifth(len(said))]


def _between(verdict: Verdict, said: list[Verdict]) -> Verdict:
    ranks = [word.rank for word in said]
    return list(Verdict)[min(max(verdict.rank, min(ranks)), max(ranks))]
