"""Targets are read from the tables, and what was not measured has no row."""

from __future__ import annotations

import numpy as np
import pytest

from engines.medq_uni.draws import sample
from engines.medq_uni.yardstick.report import Section
from engines.medq_uni.yardstick.restoration.cases import make_cases
from engines.medq_uni.yardstick.restoration.contest import INPUT, Entry, outcomes
from engines.medq_uni.yardstick.restoration.shift import Watch, shift_table
from engines.medq_uni.yardstick.table import Table
from engines.medq_uni.yardstick.targets import targets_section
from engines.medq_uni.yardstick.words.calibration import (
    calibration_error,
    calibration_table,
    words_of,
)
from engines.medq_uni.yardstick.words.records import Record
from engines.medq_uni.yardstick.words.tables import words_tables
from tests.engines.yardstick.made import CLEAN, WHITE, source
from tests.engines.yardstick.words.said import MILD, MODERATE, NONE, SEVERE, noise, say


def targets(*tables):
    section = targets_section([Section("All", tables=list(tables))], "net")
    if not section.tables:
        return {}
    return {(row[0], row[1]): (row[3], row[5]) for row in section.tables[0].rows}


def records():
    truths = [(MILD, 20.0), (MILD, 18.0), (SEVERE, 50.0), (SEVERE, 40.0), (NONE, 8.0)]
    said = [(MILD, 22.0), (MODERATE, 26.0), (SEVERE, 50.0), (SEVERE, 40.0), (NONE, 8.0)]
    return [
        Record("low dose", say(noise(*true)), say(noise(*stated)), f"p{k}")
        for k, (true, stated) in enumerate(zip(truths, said, strict=True))
    ]


def test_words_are_held_against_their_targets():
    some = records()
    found = targets(*words_tables(some), calibration_table(some))
    assert found["macro F1 of degradation types", "all tasks"] == ("100", "yes")
    assert found["severity exact", "all tasks"] == ("75", "yes")
    assert found["severity one step off at most", "all tasks"] == ("100", "yes")
    assert found["severity exact: mild behind severe", "all tasks"] == ("50", "no")
    assert found["median error of the number", "noise, HU"] == ("0", "yes")
    error = 100 * calibration_error(words_of(some))
    assert float(found["calibration error", "all tasks"][0]) == pytest.approx(error, rel=1e-2)


def test_what_was_not_measured_has_no_row():
    assert targets(Table("cost", "Cost", ("a",), ((1,),))) == {}


def test_restoration_is_held_against_the_best_filter_and_bm3d():
    summary = Table(
        "summary", "S",
        ("task", "best filter", "cases of both", "against best filter (dB)", "95% from", "to"),
        (("CT low dose", "BM3D", 4, 0.2, 0.1, 0.3), ("MR noise", "NLM", 2, 0.3, None, None),
         ("CT metal", "TV", 9, 0.3, -0.1, 0.7)),
    )  # fmt: skip
    main = Table("ct_low_dose", "L", ("contestant", "cases", "gain (dB)"),
                 (("net", 4, 2.1), ("net, always run", 4, 5.2), ("BM3D", 4, 5.0)))  # fmt: skip
    found = targets(summary, main)
    ahead = "ahead of the best filter ({}), always run, dB"
    assert found[ahead.format("BM3D"), "CT low dose, 4 cases"] == ("0.2", "yes")
    assert found[ahead.format("NLM"), "MR noise, 2 cases"] == ("0.3", None)
    assert found[ahead.format("TV"), "CT metal, 9 cases"] == ("0.3", "no")
    assert found["ahead of BM3D, always run, dB", "CT low dose, 4 cases"] == ("0.2", "no")


def test_harm_is_held_against_its_targets_for_the_engine_alone():
    words = Table("harm_words", "W", ("engine", "modality", "images", "called good (%)"),
                  (("net", "CT", 12, 91.7), ("net", "MR", 12, 50.0)))  # fmt: skip
    bias = Table("harm_bias", "B", ("contestant", "kind", "soft tissue, mean (HU)"),
                 (("TV", "real", 9.0), ("net", "real", -1.2)))  # fmt: skip
    pet = Table("harm_change_pet", "P", ("contestant", "kind", "total activity, mean (%)"),
                (("net", "phantom", 99.5),))  # fmt: skip
    found = targets(words, bias, pet)
    assert found["clean slices called good", "CT, 12 images"] == ("91.7", "yes")
    assert found["clean slices called good", "MR, 12 images"][1] == "no"
    assert found["bias in soft tissue", "clean, real"] == ("-1.2", "no")
    assert found["total activity off", "PET clean, phantom"] == ("-0.5", "yes")


NAMED = ("polyethylene", "acrylic", "bone", "air", "water", "background")


