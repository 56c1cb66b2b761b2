"""Curves and lines: what is written once counts once, and people can read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.medq_uni.training.curves import CURVES, PICTURE, Recent, draw, read_lines, write_line
from engines.medq_uni.training.progress import Lines, spell, told_validation


def line(stage: str, step: int, loss: float) -> dict[str, object]:
    return {
        "stage": stage, "step": step, "loss": loss, "parts": {"CT state": loss},
        "validation": {"CT noise severity": 0.5, "ct low dose dB": 1.0},
    }  # fmt: skip


def test_a_step_trained_twice_counts_once(tmp_path: Path) -> None:
    for one in (line("restore", 5, 1), line("assess", 10, 3), line("assess", 5, 4)):
        write_line(tmp_path, one)
    write_line(tmp_path, line("assess", 10, 2))
    with (tmp_path / CURVES).open("a") as file:
        file.write('{"stage": "assess", "st')
    found = [(one["stage"], one["step"], one["loss"]) for one in read_lines(tmp_path)]
    assert found == [("assess", 5, 4), ("assess", 10, 2), ("restore", 5, 1)]
    write_line(tmp_path, line("restore", 10, 3))
    assert len(read_lines(tmp_path)) == 4


def test_no_curves_yet_are_drawn_as_such(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert read_lines(tmp_path) == []
    assert draw(tmp_path)
    assert (tmp_path / PICTURE).stat().st_size > 5000


def test_means_go_on_after_they_were_kept() -> None:
    one = Recent()
    one.add(1.0, {"a": 2.0})
    two = Recent(json.loads(json.dumps(one.sums)))
    two.add(3.0, {"b": 5.0})
    assert two.take() == {"loss": 2.0, "parts": {"a": 2.0, "b": 5.0}}
    assert two.take() == {"loss": 0.0, "parts": {}}


def test_lines_come_now_and_then_and_tell_the_time_left() -> None:
    said: list[str] = []
    now = [0.0]
    lines = Lines("assess", 100, 1000, said.append, lambda: now[0])
    for step in range(101, 1001):
        now[0] += 0.5
        lines.step(step, 2.0, 1e-3)
    assert len(said) == 900 // 40 + 1
    assert said[0] == "assess    140 of 1,000  loss 2.000  rate 1.0e-03  2.00 steps/s  7 min left"
    assert said[-1].endswith("0 s left")


@pytest.mark.parametrize(
    ("seconds", "told"), [(12, "12 s"), (300, "5 min"), (5399, "90 min"), (7200, "2.0 h")]
)
def test_times_are_said_as_people_do(seconds: float, told: str) -> None:
    assert spell(seconds) == told


def test_a_validation_in_a_line() -> None:
    found = {"ct low dose dB": 1.234, "CT noise severity": 0.5, "CT noise HU off": 0.08}
    assert told_validation(found) == "validation: ct low dose +1.23 dB, CT noise 50 %"
    assert "more pairs" in told_validation({})
