"""What comes out of contestants on cases, worked out by hand on a few."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.classical.engine import ClassicalEngine
from engines.description import Action, Degradation, Modality, Severity, Verdict
from engines.medq_uni.draws import Draw, sample
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.yardstick.bootstrap import mean_interval
from engines.medq_uni.yardstick.contestant import Contestant, own_words
from engines.medq_uni.yardstick.restoration import filters
from engines.medq_uni.yardstick.restoration.cases import Case, make_cases
from engines.medq_uni.yardstick.restoration.contest import (
    INPUT,
    Entry,
    entry_of,
    outcomes,
    worded_entries,
)
from engines.medq_uni.yardstick.restoration.figures import ACCENT, GREY, LIGHT, gains_chart
from engines.medq_uni.yardstick.restoration.found import (
    best_filter,
    by_entry,
    gain,
    median_case,
    shared_cases,
)
from engines.medq_uni.yardstick.restoration.material import is_phantom
from engines.medq_uni.yardstick.restoration.scores import body_mask, rmse
from engines.medq_uni.yardstick.restoration.sections import entries_of
from engines.medq_uni.yardstick.restoration.summary import beyond_table, summary_table
from engines.medq_uni.yardstick.restoration.tables import clean_table, task_tables
from engines.medq_uni.yardstick.restoration.told import told_level
from engines.medq_uni.yardstick.restoration.wordings import no_words
from tests.engines.yardstick.made import CLEAN, WHITE, WhiteNoise, source

SOURCES = tuple(source(f"phantom {k}", region, size=48) for k, region in enumerate(
    ["chest", "abdomen"] * 4))  # fmt: skip


def towards_truth(name: str, share: float, is_filter: bool = True) -> Entry:
    """Takes away a known share of the error: 20 log10(1 / (1 - share)) dB but for clipping."""
    return Entry(
        name,
        lambda c: (c.pair.image + share * (c.pair.truth - c.pair.image)).astype(np.float32),
        is_filter,
    )


HALF, THIRD = towards_truth("half", 0.5), towards_truth("third", 1 / 3)
ENGINE = towards_truth("engine", 0.75, is_filter=False)


@pytest.fixture(scope="module")
def cases():
    return make_cases([sample(WHITE, SOURCES, 9, 0)])


@pytest.fixture(scope="module")
def clean():
    return make_cases([sample(CLEAN, SOURCES, 4, 0)])


def cell(table, row, column):
    names = [r[0] for r in table.rows]
    return table.rows[names.index(row)][table.columns.index(column)]


def test_a_contestant_that_halves_the_error_gains_six_decibels(cases):
    found = by_entry(outcomes([INPUT, HALF], cases))
    gains = [gain(found, "half", case.name) for case in cases]
    assert np.mean(gains) == pytest.approx(20 * np.log10(2), abs=0.5)


def test_progress_counts_cases_not_contestants(cases):
    calls = []
    outcomes([INPUT, HALF, THIRD], cases, lambda: calls.append(1))
    assert len(calls) == len(cases)


def test_the_best_filter_is_the_one_that_all_are_compared_with(cases):
    entries = [INPUT, THIRD, HALF, ENGINE]
    found = outcomes(entries, cases)
    assert best_filter(by_entry(found), entries) == "half"
    main, by = task_tables("ct white noise", found, entries, 0)
    assert cell(main, "engine", "vs half (dB)") == pytest.approx(
        cell(main, "engine", "gain (dB)") - cell(main, "half", "gain (dB)")
    )
    assert cell(main, "engine", "95% from") > 0
    assert cell(main, "third", "to") < 0
    assert cell(main, "half", "vs half (dB)") is None
    assert (main.name, by.name) == ("ct_white_noise", "ct_white_noise_by")


def test_an_engine_is_never_the_filter_to_beat(cases):
    entries = [INPUT, THIRD, ENGINE]
    assert best_filter(by_entry(outcomes(entries, cases)), entries) == "third"


def test_where_no_filter_gains_the_input_is_the_one_to_beat(cases):
    worse = towards_truth("worse", -0.5)
    entries = [INPUT, worse, ENGINE]
    found = outcomes(entries, cases)
    assert best_filter(by_entry(found), entries) == "input"
    (main, _) = task_tables("ct white noise", found, entries, 0)
    assert cell(main, "engine", "vs input (dB)") == cell(main, "engine", "gain (dB)")


def test_filters_are_ranked_on_the_cases_that_all_of_them_saw(cases):
    few = frozenset(case.name for case in cases[:3])
    slow = replace(HALF, name="slow", case_names=few)
    entries = [INPUT, THIRD, slow, ENGINE]
    found = outcomes(entries, cases)
    assert shared_cases(by_entry(found), entries) == [case.name for case in cases[:3]]
    assert best_filter(by_entry(found), entries) == "slow"
    main, apart, by = task_tables("ct white noise", found, entries, 0)
    assert [cell(main, name, "cases") for name in ("slow", "engine")] == [3, 9]
    assert "ranked on the 3 of 9 cases" in main.note
    assert [row[1] for row in apart.rows] == [3, 3, 3, 3]
    assert apart.name == "ct_white_noise_slow_cases"
    assert cell(apart, "engine", "vs slow (dB)") == pytest.approx(
        cell(main, "engine", "vs slow (dB)")
    )
    assert "Without slow: not all cases were seen" in by.note
    summary = summary_table(found, entries, "engine", 0)
    assert cell(summary, "CT white noise", "cases") == 3
    assert cell(summary, "CT white noise", "engine (dB)") == cell(apart, "engine", "gain (dB)")


def test_a_chart_ranks_all_on_the_shared_cases_and_colours_tell_who_is_who(cases):
    import matplotlib.pyplot as plt

    few = [case.name for case in cases[:3]]
    slow = replace(HALF, name="slow", case_names=frozenset(few))
    told = replace(ENGINE, name="engine, told")
    entries = [THIRD, slow, ENGINE, told]
    found = by_entry(outcomes([INPUT, *entries], cases))
    figure = gains_chart(found, entries, few, "t", 0, "engine")
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "third"
    assert set(names) == {"third", "slow", "engine", "engine, told"}
    clouds = [line for line in axes.lines if line.get_alpha() is not None]
    assert {len(line.get_xdata()) for line in clouds} == {3}
    colours = dict(zip(names, [line.get_color() for line in clouds], strict=True))
    assert colours == {"third": GREY, "slow": GREY, "engine": ACCENT, "engine, told": LIGHT}
    plt.close(figure)


def test_where_no_noise_was_added_filters_are_told_a_quarter_of_the_error_inside_the_body():
    told = []

    def note(stack, noise):
        told.append(noise)
        return stack.values

    silent = replace(WHITE, noisy=False)
    cases = make_cases([sample(silent, SOURCES, 3, 0)])
    real = entry_of(Contestant("filter", note), is_filter=True)
    entries = [INPUT, real, ENGINE]
    found = outcomes(entries, cases)
    inside = [body_mask(c.pair.truth, Modality.CT) for c in cases]
    errors = [rmse(c.pair.image, c.pair.truth, b) for c, b in zip(cases, inside, strict=True)]
    assert told == pytest.approx([error / 4 for error in errors])
    main = task_tables("ct white noise", found, entries, 0)[0]
    assert cell(main, "filter", "cases") == 3
    assert cell(main, "filter", "gain (dB)") == 0
    assert "the RMS error inside the body" in main.note
    summary = summary_table(found, entries, "engine", 0)
    assert cell(summary, "CT white noise", "best filter") == "input"


def test_filters_of_pet_are_told_the_mean_over_the_body_of_noise_that_differs_by_place():
    values = np.zeros((64, 64), np.float32)
    values[12:52, 12:52] = 1
    values[12:52, 12:32] = 3
    body = Source("pet", "phantom 1", Modality.PT, "whole body", "SUV", values, 4.0, 4.0)
    noise = np.random.default_rng(0).normal(0, 0.1, values.shape) * values
    pair = replace(Pair.clean(body), image=(values + noise).astype(np.float32), noise=0.1)
    task = replace(WHITE, modality=Modality.PT, degradation=Degradation.LOW_COUNT)
    case = Case("c", Draw(task, Severity.MILD, None, body, 0), pair, no_words(pair))
    inside = body_mask(values, Modality.PT)
    assert told_level(case) == pytest.approx(0.1 * values[inside].mean(), rel=0.03)


def test_a_clean_image_comes_back_from_filters_as_it_is(clean):
    soft = entry_of(filters.TV, is_filter=True)
    table = clean_table("ct clean", outcomes([INPUT, soft], clean), [INPUT, soft])
    assert table.rows[0][:3] == ("TV", 4, 100)


def test_an_engine_that_wipes_lungs_out_is_seen_beyond_the_window(cases):
    def wipe(case):
        dark = case.pair.truth < -300
        return np.where(dark, np.float32(-700), case.pair.truth)

    entries = [INPUT, HALF, Entry("engine", wipe)]
    table = beyond_table(outcomes(entries, cases), entries, "engine")
    gains = {row[1].split()[0]: row[table.columns.index("engine (dB)")] for row in table.rows}
    assert gains["window"] > 20
    assert gains["lungs,"] < 0
    assert gains["body,"] < 0


def test_bm3d_sees_the_first_of_every_task_with_something_to_mend_and_of_no_other(cases, clean):
    some = entries_of(ClassicalEngine(), [CLEAN, WHITE], [*clean, *cases], {}, 4)
    (slow,) = [entry for entry in some if entry.name == "BM3D"]
    assert slow.case_names == {case.name for case in cases[:4]}
    none = entries_of(ClassicalEngine(), [CLEAN, WHITE], [*clean, *cases], {}, 0)
    assert "BM3D" not in [entry.name for entry in none]


def test_gains_by_severity_average_to_the_gain_of_all(cases):
    found = outcomes([INPUT, HALF], cases)
    main, by = task_tables("ct white noise", found, [INPUT, HALF], 0)
    rows = [row for row in by.rows if row[0] == "severity"]
    assert [row[1] for row in rows] == ["mild", "moderate", "severe"]
    assert np.mean([row[4] for row in rows]) == pytest.approx(cell(main, "half", "gain (dB)"))
    before = [row[3] for row in rows]
    assert before == sorted(before, reverse=True)


def test_the_typical_case_is_that_of_the_median_gain(cases):
    found = by_entry(outcomes([INPUT, HALF], cases))
    gains = {case.name: gain(found, "half", case.name) for case in cases}
    assert gains[median_case(found, "half").name] == pytest.approx(np.median(list(gains.values())))


def test_where_there_are_phantoms_the_typical_case_is_one_so_that_no_patient_is_shown():
    sources = [*SOURCES[:2], *(source(f"patient {k}", size=48) for k in range(4))]
    mixed = make_cases([sample(WHITE, sources, 12, 0)])
    made = [case.name for case in mixed if is_phantom(case.pair.source)]
    assert 0 < len(made) < len(mixed)
    assert median_case(by_entry(outcomes([INPUT, HALF], mixed)), "half").name in made


def test_clean_images_show_who_leaves_them_alone(clean):
    shift = Entry("shift", lambda c: c.pair.image + np.float32(3))
    table = clean_table("ct clean", outcomes([INPUT, shift], clean), [INPUT, shift])
    assert [row[0] for row in table.rows] == ["shift"]
    assert cell(table, "shift", "left as it was (%)") == 0
    assert cell(table, "shift", "largest change (HU)") == pytest.approx(3, abs=1e-3)
    still = entry_of(Contestant("still", lambda stack, noise: stack.values))
    alone = clean_table("ct clean", outcomes([INPUT, still], clean), [INPUT, still])
    assert alone.rows[0][2:] == (100, 0, 0, 0)


def test_the_words_decide_what_the_classical_engine_does(cases):
    engine = ClassicalEngine()
    stated = {case.name: engine.assess(case.stack) for case in cases}
    entries = [INPUT, *worded_entries(engine, stated)]
    found = by_entry(outcomes(entries, cases))
    for silent in ("no words", "words that say none"):
        assert all(o.same for o in found[f"classical, {silent}"].values())
    true = [gain(found, "classical, true words", c.name) for c in cases]
    assert np.mean(true) > 0.5
    wrong = found["classical, wrong severity"]
    right = found["classical, true words"]
    assert any(wrong[c.name].scores != right[c.name].scores for c in cases)


def test_an_engine_is_left_out_where_its_own_words_plan_no_restoration_and_run_always_beside(cases):
    engine = ClassicalEngine()
    case = cases[0]
    mild = replace(case.words, verdict=Verdict.GOOD, actions=(Action.KEEP,))
    assert not mild.restores
    entries = {e.name: e for e in worded_entries(engine, {case.name: mild})}
    assert np.array_equal(entries["classical"].restore(case), case.pair.image)
    assert not np.array_equal(entries["classical, always run"].restore(case), case.pair.image)
    planned = replace(mild, verdict=Verdict.USABLE, actions=(Action.REDUCE_NOISE,))
    entries = {e.name: e for e in worded_entries(engine, {case.name: planned})}
    assert not np.array_equal(entries["classical"].restore(case), case.pair.image)


def test_by_its_own_words_an_engine_does_what_the_node_would():
    class Mute(ClassicalEngine):
        def assess(self, stack):
            return replace(super().assess(stack), verdict=Verdict.GOOD, actions=(Action.KEEP,))

    (case,) = make_cases([sample(WHITE, [source("phantom large")], 1, 0)])
    noisy = WhiteNoise(50.0).apply(case.pair, np.random.default_rng(0))
    stack = replace(case, pair=noisy).stack
    assert np.array_equal(own_words(Mute()).restore(stack, 0.0), stack.values)
    assert not np.array_equal(own_words(ClassicalEngine()).restore(stack, 0.0), stack.values)


def test_filters_are_told_what_was_added_and_not_what_the_truth_keeps():
    told = []

    def note(stack, noise):
        told.append(noise)
        return stack.values

    (case,) = make_cases([sample(WHITE, [replace(SOURCES[0], noise=12.0)], 1, 0)])
    entry_of(Contestant("note", note), is_filter=True).restore(case)
    assert told == [pytest.approx(16)]


def test_the_summary_has_a_row_for_each_task_with_something_to_mend(cases, clean):
    entries = [INPUT, THIRD, ENGINE]
    table = summary_table(outcomes(entries, [*clean, *cases]), entries, "engine", 0)
    assert [row[0] for row in table.rows] == ["CT white noise"]
    assert cell(table, "CT white noise", "best filter") == "third"
    assert all(c.draw.severity is Severity.NONE for c in clean)


def test_what_a_contestant_may_not_give_is_refused_with_its_name(cases):
    nan = Entry("broken", lambda c: np.full_like(c.pair.image, np.nan))
    with pytest.raises(ValueError, match=r"broken on ct white noise 001: .*NaN"):
        outcomes([nan], cases)
    small = Entry("small", lambda c: c.pair.image[:20])
    with pytest.raises(ValueError, match="small on ct white noise 001"):
        outcomes([small], cases)


def test_an_interval_holds_the_mean_and_narrows_with_more_patients():
    rng = np.random.default_rng(0)
    widths = []
    for count in (10, 200):
        values = list(rng.normal(1, 1, count))
        found = mean_interval(values, [str(k) for k in range(count)], 0)
        assert found.mean == pytest.approx(np.mean(values))
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.mean < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3


def test_many_slices_of_few_patients_are_no_more_sure_than_the_patients():
    rng = np.random.default_rng(0)
    patients = [str(k % 10) for k in range(100)]
    own = rng.normal(0, 1, 10)
    values = [float(own[int(p)] + rng.normal(0, 0.01)) for p in patients]
    clustered = mean_interval(values, patients, 0)
    pretended = mean_interval(values, [str(k) for k in range(100)], 0)
    assert clustered.high is not None
    assert clustered.low is not None
    assert pretended.high is not None
    assert pretended.low is not None
    assert clustered.high - clustered.low > 2 * (pretended.high - pretended.low)


def test_two_patients_have_no_interval_and_no_values_are_refused():
    assert mean_interval([1, 2, 3], ["a", "a", "b"], 0).low is None
    with pytest.raises(ValueError, match="values"):
        mean_interval([], [], 0)
