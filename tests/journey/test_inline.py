"""Inline: whatever becomes of the engine, the originals reach the PACS, unchanged and first."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest

from tests.build import ct_series
from tests.node import running_node, wait_for
from tests.peers import running_orthanc, storescu

pytestmark = pytest.mark.peer


def dead_library(folder: Path, *names: str) -> dict[str, str]:
    """A Python path on which libraries that engines need end their process at once."""
    for name in names:
        package = folder / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("import os\nos._exit(139)\n")
    return {"PYTHONPATH": str(folder)}


def test_with_dead_engines_the_originals_still_arrive(tmp_path: Path) -> None:
    files = ct_series(tmp_path / "ct", slices=5)
    with running_orthanc(tmp_path / "orthanc") as pacs:
        settings = {
            "node": {"topology": "inline"},
            "inline": {"forward_to": ["pacs"]},
            "destinations": {"pacs": pacs.destination()},
            "pipeline": {"attempts": 2, "retry_s": 0.5},
        }
        environment = dead_library(tmp_path / "dead", "onnxruntime", "skimage")
        with running_node(tmp_path / "node", settings, environment=environment) as node:
            assert storescu(node.port, files).returncode == 0
            status = node.wait_settled(1)
        (series,) = status.series
        assert series.state == "held"
        # Two tries of the engine, one of that in its place.
        assert "failed 3 times" in (series.reason or "")
        assert [(d.content, d.state, d.confirmed) for d in series.deliveries] == [
            ("originals", "confirmed", 5)
        ]
        sent = {pydicom.dcmread(f).SOPInstanceUID: pydicom.dcmread(f) for f in files}
        kept = [pydicom.dcmread(io.BytesIO(pacs.file(i))) for i in pacs.get("/instances")]
        assert {k.SOPInstanceUID for k in kept} == set(sent)
        for ds in kept:
            # The data set, every attribute of it, is what the scanner sent.
            assert ds == sent[ds.SOPInstanceUID]


def test_originals_go_before_the_results_and_wait_for_the_pacs(tmp_path: Path) -> None:
    """The PACS is away while the scanner sends; nothing is lost, everything arrives in order."""
    files = ct_series(tmp_path / "ct", slices=4)
    with running_orthanc(tmp_path / "orthanc") as pacs:
        port = pacs.dicom_port
        destination = pacs.destination()
    settings = {
        "node": {"topology": "inline"},
        "inline": {"forward_to": ["pacs"]},
        "destinations": {"pacs": destination},
    }
    with running_node(tmp_path / "node", settings) as node:
        assert storescu(node.port, files).returncode == 0
        wait_for(
            lambda: any(
                d.state == "retrying" and "is it running" in (d.last_error or "")
                for s in node.status().series
                for d in s.deliveries
            ),
            60,
        )
        with running_orthanc(tmp_path / "orthanc", DicomPort=port) as pacs:
            (series,) = node.wait_settled(1).series
            assert {d.content: d.state for d in series.deliveries} == {
                "originals": "confirmed",
                "outputs": "confirmed",
            }
            lengths = sorted(len(s["Instances"]) for s in pacs.series())
            assert lengths == [1, 4, 4]
    by_content = {e["delivery"]: e for e in node.events() if e.get("event") == "confirmed"}
    assert list(by_content) == sorted(by_content), "originals were handed over and confirmed first"
