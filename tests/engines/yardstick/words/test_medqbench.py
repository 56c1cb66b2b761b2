"""MedQ-Bench's four scores, each by stories of what was said and what was true."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.description import Action, Degradation, Severity, Verdict
from engines.medq_uni.yardstick.words.medqbench import Marks, marks, medqbench_table
from engines.medq_uni.yardstick.words.records import Record
from tests.engines.strategies import descriptions
from tests.engines.yardstick.words.said import MILD, MODERATE, NONE, SEVERE, metal, noise, row, say

BOTH = say(noise(SEVERE, 40.0), metal(MODERATE, "centre"))


@given(
    st.lists(st.sampled_from(Severity), min_size=2, max_size=2),
    st.none() | st.floats(0.1, 100),
)
def test_the_truth_itself_gets_full_marks(severities: list[Severity], amount: float | None) -> None:
    truth = say(noise(severities[0], amount), metal(severities[1]))
    assert marks(truth, truth) == Marks(2, 2, 2, 2)


@settings(max_examples=25)
@given(descriptions(), descriptions())
def test_marks_are_0_1_or_2_whatever_is_said(truth, stated) -> None:
    assert set(astuple(marks(truth, stated))) <= {0, 1, 2}


def test_completeness_asks_whether_all_that_is_there_is_named() -> None:
    half = say(noise(SEVERE, 40.0), metal(NONE))
    nothing = say(noise(NONE), metal(NONE))
    silent = say(noise(SEVERE), not_assessed=[Degradation.METAL])
    got = [marks(BOTH, stated).completeness for stated in (BOTH, half, nothing, silent)]
    assert got == [2, 1, 0, 1]


def test_of_a_good_image_it_is_complete_to_have_looked_for_everything() -> None:
    good = say(noise(NONE), metal(NONE))
    silent = say(not_assessed=[Degradation.NOISE, Degradation.METAL])
    half = say(noise(NONE), not_assessed=[Degradation.METAL])
    assert [marks(good, stated).completeness for stated in (good, half, silent)] == [2, 1, 0]


@pytest.mark.parametrize(
    ("stated", "score"),
    [
        (say(noise(SEVERE, 44.0)), 2),  # a tenth off
        (say(noise(MODERATE, 38.0)), 2),  # one step off is no contradiction
        (say(noise(SEVERE, 55.0)), 1),
        (say(noise(SEVERE, 90.0)), 0),
        (say(noise(MILD)), 0),
        (say(noise(NONE)), 0),
        (say(noise(SEVERE), metal(MILD)), 1),
        (say(noise(SEVERE), metal(SEVERE)), 0),
        (say(not_assessed=[Degradation.NOISE]), 2),  # left out, not contradicted
    ],
)
def test_preciseness_asks_what_contradicts_the_truth(stated, score: int) -> None:
    assert marks(say(noise(SEVERE, 40.0), metal(NONE)), stated).preciseness == score


def test_another_place_is_a_minor_contradiction() -> None:
    assert marks(BOTH, say(noise(SEVERE), metal(MODERATE, "upper left"))).preciseness == 1
    assert marks(BOTH, say(noise(SEVERE), metal(MODERATE))).preciseness == 2


def test_consistency_asks_whether_the_conclusion_follows_not_whether_it_is_true() -> None:
    false_but_firm = say(noise(SEVERE))
    assert marks(say(noise(NONE)), false_but_firm).consistency == 2
    one_off = say(noise(SEVERE), verdict=Verdict.GOOD)
    other_plan = say(noise(SEVERE), actions=(Action.REDUCE_METAL,))
    far_off = say(noise(NONE), verdict=Verdict.REJECT, actions=(Action.REPEAT,))
    assert [marks(BOTH, s).consistency for s in (one_off, other_plan, far_off)] == [1, 1, 0]


def test_an_engine_that_can_only_reduce_noise_plans_nothing_against_metal() -> None:
    stated = say(noise(NONE), metal(SEVERE), actions=(Action.KEEP,))
    assert marks(BOTH, stated, {Action.REDUCE_NOISE}).consistency == 2
    assert marks(BOTH, stated).consistency == 1


def test_quality_accuracy_is_the_distance_of_the_verdicts() -> None:
    stated = [say(noise(NONE), verdict=verdict) for verdict in Verdict]
    assert [marks(say(noise(NONE)), s).quality_accuracy for s in stated] == [2, 1, 0]


def test_the_table_has_means_by_task_and_says_that_it_is_a_counterpart() -> None:
    some = [
        Record("a", BOTH, BOTH, "1"),
        Record("a", BOTH, say(noise(NONE), metal(NONE)), "2"),
        Record("b", BOTH, BOTH, "3"),
    ]
    table = medqbench_table(some)
    assert row(table, "a", "engine")["completeness"] == pytest.approx(1)
    assert row(table, "b", "engine")["sum of 8"] == pytest.approx(8)
    assert row(table, "all", "engine")["completeness"] == pytest.approx(4 / 3)
    assert "not comparable digit by digit" in table.note


def test_what_silence_gets_for_free_stands_beside_the_engine() -> None:
    good = say(noise(NONE), metal(NONE))
    some = [Record("a", truth, truth, f"{k}") for k, truth in enumerate((good, BOTH, good, BOTH))]
    table = medqbench_table(some)
    silent = row(table, "a", "says nothing")
    assert silent["completeness"] == 0
    assert silent["preciseness"] == silent["consistency"] == 2
    accuracy = silent["quality accuracy"]
    assert isinstance(accuracy, float)
    assert 1 <= accuracy < 2
    assert silent["sum of 8"] == pytest.approx(4 + accuracy)
    assert row(table, "a", "engine")["sum of 8"] == pytest.approx(8)


def test_what_cannot_be_checked_costs_nothing_and_is_counted() -> None:
    unsure = say(noise(SEVERE), not_assessed=[Degradation.METAL])
    some = [Record("a", unsure, say(noise(SEVERE), metal(s)), s) for s in (SEVERE, NONE, MILD)]
    found = row(medqbench_table(some), "a", "engine")
    assert found["preciseness"] == 2
    assert found["named, can't be checked"] == 2


def test_nothing_to_score_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="records"):
        medqbench_table([])
