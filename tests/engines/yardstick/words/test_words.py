"""How right the words are: counted by hand, and by those who know all, nothing, or half."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.description import Action, Amount, Degradation, Finding, Severity, Verdict
from engines.medq_uni.yardstick.words.records import Record, Shares
from engines.medq_uni.yardstick.words.tables import words_tables
from tests.engines.strategies import descriptions
from tests.engines.yardstick.words.said import (
    MILD,
    MODERATE,
    NONE,
    SEVERE,
    metal,
    named,
    noise,
    row,
    say,
)


def records(*pairs: tuple, task: str = "low dose") -> list[Record]:
    return [Record(task, truth, stated, f"p{k}") for k, (truth, stated) in enumerate(pairs)]


BAD, GOOD = say(noise(SEVERE, 40.0)), say(noise(NONE, 8.0))


@settings(max_examples=12)
@given(st.lists(descriptions(), min_size=1, max_size=3))
def test_who_repeats_the_truth_is_right_in_every_table(truths: list) -> None:
    tables = words_tables([Record("any", truth, truth) for truth in truths])
    for table in tables:
        for cells in table.rows:
            for column, cell in zip(table.columns, cells, strict=True):
                if cell is None:
                    continue
                if column in ("right (%)", "exact (%)", "precision (%)", "recall (%)", "F1 (%)"):
                    assert cell == pytest.approx(100), (table.name, cells[0], column)
                if column in ("median error (%)", "bias (%)", "said too bad", "said too good"):
                    assert cell == 0


@settings(max_examples=15)
@given(st.lists(st.tuples(descriptions(), descriptions()), min_size=1, max_size=3))
def test_every_share_lies_between_nothing_and_all_whatever_is_said(pairs: list) -> None:
    pairs = [(truth, said) for truth, said in pairs if truth.modality is said.modality]
    if not pairs:
        return
    for table in words_tables(records(*pairs)):
        assert table.markdown()
        for cells in table.rows:
            for column, cell in zip(table.columns, cells, strict=True):
                assert not (isinstance(cell, float) and np.isnan(cell)), (table.name, column)
                unsigned = "error" not in column and "bias" not in column
                if isinstance(cell, float) and column.endswith("(%)") and unsigned:
                    assert -1e-9 <= cell <= 100 + 1e-9


def test_precision_recall_and_f1_are_those_counted_by_hand() -> None:
    table = named(
        words_tables(records((BAD, BAD), (BAD, GOOD), (BAD, BAD), (GOOD, BAD), (GOOD, GOOD))),
        "words_presence",
    )
    found = row(table, "noise")
    assert (found["truly there"], found["named"], found["not assessed"]) == (3, 3, 0)
    assert found["precision (%)"] == pytest.approx(100 * 2 / 3)
    assert found["recall (%)"] == pytest.approx(100 * 2 / 3)
    assert found["F1 (%)"] == pytest.approx(100 * 4 / 6)


def test_the_macro_average_counts_a_rare_degradation_as_much_as_a_common_one() -> None:
    common = [(say(noise(SEVERE), metal(NONE)), say(noise(SEVERE), metal(NONE)))] * 9
    rare = (say(noise(NONE), metal(SEVERE)), say(noise(NONE), metal(NONE)))
    table = named(words_tables(records(*common, rare)), "words_presence")
    assert row(table, "noise")["F1 (%)"] == pytest.approx(100)
    assert row(table, "metal")["F1 (%)"] == 0
    assert row(table, "mean of all (macro)")["F1 (%)"] == pytest.approx(50)


def test_what_is_not_assessed_counts_as_not_named_and_is_listed() -> None:
    silent = say(not_assessed=[Degradation.NOISE])
    tables = words_tables(records((BAD, silent), (BAD, BAD)))
    found = row(named(tables, "words_presence"), "noise")
    assert found["recall (%)"] == pytest.approx(50)
    assert found["precision (%)"] == pytest.approx(100)
    assert found["not assessed"] == 1
    severe = row(named(tables, "words_severity"), "severe")
    assert (severe["said severe"], severe["not assessed"]) == (1, 1)
    assert severe["one step off at most (%)"] == pytest.approx(50)


def test_what_the_truth_does_not_know_is_left_out() -> None:
    unsure = say(noise(NONE), not_assessed=[Degradation.METAL])
    table = named(
        words_tables(records((unsure, say(noise(NONE), metal(SEVERE))))), "words_presence"
    )
    assert [cells[0] for cells in table.rows if cells[2]] == []
    found = row(table, "metal")
    assert found["named, can't be checked"] == 1
    assert found["precision (%)"] is None
    assert row(table, "mean of all (macro)")["named, can't be checked"] == 1
    assert row(table, "noise")["named, can't be checked"] == 0


def test_what_nobody_speaks_of_is_counted_nowhere() -> None:
    tables = words_tables(records((GOOD, GOOD)))
    assert [cells[0] for cells in named(tables, "words_presence").rows[:-1]] == ["noise"]
    assert row(named(tables, "words_severity"), "none")["not assessed"] == 0


def test_who_invents_a_degradation_nobody_spoke_of_is_told() -> None:
    found = row(named(words_tables(records((GOOD, say(metal(SEVERE))))), "words_presence"), "metal")
    assert (found["named"], found["precision (%)"]) == (1, 0)


def test_severities_are_confused_as_counted_and_mild_is_told_apart_from_severe() -> None:
    pairs = [
        (say(noise(MILD)), say(noise(NONE))),
        (say(noise(MILD)), say(noise(MODERATE))),
        (say(noise(SEVERE)), say(noise(SEVERE))),
        (say(noise(SEVERE)), say(noise(MILD))),
        (say(noise(NONE)), say(noise(NONE))),
    ]
    tables = words_tables(records(*pairs))
    mild = row(named(tables, "words_severity"), "mild")
    assert [mild[f"said {s.value}"] for s in Severity] == [1, 0, 1, 0]
    assert mild["exact (%)"] == 0
    assert mild["one step off at most (%)"] == pytest.approx(100)
    severe = row(named(tables, "words_severity"), "severe")
    assert severe["exact (%)"] == pytest.approx(50)
    assert severe["one step off at most (%)"] == pytest.approx(50)
    by = row(named(tables, "words_severity_by"), "noise")
    assert by["truly there"] == 4
    assert by["exact (%)"] == pytest.approx(25)
    assert by["severe less mild (points)"] == pytest.approx(50)
    assert (by["said too bad"], by["said too good"]) == (1, 2)


def test_who_says_a_tenth_too_much_has_that_error_and_that_bias() -> None:
    levels = (20.0, 30.0, 40.0, 50.0)
    pairs = [(say(noise(SEVERE, n)), say(noise(SEVERE, 1.1 * n))) for n in levels]
    found = row(named(words_tables(records(*pairs)), "words_numbers"), "noise", "HU")
    assert found["median error (%)"] == pytest.approx(10)
    assert found["bias (%)"] == pytest.approx(10)
    assert found["near (%)"] == pytest.approx(100)


def test_errors_to_both_sides_are_no_bias() -> None:
    pairs = [(say(noise(SEVERE, 40.0)), say(noise(SEVERE, n))) for n in (20, 36, 40, 44, 60)]
    found = row(named(words_tables(records(*pairs)), "words_numbers"), "noise", "HU")
    assert found["bias (%)"] == pytest.approx(0)
    assert found["median error (%)"] == pytest.approx(10)
    assert found["near (%)"] == pytest.approx(60)


def test_numbers_are_compared_in_their_own_unit_alone() -> None:
    def moved(*amounts: Amount) -> Finding:
        return Finding(
            Degradation.MOTION, MODERATE, amounts[0].value, amounts[0].unit, more=amounts[1:]
        )

    truth = say(moved(Amount(4, "mm"), Amount(2, "degrees")))
    table = named(words_tables(records((truth, say(moved(Amount(3, "degrees")))))), "words_numbers")
    assert row(table, "motion", "mm")["said in this unit"] == 0
    assert row(table, "motion", "mm")["median error (%)"] is None
    assert row(table, "motion", "degrees")["median error (%)"] == pytest.approx(50)


def test_a_place_is_right_where_it_is_the_true_one() -> None:
    truth = say(metal(SEVERE, "upper left"))
    pairs = [(truth, say(metal(SEVERE, p))) for p in ("upper left", "centre", None)]
    found = row(named(words_tables(records(*pairs)), "words_places"), "metal")
    assert found["true places"] == 3
    assert found["place right (%)"] == pytest.approx(100 / 3)


def test_a_range_of_slices_is_right_where_it_shares_half_with_the_true_one() -> None:
    def on(first: int, last: int) -> Finding:
        return Finding(Degradation.METAL, SEVERE, slices=(first, last))

    truth = say(on(11, 20))
    pairs = [(truth, say(on(*said))) for said in ((11, 20), (11, 15), (18, 30), (1, 10))]
    found = row(named(words_tables(records(*pairs)), "words_places"), "metal")
    assert found["slices right (%)"] == pytest.approx(50)


def test_verdict_and_plan_are_counted_and_the_region_that_was_told_is_not() -> None:
    pairs = [
        (GOOD, GOOD),
        (GOOD, say(noise(NONE), verdict=Verdict.REJECT, actions=(Action.REPEAT,))),
        (BAD, say(noise(SEVERE), actions=(Action.KEEP,), region="abdomen")),
    ]
    tables = words_tables(records(*pairs))
    good = row(named(tables, "words_verdict"), "good")
    assert [good[f"said {v.value}"] for v in Verdict] == [1, 0, 1]
    assert good["right (%)"] == pytest.approx(50)
    keep = row(named(tables, "words_actions"), "keep as is")
    assert (keep["called for"], keep["planned"]) == (2, 2)
    assert keep["precision (%)"] == pytest.approx(50)
    by_task = named(tables, "words_tasks")
    assert row(by_task, "low dose", "verdict")["right (%)"] == pytest.approx(100 * 2 / 3)
    assert row(by_task, "low dose", "planned actions")["right (%)"] == pytest.approx(100 / 3)
    assert "region" not in {cells[1] for cells in by_task.rows}


CLEAN = "nothing wrong, and no false alarm"


def test_on_clean_images_one_false_alarm_in_sixty_is_one_and_not_all() -> None:
    for alarms, share in ((0, 100), (1, 100 * 59 / 60)):
        some = records(*[(GOOD, BAD if k < alarms else GOOD) for k in range(60)], task="clean")
        table = named(words_tables(some), "words_tasks")
        assert row(table, "clean", CLEAN)["right (%)"] == pytest.approx(share)
        assert row(table, "clean", CLEAN)["images"] == 60
        assert [cells[1] for cells in table.rows] == [CLEAN, "verdict", "planned actions"]


def test_clean_images_among_others_are_asked_for_false_alarms_as_well() -> None:
    some = records((BAD, BAD), task="a") + records((GOOD, BAD), (GOOD, GOOD), task="b")
    table = named(words_tables(some), "words_tasks")
    assert CLEAN not in {cells[1] for cells in table.rows if cells[0] == "a"}
    assert row(table, "all", CLEAN)["right (%)"] == pytest.approx(50)
    assert row(table, "all", CLEAN)["images"] == 2
    unsure = say(noise(NONE), not_assessed=[Degradation.METAL])
    claims = named(words_tables(records((unsure, say(noise(NONE), metal(SEVERE))))), "words_tasks")
    assert row(claims, "low dose", CLEAN)["right (%)"] == 100


def test_every_task_has_its_own_rows_and_all_come_last() -> None:
    mixed = records((BAD, BAD), (BAD, BAD), task="a") + records((BAD, GOOD), (BAD, GOOD), task="b")
    table = named(words_tables(mixed), "words_tasks")
    shares = [row(table, task, "how bad it is")["right (%)"] for task in ("a", "b", "all")]
    assert shares == pytest.approx([100, 0, 50])


def test_intervals_hold_the_share_and_shrink_with_more_patients() -> None:
    widths = []
    for count in (12, 200):
        some = records(*[(BAD, BAD if k % 4 else GOOD) for k in range(count)])
        found = Shares(some).ratio([k % 4 > 0 for k in range(count)], np.ones(count))
        assert found is not None and found.low is not None and found.high is not None
        assert found.low < found.mean == 0.75 < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2


def test_where_all_are_right_the_interval_still_says_how_few_there_were() -> None:
    for count, least in ((10, 0.69), (100, 0.96)):
        some = records(*[(BAD, BAD)] * count)
        for part, ends in ((np.ones(count), (least, 1)), (np.zeros(count), (0, 1 - least))):
            found = Shares(some).ratio(part, np.ones(count))
            assert found is not None
            assert (found.low, found.high) == pytest.approx(ends, abs=0.01)


def test_scores_that_are_all_alike_tell_no_range_and_nor_do_macro_averages() -> None:
    some = records(*[(BAD, BAD)] * 20)
    every = np.ones(20)
    assert Shares(some).ratio(every, every, counted=False).low is None  # type: ignore[union-attr]
    half = Shares(some).mean_ratio([every, 0 * every], [every, every])
    assert half is not None
    assert (half.mean, half.low) == (0.5, None)
    middle = Shares(some).median(every)
    assert middle is not None
    assert (middle.mean, middle.low) == (1, None)
    table = named(words_tables(some), "words_presence")
    assert row(table, "noise")["F1 95 %"] is None
    assert row(table, "noise")["recall 95 %"] == "83 to 100"


@given(st.integers(1, 30))
def test_intervals_are_told_from_eight_patients_on(count: int) -> None:
    some = records(*[(BAD, BAD)] * count)
    right = np.arange(count) % 2
    values = np.where(np.arange(count) < 8, right, np.nan)
    shares = Shares(some)
    for found in (
        shares.ratio(right, np.ones(count)),
        shares.mean_ratio([right], [np.ones(count)]),
        shares.median(np.arange(count)),
        shares.median(values),
    ):
        assert found is not None
        assert (found.low is not None) == (count >= 8)
    seven = np.arange(count) < 7
    few = shares.mean_ratio([right, right * seven], [np.ones(count), seven])
    assert few is not None
    assert few.low is None


def test_two_patients_tell_no_interval_however_many_others_there_are() -> None:
    some = records(*[(BAD, BAD)] * 50)
    found = Shares(some).ratio([1, 0] + [0] * 48, [1, 1] + [0] * 48)
    assert found is not None
    assert (found.mean, found.low) == (0.5, None)


def test_images_of_one_patient_are_drawn_together() -> None:
    right = [k < 50 for k in range(100)]
    alone = [Record("t", BAD, BAD, f"p{k}") for k in range(100)]
    together = [Record("t", BAD, BAD, f"p{k // 10}") for k in range(100)]
    widths = []
    for some in (alone, together):
        found = Shares(some).ratio(right, np.ones(100))
        assert found is not None and found.low is not None and found.high is not None
        widths.append(found.high - found.low)
    assert widths[1] > 2.5 * widths[0]
    one = [Record("t", BAD, BAD, "p") for _ in range(100)]
    assert Shares(one).ratio(right, np.ones(100)).low is None  # type: ignore[union-attr]


@given(st.lists(st.floats(-1e3, 1e3) | st.just(float("nan")), min_size=1, max_size=12))
def test_the_median_is_that_of_the_numbers_that_there_are(values: list[float]) -> None:
    found = Shares([Record("t", BAD, BAD) for _ in values]).median(values)
    known = [v for v in values if not np.isnan(v)]
    if not known:
        assert found is None
    else:
        assert found is not None
        assert found.mean == pytest.approx(float(np.median(known)))


def test_the_same_seed_gives_the_same_tables() -> None:
    some = records((BAD, BAD), (BAD, GOOD), (GOOD, GOOD), (GOOD, BAD))
    assert words_tables(some, 3) == words_tables(some, 3)


def test_nothing_to_compare_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="records"):
        words_tables([])
