"""A radiologist finds the quality note in the viewer that is there, in each form asked for."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.build import ct_series, noisy_ct
from tests.judges import dciodvfy_errors
from tests.node import running_node
from tests.peers import running_orthanc, storescu

FORMS = ["sr", "text", "page", "pdf", "key"]
RULES = """
rules:
  - name: everything
    then: {action: restore, restore: always, engine: classical, destinations: [pacs, desk, plain]}
"""
CLASSES = {
    "Basic Text SR Storage": "MedQ RESEARCH quality text",
    "Secondary Capture Image Storage": "MedQ RESEARCH quality page",
    "Encapsulated PDF Storage": "MedQ RESEARCH quality PDF",
    "Key Object Selection Document Storage": "MedQ RESEARCH quality issue",
    "Enhanced SR Storage": "MedQ RESEARCH quality report",
}


def by_class(folder: Path) -> dict[str, list[tuple[Path, Dataset]]]:
    """What has arrived in ``folder``, by the name of its SOP class."""
    found: dict[str, list[tuple[Path, Dataset]]] = {}
    for file in sorted(folder.rglob("*.dcm")):
        ds = pydicom.dcmread(file)
        found.setdefault(ds.SOPClassUID.name, []).append((file, ds))
    return found


@pytest.mark.peer
def test_the_note_is_found_in_each_form_where_it_was_asked_for(tmp_path: Path) -> None:
    files = ct_series(tmp_path / "ct", pixels=noisy_ct(4), SeriesNumber="7")
    originals = {str(pydicom.dcmread(file).SOPInstanceUID) for file in files}
    desk, plain = tmp_path / "desk", tmp_path / "plain"
    with running_orthanc(tmp_path / "orthanc") as pacs:
        settings = {
            "destinations": {
                "pacs": {**pacs.destination(), "forms": FORMS},
                "desk": {"kind": "folder", "path": str(desk), "forms": ["page", "key", "pdf"]},
                "plain": {"kind": "folder", "path": str(plain)},
            },
            "certify": {"judges": ["dciodvfy"]},
        }
        with running_node(tmp_path / "node", settings, RULES) as node:
            assert storescu(node.port, files).returncode == 0
            (series,) = node.wait_settled(1).series
            assert series.state == "done", series.reason
            log = node.log()

        stored = {one["MainDicomTags"]["SeriesDescription"]: one for one in pacs.series()}
        for label in CLASSES.values():
            (name,) = [name for name in stored if name.startswith(label)]
            (instance,) = stored[name]["Instances"]
            arrived = tmp_path / f"{label}.dcm"
            arrived.write_bytes(pacs.file(instance))
            assert dciodvfy_errors(arrived) == []
        numbers = {int(one["MainDicomTags"]["SeriesNumber"]) for one in stored.values()}
        assert numbers == {9007, 19007, 39007, 49007, 59007, 69007}

    at_plain = by_class(plain)
    assert set(at_plain) == {"CT Image Storage", "Enhanced SR Storage"}
    assert len(at_plain["CT Image Storage"]) == len(files)
    at_desk = by_class(desk)
    assert set(at_desk) == set(CLASSES) - {"Basic Text SR Storage", "Enhanced SR Storage"} | {
        "CT Image Storage"
    }

    ((_, page),) = at_desk["Secondary Capture Image Storage"]
    assert page.pixel_array.shape[1:] == (1024, 3), "any viewer shows it as a picture"
    ((_, pdf),) = at_desk["Encapsulated PDF Storage"]
    assert pdf.EncapsulatedDocument.startswith(b"%PDF")
    ((_, key),) = at_desk["Key Object Selection Document Storage"]
    assert key.ConceptNameCodeSequence[0].CodeValue == "113010"
    pointed_at = {
        str(item.ReferencedSOPInstanceUID)
        for study in key.CurrentRequestedProcedureEvidenceSequence
        for one in study.ReferencedSeriesSequence
        for item in one.ReferencedSOPSequence
    }
    assert pointed_at
    assert pointed_at <= originals, "it says where to look, of what the scanner made"
    assert "MEDQ^TEST" not in log
