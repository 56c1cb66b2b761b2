"""A late slice makes a second revision; what it replaces is named, and retired where asked for."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.build import ct_series
from tests.node import running_node
from tests.peers import storescu

RULES = """
rules:
  - name: everything
    then: {action: restore, restore: always, destinations: [retiring, plain]}
"""


def objects(folder: Path, class_name: str) -> list[Dataset]:
    """What of one SOP class has arrived in ``folder``."""
    found = [pydicom.dcmread(file) for file in sorted(folder.rglob("*.dcm"))]
    return [ds for ds in found if class_name in ds.SOPClassUID.name]


def named_by(ds: Dataset, keyword: str) -> set[str]:
    """SOP Instance UIDs in a sequence of referenced studies, series and objects."""
    return {
        str(item.ReferencedSOPInstanceUID)
        for study in ds.get(keyword, [])
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


@pytest.mark.peer
def test_a_late_slice_makes_a_revision_that_supersedes_the_first(tmp_path: Path) -> None:
    files = ct_series(tmp_path / "ct", slices=5)
    retiring, plain = tmp_path / "retiring", tmp_path / "plain"
    settings = {
        "destinations": {
            "retiring": {"kind": "folder", "path": str(retiring), "retire_superseded": True},
            "plain": {"kind": "folder", "path": str(plain)},
        }
    }
    with running_node(tmp_path / "node", settings, RULES) as node:
        assert storescu(node.port, files[:4]).returncode == 0
        node.wait_settled(1)
        (first,) = objects(plain, "SR")
        old = {str(ds.SOPInstanceUID) for ds in objects(plain, "CT Image")}
        assert len(old) == 4

        assert storescu(node.port, files[4:]).returncode == 0
        status = node.wait_settled(2)
        assert {s.revision: s.images for s in status.series} == {1: 4, 2: 5}

    (second,) = [ds for ds in objects(plain, "SR") if ds.SOPInstanceUID != first.SOPInstanceUID]
    assert named_by(second, "PredecessorDocumentsSequence") == {str(first.SOPInstanceUID)}
    new = {str(ds.SOPInstanceUID) for ds in objects(plain, "CT Image")} - old
    assert len(new) == 5, "every image of the new revision has a UID of its own"
    assert len({ds.SeriesInstanceUID for ds in objects(plain, "CT Image")}) == 2

    assert objects(plain, "Key Object") == [], "this destination has not asked for it"
    (key_object,) = objects(retiring, "Key Object")
    title = key_object.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator) == ("113001", "DCM")
    rejected = named_by(key_object, "CurrentRequestedProcedureEvidenceSequence")
    assert rejected == old | {str(first.SOPInstanceUID)}
    originals = {str(pydicom.dcmread(file).SOPInstanceUID) for file in files}
    assert not rejected & originals, "no original is ever rejected"
