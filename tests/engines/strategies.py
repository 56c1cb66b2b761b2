"""Hypothesis strategies for quality descriptions."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from engines.quality import (
    PLACES,
    REGIONS,
    UNITS_OF,
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
from engines.severity import cut_offs, graded_finding
from engines.verdict import verdict_of

values = st.floats(0, 1e6)
plans = st.sampled_from([(Action.KEEP,)]) | st.sets(
    st.sampled_from([action for action in Action if action is not Action.KEEP]), min_size=1
).map(tuple)


@st.composite
def amounts(draw: st.DrawFn, degradation: Degradation) -> tuple[Amount, ...]:
    """None, or one or more, in the order of their units."""
    units = draw(st.sets(st.sampled_from(UNITS_OF[degradation])))
    return tuple(Amount(draw(values), unit) for unit in UNITS_OF[degradation] if unit in units)


@st.composite
def findings(draw: st.DrawFn, degradation: Degradation) -> Finding:
    said = draw(amounts(degradation))
    numbers = st.integers(1, 5000)
    slices = draw(st.none() | st.tuples(numbers, numbers).map(lambda p: (min(p), max(p))))
    low, high = slices or (1, 5000)
    return Finding(
        degradation,
        draw(st.sampled_from(Severity)),
        said[0].value if said else None,
        said[0].unit if said else None,
        slices,
        draw(st.none() | st.integers(low, high)),
        said[1:],
        draw(st.none() | st.sampled_from(PLACES)),
    )


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
        draw(plans),
        draw(st.sampled_from(Confidence)),
    )


GRADED: dict[Modality, tuple[Degradation, ...]] = {
    modality: tuple(d for d in Degradation if cut_offs(modality, d, "chest"))
    for modality in Modality
}


@st.composite
def slice_descriptions(
    draw: st.DrawFn, modality: Modality, region: str, sureness: Sequence[Confidence]
) -> QualityDescription:
    """What an engine says of one slice: graded findings and the verdict that follows from them."""
    said = []
    for kind in GRADED[modality]:
        row = cut_offs(modality, kind, region)
        assert row is not None
        if draw(st.booleans()):
            amount = Amount(draw(st.floats(0, 4)) * row.severe, row.unit)
            place = draw(st.none() | st.sampled_from(PLACES[:3]))
            said.append(graded_finding(kind, [amount], modality, region, place=place))
    found = {finding.degradation for finding in said}
    unknown = draw(st.sets(st.sampled_from(Degradation))) - found
    confidence = draw(st.sampled_from(sureness))
    verdict, actions = verdict_of(said, modality, region, confidence)
    return QualityDescription(
        modality, region, tuple(said), tuple(unknown), verdict, actions, confidence
    )


@st.composite
def described_slices(
    draw: st.DrawFn, sureness: Sequence[Confidence] = tuple(Confidence)
) -> dict[int, QualityDescription]:
    """Some slices of one series, each described by itself; long ones repeat a few descriptions."""
    modality = draw(st.sampled_from(Modality))
    region = draw(st.sampled_from(["chest", "head"]))
    few = draw(st.lists(slice_descriptions(modality, region, sureness), min_size=1, max_size=4))
    numbers = draw(st.lists(st.integers(1, 60), min_size=1, max_size=25, unique=True))
    return {number: draw(st.sampled_from(few)) for number in numbers}
