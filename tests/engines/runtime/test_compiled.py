"""Compiled engines in their folder: found only by whom they are for, whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace

import pytest

from engines.base import EngineError, EngineOptions
from engines.medq_uni.graphs import GRAPHS, LOOK, SAY
from engines.runtime.base import Graph
from engines.runtime.choose import Model, open_runtime
from engines.runtime.order import Order, order_from
from engines.runtime.tensorrt import building, serving
from engines.runtime.tensorrt.builder import profile_shapes
from engines.runtime.tensorrt.device import Gpu, checked
from engines.runtime.tensorrt.library import Library
from engines.runtime.tensorrt.store import Key, Store, key_of
from tests.engines.medq_uni.made import TINY
from tests.engines.runtime.made import model
from tests.engines.runtime.test_onnx import said_by

GPU = Gpu(0, "Test GPU", (9, 0), 2**34)
LIBRARY = Library(None, "tensorrt", "10.13.3", None, deque())


def key(library: Library = LIBRARY, gpu: Gpu = GPU, weights: str = "w", graph: Graph = LOOK) -> Key:
    return key_of(library, gpu, weights, graph)


def test_all_that_an_engine_depends_on_gives_it_another_file() -> None:
    others = [
        key(library=replace(LIBRARY, version="10.14.0")),
        key(library=replace(LIBRARY, name="tensorrt_rtx")),
        key(gpu=replace(GPU, name="Other GPU")),
        key(gpu=replace(GPU, capability=(8, 9))),
        key(weights="v"),
        key(graph=SAY),
        key(graph=replace(LOOK, ranges={**LOOK.ranges, "batch": (1, 4, 8)})),
        replace(key(), precision="fp32"),
        replace(key(), format=key().format + 1),
    ]
    assert len({one.file_name for one in (key(), *others)}) == 1 + len(others)
    assert key(gpu=replace(GPU, number=1, memory=1)).file_name == key().file_name


def test_what_was_written_is_read_by_its_key_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "made" / "on the way")
    assert store.read(key()) == (None, None)
    store.write(key(), b"\nengine\n\n")
    assert store.read(key()) == (b"\nengine\n\n", None)
    assert store.read(key(weights="v")) == (None, None)


@pytest.mark.parametrize(
    "spoil",
    [lambda whole: whole[:-1], lambda whole: whole[:-1] + b"?", lambda whole: b"", bytes.upper],
)
def test_a_damaged_file_is_removed_and_told(tmp_path: Path, spoil) -> None:
    store = Store(tmp_path)
    store.write(key(), b"engine")
    path = tmp_path / key().file_name
    path.write_bytes(spoil(path.read_bytes()))
    engine, note = store.read(key())
    assert engine is None and note is not None and str(path) in note and "\n" not in note
    assert not path.exists()


def test_somebody_elses_engine_under_our_name_is_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = key(gpu=replace(GPU, name="Other GPU"))
    store.write(other, b"engine")
    (tmp_path / other.file_name).rename(tmp_path / key().file_name)
    assert store.read(key())[0] is None
    assert not (tmp_path / key().file_name).exists()


def test_a_write_that_breaks_off_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    store = Store(tmp_path)
    store.write(key(), b"engine")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EngineError) as error:
        store.write(key(), b"another")
    assert "No space left on device" in said_by(error)
    assert store.read(key()) == (b"engine", None)
    assert [one.name for one in tmp_path.iterdir()] == [key().file_name]


def test_an_order_comes_over_to_another_process_as_it_is(tmp_path: Path) -> None:
    order = model().order(EngineOptions(compiled=tmp_path, device=2))
    assert order is not None
    found = order_from(order.text())
    assert found == order
    assert [one.ranges for one in found.graphs] == [one.ranges for one in GRAPHS]


def test_shapes_follow_the_names_of_dimensions() -> None:
    found = profile_shapes(
        ("batch", None, "rows"), (-1, 3, -1), {"batch": (1, 8, 16), "rows": (32, 512, 1024)}
    )
    assert found == ((1, 3, 32), (8, 3, 512), (16, 3, 1024))


@pytest.mark.parametrize("name", ["columns", None])
def test_a_free_dimension_without_a_range_is_refused(name: str | None) -> None:
    with pytest.raises(EngineError, match="may have any length"):
        profile_shapes((name,), (-1,), {"rows": (1, 2, 3)})


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "find_library", lambda: LIBRARY)
    monkeypatch.setattr(serving, "find_gpu", lambda number: GPU)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Processes that would have been started."""
    found: list[list[str]] = []

    class Idle:
        def __init__(self, command: list[str], **others: object) -> None:
            found.append(command)

        def wait(self) -> int:
            return 0

    idle = SimpleNamespace(Popen=Idle, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr(building, "subprocess", idle)
    return found


@pytest.mark.usefixtures("a_gpu")
@pytest.mark.parametrize("runtime", ["auto", "tensorrt"])
def test_engines_that_are_not_there_are_built_while_onnx_runtime_serves(
    tmp_path: Path, started: list[list[str]], runtime: str
) -> None:
    found = open_runtime(model(), EngineOptions(runtime=runtime, compiled=tmp_path))
    assert found.runtime.about.startswith("onnxruntime")
    assert "8 of 8 TensorRT engines for Test GPU are not built yet" in found.notes[0]
    ((_, *command),) = started
    assert command[:2] == ["-m", "engines.runtime.tensorrt"]
    assert order_from(command[2]) == model().order(EngineOptions(compiled=tmp_path))


@pytest.mark.usefixtures("a_gpu")
def test_what_could_not_be_built_is_not_tried_at_every_start(
    tmp_path: Path, started: list[list[str]]
) -> None:
    Store(tmp_path).write_failure(key(weights=model().digest), "TensorRT can't compile look.onnx")
    found = open_runtime(model(), EngineOptions(compiled=tmp_path))
    assert found.notes[0].endswith("TensorRT can't compile look.onnx") and not started


def order(folder: Path, compiled: Path) -> Order:
    one: Model = model()
    return Order(folder, one.digest, tuple(one.graphs), compiled)


def test_two_never_build_at_once(tmp_path: Path, started: list[list[str]]) -> None:
    # Another process, which holds the lock until it is killed.
    code = (
        "import sys, time, pathlib\n"
        "from engines.runtime.tensorrt import building\n"
        "with building._alone(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        assert building.start_building(order(TINY, tmp_path)).endswith("another process")
        with pytest.raises(EngineError) as error:
            building.build_for(order(TINY, tmp_path), LIBRARY, GPU)
        assert "another process" in said_by(error)
        assert not started
        other.kill()
    building.start_building(order(TINY, tmp_path))
    assert len(started) == 1


def test_the_process_that_builds_says_in_one_line_why_it_cannot(tmp_path: Path) -> None:
    # Whatever this machine has: no library, no GPU, or no graph in that folder.
    log = tmp_path / building.LOG
    assert "background" in building.start_building(order(tmp_path / "nowhere", tmp_path))
    until = time.monotonic() + 60
    while not log.read_text().endswith("\n") and time.monotonic() < until:
        time.sleep(0.05)
    (line,) = log.read_text().splitlines()
    assert " UTC " in line and "Traceback" not in line


class Answer(IntEnum):
    """As CUDA's runtime answers."""

    cudaSuccess = 0  # noqa: N815
    cudaErrorMemoryAllocation = 2  # noqa: N815


def test_what_cuda_answers_is_handed_on_or_one_line() -> None:
    assert checked((Answer.cudaSuccess, 7), "counting") == 7
    assert checked((Answer.cudaSuccess,), "waiting") is None
    with pytest.raises(EngineError) as error:
        checked((Answer.cudaErrorMemoryAllocation, None), "taking 3000 MiB of Test GPU's memory")
    assert said_by(error).endswith("taking 3000 MiB of Test GPU's memory: MemoryAllocation")
