"""What is said of real series: kernel pairs found, counted, and nothing said twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.description import Modality, Severity
from engines.medq_uni.sources import Series
from engines.medq_uni.yardstick.unseen.series import kernel_pairs, sharpness, stack_of_series
from engines.medq_uni.yardstick.unseen.tables import NOISY_GROUPS, is_noisier, unseen_tables
from tests.engines.yardstick.made import source
from tests.engines.yardstick.words.said import MILD, NONE, SEVERE, named, noise, row, say


def series(name, kernel, level, patient="p", group="g", seed=0):
    rng = np.random.default_rng(seed)
    values = np.stack([source(patient, number=k, size=64).values for k in range(2)])
    values = values + rng.normal(0, level, values.shape).astype(np.float32)
    return Series(
        name, group, patient, Modality.CT, "chest", "HU", values, np.ones(values.shape, bool),
        (3.0, 2.0, 2.0), {"kernel": kernel},
    )  # fmt: skip


SMOOTH, SHARP = series("a-001", "B40f", 8, seed=1), series("b-001", "B70f", 40, seed=2)


class Ear:
    """Says the true spread of the air around the body, mild below 20 HU and severe above."""

    name = "ear"

    def __init__(self, wrong=False):
        self.wrong = wrong

    def assess(self, stack):
        spread = float(np.median([image[:6, :6].std() for image in stack.values]))
        number = 200 / spread if self.wrong else spread
        severe = number >= 20
        return say(noise(SEVERE if severe else NONE, number))


def test_kernels_are_ordered_within_their_family():
    assert sharpness("B40f") < sharpness("B70f")
    assert sharpness("Br40")[1] == 40
    assert sharpness("SOFT") < sharpness("LUNG")
    assert sharpness("B") < sharpness("L")
    assert sharpness("59 .10.AB50") is None
    assert sharpness("") is None


def test_a_pair_is_one_scan_by_two_kernels_the_smooth_one_first():
    assert list(kernel_pairs([SHARP, SMOOTH])) == [(SMOOTH, SHARP)]


@pytest.mark.parametrize(
    "other",
    [
        series("b", "B70f", 40, patient="q"),
        series("b", "B40f", 40),
        series("b", "LUNG", 40),
        replace(SHARP, values=np.roll(SHARP.values, 8, axis=2)),
    ],
    ids=["another patient", "the same kernel", "another family", "other slices"],
)
def test_what_is_no_pair_is_not_compared(other):
    assert list(kernel_pairs([SMOOTH, other])) == []


def test_the_sharp_one_must_have_the_larger_number_and_no_better_word():
    tables = unseen_tables(Ear(), [SHARP, SMOOTH])
    checks = named(tables, "unseen_checks")
    assert [cells[1:] for cells in checks.rows] == [(1, 1, "yes")] * 2 + [(2, 2, "yes")] * 2
    pairs = named(tables, "unseen_pairs")
    assert [cells[2] for cells in pairs.rows] == ["all", "1", "2"]
    wrong = named(unseen_tables(Ear(wrong=True), [SHARP, SMOOTH]), "unseen_checks")
    assert {cells[3] for cells in wrong.rows} == {"no"}


def test_none_without_a_number_is_less_than_any_and_what_is_not_said_is_noisier_than_nothing():
    assert is_noisier(noise(MILD, 16.0), noise(NONE))
    assert not is_noisier(noise(NONE), noise(NONE))
    assert not is_noisier(noise(Severity.SEVERE), noise(NONE))
    assert not is_noisier(None, noise(NONE))
    assert not is_noisier(noise(MILD, 16.0), None)


def test_noisy_groups_must_never_be_called_good():
    quiet = series("n-001", "STANDARD", 5, group=NOISY_GROUPS[0])
    loud = series("n-002", "STANDARD", 60, group=NOISY_GROUPS[0])
    checks = named(unseen_tables(Ear(), [quiet, loud]), "unseen_checks")
    assert checks.rows == ((f"never called good: {NOISY_GROUPS[0]}", 2, 1, "no"),)


def test_every_series_has_a_row_without_its_patient():
    calls = []
    tables = unseen_tables(Ear(), [SMOOTH, series("c", "", 8, patient="q")], {"q"},
                           lambda: calls.append(1))  # fmt: skip
    table = named(tables, "unseen_series")
    assert len(calls) == 2
    assert row(table, "a-001")["held out"] == "no"
    assert row(table, "c")["held out"] == "yes"
    assert row(table, "c")["kernel"] is None
    assert row(table, "a-001")["noise said"] == "none"
    assert "held out" not in named(unseen_tables(Ear(), [SMOOTH]), "unseen_series").columns
    assert "p" not in {str(cell) for cells in table.rows for cell in cells}


def test_a_stack_marks_padding_and_knows_its_size():
    stack = stack_of_series(SMOOTH)
    assert (stack.info.slices, stack.info.rows, stack.info.columns) == SMOOTH.values.shape
    assert stack.valid is SMOOTH.valid
