"""What the tests of the model's engine share: tiny untrained weights, engines over them, words.

``tiny/`` was written by ``python -m engines.medq_uni.export --random`` and must be written again
when the vocabulary, what is looked at, or the model changes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engines.base import EngineOptions
from engines.medq_uni.engine import MedQUniEngine
from engines.quality import (
    APPLICABLE,
    Action,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)

TINY = Path(__file__).parent / "tiny"


@cache
def engine() -> MedQUniEngine:
    """An engine with tiny untrained weights: what it says and changes is arbitrary."""
    return MedQUniEngine(EngineOptions(weights=TINY, threads=1))


def words(modality: Modality, *findings: Finding, region: str = "unknown") -> QualityDescription:
    """A description with ``findings`` and nothing else assessed."""
    named = {finding.degradation for finding in findings}
    return QualityDescription(
        modality,
        region,
        findings,
        tuple(kind for kind in APPLICABLE[modality] if kind not in named),
        Verdict.USABLE,
        (Action.KEEP,),
        Confidence.MEDIUM,
    )


UNITS = {Modality.CT: "HU", Modality.MR: "% of signal", Modality.PT: "% of signal"}


def noise(
    modality: Modality,
    severity: Severity,
    amount: float | None,
    slices: tuple[int, int] | None = None,
    more: tuple[Amount, ...] = (),
) -> Finding:
    """A finding on noise, which in PET is the low count."""
    kind = Degradation.LOW_COUNT if modality is Modality.PT else Degradation.NOISE
    unit = None if amount is None else UNITS[modality]
    return Finding(kind, severity, amount, unit, slices, more=more)
