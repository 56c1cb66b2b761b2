"""The command: real processes, killed, resumed, refused, and out of room."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from engines.description import Modality
from engines.medq_uni.dataset import app
from engines.medq_uni.pairs import benchmark
from engines.medq_uni.pairs.endless import make
from engines.medq_uni.pairs.manifest import OURS
from engines.medq_uni.pairs.plan import Material, Plan
from engines.medq_uni.pairs.record import OtherDataset, alone_in
from engines.medq_uni.pairs.shards import join_manifests, missing, write_shard
from engines.medq_uni.pairs.workers import Job, WorkerError, make_shards
from engines.medq_uni.phantom_sources import FIRST_PHANTOM, kinds_of
from engines.medq_uni.tasks import table
from engines.medq_uni.tasks.table import TASKS as ALL
from tests.engines.pairs.made import TASKS, material, write_series

RUN = CliRunner()
NAMES = "ct clean, ct low dose"
USUAL = ("--count", "6", "--shard", "2", "--tasks", NAMES, "--seed", "5")


def call(*words: object):
    return RUN.invoke(app, [str(word) for word in words])


def command(out: Path, *words: object) -> list[str]:
    module = [sys.executable, "-m", "engines.medq_uni.dataset"]
    return [*module, "-o", str(out), *map(str, words or USUAL)]


def content(out: Path) -> dict[str, str]:
    """Digest of every file by its path."""
    files = (p for p in out.rglob("*") if p.is_file())
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("sets") / "one"
    done = subprocess.run(command(out, *USUAL, "--workers", 1), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out, done.stderr


def test_a_run_writes_shards_a_manifest_and_what_it_holds(undisturbed):
    out, said = undisturbed
    lines = [json.loads(line) for line in (out / "manifest.jsonl").open()]
    assert [line[OURS]["number"] for line in lines] == list(range(6))
    parts = [(out / f"shard-{k:05}" / "manifest.jsonl").read_bytes() for k in range(3)]
    assert (out / "manifest.jsonl").read_bytes() == b"".join(parts)
    held = json.loads((out / "dataset.json").read_text())["holds"]
    assert held["pairs"] == 6
    assert held["task"] == {"ct clean": 3, "ct low dose": 3}
    images = list(out.glob("shard-*/*.npy"))
    assert held["image_bytes"] == sum(p.stat().st_size for p in images)
    assert "6 pairs" in said and "pairs/s; 50,000 would take" in said
    names = {"dataset.json", "manifest.jsonl", ".lock", *(f"shard-{k:05}" for k in range(3))}
    assert {p.name for p in out.iterdir()} == names


def test_images_are_floats_as_they_are_made_on_the_fly(undisturbed):
    out, _ = undisturbed
    lines = [json.loads(line) for line in (out / "manifest.jsonl").open()]
    tasks = [ALL[name.strip()] for name in NAMES.split(",")]
    plan = Plan(Material(kinds_of([Modality.CT])), tasks, 5)
    for line in lines:
        image, truth = (
            np.load(out / line[key][0]["path"], allow_pickle=False)
            for key in ("input_img", "output_img")
        )
        assert image.dtype == truth.dtype == np.float32
        assert image.shape == (line["input_img"][0]["height"], line["input_img"][0]["width"])
        assert np.array_equal(image, truth) == (line["degrade_type"] == "none")
        if line[OURS]["number"] < 2:
            made = make(plan, line[OURS]["number"])
            assert np.array_equal(truth, made.pair.truth)
            assert np.allclose(image, made.pair.image, atol=1e-2)


def test_killed_and_run_again_it_has_the_same_bytes_whatever_the_workers(undisturbed, tmp_path):
    out = tmp_path / "killed"
    process = subprocess.Popen(command(out, *USUAL, "--workers", 2), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (any(out.glob("shard-*")) and any(out.glob(".shard-*/*.npy"))):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "manifest.jsonl").exists()
    assert missing(out, 3)
    # The workers end with their parent: nothing is written any more.
    time.sleep(0.5)
    before = content(out)
    time.sleep(1.0)
    assert content(out) == before
    again = subprocess.run(command(out, *USUAL, "--workers", 2), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "are there already" in again.stderr
    assert content(out) == content(undisturbed[0])


def test_a_shard_that_is_gone_is_made_again_and_a_whole_set_stays_as_it_is(undisturbed, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(undisturbed[0], out)
    shutil.rmtree(out / "shard-00001")
    (out / "manifest.jsonl").unlink()
    assert call("-o", out, *USUAL, "--workers", 1).exit_code == 0
    assert content(out) == content(undisturbed[0])
    once_more = call("-o", out, *USUAL)
    assert once_more.exit_code == 0
    assert "nothing was missing" in once_more.stderr
    assert content(out) == content(undisturbed[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--count", 7, *USUAL[2:]), "a data set of count 6, not 7"),
        ((*USUAL[:-1], 6), "a data set of seed 5, not 6"),
        ((*USUAL[:4], "--tasks", "ct clean", *USUAL[6:]), "a data set of tasks"),
    ],
)
def test_other_arguments_in_the_same_folder_are_refused_in_a_line(undisturbed, words, said):
    before = content(undisturbed[0])
    found = call("-o", undisturbed[0], *words)
    assert found.exit_code == 2
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert content(undisturbed[0]) == before


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    found = call("-o", tmp_path, *USUAL)
    assert found.exit_code == 2
    assert "holds something else (thesis.tex)" in found.stderr
    (tmp_path / "dataset.json").write_text("[]")
    assert "is no record of a data set" in call("-o", tmp_path, *USUAL).stderr


def test_two_processes_never_write_into_one_folder(tmp_path):
    with alone_in(tmp_path / "out"):
        found = call("-o", tmp_path / "out", *USUAL)
    assert found.exit_code == 2
    assert "is being written by another process" in found.stderr
    with alone_in(tmp_path / "out"), pytest.raises(OtherDataset), alone_in(tmp_path / "out"):
        pass


def test_a_full_disk_is_told_in_a_line_and_leaves_nothing_half_made(tmp_path):
    # No file may grow beyond this: the images don't fit, the record does.
    room = 100_000
    done = subprocess.run(
        command(tmp_path / "out", "--count", 2, "--tasks", NAMES, "--workers", 1),
        capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("dataset: ")
    assert len(done.stderr.splitlines()) == 1
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"dataset.json", ".lock"}


def test_a_folder_that_cannot_be_made_is_told_in_a_line(tmp_path):
    found = call("-o", "/proc/no/such", *USUAL)
    assert found.exit_code == 1
    assert found.stderr.startswith("dataset: /proc/no")
    assert len(found.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "count: say how many"),
        (("--count", 5, "--tasks", "tea"), "no task named 'tea'; known: ct clean"),
        (("--count", 5, "--tasks", ","), "no task is named"),
        (("--count", 5, "--held-out", 0.2), "held-out is about a folder of arrays"),
        (("--count", 5, "--without", "g"), "without is about a folder of arrays"),
        (("--count", 5, "--data", "/no/such"), "data: /no/such is no folder"),
        (("--benchmark", "--count", 5), "count: the benchmark is the same for everyone"),
        (("--benchmark", "--seed", 5), "seed: the benchmark is the same for everyone"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(words, said, tmp_path):
    found = call("-o", tmp_path / "out", *words)
    assert found.exit_code == 2
    assert found.stderr.startswith(f"dataset: {said}")
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_real_slices_come_in_and_another_folder_is_another_set(tmp_path):
    data = tmp_path / "arrays"
    data.mkdir()
    for k in range(4):
        write_series(data, f"s-{k}", f"person {k}")
    words = ("--count", 4, "--shard", 4, "--tasks", "ct clean", "--workers", 1, "--data", data)
    done = call("-o", tmp_path / "out", *words)
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").open()]
    assert sorted(line[OURS]["origin"] for line in lines) == ["phantom"] * 2 + ["real"] * 2
    assert call("-o", tmp_path / "new", *words, "--held-out", 1).exit_code == 2
    write_series(data, "s-9", "person 9")
    refused = call("-o", tmp_path / "out", *words)
    assert refused.exit_code == 2
    assert "a data set of images" in refused.stderr
    unknown = call("-o", tmp_path / "new", *words, "--without", "ghosts")
    assert unknown.exit_code == 1
    assert "no group 'ghosts'; known: g" in unknown.stderr


def test_the_benchmark_is_of_people_and_phantoms_that_training_leaves_out(tmp_path, monkeypatch):
    data = tmp_path / "arrays"
    data.mkdir()
    for k in range(5):
        write_series(data, f"s-{k}", f"person {k}")
    monkeypatch.setattr(benchmark, "BENCHMARK_PAIRS", 4)
    monkeypatch.setattr(table, "TASKS", {"ct clean": ALL["ct clean"]})
    done = call("--benchmark", "-o", tmp_path / "out", "--data", data, "--workers", 1)
    assert done.exit_code == 0, done.output
    ours = [json.loads(line)[OURS] for line in (tmp_path / "out" / "manifest.jsonl").open()]
    learned = {source.patient for source in benchmark.training_sources(data)}
    assert len(learned) == 4
    real = {one["patient"] for one in ours if one["origin"] == "real"}
    assert real and not real & learned
    phantoms = [int(one["patient"].split()[-1]) for one in ours if one["origin"] == "phantom"]
    assert min(phantoms) >= FIRST_PHANTOM
    record = json.loads((tmp_path / "out" / "dataset.json").read_text())["arguments"]
    assert record["benchmark"] and record["seed"] == benchmark.BENCHMARK_SEED


def test_a_worker_that_dies_is_told_and_nothing_hangs(tmp_path, capfd):
    job = Job(tmp_path, material(), ("no such task",), 0, 4, 2)
    with pytest.raises(WorkerError, match="a worker ended with code 1"):
        make_shards(job, [0, 1], 1)
    assert "no such task" in capfd.readouterr().err


def test_shards_of_any_size_hold_the_same_pairs(tmp_path):
    plan = Plan(material(), TASKS, 1)
    found = []
    for size in (3, 7):
        out = tmp_path / str(size)
        out.mkdir()
        shards = -(-7 // size)
        for index in reversed(range(shards)):
            write_shard(out, plan, index, size, 7, lambda: None)
        join_manifests(out, shards)
        assert missing(out, shards) == []
        lines = [json.loads(line) for line in (out / "manifest.jsonl").open()]
        found.append([
            (line["message"], line[OURS], (out / line["input_img"][0]["path"]).read_bytes())
            for line in lines
        ])  # fmt: skip
    assert found[0] == found[1]
    assert len(found[0]) == 7


def test_a_shard_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_shard(tmp_path, Plan(material(), TASKS, 1), 0, 3, 3, lambda: None)
    assert list(tmp_path.iterdir()) == []
