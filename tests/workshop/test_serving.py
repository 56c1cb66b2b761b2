"""The engine that is wanted, the one in its place, and what may not be trusted to restore."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engines import base
from engines.base import EngineError, EngineOptions, FloatArray, Slab, StackInfo
from engines.classical.engine import ClassicalEngine
from engines.medq_uni.weights_file import default_folder
from engines.quality import QualityDescription
from medq_node.outputs.content import ActionTaken
from medq_node.workshop import serving as module
from medq_node.workshop.order import Wanted, WorkOrder
from medq_node.workshop.produce import produce
from medq_node.workshop.serving import serving, warm_up
from tests.reading import told_in
from tests.workshop.test_produce import codes_of, order

__all__ = ["order"]


class Wrong(ClassicalEngine):
    """Compiled wrongly: its pictures are 10 HU too bright."""

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        return super().restore(slab, info, description) + 10


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_loaded", {})
    monkeypatch.setitem(base.REGISTRY, "wrong", f"{__name__}:Wrong")


def weights_at(folder: Path) -> Path:
    return Path(shutil.copytree(default_folder(), folder))


def wanted(weights: Path, fallback: str | None = "classical") -> Wanted:
    return Wanted("medq-uni", EngineOptions("cpu", weights=weights), fallback)


def test_an_engine_is_loaded_and_tested_once() -> None:
    with capture_logs() as logs:
        first = serving(Wanted("medq-uni"))
        assert serving(Wanted("medq-uni")).engine is first.engine
    assert first.trusted
    assert first.alarms == ()
    (ready,) = [line for line in logs if line["event"] == "engine ready"]
    assert ready["self_test"] == "passed"
    assert "CPUExecutionProvider" in ready["runtime"]


def truncate(weights: Path) -> None:
    path = weights / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def swap(weights: Path) -> None:
    shutil.copyfile(weights / "mend_noise.onnx", weights / "look.onnx")


def forget(weights: Path) -> None:
    (weights / "say.onnx").unlink()


def age(weights: Path) -> None:
    table = weights / "engine.json"
    table.write_text(table.read_text().replace('"format": 2', '"format": 1'))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (truncate, "model.safetensors is not what engine.json says"),
        (swap, "look.onnx is not what engine.json says"),
        (forget, "say.onnx can't be read (No such file or directory)"),
        (age, "is not of format 2"),
        (shutil.rmtree, "no weights of medq-uni in"),
    ],
    ids=["truncated", "foreign", "incomplete", "old", "missing"],
)
def test_weights_that_cannot_be_used_are_told_and_the_fallback_works(
    tmp_path: Path, damage, says: str
) -> None:
    weights = weights_at(tmp_path / "weights")
    damage(weights)
    found = serving(wanted(weights))
    assert found.engine.name == "classical"
    assert found.trusted
    assert found.alarms == (
        "The engine medq-uni can't be used. The engine classical works in its place.",
    )
    assert says in found.why
    assert "\n" not in found.why
    assert str(tmp_path) not in " ".join(found.alarms), "a report doesn't name the node's files"


def test_weights_that_are_mended_are_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    assert serving(wanted(folder)).engine.name == "classical"
    weights_at(folder)
    assert serving(wanted(folder)).engine.name == "medq-uni"


def test_without_a_fallback_the_error_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no weights"):
        serving(wanted(tmp_path / "none", fallback=None))


def test_where_neither_can_be_had_both_reasons_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(base.REGISTRY, "classical", "no_such_package:Engine")
    with pytest.raises(EngineError, match=r"medq-uni can't be used \(no weights.*no_such_package"):
        serving(wanted(tmp_path / "none"))


def test_a_runtime_that_is_not_here_is_told_with_the_fix() -> None:
    found = serving(Wanted("medq-uni", EngineOptions("cuda"), "classical"))
    assert found.engine.name == "classical"
    assert "onnxruntime-gpu" in found.why


def test_who_was_given_up_is_not_tried(tmp_path: Path) -> None:
    asked = replace(wanted(tmp_path / "none"), given_up="failed 3 times on this series")
    (alarm,) = serving(asked).alarms
    assert alarm == (
        "The engine medq-uni failed 3 times on this series. "
        "The engine classical works in its place."
    )


def test_an_engine_that_fails_its_test_assesses_and_does_not_restore(order: WorkOrder) -> None:
    result = produce(replace(order, engine=Wanted("wrong")))
    assert result.taken is ActionTaken.WITHHELD
    assert len(result.outputs) == 1
    (alarm,) = result.alarms
    assert "failed its self-test" in alarm
    assert "a good image" in alarm
    report = result.outputs[0].path
    assert codes_of(report, "ACTION-TAKEN") == ["WITHHELD"]
    words = told_in(report)
    assert "Action taken: none. The engine is not trusted to restore." in words
    assert "nothing is restored with it" in words


def test_warming_up_tells_alarms_and_never_fails(tmp_path: Path) -> None:
    with capture_logs() as logs:
        warm_up(Wanted("wrong"))
        warm_up(wanted(tmp_path / "none"))
        warm_up(wanted(tmp_path / "none", fallback=None))
    alarms = [line["problem"] for line in logs if line["event"] == "alarm"]
    assert len(alarms) == 3
    assert "self-test" in alarms[0]
    assert "works in its place" in alarms[1]
    assert alarms[2].startswith("no engine: no weights")
