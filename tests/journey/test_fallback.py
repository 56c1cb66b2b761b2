"""The engine is damaged or dies: the node goes on, says so, and another engine stands in."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

from engines.medq_uni.weights_file import default_folder
from tests.build import ct_series
from tests.journey.test_inline import dead_library
from tests.node import Node, running_node
from tests.peers import Orthanc, running_orthanc, storescu
from tests.reading import told

pytestmark = pytest.mark.peer


def report_at(pacs: Orthanc) -> pydicom.Dataset:
    held = [pydicom.dcmread(io.BytesIO(pacs.file(one))) for one in pacs.get("/instances")]
    (report,) = [ds for ds in held if ds.Modality == "SR"]
    return report


def checked(node: Node) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medq_node", "check", "-c", str(node.config)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_with_damaged_weights_the_classical_engine_works_and_everybody_is_told(
    tmp_path: Path,
) -> None:
    weights = Path(shutil.copytree(default_folder(), tmp_path / "weights"))
    tensors = weights / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[: tensors.stat().st_size // 2])
    with running_orthanc(tmp_path / "orthanc") as pacs:
        settings = {
            "destinations": {"pacs": pacs.destination()},
            "engine": {"weights": str(weights)},
        }
        with running_node(tmp_path / "node", settings) as node:
            assert storescu(node.port, ct_series(tmp_path / "ct", slices=4)).returncode == 0
            (series,) = node.wait_settled(1).series
            check = checked(node)
        report = report_at(pacs)
    assert series.state == "done"
    assert series.taken == "restored"
    (alarm,) = series.alarms
    assert "The engine classical works in its place." in alarm
    why = [e["problem"] for e in node.events() if e.get("event") == "engine can't be used"]
    assert len(why) == 2
    assert all("model.safetensors is not what engine.json says" in one for one in why)
    assert alarm in told(report)
    alarms = [e["problem"] for e in node.events() if e.get("event") == "alarm"]
    # Once when it starts, before any series comes; then with each series.
    assert alarms == [alarm, alarm]
    assert check.returncode == 1
    assert "install them again" in " ".join(check.stdout.split())


def test_an_engine_whose_process_dies_is_replaced_after_its_tries(tmp_path: Path) -> None:
    with running_orthanc(tmp_path / "orthanc") as pacs:
        settings = {
            "destinations": {"pacs": pacs.destination()},
            "pipeline": {"attempts": 2, "retry_s": 0.2},
        }
        environment = dead_library(tmp_path / "dead", "onnxruntime")
        with running_node(tmp_path / "node", settings, environment=environment) as node:
            assert storescu(node.port, ct_series(tmp_path / "ct", slices=4)).returncode == 0
            (series,) = node.wait_settled(1).series
        report = report_at(pacs)
    assert series.state == "done"
    assert series.alarms == (
        "The engine medq-uni failed 2 times on this series. "
        "The engine classical works in its place.",
    )
    assert series.alarms[0] in told(report)
    failures = [e["problem"] for e in node.events() if e.get("event") == "failed"]
    assert failures == ["its process died (exit code 139)"] * 2
