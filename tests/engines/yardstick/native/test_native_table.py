"""Tables in a modality's own terms hold the truth, the input and who is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from engines.description import Amount, Degradation, Modality
from engines.medq_uni.draws import sample
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.tasks.task import DEGREES, Task
from engines.medq_uni.yardstick.native.gauge import EDGE, GHOST_ERROR, MAXIMA, gauge_of
from engines.medq_uni.yardstick.native.tables import native_table
from engines.medq_uni.yardstick.restoration.cases import make_cases
from engines.medq_uni.yardstick.restoration.contest import INPUT, Entry, outcomes
from engines.medq_uni.yardstick.restoration.found import by_entry
from engines.medq_uni.yardstick.restoration.tables import clean_table, task_tables
from engines.severity import graded_finding
from tests.engines.yardstick.made import WHITE
from tests.engines.yardstick.made import source as ct_source
from tests.engines.yardstick.native.shapes import blurred, disc, mr, pet


@dataclass(frozen=True, slots=True)
class Ghost:
    """Half a field away along an axis, as a stand-in for motion."""

    axis: int

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        image = pair.image + np.float32(0.1) * np.roll(pair.image, 80, axis=self.axis)
        source = pair.source
        found = graded_finding(
            Degradation.MOTION, [Amount(2.0, "mm")], source.modality, source.region
        )
        return replace(pair, image=image).with_finding(
            found, phase_axis=("rows", "columns")[self.axis]
        )


@dataclass(frozen=True, slots=True)
class Blur:
    """As a stand-in for a reconstruction of few counts."""

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        source = pair.source
        found = graded_finding(
            Degradation.LOW_COUNT, [Amount(20, "% of signal")], source.modality, source.region
        )
        return replace(pair, image=blurred(pair.image, 2.0)).with_finding(found)


def source(modality, unit, values, name):
    return Source(name, f"phantom {name}", modality, "head", unit, values, 1.0, 3.0)


def task_of(modality, degradation, step):
    name = {"MR": "mr motion", "PT": "pet low count"}[modality.value]
    return Task(name, modality, DEGREES, (None,), degradation, False, lambda *_: (step,))


MR_TRUTH = blurred(disc(38, 1000.0), 1.2)
PET_TRUTH = disc(60, 1.0) + disc(9, 6.0, (60, 100))
PERFECT = Entry("perfect", lambda case: case.pair.truth)


def found_of(modality, units, truth, step, degradation):
    sources = [
        source(modality, unit, np.asarray(truth * scale, np.float32), f"{unit} {k}")
        for k, (unit, scale) in enumerate(units)
    ]
    task = task_of(modality, degradation, step)
    cases = make_cases([sample(task, sources, 2 * len(sources), 0)])
    return task, outcomes([INPUT, PERFECT], cases)


def row(table, name):
    cells = next(r for r in table.rows if r[0] == name)
    return dict(zip(table.columns, cells, strict=True))


@pytest.mark.parametrize("axis", [0, 1])
def test_mr_tables_look_along_the_axis_that_the_recipe_names(axis):
    task, found = found_of(Modality.MR, [("signal", 1)], MR_TRUTH, Ghost(axis), Degradation.MOTION)
    table = native_table(task.name, by_entry(found), [INPUT, PERFECT])
    assert [r[0] for r in table.rows] == ["truth", "input", "perfect"]
    assert row(table, "input")[GHOST_ERROR] > 2
    assert row(table, "perfect")[GHOST_ERROR] == 0
    assert row(table, "truth")[EDGE] == row(table, "perfect")[EDGE]
    assert table.title == "MR motion: ghosts and edges"


def test_an_axis_may_be_called_phase_in_a_recipe_and_is_rows_where_nobody_says():
    image = MR_TRUTH + np.float32(0.1) * np.roll(MR_TRUTH, 80, axis=1)
    held = mr(MR_TRUTH)
    along, rows = (gauge_of(held, r).read(image) for r in ({"phase_axis": "columns"}, {}))
    assert along[GHOST_ERROR][0] > 2
    assert rows[GHOST_ERROR] == (0,)


def test_pet_tables_mix_units_in_per_cent_alone_and_say_so():
    task, found = found_of(
        Modality.PT, [("SUV", 1), ("Bq/ml", 4000)], PET_TRUTH, Blur(), Degradation.LOW_COUNT
    )
    entries = [INPUT, PERFECT]
    main, native, _ = task_tables(task.name, found, entries, 0)
    assert not [c for c in main.columns if "SUV" in c or "Bq" in c]
    assert "Images are in Bq/ml and SUV" in main.note
    each = {o.scores.percent_body for o in found if o.entry == "input"}
    assert row(main, "input")["RMSE body (%)"] == pytest.approx(np.mean(list(each)), rel=1e-3)
    assert max(each) == pytest.approx(min(each), rel=1e-3)
    assert row(native, "perfect")[MAXIMA] == 100
    assert row(native, "input")["total activity (%)"] == pytest.approx(100, abs=0.5)
    assert row(native, "input")["least SUVpeak (%)"] < 99


def test_one_unit_has_the_middle_case_in_that_unit_and_no_mean_that_bright_images_own():
    scales = [("signal", 1), ("signal", 1), ("signal", 1), ("signal", 3)]
    task, found = found_of(Modality.MR, scales, MR_TRUTH, Ghost(0), Degradation.MOTION)
    main = task_tables(task.name, found, [INPUT, PERFECT], 0)[0]
    inside = sorted(o.scores.rmse_body for o in found if o.entry == "input")
    shown = row(main, "input")["RMSE body, middle case (signal)"]
    assert shown == pytest.approx(np.median(inside))
    assert inside[-1] > 2.9 * shown


def test_clean_images_of_any_scale_show_the_largest_change_in_per_cent_of_tissue():
    task = replace(task_of(Modality.MR, None, None), steps=lambda *_: ())
    sources = [source(Modality.MR, "signal", s * MR_TRUTH, f"c {s}") for s in (1, 3)]
    cases = make_cases([sample(task, sources, 4, 0)])
    shift = Entry("shift", lambda case: case.pair.image * np.float32(1.1))
    table = clean_table("mr clean", outcomes([INPUT, shift], cases), [INPUT, shift])
    assert row(table, "shift")["largest change (%)"] == pytest.approx(10, rel=0.05)


def test_ct_has_no_table_of_its_own_kind():
    cases = make_cases([sample(WHITE, [ct_source("phantom a", size=48)], 2, 0)])
    found = by_entry(outcomes([INPUT], cases))
    assert set(found) == {"input"}
    assert native_table("ct white noise", found, [INPUT]) is None


def test_a_gauge_of_nothing_reads_nothing():
    empty = np.zeros((32, 32), np.float32)
    assert gauge_of(mr(empty), {}).read(empty) == {}
    assert not any(gauge_of(pet(empty), {}).read(empty).values())
