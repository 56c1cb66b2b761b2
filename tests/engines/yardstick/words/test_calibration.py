"""Confidence against the share right: engines that keep their word, and those that boast."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.description import CLAIMED, Confidence, Degradation, Verdict
from engines.medq_uni.yardstick.words.calibration import (
    Word,
    calibration_error,
    calibration_table,
    is_right,
    reliability_figure,
    words_of,
)
from engines.medq_uni.yardstick.words.records import Record
from tests.engines.yardstick.words.said import MILD, NONE, SEVERE, metal, noise, row, say

TRUTH = say(noise(SEVERE, 40.0), metal(NONE))


def engine(right: dict[Confidence, tuple[int, int]]) -> list[Record]:
    """Says each word so often, and so often rightly."""
    return [
        Record("t", TRUTH, say(noise(SEVERE if k < hits else MILD), metal(NONE), confidence=word))
        for word, (hits, said) in right.items()
        for k in range(said)
    ]


HONEST = engine({Confidence.HIGH: (95, 100), Confidence.MEDIUM: (40, 50), Confidence.LOW: (5, 10)})
BOASTER = engine({Confidence.HIGH: (50, 100)})


def test_right_is_who_names_true_severities_and_the_true_verdict() -> None:
    assert is_right(TRUTH, TRUTH)
    assert is_right(TRUTH, say(noise(SEVERE, 90.0)))  # numbers are measured elsewhere
    assert not is_right(TRUTH, say(noise(MILD)))
    assert not is_right(TRUTH, say(noise(SEVERE), metal(MILD)))
    assert not is_right(TRUTH, say(noise(SEVERE), verdict=Verdict.GOOD))


def test_what_is_not_assessed_on_either_side_does_not_make_it_wrong() -> None:
    unknown = [Degradation.METAL]
    assert is_right(TRUTH, say(noise(SEVERE), not_assessed=unknown))
    assert is_right(say(noise(SEVERE), not_assessed=unknown), say(noise(SEVERE), metal(MILD)))


def test_an_engine_that_keeps_its_word_has_no_calibration_error() -> None:
    assert calibration_error(words_of(HONEST)) == pytest.approx(0)
    high = row(calibration_table(HONEST), "high")
    assert (high["descriptions"], high["is right (%)"]) == (100, pytest.approx(95))
    assert high["right less claimed (points)"] == pytest.approx(0)


def test_a_boaster_is_told_by_as_much_as_it_boasts() -> None:
    assert calibration_error(words_of(BOASTER)) == pytest.approx(0.45)
    table = calibration_table(BOASTER)
    assert row(table, "high")["right less claimed (points)"] == pytest.approx(-45)
    assert row(table, "low")["descriptions"] == 0
    assert row(table, "low")["is right (%)"] is None
    assert "45.0 points" in table.note


def test_who_assesses_nothing_claims_nothing_and_is_counted_apart() -> None:
    mute = say(confidence=Confidence.LOW, not_assessed=[Degradation.NOISE, Degradation.METAL])
    good = say(noise(NONE), metal(NONE))
    silent = [Record("t", good if k % 2 else TRUTH, mute) for k in range(10)]
    assert calibration_error(words_of(silent)) is None
    alone = calibration_table(silent)
    assert "not known" in alone.note
    assert row(alone, "low")["descriptions"] == 0
    assert row(alone, "assesses nothing")["is right (%)"] == 50
    assert calibration_error(words_of([*BOASTER, *silent])) == pytest.approx(0.45)
    both = calibration_table([*BOASTER, *silent])
    assert row(both, "assesses nothing")["descriptions"] == 10
    assert row(both, "reference: says nothing")["is right (%)"] == pytest.approx(100 * 5 / 110)
    assert row(calibration_table(BOASTER), "assesses nothing")["is right (%)"] is None


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_share_and_stays_between_none_and_all(said: int, data) -> None:
    word = Word(Confidence.HIGH, 0.95, said, data.draw(st.integers(0, said)))
    assert word.interval is not None and word.share is not None
    low, high = word.interval
    assert 0 <= low <= word.share + 1e-12 and word.share - 1e-12 <= high <= 1
    assert low < high


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=3))
def test_the_error_is_never_more_than_the_worst_gap(counts: list[tuple[int, int]]) -> None:
    words = [
        Word(c, CLAIMED[c], max(a, b), min(a, b))
        for c, (a, b) in zip(Confidence, counts, strict=True)
    ]
    gaps = [abs(w.right / w.said - w.claimed) for w in words if w.said]
    if gaps:
        assert -1e-12 <= calibration_error(words) <= max(gaps) + 1e-12


def test_the_figure_shows_a_point_for_every_word_that_was_said(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = reliability_figure(HONEST, "honest engine")
    points = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [float(np.ravel(p.get_ydata())[0]) for p in points] == pytest.approx([95, 80, 50])
    figure.savefig(tmp_path / "calibration.png")
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_calibrate_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="records"):
        calibration_table([])
