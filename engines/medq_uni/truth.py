"""The true words on a pair: what its maker knows of it."""

from __future__ import annotations

from engines.description import (
    APPLICABLE,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
)
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.phantom_sources import is_phantom
from engines.medq_uni.signal import tissue_signal
from engines.severity import cut_offs, severity_of
from engines.verdict import verdict_of

KNOWN: dict[Modality, tuple[Degradation, ...]] = {
    Modality.CT: (Degradation.NOISE, Degradation.METAL),
    Modality.MR: (Degradation.NOISE,),
    Modality.PT: (Degradation.LOW_COUNT,),
}
"""What the maker of a pair knows to be there or not; all else is not assessed, as sources may be
blurred or clipped of their own."""


KNOWN_OF_PHANTOMS: dict[Modality, tuple[Degradation, ...]] = {
    Modality.CT: (),
    Modality.MR: (Degradation.UNDERSAMPLING, Degradation.MOTION),
    Modality.PT: (Degradation.MOTION,),
}
"""What is known of phantoms besides: of people nobody knows how still they lay and how much of
their scan was filled in."""
NOISE_OF: dict[Modality, Degradation] = {
    Modality.CT: Degradation.NOISE,
    Modality.MR: Degradation.NOISE,
    Modality.PT: Degradation.LOW_COUNT,
}
"""What noise is called in a modality."""


def pair_description(pair: Pair) -> QualityDescription:
    """The true words on a pair: what was done to it, and its own noise where none was added."""
    source = pair.source
    noise = NOISE_OF[source.modality]
    by_kind = {finding.degradation: finding for finding in pair.findings}
    for kind in known_of(source):
        if kind not in by_kind:
            level = pair.noise if kind is noise else 0.0
            finding = _untouched(pair, kind, level)
            if finding is not None:
                by_kind[kind] = finding
    findings = tuple(by_kind[kind] for kind in Degradation if kind in by_kind)
    verdict, actions = verdict_of(
        findings, source.modality, source.region, Confidence.HIGH, pixel_mm=source.pixel_mm
    )
    others = not_known(source.modality, set(by_kind))
    return QualityDescription(
        source.modality, source.region, findings, others, verdict, actions, Confidence.HIGH
    )


def known_of(source: Source) -> tuple[Degradation, ...]:
    """What the maker of a pair knows to be there or not."""
    of_phantoms = KNOWN_OF_PHANTOMS[source.modality] if is_phantom(source) else ()
    return (*KNOWN[source.modality], *of_phantoms)


def not_known(modality: Modality, known: set[Degradation]) -> tuple[Degradation, ...]:
    """Degradations that mean something in this modality and are not among ``known``."""
    return tuple(d for d in APPLICABLE[modality] if d not in known)


def _untouched(pair: Pair, degradation: Degradation, level: float) -> Finding | None:
    """What is to be said of a degradation that was not made; ``level`` is the pair's own noise.

    ``None`` where nobody knows the source's, or it has no measure in the words' unit.
    """
    source = pair.source
    row = cut_offs(source.modality, degradation, source.region)
    if degradation is NOISE_OF[source.modality] and source.noise is None and level == 0:
        return None
    if level == 0:
        return Finding(degradation, Severity.NONE)
    if row is None:
        return None
    if row.unit == "% of signal":
        signal = tissue_signal(source.values, source.modality, source.pixel_mm)
        if signal is None:
            return None
        level *= 100 / signal
    elif row.unit != source.unit:
        return None
    return Finding(degradation, severity_of(level, row), level, row.unit)
