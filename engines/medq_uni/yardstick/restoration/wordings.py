"""The words that an engine is given: true, wrong or none, to see what they change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.description import (
    Action,
    Confidence,
    Degradation,
    Finding,
    QualityDescription,
    Severity,
    Verdict,
)
from engines.medq_uni.pair import Pair
from engines.medq_uni.truth import KNOWN, KNOWN_OF_PHANTOMS, not_known
from engines.severity import cut_offs
from engines.verdict import verdict_of


def no_words(pair: Pair) -> QualityDescription:
    """A description that says nothing: not one degradation was assessed."""
    source = pair.source
    return QualityDescription(
        source.modality,
        source.region,
        (),
        not_known(source.modality, set()),
        Verdict.GOOD,
        (Action.KEEP,),
        Confidence.LOW,
    )


def none_words(pair: Pair) -> QualityDescription:
    """A description that says of all that can be known in this modality that it isn't there."""
    source = pair.source
    kinds = (*KNOWN[source.modality], *KNOWN_OF_PHANTOMS[source.modality])
    return QualityDescription(
        source.modality,
        source.region,
        tuple(Finding(kind, Severity.NONE) for kind in kinds),
        not_known(source.modality, set(kinds)),
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
