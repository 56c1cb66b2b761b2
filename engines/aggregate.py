"""From descriptions of slices to the one of their series.

Each degradation is said at the worst severity that enough slices reach, with the amounts of one of
the slices that are just as severe, so that both always belong together.

- **Pervasive** degradations (noise, blur, low count, undersampling) belong to the acquisition:
  enough is a fifth of all slices on which they were assessed. Shoulders or hips count although
  most slices are quiet; a single odd slice of four or more does not.
- **Focal** ones (metal, motion, clipping) are where they are, and milder slices don't dilute them:
  enough are two no further than two apart, since slices may be measured in turns (odd, then even),
  or a fifth of all, or any in a short series. A single one between others in a long series is
  taken for a mistake, unless it is severe metal or clipping, which can be that thin.

The amounts are those that a fifth of the slices reach: of all assessed, or for focal ones of those
just as severe. The range named reaches from the first to the last slice known to be at least as
severe as is said; between them there may be better ones. None is named only where that is from the
first to the last slice described. The place is kept where all those slices agree on it. Slices need
not be all of the series: neighbours are neighbours among those described.

More of anything on any slice never makes a series less severe or its verdict better.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

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
from engines.severity import times_severe
from engines.verdict import plan, unfit, verdict_of

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
NEAR = 2
"""Slices so far apart confirm each other: next but one, where slices are measured in turns."""

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
    the worst. What makes less than a fifth of all slices unfit never makes the series so, nor does
    anything on low confidence. ``confidence`` is by default that of the slice at a fifth of them,
    from the least sure.

    Raises:
        ValueError: no slices, a number below 1, different modalities or regions, or a description
            that speaks of slices itself.
    """
    ordered = _checked(slices)
    first = ordered[0][1]
    modality, region = first.modality, first.region
    said = [description for _, description in ordered]
    findings: list[Finding] = []
    local: set[Degradation] = set()
    for kind in Degradation:
        known = [(n, f) for n, d in ordered if (f := d.finding(kind)) is not None]
        if not known:
            continue
        ends = ordered[0][0], ordered[-1][0]
        findings.append(
            _of_series(known, ends, lambda f: times_severe(f, modality, region, pixel_mm))
        )
        spoilt = sum(unfit(f, modality, region, restorable, pixel_mm=pixel_mm) for _, f in known)
        if spoilt <= _a_fifth(len(ordered)):
            local.add(kind)
    found = {finding.degradation for finding in findings}
    unknown = {kind for description in said for kind in description.not_assessed} - found
    sure = confidence or _usual_confidence([description.confidence for description in said])
    verdict, _ = verdict_of(
        findings, modality, region, sure, restorable, local=local, pixel_mm=pixel_mm
    )
    verdict = _between(verdict, [description.verdict for description in said], sure)
    return QualityDescription(
        modality,
        region,
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


def _of_series(
    known: Known, described: tuple[int, int], strength: Callable[[Finding], float]
) -> Finding:
    """The finding on the series whose first and last slice ``described`` are.

    ``strength`` compares findings of one severity.
    """
    severity, counted = _severity(known)
    ranked = sorted(counted, key=lambda item: _worst_first(item, strength))
    focal = known[0][1].degradation in FOCAL
    like_it = [f for _, f in ranked if f.severity is severity] if focal else [f for _, f in ranked]
    level = like_it[_a_fifth(len(like_it))]
    reached = [item for item in counted if item[1].severity.rank >= severity.rank]
    if severity is Severity.NONE:
        reached = known  # where it was looked for
    ends = (reached[0][0], reached[-1][0])
    places = {finding.place for _, finding in reached}
    return replace(
        level,
        slices=None if ends == described else ends,
        worst_slice=None if severity is Severity.NONE or len(known) == 1 else ranked[0][0],
        place=places.pop() if len(places) == 1 else None,
    )


def _severity(known: Known) -> tuple[Severity, Known]:
    """The worst severity that enough slices reach, and the slices that speak for it."""
    ranks = [finding.severity.rank for _, finding in known]
    if known[0][1].degradation not in FOCAL:
        worst_first = sorted(ranks, reverse=True)
        return list(Severity)[worst_first[_a_fifth(len(known))]], known
    for severity in (Severity.SEVERE, Severity.MODERATE, Severity.MILD):
        at = [k for k, rank in enumerate(ranks) if rank >= severity.rank]
        thin = severity is Severity.SEVERE and known[0][1].degradation in THIN
        if len(known) >= LONG_SERIES and len(at) * FIFTH < len(known) and not thin:
            at = _confirmed(at)
        if at:
            return severity, [known[k] for k in at]
    return Severity.NONE, [item for item in known if item[1].severity is Severity.NONE]


def _confirmed(at: Sequence[int]) -> list[int]:
    """Of the places ``at``, in order, those that have another one near them."""
    near = [pair for pair in pairwise(at) if pair[1] - pair[0] <= NEAR]
    return sorted({place for pair in near for place in pair})


def _a_fifth(count: int) -> int:
    """Index of the slice that a fifth of ``count`` slices, ordered by something, reaches."""
    return max((count - 1) // FIFTH, 1 if count >= FEW else 0)


def _worst_first(
    item: tuple[int, Finding], strength: Callable[[Finding], float]
) -> tuple[int, float, tuple[float, ...], int]:
    """Sorts by severity, by strength, by the numbers as such (fewer counts are worse), by place."""
    number, finding = item
    amounts = tuple(a.value if a.unit in LESS_IS_WORSE else -a.value for a in finding.amounts)
    return -finding.severity.rank, -strength(finding), amounts or (1.0,), number


def _usual_confidence(said: list[Confidence]) -> Confidence:
    """One slice of air must not put a long series in doubt, but a fifth of the slices do."""
    surest_last = sorted(said, key=lambda word: -list(Confidence).index(word))
    return surest_last[_a_fifth(len(said))]


def _between(verdict: Verdict, said: list[Verdict], sure: Confidence) -> Verdict:
    """``verdict`` within those ``said`` of the slices; nobody rejects on a low confidence."""
    ranks = [word.rank for word in said]
    rank = min(max(verdict.rank, min(ranks)), max(ranks))
    if sure is Confidence.LOW:
        rank = min(rank, Verdict.USABLE.rank)
    return list(Verdict)[rank]
