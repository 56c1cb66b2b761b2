"""A series of another patient in the same study waits for a person; nobody else waits with it."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from tests.build import ct_series
from tests.node import RULES_ALWAYS, running_node
from tests.peers import running_orthanc, storescu

pytestmark = [pytest.mark.peer, pytest.mark.timeout(420)]


def test_another_patient_in_the_same_study_is_held_before_any_rule(tmp_path: Path) -> None:
    right = ct_series(tmp_path / "right", slices=3)
    study = pydicom.dcmread(right[0]).StudyInstanceUID
    wrong = ct_series(
        tmp_path / "wrong", slices=3, StudyInstanceUID=study, PatientID="SOMEBODY-ELSE"
    )
    mixed = ct_series(tmp_path / "mixed", slices=2, StudyInstanceUID="2.25.77")
    strayed = pydicom.dcmread(mixed[1])
    strayed.StudyInstanceUID = "2.25.78"
    strayed.save_as(mixed[1])
    with running_orthanc(tmp_path / "orthanc") as pacs:
        settings = {
            "destinations": {"pacs": pacs.destination()},
            "certify": {"judges": []},
        }
        with running_node(tmp_path / "node", settings, RULES_ALWAYS) as node:
            assert storescu(node.port, right).returncode == 0
            node.wait_settled(1)
            assert storescu(node.port, wrong).returncode == 0
            assert storescu(node.port, mixed).returncode == 0
            status = node.wait_settled(3)
            by_uid = {s.series_instance_uid: s for s in status.series}
            done, held, two_studies = (
                by_uid[str(pydicom.dcmread(files[0]).SeriesInstanceUID)]
                for files in (right, wrong, mixed)
            )
            assert done.state == "done"
            assert held.state == two_studies.state == "held"
            assert held.reason == "Patient ID differs from that of 1 other series of this study"
            assert two_studies.reason == "Study Instance UID differs within this series"
            for series in (held, two_studies):
                assert series.rule is None and series.action is None, "no rule was asked"
                assert series.outputs == 0 and series.deliveries == ()
            assert len(pacs.series()) == 2, "what was made of the right one, and no more"
            assert "SOMEBODY-ELSE" not in node.log()