def test_the_physicists_table_is_held_to_its_worst_kernel_at_quarter_dose():
    head = ("dose", "kernel", "method")
    net = "net, always run"
    where = [(0.25, "sharp", net), (0.25, "smooth", net), (1.0, "sharp", net),
             (0.25, "sharp", "TV")]  # fmt: skip

    def table(name, columns, *rows):
        cells = tuple((*at, *row) for at, row in zip(where, rows, strict=True))
        return Table(f"physicist_{name}", "P", (*head, *columns), cells)

    inserts = tuple(f"{n} HU" for n in NAMED)
    sizes = tuple(f"{mm} mm change %" for mm in (6, 4, 3, 2))
    found = targets(
        table("noise", ("reduction %", "ratio"), (60, 0.9), (48, 0.7), (30, 1.0), (80, 0.2)),
        table("mtf50", ("bone change %", "air change %"), (1, -2), (0, 1), (9, 9), (9, 9)),
        table("mtf10", ("bone change %", "air change %"), (1, "lost"), (0, 1), (9, 9), (9, 9)),
        table("hu", inserts, *[(0.1, -1.5, 0, 0, 0, 0)] * 2, *[(9,) * 6] * 2),
        table("detection", sizes, (1, 1, 1, 1), (1, 1, 1, -1), (1, 1, 1, 1), (-1, -1, -1, -1)),
    )
    worst = "quarter dose, worst of 2 kernels"
    assert found["noise reduced", worst] == ("48", "no")
    assert found["mean noise frequency, of the input's", worst] == ("0.7", "no")
    assert found["MTF at 50 %, bone and air", worst] == ("-2", "yes")
    assert found["MTF at 10 %, bone and air", worst] == (None, "no")
    assert found["inserts off", worst] == ("-1.5", "yes")
    discs = found["d' higher, four sizes of discs", "3 doses and kernels"]
    assert discs == ("91.7", "no")


def test_what_was_left_as_it_was_is_not_held_to_what_restoring_does():
    head, net = ("dose", "kernel", "method"), "net, always run"
    noise = Table("physicist_noise", "P", (*head, "reduction %", "ratio"),
                  ((0.25, "sharp", net, 60, 0.9), (0.25, "smooth", net, 0, 1.0)))  # fmt: skip
    discs = Table("physicist_detection", "P", (*head, "6 mm change %"),
                  ((0.25, "sharp", net, 1), (0.25, "smooth", net, 0)))  # fmt: skip
    found = targets(noise, discs)
    of = "quarter dose, worst of 1 kernels, 1 left as it was"
    assert found["noise reduced", of] == ("60", "yes")
    assert found["d' higher, four sizes of discs", "1 doses and kernels, 1 left as they were"]


@pytest.mark.parametrize(
    ("cost", "low", "reached"), [(0.3, 0.1, "yes"), (0.3, -0.1, "no"), (0.3, None, None)]
)
def test_a_cost_is_measurable_where_its_interval_leaves_zero(cost, low, reached):
    table = Table(
        "steering", "S",
        ("task", "words", "cost against own words (dB)", "cost 95% from (dB)", "cost to (dB)"),
        (
            ("All", "number alone x 2", cost, low, 0.5),
            ("All", "words of another case", cost, low, 0.5),
        ),
    )  # fmt: skip
    found = targets(table)
    assert found["number alone x 2: cost (dB)", "All"] == ("0.3", reached)
    assert found["words of another case: cost (dB)", "All"] == ("0.3", "no")


SOURCES = tuple(source(f"phantom {k}", "abdomen", size=96) for k in range(4))


def shifted_by(name, hu):
    return Entry(name, lambda case: (case.pair.truth + np.float32(hu)).astype(np.float32))


def speckled(case):
    image = case.pair.image.copy()
    image[48, 30] += 10 * case.pair.noise
    return image


def test_a_shift_of_ct_numbers_at_low_dose_is_found_and_clean_images_are_not_looked_at():
    cases = make_cases([sample(WHITE, SOURCES, 3, 0), sample(CLEAN, SOURCES, 2, 0)])
    watch = Watch()
    entries = [INPUT, shifted_by("three up", 3.0), Entry("speckled", speckled)]
    outcomes([watch.over(entry) for entry in entries], cases)
    table = shift_table(watch, entries)
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["three up"]["cases"] == 3
    assert rows["three up"]["soft tissue, mean (HU)"] == pytest.approx(3.0, abs=0.01)
    assert rows["three up"]["largest isolated error (sigma)"] == pytest.approx(0, abs=0.01)
    assert abs(rows["input"]["soft tissue, mean (HU)"]) < 3
    assert 9 < rows["speckled"]["largest isolated change (sigma)"] < 11
    assert rows["input"]["largest isolated change (sigma)"] is None


def test_without_ct_there_is_no_such_table():
    assert shift_table(Watch(), [INPUT]) is None
