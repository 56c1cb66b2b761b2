"""A series is as its slices are: what a fifth of them have, what a few have, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.aggregate import LONG_SERIES, aggregate
from engines.quality import (
    RESTORING,
    Action,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
    format_sentence,
    parse_sentence,
)
from engines.severity import cut_offs, graded_finding
from engines.verdict import verdict_of
from tests.engines.strategies import GRADED, described_slices

N, M, C = Degradation.NOISE, Degradation.METAL, Degradation.CLIPPING


def one(
    noise: float | None = 8,
    metal: float | None = 0,
    clipped: float | None = None,
    place: str | None = None,
    confidence: Confidence = Confidence.HIGH,
) -> QualityDescription:
    said = []
    for kind, amount, unit in ((N, noise, "HU"), (M, metal, "HU"), (C, clipped, "% of pixels")):
        if amount is not None:
            where = place if kind is M else None
            said.append(
                graded_finding(kind, [Amount(amount, unit)], Modality.CT, "chest", place=where)
            )
    unknown = {N, M, C} - {finding.degradation for finding in said}
    verdict, actions = verdict_of(said, Modality.CT, "chest", confidence)
    return QualityDescription(
        Modality.CT, "chest", tuple(said), tuple(unknown), verdict, actions, confidence
    )


def moved(mm: float, degrees: float = 0) -> QualityDescription:
    """A slice of a head in MR."""
    amounts = [Amount(mm, "mm"), Amount(degrees, "degrees")]
    finding = graded_finding(Degradation.MOTION, amounts, Modality.MR, "head")
    verdict, actions = verdict_of([finding], Modality.MR, "head", Confidence.HIGH)
    return QualityDescription(
        Modality.MR, "head", (finding,), (), verdict, actions, Confidence.HIGH
    )


def series(
    count: int, others: Mapping[int, QualityDescription], usual: QualityDescription | None = None
) -> QualityDescription:
    return aggregate({n: others.get(n, usual or one()) for n in range(1, count + 1)})


def found(description: QualityDescription, kind: Degradation) -> Finding:
    finding = description.finding(kind)
    assert finding is not None
    return finding


def test_noisy_shoulders_are_named_with_the_worst_slice() -> None:
    said = series(200, {n: one(40 if n != 33 else 61) for n in range(20, 111)})
    assert found(said, N) == Finding(N, Severity.SEVERE, 40, "HU", (20, 110), 33)
    assert "Severe noise: 40 HU, on slices 20-110, worst on slice 33." in format_sentence(said)
    assert (said.verdict, said.actions) == (Verdict.USABLE, (Action.REDUCE_NOISE,))


def test_one_noisy_slice_of_many_does_not_make_a_noisy_series() -> None:
    said = series(30, {12: one(60)})
    assert found(said, N) == Finding(N, Severity.NONE, 8, "HU")
    assert said.verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("noisy", "count", "severity"),
    [
        (1, 3, Severity.SEVERE),
        (1, 4, Severity.NONE),
        (2, 4, Severity.SEVERE),
        (1, 10, Severity.NONE),
        (2, 10, Severity.SEVERE),
        (2, 11, Severity.NONE),
        (19, 100, Severity.NONE),
        (20, 100, Severity.SEVERE),
    ],
)
def test_a_fifth_of_the_slices_makes_a_noisy_series(
    noisy: int, count: int, severity: Severity
) -> None:
    said = series(count, dict.fromkeys(range(1, noisy + 1), one(40)))
    assert found(said, N).severity is severity


def test_a_prosthesis_is_named_where_it_is_and_rejects_nothing_else() -> None:
    said = series(100, {n: one(metal=300, place="middle left") for n in range(40, 50)})
    assert found(said, M) == Finding(
        M, Severity.SEVERE, 300, "HU", (40, 49), 40, place="middle left"
    )
    assert (said.verdict, said.actions) == (Verdict.USABLE, (Action.REDUCE_METAL,))
    half = series(20, {n: one(metal=300) for n in range(1, 11)})
    assert (half.verdict, half.actions) == (Verdict.REJECT, (Action.REPEAT,))


def test_many_mild_slices_do_not_dilute_a_severe_few() -> None:
    streaks = {n: one(metal=200) for n in range(40, 50)}
    alone = found(series(100, streaks), M)
    among = series(100, {n: one(metal=25) for n in range(10, 90)} | streaks)
    assert found(among, M) == alone == Finding(M, Severity.SEVERE, 200, "HU", (40, 49), 40)
    assert among.verdict is Verdict.USABLE


def test_only_slices_that_are_unfit_themselves_make_a_series_unfit() -> None:
    unfit, severe = one(metal=250), one(metal=90)
    said = series(100, {n: unfit if n < 40 else severe for n in range(30, 60)})
    assert found(said, M).severity is Severity.SEVERE
    assert said.verdict is Verdict.USABLE  # a tenth of the slices is unfit, a third is severe
    assert series(100, dict.fromkeys(range(30, 49), unfit)).verdict is Verdict.USABLE
    assert series(100, dict.fromkeys(range(30, 50), unfit)).verdict is Verdict.REJECT


def test_a_place_on_which_slices_differ_is_not_said() -> None:
    said = series(12, {4: one(metal=90, place="upper left"), 5: one(metal=90, place="upper right")})
    assert found(said, M).place is None
    # What milder slices say of the place does not matter.
    said = series(
        12,
        {n: one(metal=90, place="upper left") for n in (4, 5)} | {6: one(metal=30, place="centre")},
    )
    assert found(said, M).place == "upper left"
    assert found(said, M).slices == (4, 5)


@pytest.mark.parametrize(
    ("count", "odd", "severity"),
    [
        (LONG_SERIES, one(metal=50), Severity.NONE),
        (LONG_SERIES - 1, one(metal=50), Severity.MODERATE),  # too short to tell
        (LONG_SERIES, one(metal=90), Severity.SEVERE),  # a clip is that thin
    ],
)
def test_a_single_odd_slice_is_believed_only_if_it_can_be_true(
    count: int, odd: QualityDescription, severity: Severity
) -> None:
    assert found(series(count, {5: odd}), M).severity is severity
    assert found(series(count, {count: odd}), M).severity is severity


def test_two_neighbours_or_many_single_ones_are_no_mistake() -> None:
    assert found(series(40, {7: one(metal=50), 8: one(metal=50)}), M).slices == (7, 8)
    every_fourth = series(40, {n: one(metal=50) for n in range(2, 40, 4)})
    assert found(every_fourth, M).severity is Severity.MODERATE


def test_slices_measured_in_turns_confirm_each_other() -> None:
    kind = Degradation.MOTION
    said = aggregate({n: moved(4 if n in (11, 13, 15, 17) else 0) for n in range(1, 31)})
    assert found(said, kind).slices == (11, 17)
    assert found(said, kind).severity is Severity.SEVERE
    apart = aggregate({n: moved(4 if n in (11, 14, 17) else 0) for n in range(1, 31)})
    assert found(apart, kind) == Finding(kind, Severity.NONE, 0, "mm", more=(Amount(0, "degrees"),))


def test_a_severe_slice_beside_a_mild_one_is_believed_as_far_as_both_go() -> None:
    said = aggregate({n: moved({7: 4, 8: 0.6}.get(n, 0)) for n in range(1, 31)})
    assert found(said, Degradation.MOTION) == Finding(
        Degradation.MOTION, Severity.MILD, 0.6, "mm", (7, 8), 7, (Amount(0, "degrees"),)
    )


def test_what_is_known_of_a_few_slices_is_not_said_of_all() -> None:
    said = series(100, {50: one(200)}, usual=one(noise=None))
    assert found(said, N) == Finding(N, Severity.SEVERE, 200, "HU", (50, 50))
    assert said.verdict is Verdict.USABLE  # one slice of a hundred is unfit
    quiet = series(100, dict.fromkeys((40, 50), one(8)), usual=one(noise=None))
    assert found(quiet, N) == Finding(N, Severity.NONE, 8, "HU", (40, 50))
    ends = series(100, dict.fromkeys(range(2, 100), one(40)), usual=one(noise=None))
    assert found(ends, N).slices == (2, 99)


def test_sampled_slices_have_the_neighbours_that_were_described() -> None:
    slices = {n: one(metal=50 if n in (101, 111) else 0) for n in range(1, 300, 10)}
    assert found(aggregate(slices), M).slices == (101, 111)


def test_slices_of_one_severity_are_ordered_by_whichever_number_is_worst() -> None:
    turned, shifted = moved(3.5, 10), moved(5, 0)
    assert (turned.verdict, shifted.verdict) == (Verdict.REJECT, Verdict.USABLE)
    for slices in ({1: turned, 2: shifted}, {1: shifted, 2: turned}):
        said = aggregate(slices)
        assert found(said, Degradation.MOTION).amounts == (Amount(3.5, "mm"), Amount(10, "degrees"))
        assert said.verdict is Verdict.REJECT


def test_numbers_of_one_finding_belong_to_one_slice() -> None:
    said = aggregate({n: moved(n, 10 - n) for n in range(1, 10)})
    assert found(said, Degradation.MOTION).amounts in {
        (Amount(n, "mm"), Amount(10 - n, "degrees")) for n in range(1, 10)
    }


def test_fewer_counts_are_worse() -> None:
    def counted(percent: float) -> QualityDescription:
        finding = Finding(Degradation.LOW_COUNT, Severity.MILD, percent, "% of counts")
        return QualityDescription(
            Modality.PT, "chest", (finding,), (), Verdict.GOOD, (Action.KEEP,), Confidence.HIGH
        )

    said = found(aggregate({n: counted(10 * n) for n in range(1, 6)}), Degradation.LOW_COUNT)
    assert (said.amount, said.worst_slice) == (20, 1)


def test_not_assessed_is_only_what_no_slice_assesses() -> None:
    said = series(3, {2: one(clipped=0)}, usual=one(metal=None))
    assert found(said, C).severity is Severity.NONE
    assert found(said, M).severity is Severity.NONE
    assert said.not_assessed == ()
    assert series(3, {}).not_assessed == (C,)


def test_one_unsure_slice_does_not_put_a_long_series_in_doubt() -> None:
    unsure = one(confidence=Confidence.LOW)
    assert series(10, {10: unsure}).confidence is Confidence.HIGH
    assert series(10, dict.fromkeys((1, 5, 10), unsure)).confidence is Confidence.LOW
    assert series(2, {2: unsure}).confidence is Confidence.LOW
    told = aggregate({1: unsure}, confidence=Confidence.MEDIUM)
    assert told.confidence is Confidence.MEDIUM


def test_an_engine_plans_only_what_it_can_do() -> None:
    said = aggregate({1: one(40, 90)}, {Action.REDUCE_NOISE})
    assert said.actions == (Action.REDUCE_NOISE,)


def test_what_every_slice_is_judged_binds_the_series() -> None:
    usable = {n: replace(one(), verdict=Verdict.USABLE) for n in (1, 2)}
    assert aggregate(usable).verdict is Verdict.USABLE
    # Nobody was sure enough to reject a slice, so the series is not rejected either.
    hopeless = {n: one(200, confidence=Confidence.LOW) for n in (1, 2)}
    said = aggregate(hopeless, confidence=Confidence.HIGH)
    assert (said.verdict, said.actions) == (Verdict.USABLE, (Action.REDUCE_NOISE,))
    # Nor is it where every slice is rejected and the whole is told with a low confidence.
    unsure = aggregate({n: one(200) for n in (1, 2)}, confidence=Confidence.LOW)
    assert (unsure.verdict, unsure.actions) == (Verdict.USABLE, (Action.REDUCE_NOISE,))


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ({}, "at least one"),
        ({0: one()}, "counted from 1"),
        ({1: one(), 2: replace(one(), region="head")}, "one modality and one region"),
        ({1: replace(one(), findings=(Finding(N, Severity.MILD, slices=(1, 2)),))}, "by itself"),
    ],
)
def test_what_is_no_series_is_refused(slices: dict[int, QualityDescription], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        aggregate(slices)


@given(described_slices(), st.randoms(use_true_random=False))
def test_the_order_in_which_slices_come_does_not_matter(slices, random) -> None:
    items = list(slices.items())
    random.shuffle(items)
    assert aggregate(dict(items)) == aggregate(slices)


@given(described_slices())
def test_a_single_slice_says_of_its_series_what_it_says_of_itself(slices) -> None:
    for number, description in slices.items():
        assert aggregate({number: description}) == description


@given(described_slices())
def test_equal_slices_say_together_what_each_says(slices) -> None:
    first = next(iter(slices.values()))
    said = aggregate(dict.fromkeys(slices, first))
    assert (said.verdict, said.actions, said.confidence, said.not_assessed) == (
        first.verdict, first.actions, first.confidence, first.not_assessed,
    )  # fmt: skip
    bare = tuple(replace(finding, worst_slice=None) for finding in said.findings)
    assert bare == first.findings


@given(described_slices())
def test_a_series_is_never_better_than_its_best_slice_nor_worse_than_its_worst(slices) -> None:
    said = aggregate(slices)
    verdicts = [description.verdict.rank for description in slices.values()]
    assert min(verdicts) <= said.verdict.rank <= max(verdicts)
    for finding in said.findings:
        same = [f for d in slices.values() if (f := d.finding(finding.degradation))]
        ranks = [f.severity.rank for f in same]
        assert min(ranks) <= finding.severity.rank <= max(ranks)
        assert finding.amounts in {f.amounts for f in same}


@given(described_slices())
def test_ranges_hold_what_they_say_and_nothing_worse_lies_outside(slices) -> None:
    said = aggregate(slices)
    assert parse_sentence(format_sentence(said)) == said
    for finding in said.findings:
        known = {n: f for n, d in slices.items() if (f := d.finding(finding.degradation))}
        ends = min(known), max(known)
        if finding.severity is Severity.NONE:
            whole = ends == (min(slices), max(slices))
            assert finding.slices == (None if whole else ends)
            continue
        if finding.worst_slice is not None:
            assert known[finding.worst_slice].severity.rank >= finding.severity.rank
        if finding.slices is not None:
            for end in finding.slices:
                assert known[end].severity.rank >= finding.severity.rank
            beyond = [n for n, f in known.items() if f.severity.rank >= finding.severity.rank]
            outside = [n for n in beyond if not finding.slices[0] <= n <= finding.slices[1]]
            # Only single slices taken for mistakes lie outside.
            assert not outside or finding.degradation in (M, C, Degradation.MOTION)


@given(described_slices())
def test_what_no_slice_speaks_of_the_series_does_not_speak_of(slices) -> None:
    said = aggregate(slices)
    named = {f.degradation for f in said.findings}
    assert named == {f.degradation for d in slices.values() for f in d.findings}
    assert (
        set(said.not_assessed) == {kind for d in slices.values() for kind in d.not_assessed} - named
    )


FACTORS = st.sampled_from([0.0, 0.4, 0.7, 1.0, 4.0])


@settings(max_examples=400)
@given(
    st.sampled_from([(modality, kind) for modality, kinds in GRADED.items() for kind in kinds]),
    # Runs of equal slices, some of which get worse as a whole: single ones seldom tip a balance.
    st.lists(st.tuples(st.integers(1, 20), FACTORS, FACTORS), min_size=2, max_size=5),
    st.sampled_from([frozenset(), RESTORING]),
    st.sampled_from(Confidence),
)
@example((Modality.CT, M), [(2, 1.0, 1.0), (9, 0.0, 0.4)], RESTORING, Confidence.HIGH)
def test_more_of_anything_never_makes_a_less_severe_or_better_series(what, runs, can, sure) -> None:
    modality, kind = what
    row = cut_offs(modality, kind, "chest")
    assert row is not None

    @cache
    def one_slice(factor: float) -> QualityDescription:
        """With so many times the severe cut-off."""
        amount = Amount(factor * row.severe, row.unit)
        said = graded_finding(kind, [amount], modality, "chest")
        verdict, actions = verdict_of([said], modality, "chest", sure, can)
        return QualityDescription(modality, "chest", (said,), (), verdict, actions, sure)

    before = [one_slice(first) for count, first, _ in runs for _ in range(count)]
    after = [one_slice(max(first, then)) for count, first, then in runs for _ in range(count)]
    then, now = (aggregate(dict(enumerate(slices, 1)), can) for slices in (before, after))
    assert then.verdict.rank <= now.verdict.rank
    assert found(then, kind).severity.rank <= found(now, kind).severity.rank
