"""The command: one line does it all, a kill loses nothing, wrong use is told in a line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from engines.medq_uni.train import app
from engines.medq_uni.training.checkpoint import load
from tests.training.made import SIZES

STEPS = ("--assess-steps", "6", "--restore-steps", "6", "--every", "2", "--threads", "1")


def train(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sizes") / "sizes.json"
    path.write_text(json.dumps(SIZES))
    return path


def test_killed_and_called_again_it_is_the_same(pairs: Path, sizes: Path, tmp_path: Path) -> None:
    options = ("--pairs", pairs, "--sizes", sizes, "--device", "cpu", *STEPS)
    code, told = train(*options, "-o", tmp_path / "whole")
    assert code == 0, told
    assert "21 pairs in" in told
    assert "training on processor" in told
    assert "restore      6 of 6  loss" in told
    assert "{" not in told, "JSON belongs into the curves"
    cut = tmp_path / "cut"
    command = [sys.executable, "-m", "engines.medq_uni.train", *map(str, options), "-o", str(cut)]
    with subprocess.Popen(
        [*command, "--seed", "0"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
    ) as process:
        end = time.monotonic() + 60
        while not (cut / "assess.pt").exists() and time.monotonic() < end:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (cut / "restore.pt").exists() or load(cut / "restore.pt")["step"] < 6
    code, told = train(*options, "-o", cut)
    assert code == 0, told
    assert "remove it to read" in told
    for name in ("assess.pt", "restore.pt"):
        one, two = (load(tmp_path / folder / name)["parameters"] for folder in ("whole", "cut"))
        assert all(torch.equal(one[k], two[k]) for k in one)
    code, told = train("-o", cut, "--sizes", sizes, *STEPS)
    assert code == 0
    assert "6 of 6 steps are done; all are done" in told
    code, told = train("-o", cut, "--sizes", sizes, *STEPS, "--seed", "1")
    assert code == 1
    assert "another seed" in told
    code, told = train("-o", cut, *STEPS)
    assert code == 1
    assert "another sizes" in told or "other sizes" in told


def test_out_of_time_it_keeps_what_it_has(pairs: Path, sizes: Path, tmp_path: Path) -> None:
    code, told = train(
        "--pairs", pairs, "--sizes", sizes, "-o", tmp_path, "--minutes", 1e-6, *STEPS
    )
    assert code == 0
    assert "stopped after step 1" in told
    assert load(tmp_path / "assess.pt")["step"] == 1
    assert not (tmp_path / "restore.pt").exists()


def test_one_stage_alone(pairs: Path, sizes: Path, tmp_path: Path) -> None:
    options = ("--pairs", pairs, "--sizes", sizes, "-o", tmp_path, "--threads", 1)
    code, told = train(*options, "--stage", "restore", "--steps", 2)
    assert code == 0
    assert "by words alone, since there is no assess.pt" in told
    assert load(tmp_path / "restore.pt")["step"] == 2
    assert not (tmp_path / "assess.pt").exists()


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        ((), "pairs: name the folder of a data set", 2),
        (("--pairs", "nowhere"), "no pairs in nowhere: make a data set first", 1),
        (("--pairs", ".", "--steps", 5), "say of which --stage", 2),
        (("--pairs", ".", "--rate", 0), "rate must be over 0", 2),
        (("--pairs", ".", "--without-words", "--stage", "assess"), "no words to learn", 2),
        (("--pairs", ".", "--sizes", "nowhere.json"), "nowhere.json: No such file", 1),
    ],
)
def test_wrong_use_is_one_line(
    arguments: tuple[object, ...], told: str, code: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found, output = train("-o", tmp_path / "out", *arguments)
    assert found == code
    lines = [line for line in output.splitlines() if not line.startswith("training on")]
    assert len(lines) == 1
    assert lines[0].startswith("train: ")
    assert told in lines[0]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ("nonsense", "is not JSON"),
        ("[3]", "must be an object"),
        ('{"depth": 3}', "must be an object with some of: width"),
        ('{"width": 30, "heads": 4}', "no multiple of 4 heads"),
        ('{"mender": [8, 8]}', "four numbers of channels"),
    ],
)
def test_wrong_sizes_are_one_line(sizes: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "sizes.json"
    path.write_text(sizes)
    code, output = train("-o", tmp_path / "out", "--pairs", tmp_path, "--sizes", path)
    assert code == 1
    assert told in output


def test_a_file_as_folder_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    code, output = train("-o", file, "--pairs", tmp_path)
    assert code == 2
    assert "is a file" in output
