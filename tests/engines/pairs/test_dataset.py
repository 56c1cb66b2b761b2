"""The command: real processes, killed, resumed, refused, and out of room."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from engines.description import Modality
from engines.medq_uni.dataset import app
from engines.medq_uni.pairs import benchmark, code, record
from engines.medq_uni.pairs.endless import make
from engines.medq_uni.pairs.manifest import OURS
from engines.medq_uni.pairs.plan import Material, Plan
from engines.medq_uni.pairs.record import OtherDataset, alone_in
from engines.medq_uni.pairs.shards import join_manifests, missing, remove_damaged, write_shard
from engines.medq_uni.pairs.stored import stored
from engines.medq_uni.pairs.workers import Job, WorkerError, make_shards
from engines.medq_uni.phantom_sources import FIRST_PHANTOM, kinds_of
from engines.medq_uni.tasks import table
from engines.medq_uni.tasks.table import TASKS as ALL
from tests.engines.pairs.made import TASKS, material, real, write_series

RUN = CliRunner()
NAMES = "mr clean, mr noise"
USUAL = ("--count", "10", "--shard", "2", "--tasks", NAMES, "--seed", "5")


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
    done = call("-o", out, *USUAL, "--workers", 1)
    assert done.exit_code == 0, done.stderr
    return out, done.stderr


def test_a_run_writes_shards_a_manifest_and_what_it_holds(undisturbed):
    out, said = undisturbed
    lines = [json.loads(line) for line in (out / "manifest.jsonl").open()]
    assert [line[OURS]["number"] for line in lines] == list(range(10))
    parts = [(out / f"shard-{k:05}" / "manifest.jsonl").read_bytes() for k in range(5)]
    assert (out / "manifest.jsonl").read_bytes() == b"".join(parts)
    held = json.loads((out / "dataset.json").read_text())["holds"]
    assert held["pairs"] == 10
    assert held["task"] == {"mr clean": 5, "mr noise": 5}
    assert held["severity_as_planned"]["none"] == 5
    assert sum(held["severity_in_the_image"]["noise"].values()) == 5
    assert sum(held["worst_severity_in_the_image"].values()) == 10
    assert held["real"] == {}
    images = list(out.glob("shard-*/*.npy"))
    assert held["image_bytes"] == sum(p.stat().st_size for p in images)
    assert "10 pairs" in said and "pairs/s" in said
    assert "would take" not in said  # ten pairs tell too little
    names = {"dataset.json", "manifest.jsonl", ".lock", *(f"shard-{k:05}" for k in range(5))}
    assert {p.name for p in out.iterdir()} == names


def test_images_are_floats_as_they_are_made_on_the_fly(undisturbed):
    out, _ = undisturbed
    lines = [json.loads(line) for line in (out / "manifest.jsonl").open()]
    tasks = [ALL[name.strip()] for name in NAMES.split(",")]
    plan = Plan(Material(kinds_of([Modality.MR])), tasks, 5)
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
            assert np.array_equal(image, made.pair.image)


def test_killed_and_run_again_it_has_the_same_bytes_whatever_the_workers(undisturbed, tmp_path):
    out = tmp_path / "killed"
    process = subprocess.Popen(command(out, *USUAL, "--workers", 2), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (any(out.glob("shard-*")) and any(out.glob(".shard-*/*.npy"))):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "manifest.jsonl").exists()
    assert missing(out, 5)
    # The workers end with their parent: nothing is written any more.
    time.sleep(0.3)
    before = content(out)
    time.sleep(0.5)
    assert content(out) == before
    again = call("-o", out, *USUAL, "--workers", 2)
    assert again.exit_code == 0, again.stderr
    assert "are there already" in again.stderr
    assert content(out) == content(undisturbed[0])


def test_what_is_gone_or_damaged_is_made_again_and_a_whole_set_stays_as_it_is(
    undisturbed, tmp_path
):
    out = tmp_path / "copy"
    shutil.copytree(undisturbed[0], out)
    shutil.rmtree(out / "shard-00001")
    shutil.rmtree(out / "shard-00002")
    (out / "shard-00002").write_text("a plain file")
    (out / "manifest.jsonl").unlink()
    (out / ".real.77.part").write_text("slices of a run that was killed")
    again = call("-o", out, *USUAL, "--workers", 1)
    assert again.exit_code == 0
    assert "shard-00002 is damaged (it is no folder): it is made again" in again.stderr
    assert "shard-00001" not in again.stderr
    assert content(out) == content(undisturbed[0])
    once_more = call("-o", out, *USUAL)
    assert once_more.exit_code == 0
    assert "nothing was missing" in once_more.stderr
    assert content(out) == content(undisturbed[0])


def lose_a_line(shard: Path) -> None:
    path = shard / "manifest.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])


def cut_an_image(shard: Path) -> None:
    path = next(shard.glob("*-truth.npy"))
    path.write_bytes(path.read_bytes()[:-1])


def write_over_the_manifest(shard: Path) -> None:
    path = shard / "manifest.jsonl"
    path.write_bytes(b"\xff" * path.stat().st_size)


def break_a_line(shard: Path) -> None:
    path = shard / "manifest.jsonl"
    path.write_text(path.read_text().replace('"', "", 1))


def swap_lines(shard: Path) -> None:
    path = shard / "manifest.jsonl"
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lose_a_line, "has 1 lines of 2"),
        (cut_an_image, "another size"),
        (lambda shard: next(shard.glob("*-image.npy")).unlink(), "No such file"),
        (write_over_the_manifest, "can't be read"),
        (break_a_line, "can't be read"),
        (swap_lines, "another pair"),
        (lambda shard: (shard / "manifest.jsonl").unlink(), "No such file"),
    ],
)
def test_a_shard_that_lost_something_is_found_and_removed(harm, why, tmp_path):
    plan = Plan(material(), TASKS, 1)
    for index in range(2):
        write_shard(tmp_path, plan, index, 2, 3, lambda: None)
    assert remove_damaged(tmp_path, 2, 2, 3) == []
    harm(tmp_path / "shard-00000")
    (said,) = remove_damaged(tmp_path, 2, 2, 3)
    assert said.startswith("shard-00000 is damaged")
    assert why in said
    assert missing(tmp_path, 2) == [0]


def test_a_manifest_that_has_not_all_pairs_is_no_data_set(undisturbed, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(undisturbed[0], out)
    found = json.loads((out / "dataset.json").read_text())["arguments"]
    with pytest.raises(ValueError, match="has 10 pairs of 11"):
        record.finish(out, record.Arguments(**{**found, "count": 11}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--count", 7, *USUAL[2:]), "a data set of count 10, not 7"),
        ((*USUAL[:-1], 6), "a data set of seed 5, not 6"),
        ((*USUAL[:4], "--tasks", "mr clean", *USUAL[6:]), "a data set of tasks"),
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
    (tmp_path / "dataset.json").write_bytes(b"\xff\xfe\x00")
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
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        done = call("-o", tmp_path / "out", "--count", 2, "--tasks", NAMES, "--workers", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.exit_code == 1
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
        write_series(data, f"s-{k}", f"person {k}", slices=1)
    words = ("--count", 4, "--shard", 4, "--tasks", "ct clean, mr clean")
    words = (*words, "--workers", 1, "--data", data)
    done = call("-o", tmp_path / "out", *words)
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").open()]
    of_ct = [line[OURS] for line in lines if line[OURS]["modality"] == "CT"]
    assert len(of_ct) == 2
    assert {line[OURS]["origin"] for line in lines if line[OURS] not in of_ct} == {"phantom"}
    assert re.search(r"CT: \d slices of \d patients", done.stderr)
    assert "MR: no real slice" in done.stderr
    assert not list((tmp_path / "out").glob(".*.part"))
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
    for k in range(8):
        write_series(data, f"s-{k}", f"person {k}", Modality.MR, slices=1)
    monkeypatch.setattr(benchmark, "BENCHMARK_PAIRS", 10)
    monkeypatch.setattr(table, "TASKS", {"mr clean": ALL["mr clean"]})
    done = call("--benchmark", "-o", tmp_path / "out", "--data", data, "--workers", 1)
    assert done.exit_code == 0, done.output
    ours = [json.loads(line)[OURS] for line in (tmp_path / "out" / "manifest.jsonl").open()]
    learned = {source.patient for source in benchmark.training_sources(data)}
    held = {source.patient for source in benchmark.benchmark_sources(data)}
    assert learned and held and learned | held == {f"person {k}" for k in range(8)}
    # Clean slices have nothing else to show: each comes once.
    came = [one["patient"] for one in ours if one["origin"] == "real"]
    assert Counter(came) == dict.fromkeys(held, 1)
    count = len(held)
    told = f"real MR chest: {count} pairs of {count} slices of {count} patients"
    assert told in done.stderr
    phantoms = [int(one["patient"].split()[-1]) for one in ours if one["origin"] == "phantom"]
    assert min(phantoms) >= FIRST_PHANTOM
    said = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert said["arguments"]["benchmark"]
    assert said["arguments"]["seed"] == benchmark.BENCHMARK_SEED
    assert said["holds"]["real"]["MR chest"]["slices"] == count


def test_a_folder_of_no_use_is_told_and_not_passed_over_in_silence(tmp_path):
    write_series(tmp_path, "noisy", "person", noise=60)
    words = ("--count", 4, "--tasks", "ct clean", "--data", tmp_path, "--held-out", 0)
    found = call("-o", tmp_path / "out", *words)
    assert found.exit_code == 1
    last = found.stderr.splitlines()[-1]
    assert last.startswith(f"dataset: data: {tmp_path} has no slice")
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_other_code_would_make_other_pairs_and_is_refused(undisturbed, monkeypatch):
    monkeypatch.setattr(record, "code_digest", lambda: "of other code")
    found = call("-o", undisturbed[0], *USUAL)
    assert found.exit_code == 2
    assert "a data set of code" in found.stderr


def test_the_digest_of_the_code_is_of_all_that_makes_pairs_and_of_nothing_that_measures():
    listed = {path.relative_to(code.ENGINES.parent).as_posix() for path in code.files_of()}
    program = (
        "import sys; from engines.medq_uni.pairs import workers; from engines.medq_uni.tasks import"
        " table; print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('engines')),"
        r" sep='\n')"
    )
    said = subprocess.check_output([sys.executable, "-c", program], text=True)
    used = {Path(name).relative_to(code.ENGINES.parent).as_posix() for name in said.splitlines()}
    assert used <= listed
    assert not any("yardstick" in name or name.endswith("evaluate.py") for name in listed)


def test_the_digest_of_the_code_is_of_every_byte_and_name(tmp_path):
    found = set()
    for name, text in (("a.py", "x"), ("a.py", "y"), ("b.py", "y"), ("phantoms/c.py", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        found.add(code.code_digest(tmp_path))
    assert len(found) == 4
    (tmp_path / "medq_uni" / "yardstick").mkdir(parents=True)
    (tmp_path / "medq_uni" / "yardstick" / "ruler.py").write_text("z")
    assert code.code_digest(tmp_path) in found


def test_workers_map_real_slices_from_one_file_and_get_the_same(tmp_path):
    slices = tuple(real(f"p{k}", k, "chest") for k in range(200))
    with stored(slices, tmp_path / "slices") as kept:
        assert len(pickle.dumps(kept)) < len(pickle.dumps(slices)) / 5
        again = pickle.loads(pickle.dumps(kept)).sources()
        for one, other in zip(slices, again, strict=True):
            assert np.array_equal(one.values, other.values)
            assert one.values.dtype == other.values.dtype
            assert replace(one, values=None) == replace(other, values=None)
    assert not list(tmp_path.iterdir())
    with pytest.raises(RuntimeError), stored(slices, tmp_path / "slices"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


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
