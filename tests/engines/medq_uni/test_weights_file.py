"""Weights that are missing, damaged or another code's are refused in one line that says what."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.base import EngineError, EngineOptions, load_engine
from engines.medq_uni import weights_file
from engines.medq_uni.engine import MedQUniEngine
from engines.medq_uni.weights_file import (
    CONFIG,
    FOLDER_VARIABLE,
    LOOK,
    SAY,
    TABLE,
    TENSORS,
    file_digest,
    read_weights,
)
from tests.engines.medq_uni.made import TINY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(TINY, tmp_path / "weights")
    return tmp_path / "weights"


def edit(folder: Path, **changes: object) -> None:
    table = json.loads((folder / TABLE).read_text())
    (folder / TABLE).write_text(json.dumps({**table, **changes}))


def signed(folder: Path, name: str) -> None:
    """Make ``engine.json`` vouch for a file as it is now."""
    files = json.loads((folder / TABLE).read_text())["files"]
    edit(folder, files={**files, name: file_digest(folder / name)})


def other_graph(folder: Path) -> None:
    shutil.copy(folder / SAY, folder / LOOK)
    signed(folder, LOOK)


def no_graph(folder: Path) -> None:
    (folder / LOOK).write_bytes(b"not a graph at all")
    signed(folder, LOOK)


def cut(folder: Path) -> None:
    content = (folder / TENSORS).read_bytes()
    (folder / TENSORS).write_bytes(content[: len(content) // 2])


def cut_and_signed(folder: Path) -> None:
    cut(folder)
    signed(folder, TENSORS)


def one_bit(folder: Path) -> None:
    content = bytearray((folder / TENSORS).read_bytes())
    content[-1] ^= 1
    (folder / TENSORS).write_bytes(content)


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "no weights of medq-uni in .*: set MEDQ_UNI_WEIGHTS"),
    "no table": (lambda f: (f / TABLE).unlink(), "engine.json can't be read"),
    "no graph": (lambda f: (f / LOOK).unlink(), "look.onnx can't be read"),
    "truncated": (cut, "model.safetensors is not what engine.json says"),
    "one bit differs": (one_bit, "model.safetensors is not what engine.json says"),
    "table cut off": (
        lambda f: (f / TABLE).write_text((f / TABLE).read_text()[:100]),
        "engine.json is no JSON",
    ),
    "no bytes of text": (lambda f: (f / TABLE).write_bytes(b"\xff\xfe"), "engine.json is no JSON"),
    "another format": (lambda f: edit(f, format=0), "engine.json is not of format 2"),
    "a list": (lambda f: (f / TABLE).write_text("[]"), "engine.json is not of format 2"),
    "another vocabulary": (lambda f: edit(f, vocabulary="0"), "another vocabulary"),
    "no gates": (lambda f: edit(f, gates={}), "lacks or misstates"),
    "a gate open for none": (
        lambda f: edit(f, gates={"none": 0.1, "mild": 1, "moderate": 1, "severe": 1}),
        "lacks or misstates",
    ),
    "falling gates": (
        lambda f: edit(f, gates={"none": 0, "mild": 1, "moderate": 0.5, "severe": 1}),
        "lacks or misstates",
    ),
    "a gate that is no number": (
        lambda f: edit(f, gates={"none": 0, "mild": math.nan, "moderate": 0.5, "severe": 1}),
        "lacks or misstates",
    ),
    "steps without end": (lambda f: edit(f, trained={"assess": math.inf}), "lacks or misstates"),
    "nested too deep": (
        lambda f: (f / TABLE).write_text("[" * 100_000),
        "engine.json is no JSON",
    ),
    "another configuration": (
        lambda f: (f / CONFIG).write_text("{}"),
        "config.json is not what engine.json says",
    ),
    "calibration of words": (
        lambda f: edit(f, calibration={"CT": {"temperature": "x"}}),
        "lacks or misstates",
    ),
    "file not named": (lambda f: edit(f, files={}), "does not name model.safetensors"),
    "a graph that is none": (no_graph, "no graph that ONNX Runtime can use"),
    "another model's graph": (other_graph, "another model's graph"),
    "signed but cut": (cut_and_signed, "no graph that ONNX Runtime can use"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_spoilt_weights_are_refused_in_one_line(
    how: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, message = SPOILT[how]
    spoil(folder)
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    with pytest.raises(EngineError, match=message) as refused:
        load_engine("medq-uni")
    assert "\n" not in str(refused.value)


def test_whole_weights_are_read_with_all_that_belongs_to_them() -> None:
    weights = read_weights(TINY)
    assert weights.trained == {"assess": 0, "restore": 0}
    assert set(weights_file.SERVED) <= set(weights.files)
    assert sum((TINY / name).stat().st_size for name in weights.files) < 200_000


def test_the_engine_is_loaded_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(TINY))
    engine = load_engine("medq-uni")
    assert engine.name == "medq-uni"


def test_threads_change_no_digest() -> None:
    """Every image is worked on by one thread: how many there are changes no bit."""
    one, four = (MedQUniEngine(EngineOptions(weights=TINY, threads=n)) for n in (1, 4))
    assert one.digest == four.digest


def test_the_digest_follows_everything_that_may_change_a_result(folder: Path) -> None:
    plain = MedQUniEngine(EngineOptions(weights=TINY, threads=1))
    assert plain.digest == MedQUniEngine(EngineOptions(weights=folder, threads=1)).digest
    assert plain.without_steering().digest != plain.digest
    edit(folder, gates={"none": 0, "mild": 0.5, "moderate": 1, "severe": 1})
    assert MedQUniEngine(EngineOptions(weights=folder, threads=1)).digest != plain.digest
