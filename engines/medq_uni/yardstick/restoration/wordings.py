"""The words that an engine is given: true, wrong or none, to see what they change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.description import (
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)
from engines.medq_uni.pair import Pair
from engines.severity import cut_offs, severity_of
from engines.verdict import verdict_of

KNOWN: dict[Modality, tuple[Degradation, ...]] = {
    Modality.CT: (Degradation.NOISE, Degradation.METAL),
    Modality.MR: (Degradation.NOISE, Degradation.UNDERSAMPLING, Degradation.MOTION),
    Modality.PT: (Degradation.LOW_COUNT,),
}
"""What the maker of a pair knows to be there or not; all else is not assessed, as sources may be
blurred or clipped of their own."""


def pair_description(pair: Pair) -> QualityDescription:
    """The true words on a pair: what was done to it, and its own noise where none was added."""
    source = pair.source
    noise = Degradation.LOW_COUNT if source.modality is Modality.PT else Degradation.NOISE
    by_kind = {finding.degradation: finding for finding in pair.findings}
    for kind in KNOWN[source.modality]:
        if kind not in by_kind:
            level = pair.noise if kind is noise else 0.0
            finding = _untouched(pair, kind, level)
            if finding is not None:
                by_kind[kind] = finding
    findings = tuple(by_kind[kind] for kind in Degradation if kind in by_kind)
    verdict, actions = verdict_of(
        findings, source.modality, source.region, Confidence.HIGH, pixel_mm=source.pixel_mm
    )
    others = _others(source.modality, set(by_kind))
    return QualityDescription(
        source.modality, source.region, findings, others, verdict, actions, Confidence.HIGH
    )


def no_words(pair: Pair) -> QualityDescription:
    """A description that says nothing: not one degradation was assessed."""
    source = pair.source
    return QualityDescription(
        source.modality,
        source.region,
        (),
        _others(source.modality, set()),
        Verdict.GOOD,
        (Action.KEEP,),
        Confidence.LOW,
    )


def none_words(pair: Pair) -> QualityDescription:
    """A description that says of all that is known in this modality that it isn't there."""
    source = pair.source
    return QualityDescription(
        source.modality,
        source.region,
        tuple(Finding(kind, Severity.NONE) for kind in KNOWN[source.modality]),
        _others(source.modality, set(KNOWN[source.modality])),
        Verdict.GOOD,
        (Action.KEEP,),
        Confidence.HIGH,
    )


def wrong_severity(
    words: QualityDescription, degradation: Degradation, pixel_mm: float, seed: int
) -> QualityDescription | None:
    """``words`` with another severity of ``degradation``, drawn by chance, all else as it was.

    The amount lies in the middle of that severity's range; verdict and plan are those that follow.
    ``None`` where the severity of the degradation is not said or has no cut-offs.
    """
    true = words.finding(degradation)
    row = cut_offs(words.modality, degradation, words.region, pixel_mm)
    if true is None or row is None:
        return None
    others = [s for s in Severity if s not in (Severity.NONE, true.severity)]
    severity = others[int(np.random.default_rng(seed).integers(len(others)))]
    edges = (row.mild, row.moderate, row.severe, 2 * row.severe - row.moderate)
    amount = (edges[severity.rank - 1] + edges[severity.rank]) / 2
    said = replace(true, severity=severity, amount=amount, unit=row.unit, more=())
    findings = tuple(said if f is true else f for f in words.findings)
    verdict, actions = verdict_of(
        findings, words.modality, words.region, words.confidence, pixel_mm=pixel_mm
    )
    return replace(words, findings=findings, verdict=verdict, actions=actions)


def _untouched(pair: Pair, degradation: Degradation, level: float) -> Finding | None:
    """What is to be said of a degradation that was not made; ``level`` is the pair's own noise.

    ``None`` where noise is there but has no measure in the words' unit.
    """
    row = cut_offs(pair.source.modality, degradation, pair.source.region)
    if level == 0:
        return Finding(degradation, Severity.NONE)
    if row is None or row.unit != pair.source.unit:
        return None
    return Finding(degradation, severity_of(level, row), level, row.unit)


def _others(modality: Modality, known: set[Degradation]) -> tuple[Degradation, ...]:
    """Degradations that mean something in this modality and are not among ``known``."""
    meaningless = {(Modality.PT, Degradation.NOISE), (Modality.CT, Degradation.LOW_COUNT)}
    meaningless |= {(Modality.MR, Degradation.LOW_COUNT), (Modality.MR, Degradation.METAL)}
    meaningless |= {(Modality.PT, Degradation.METAL), (Modality.PT, Degradation.UNDERSAMPLING)}
    meaningless |= {(Modality.CT, Degradation.UNDERSAMPLING)}
    return tuple(d for d in Degradation if d not in known and (modality, d) not in meaningless)
