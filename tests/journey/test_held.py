"""What waits for a person: held, released or dropped at the command line beside a running node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydicom
import pytest

from medq_node.ports import free_port
from medq_node.status import SeriesStatus
from tests.build import ct_series
from tests.node import Node, running_node, wait_for
from tests.peers import running_orthanc, storescu
from tests.test_cli import medq, names_nobody

RULES = """
rules:
  - name: everything
    then: {{action: restore, restore: always, destinations: [{}]}}
"""


def decide(node: Node, *words: str) -> str:
    done = medq("held", *words, "--by", "ann", "-c", node.config, cwd=node.folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def held(node: Node) -> dict[str, dict[str, Any]]:
    done = medq("held", "--json", "-c", node.config, cwd=node.folder)
    assert done.returncode == 0, done.stderr
    names_nobody(done.stdout)
    return {entry["handle"]: entry for entry in json.loads(done.stdout)}


def the(node: Node, uid: str, revision: int = 1) -> SeriesStatus:
    found = node.status().series
    return next(s for s in found if (s.series_instance_uid, s.revision) == (uid, revision))


def uid_of(file: Path) -> str:
    return str(pydicom.dcmread(file, stop_before_pixels=True).SeriesInstanceUID)


@pytest.mark.peer
def test_a_series_of_another_patient_goes_on_once_a_person_has_looked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = {"destinations": {"out": {"kind": "folder", "path": str(out)}}}
    study = pydicom.uid.generate_uid()
    first = ct_series(tmp_path / "first", slices=2, StudyInstanceUID=study)
    wanted, unwanted = (
        ct_series(tmp_path / name, slices=3, StudyInstanceUID=study, PatientID="ID-778899")
        for name in ("wanted", "unwanted")
    )
    with running_node(tmp_path / "node", settings, RULES.format("out")) as node:
        assert storescu(node.port, first).returncode == 0
        node.wait_settled(1)
        assert storescu(node.port, [*wanted, *unwanted]).returncode == 0
        node.wait_settled(3)
        go, end = the(node, uid_of(wanted[0])), the(node, uid_of(unwanted[0]))
        assert sorted(held(node)) == sorted((go.handle, end.handle))

        assert "accepted" in decide(node, "release", go.handle, "--reason", "the wristband says so")
        decide(node, "drop", end.handle, "--reason", "a test")
        node.wait_settled(3)
        assert the(node, go.series_instance_uid).state == "done"
        assert the(node, end.series_instance_uid).state == "dropped"
        assert held(node) == {}
        assert len(list(out.rglob("*.dcm"))) == 3 + 4, "nothing of what was dropped"

        said = medq("feedback", go.handle, "agree", "-c", node.config, cwd=tmp_path)
        assert said.returncode == 0, said.stderr
        assert node.status().feedback == {"agree": 1}
        names_nobody(said.stdout + node.log())


@pytest.mark.peer
def test_dead_letters_and_corrected_images_wait_until_a_person_has_decided(tmp_path: Path) -> None:
    port = free_port()
    pacs = {"kind": "dicom", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": port}
    settings = {"destinations": {"pacs": pacs}, "delivery": {"retry_attempts": 1}}
    first, other = (ct_series(tmp_path / name, slices=3) for name in ("first", "other"))
    uid = uid_of(first[0])
    with running_node(tmp_path / "node", settings, RULES.format("pacs")) as node:
        assert storescu(node.port, [*first, *other]).returncode == 0
        node.wait_settled(2)
        assert sorted(held(node)) == ["delivery-1", "delivery-2"]

        with running_orthanc(tmp_path / "pacs", DicomPort=port) as orthanc:
            (wanted,) = the(node, uid).deliveries
            (unwanted,) = the(node, uid_of(other[0])).deliveries
            decide(node, "release", wanted.handle, "--reason", "the PACS is back")
            decide(node, "drop", unwanted.handle, "--reason", "nobody reads it")
            node.wait_settled(2)
            assert the(node, uid).deliveries[0].state == "confirmed"
            assert len(orthanc.get("/instances")) == 4

            corrected = []
            for file in first:
                ds = pydicom.dcmread(file)
                ds.PatientName = "Quagga^Zebra"
                corrected.append(tmp_path / file.name)
                ds.save_as(corrected[-1])
            assert storescu(node.port, corrected).returncode == 0
            wait_for(lambda: len(node.status().quarantine) == 3, 30)
            (clash,) = held(node).values()
            assert "3 images from SCANNER" in clash["what"]
            decide(node, "release", clash["handle"], "--reason", "the name was wrong")
            node.wait_settled(3)

            again = the(node, uid, revision=2)
            assert (again.state, again.images) == ("done", 3)
            assert len(orthanc.get("/instances")) == 8, "what was dropped is never sent"
            reports = [
                pydicom.dcmread(pydicom.filebase.DicomBytesIO(orthanc.file(instance)))
                for series in orthanc.series()
                if series["MainDicomTags"]["Modality"] == "SR"
                for instance in series["Instances"]
            ]
            (new,) = [r for r in reports if "PredecessorDocumentsSequence" in r]
            (old,) = [r for r in reports if r is not new]
            assert new.PatientName == "Quagga^Zebra"
            series = new.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
            referenced = [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence]
            assert referenced == [old.SOPInstanceUID]
        names_nobody(node.log())
        assert node.status().kept["replaced"] == 3, "the first ones are kept as well"
