"""Grades, verdicts and plans follow from the numbers, and from what an engine can mend."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.quality import (
    RESTORING,
    Action,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    Severity,
    Verdict,
)
from engines.severity import ALSO, CUT_OFFS, cut_offs, grade, graded_finding
from engines.verdict import MENDED_BY, REJECT_FACTOR, plan, verdict_of
from tests.engines.strategies import GRADED

NOISE_ONLY = {Action.REDUCE_NOISE}


def ct(degradation: Degradation, amount: float, unit: str = "HU") -> Finding:
    return graded_finding(degradation, [Amount(amount, unit)], Modality.CT, "chest")


def judged(
    *findings: Finding,
    modality: Modality = Modality.CT,
    confidence: Confidence = Confidence.HIGH,
    can: frozenset[Action] | set[Action] = RESTORING,
    local: tuple[Degradation, ...] = (),
) -> tuple[Verdict, tuple[Action, ...]]:
    return verdict_of(findings, modality, "chest", confidence, can, local=local)


def test_a_second_unit_has_rows_where_the_first_has() -> None:
    assert set(ALSO) <= set(CUT_OFFS)
    for key, row in ALSO.items():
        assert row.unit != CUT_OFFS[key].unit
        assert 0 < row.mild < row.moderate < row.severe
        assert row.reason.endswith(".")


def test_a_turned_head_is_as_bad_as_the_worse_of_its_numbers() -> None:
    still, turned = Amount(0.2, "mm"), Amount(1.5, "degrees")
    assert grade(Degradation.MOTION, [still], Modality.MR, "head") is Severity.NONE
    assert grade(Degradation.MOTION, [still, turned], Modality.MR, "head") is Severity.MODERATE
    assert grade(Degradation.MOTION, [still, turned], Modality.MR, "abdomen") is Severity.MILD


def test_a_brain_bears_less_than_a_belly() -> None:
    for kind, modality, unit in (
        (Degradation.NOISE, Modality.CT, "HU"),
        (Degradation.MOTION, Modality.MR, "mm"),
        (Degradation.MOTION, Modality.MR, "degrees"),
    ):
        head = cut_offs(modality, kind, "head", unit=unit)
        body = cut_offs(modality, kind, "abdomen", unit=unit)
        assert head is not None
        assert body is not None
        assert head.severe < body.severe


def test_what_is_not_graded_is_unknown_and_no_finding_can_be_made_of_it() -> None:
    kept = [Amount(10, "% of counts")]
    assert grade(Degradation.LOW_COUNT, kept, Modality.PT, "chest") is None
    with pytest.raises(ValueError, match="low count in PT has no cut-offs in % of counts"):
        graded_finding(Degradation.LOW_COUNT, kept, Modality.PT, "chest")
    finding = graded_finding(
        Degradation.LOW_COUNT,
        [Amount(22, "% of signal"), *kept],
        Modality.PT,
        "chest",
        place="throughout",
    )
    assert finding.severity is Severity.MODERATE
    assert finding.more == (Amount(10, "% of counts"),)
    assert finding.place == "throughout"


def test_mild_faults_leave_an_image_good_and_alone() -> None:
    assert judged() == (Verdict.GOOD, (Action.KEEP,))
    assert judged(ct(Degradation.NOISE, 20), ct(Degradation.METAL, 25)) == (
        Verdict.GOOD,
        (Action.KEEP,),
    )


def test_a_mixture_is_mended_as_far_as_the_engine_can() -> None:
    both = ct(Degradation.METAL, 90), ct(Degradation.NOISE, 30)
    assert judged(*both) == (Verdict.USABLE, (Action.REDUCE_NOISE, Action.REDUCE_METAL))
    assert judged(*both, can=NOISE_ONLY) == (Verdict.USABLE, (Action.REDUCE_NOISE,))
    assert judged(both[0], can=NOISE_ONLY) == (Verdict.USABLE, (Action.KEEP,))


def test_low_counts_are_recovered_or_at_least_smoothed() -> None:
    low = Finding(Degradation.LOW_COUNT, Severity.SEVERE, 30, "% of signal")
    assert judged(low, modality=Modality.PT)[1] == (Action.RECOVER_COUNTS,)
    assert judged(low, modality=Modality.PT, can=NOISE_ONLY)[1] == (Action.REDUCE_NOISE,)


def test_motion_rejects_only_where_nobody_can_correct_it() -> None:
    moved = Finding(Degradation.MOTION, Severity.SEVERE, 6, "mm")
    assert judged(moved, modality=Modality.MR) == (Verdict.USABLE, (Action.CORRECT_MOTION,))
    rejected = (Verdict.REJECT, (Action.REPEAT,))
    assert judged(moved, modality=Modality.MR, can=NOISE_ONLY) == rejected
    # Three times the severe angle is beyond mending, whatever the millimetres are.
    turned = replace(moved, more=(Amount(15, "degrees"),))
    assert judged(turned, modality=Modality.MR) == rejected


def test_a_little_of_what_cannot_be_mended_is_borne() -> None:
    moved = Finding(Degradation.MOTION, Severity.MODERATE, 3, "mm")
    clipped = ct(Degradation.CLIPPING, 0.2, "% of pixels")
    assert judged(moved, modality=Modality.MR, can=NOISE_ONLY)[0] is Verdict.USABLE
    assert judged(clipped) == (Verdict.GOOD, (Action.KEEP,))


def test_clipped_anatomy_cannot_be_brought_back() -> None:
    clipped = ct(Degradation.CLIPPING, 6, "% of pixels")
    assert judged(clipped) == (Verdict.REJECT, (Action.REPEAT,))
    assert judged(clipped, confidence=Confidence.LOW) == (Verdict.USABLE, (Action.KEEP,))
    assert judged(clipped, local=(Degradation.CLIPPING,)) == (Verdict.USABLE, (Action.KEEP,))


@pytest.mark.parametrize("key", list(CUT_OFFS), ids=lambda key: f"{key[0]}-{key[1]}-{key[2]}")
def test_three_times_severe_is_rejected_whatever_it_is(
    key: tuple[Modality, Degradation, str | None],
) -> None:
    modality, kind, region = key
    row = CUT_OFFS[key]
    for factor, rejected in ((REJECT_FACTOR, True), (0.99 * REJECT_FACTOR, False)):
        amount = Amount(factor * row.severe, row.unit)
        finding = graded_finding(kind, [amount], modality, region or "chest")
        verdict, actions = verdict_of([finding], modality, region or "chest", Confidence.MEDIUM)
        if kind is not Degradation.CLIPPING:
            assert (verdict is Verdict.REJECT) is rejected
        assert (actions == (Action.REPEAT,)) is (verdict is Verdict.REJECT)


def test_coarse_pixels_are_not_rejected_for_being_coarse() -> None:
    blurred = graded_finding(
        Degradation.BLUR, [Amount(13, "mm FWHM")], Modality.CT, "chest", pixel_mm=2
    )
    assert blurred.severity is Severity.SEVERE
    args = (blurred,), Modality.CT, "chest", Confidence.HIGH
    assert verdict_of(*args)[0] is Verdict.REJECT
    assert verdict_of(*args, pixel_mm=2)[0] is Verdict.USABLE


@given(st.data(), st.sampled_from(Modality))
def test_more_of_anything_never_makes_a_better_verdict(
    data: st.DataObject, modality: Modality
) -> None:
    said: list[Finding] = []
    worse: list[Finding] = []
    for kind in GRADED[modality]:
        row = cut_offs(modality, kind, "chest")
        assert row is not None
        some, more = sorted(data.draw(st.tuples(*[st.floats(0, 4)] * 2)))
        for findings, factor in ((said, some), (worse, more)):
            amount = Amount(factor * row.severe, row.unit)
            findings.append(graded_finding(kind, [amount], modality, "chest"))
    can = data.draw(st.sets(st.sampled_from(sorted(RESTORING))))
    first, actions = judged(*said, modality=modality, can=can)
    second, _ = judged(*worse, modality=modality, can=can)
    assert first.rank <= second.rank
    assert set(actions) <= can | {Action.KEEP, Action.REPEAT}


def test_every_degradation_says_what_mends_it() -> None:
    assert set(MENDED_BY) == set(Degradation)
    assert {action for actions in MENDED_BY.values() for action in actions} == RESTORING
    assert plan([ct(Degradation.NOISE, 200)], Verdict.REJECT) == (Action.REPEAT,)
