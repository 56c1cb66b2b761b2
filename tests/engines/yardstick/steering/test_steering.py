"""Gains by wording, checks of the steering, and two evaluations side by side."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from engines.description import Severity
from engines.medq_uni.draws import sample
from engines.medq_uni.yardstick.contestant import with_words
from engines.medq_uni.yardstick.restoration.cases import make_cases
from engines.medq_uni.yardstick.restoration.contest import INPUT, Entry, outcomes, worded_entries
from engines.medq_uni.yardstick.restoration.found import by_entry, gain
from engines.medq_uni.yardstick.steering.chart import wordings_chart
from engines.medq_uni.yardstick.steering.checks import (
    GOES_WITH,
    KEPT,
    NONE_KEEPS,
    OFF_ALONE,
    OFF_BESIDE,
    RISES,
    checked,
    checks_table,
)
from engines.medq_uni.yardstick.steering.compare import app
from engines.medq_uni.yardstick.steering.gains import (
    ABLATED,
    NONE,
    OWN,
    SWAPPED,
    TRUE,
    UP,
    gain_of,
    known_gains,
    steered,
    told,
)
from engines.medq_uni.yardstick.steering.tables import (
    cases_listing,
    gain_table,
    outcomes_listing,
    worths,
)
from tests.engines.yardstick.made import CLEAN, WHITE, source
from tests.engines.yardstick.steering.obedient import CONTRARY, DEAF, OBEDIENT
from tests.engines.yardstick.words.said import MILD, metal

SOURCES = tuple(source(f"phantom {k}", r, size=64) for k, r in enumerate(["chest", "abdomen"] * 6))
RUN = CliRunner()


@pytest.fixture(scope="module")
def cases():
    return make_cases([sample(CLEAN, SOURCES, 2, 0), sample(WHITE, SOURCES, 12, 0)])


@pytest.fixture(scope="module")
def stated(cases):
    return {case.name: OBEDIENT.assess(case.stack) for case in cases}


@pytest.fixture(scope="module")
def found(cases, stated):
    return told(OBEDIENT, cases, stated, 0, 9)


def by_words(rows, task="ct white noise"):
    return {row.wording: row for row in rows if row.task == task}


def test_gains_are_those_of_the_restoration_table(cases, stated):
    case = cases[-1]
    entries = [INPUT, *worded_entries(OBEDIENT, stated)]
    outcome = by_entry(outcomes(entries, [case]))
    image = with_words(OBEDIENT, case.stack, case.words)[0]
    expected = gain(outcome, "obedient, true words", case.name)
    assert gain_of(case, image, case.ruler) == pytest.approx(expected, abs=1e-6)


def test_clean_tasks_are_not_steered_and_each_task_gives_so_many_cases(cases):
    assert [case.draw.task.name for case in steered(cases, 5)] == ["ct white noise"] * 5


def test_every_wording_is_measured_on_the_same_cases_and_costs_what_it_loses(found):
    rows = by_words(worths(found, 0))
    assert {row.cases for row in rows.values()} == {9}
    own = rows[OWN]
    assert own.cost is None
    for name in (TRUE, UP, ABLATED, NONE):
        assert rows[name].cost.mean == pytest.approx(own.gain.mean - rows[name].gain.mean)
    assert rows[NONE].gain.mean == 0
    assert rows[ABLATED].cost.mean > 0.2
    assert rows[ABLATED].cost.low > 0
    assert rows[UP].changed == 9
    assert abs(rows[UP].cost.mean) > 0.05


def test_words_that_change_nothing_cost_nothing_and_are_counted(found):
    # The engine says the same of all, so that another case's words are its own.
    swapped = by_words(worths(found, 0))[SWAPPED]
    assert (swapped.changed, swapped.where_changed, swapped.cost.mean) == (0, None, 0)


def test_what_the_restoration_has_measured_is_not_restored_again(cases, stated, found):
    entries = [INPUT, *worded_entries(OBEDIENT, stated)]
    some = steered(cases, 3)
    known = known_gains(outcomes(entries, some), "obedient")
    assert set(known) == {OWN, TRUE, NONE}
    again = {(t.wording, t.case.name): t.gain for t in told(OBEDIENT, cases, stated, 0, 9)}
    for wording, gains in known.items():
        for case, gained in gains.items():
            assert gained == pytest.approx(again[wording, case], abs=1e-6)
    taken = told(OBEDIENT, cases, stated, 0, 1, known={TRUE: {some[0].name: 42.0}})
    assert next(t.gain for t in taken if t.wording == TRUE) == 42.0


def test_an_engine_without_that_offer_has_no_such_row(cases, stated):
    class Closed:
        def __init__(self, engine):
            self.assess, self.restore, self.name = engine.assess, engine.restore, "closed"

    wordings = {one.wording for one in told(Closed(OBEDIENT), cases, stated, 0, 1)}
    assert ABLATED not in wordings
    assert OWN in wordings


def test_a_restored_image_that_is_not_finite_is_refused_by_the_case(cases):
    case = cases[-1]
    with pytest.raises(ValueError, match=case.name):
        gain_of(case, np.full_like(case.pair.image, np.nan), case.ruler)


def test_the_table_and_the_chart_show_every_task_and_wording(found):
    rows = worths(found, 0)
    table = gain_table(rows, "obedient")
    assert len(table.rows) == len(rows)
    chart = wordings_chart(rows, "obedient")
    assert [axes.get_title("left") for axes in chart.axes] == ["CT white noise"]
    with pytest.raises(ValueError, match="rows"):
        wordings_chart([], "obedient")


def answers(engine, cases):
    table = checks_table(checked(engine, cases))
    return {row[0]: row[4] for row in table.rows}, {row[0]: row for row in table.rows}


def test_an_obedient_engine_passes_every_check(cases):
    yes, rows = answers(OBEDIENT, cases)
    assert set(yes.values()) == {"yes"}
    assert rows[NONE_KEEPS][2:4] == (14, 14)
    assert rows[OFF_ALONE][2:4] == (4, 4)
    changes = rows[RISES.format(GOES_WITH)][5:]
    assert changes[0] < changes[1] < changes[2]
    kept = rows[RISES.format(KEPT)][5:]
    assert kept[1] == pytest.approx(2 * kept[0])
    assert kept[2] == pytest.approx(3 * kept[0])


def test_a_deaf_engine_changes_as_much_at_every_severity_and_that_is_shown(cases):
    yes, rows = answers(DEAF, cases)
    kept = rows[RISES.format(KEPT)]
    assert yes[RISES.format(KEPT)] == "yes"
    assert kept[5] == pytest.approx(kept[7])


def test_who_changes_less_for_a_worse_word_or_ignores_none_is_found_out(cases):
    yes, rows = answers(CONTRARY, cases)
    assert yes[RISES.format(KEPT)] == "no"
    assert rows[RISES.format(KEPT)][3] == 0

    class Stubborn:
        name, assess = "stubborn", OBEDIENT.assess

        def restore(self, slab, info, description):
            return slab.values + np.float32(1)

    yes, _ = answers(Stubborn(), cases)
    assert (yes[NONE_KEEPS], yes[OFF_ALONE]) == ("no", "no")


def test_beside_other_faults_less_must_be_changed_once_noise_is_said_to_be_none(cases):
    severe = next(case for case in cases if case.severity is Severity.SEVERE)
    words = replace(
        severe.words, findings=(*(f for f in severe.words.findings if f.unit), metal(MILD)),
        not_assessed=(),
    )  # fmt: skip
    yes, _ = answers(OBEDIENT, [replace(severe, words=words)])
    assert yes[OFF_BESIDE] == "yes"
    assert OFF_ALONE not in yes


@pytest.fixture(scope="module")
def folders(cases, stated, found, tmp_path_factory):
    """Two evaluations that differ by a contestant that is better by a known share of the error."""
    made = []
    for name, share in (("before", 0.5), ("after", 0.75)):
        folder = tmp_path_factory.mktemp("compared") / name
        folder.mkdir()

        def restore(case, share=share):
            error = case.pair.truth - case.pair.image
            return (case.pair.image + share * error).astype(np.float32)

        seen = outcomes([INPUT, Entry(f"net {name}", restore)], steered(cases, 12))
        (folder / "restored_cases.csv").write_text(outcomes_listing(seen, f"net {name}").csv())
        (folder / "steering_cases.csv").write_text(cases_listing(found).csv())
        target = "what,of,target,measured,95 %,reached\nF1,all,at least 90 %,66.7,,no\n"
        (folder / "targets.csv").write_text(target)
        made.append(folder)
    return made


def test_two_evaluations_are_paired_case_by_case(folders):
    done = RUN.invoke(app, [str(folder) for folder in folders])
    assert done.exit_code == 0, done.output
    line = next(one for one in done.stdout.splitlines() if one.startswith("| CT white noise | eng"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:3] == ["engine", "12"]
    assert float(cells[5]) == pytest.approx(20 * np.log10(2), abs=0.3)
    assert float(cells[6]) <= float(cells[5]) <= float(cells[7])
    assert "| CT white noise | own words | 9 |" in done.stdout
    assert "| F1 | all | at least 90 % | 66.7 | 66.7 | no | no |" in done.stdout


def test_people_are_numbers_in_the_csv_of_cases(folders):
    rows = list(csv.DictReader((folders[0] / "restored_cases.csv").open()))
    assert {row["person"] for row in rows} == {str(k) for k in range(1, 13)}
    assert "phantom" not in (folders[0] / "restored_cases.csv").read_text()


def test_clean_cases_have_no_gain_to_compare(cases):
    listing = outcomes_listing(
        outcomes([INPUT, Entry("net", lambda c: c.pair.image)], cases), "net"
    )
    assert {row[0] for row in listing.rows} == {"CT white noise"}


def test_a_long_table_is_not_on_the_page_but_in_its_csv(found):
    listing = cases_listing(found)
    assert "9 rows" in listing.markdown(3)
    assert "ct white noise 003" not in listing.markdown(3)
    assert "ct white noise 003" in listing.csv()


def test_folders_without_an_evaluation_or_without_a_shared_case_are_told_in_one_line(
    folders, tmp_path
):
    empty = RUN.invoke(app, [str(folders[0]), str(tmp_path)])
    assert empty.exit_code == 1
    assert "holds no evaluation" in empty.stderr
    other = tmp_path / "other"
    other.mkdir()
    (other / "restored_cases.csv").write_text(
        "task,case,person,image,engine (dB)\nMR,mr 001,1,0a1b2c3d,2.0\n"
    )
    apart = RUN.invoke(app, [str(folders[0]), str(other)])
    assert apart.exit_code == 1
    assert "share no case" in apart.stderr
    (other / "restored_cases.csv").write_text("a,b\n1,2\n")
    strange = RUN.invoke(app, [str(folders[0]), str(other)])
    assert strange.exit_code == 1
    assert "is no table of an evaluation" in strange.stderr
