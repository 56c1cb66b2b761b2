"""Hypothesis strategies for quality descriptions."""

from __future__ import annotations

from hypothesis import strategies as st

from engines.quality import (
    REGIONS,
    UNITS,
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)


@st.composite
def findings(draw: st.DrawFn, degradation: Degradation) -> Finding:
    amount = draw(st.none() | st.floats(0, 1e6))
    unit = None if amount is None else draw(st.sampled_from(UNITS))
    numbers = st.integers(1, 5000)
    slices = draw(st.none() | st.tuples(numbers, numbers).map(lambda p: (min(p), max(p))))
    low, high = slices or (1, 5000)
    worst = draw(st.none() | st.integers(low, high))
    severity = draw(st.sampled_from(Severity))
    return Finding(degradation, severity, amount, unit, slices, worst)


@st.composite
def descriptions(draw: st.DrawFn) -> QualityDescription:
    order = draw(st.permutations(list(Degradation)))
    found = draw(st.integers(0, len(order)))
    unknown = draw(st.integers(found, len(order)))
    return QualityDescription(
        draw(st.sampled_from(Modality)),
        draw(st.sampled_from(REGIONS)),
        tuple(draw(findings(d)) for d in order[:found]),
        tuple(order[found:unknown]),
        draw(st.sampled_from(Verdict)),
        draw(st.sampled_from(Action)),
        draw(st.sampled_from(Confidence)),
    )
