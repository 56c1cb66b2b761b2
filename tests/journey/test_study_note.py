"""One note for the whole study, where the rule asks for it."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.build import ct_series, mr_series
from tests.faults.points import Faults, Point
from tests.node import Node, running_node, wait_for
from tests.peers import storescu

RULES = """
rules:
  - name: localizers
    when: [{ImageType: {equals: LOCALIZER}}]
    then: {action: ignore}
  - name: everything
    then:
      action: restore
      restore: always
      restoring: {only: [noise], at_most: moderate}  # names the outputs: the note has to know them
      destinations: [out]
      note: study
"""


def reports(folder: Path) -> list[Dataset]:
    found = [pydicom.dcmread(file) for file in folder.rglob("*.dcm")]
    return sorted((ds for ds in found if ds.Modality == "SR"), key=lambda ds: ds.InstanceNumber)


def series_spoken_of(report: Dataset) -> set[str]:
    return {
        str(series.SeriesInstanceUID)
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
    }


def wait_for_reports(node: Node, folder: Path, count: int) -> list[Dataset]:
    wait_for(
        lambda: len(list(folder.rglob("*.dcm"))) > 0 and len(reports(folder)) >= count,
        90,
        lambda: node.log()[-3000:],
    )
    return reports(folder)


@pytest.mark.peer
def test_all_series_of_a_study_share_one_note_and_a_late_one_makes_the_next(
    tmp_path: Path,
) -> None:
    out, study = tmp_path / "out", generate_uid()
    settings = {
        "destinations": {"out": {"kind": "folder", "path": str(out)}},
        "intake": {"quiet_minimum_s": 1.0, "study_quiet_s": 3.0},
    }
    first, second, late = (
        ct_series(tmp_path / "a", slices=3, StudyInstanceUID=study),
        ct_series(tmp_path / "b", slices=4, StudyInstanceUID=study, SeriesNumber="3"),
        mr_series(tmp_path / "c", slices=3, StudyInstanceUID=study, SeriesNumber="4"),
    )
    uid = {
        name: str(pydicom.dcmread(files[0]).SeriesInstanceUID)
        for name, files in (("first", first), ("second", second), ("late", late))
    }
    with running_node(tmp_path / "node", settings, RULES) as node:
        assert storescu(node.port, [*first, *second]).returncode == 0
        (note,) = wait_for_reports(node, out, 1)
        spoken_of = series_spoken_of(note)
        assert {uid["first"], uid["second"]} <= spoken_of
        assert len(spoken_of) == 4, "two series, and the restored series of each"
        assert "study" in note.SeriesDescription

        assert storescu(node.port, late).returncode == 0
        note, newer = wait_for_reports(node, out, 2)
        assert uid["late"] in series_spoken_of(newer)
        assert spoken_of < series_spoken_of(newer)
        predecessor = newer.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
        assert predecessor.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == note.SOPInstanceUID
        status = node.wait_settled(3)
        assert {s.state for s in status.series} == {"done"}


KILLS = (
    Point("note-not-opened", "medq_node.study_notes", "_newest_done", "after"),
    Point("note-not-sealed", "medq_node.workshop.study_note", "write_objects", "after"),
    Point("outputs-not-committed", "medq_node.study_notes", "record_outputs", "after"),
    Point("before-the-verdict", "medq_node.workshop.study_note", "check_objects"),
    Point("not-handed-over", "medq_node.study_notes", "hand_over_study_note", "after"),
    Point(
        "sent-not-noted",
        "medq_node.delivery.folder",
        "FolderDestination.send",
        "after",
        containing="report",
    ),
)


@pytest.mark.peer
@pytest.mark.timeout(200)
def test_killed_at_every_step_a_study_still_gets_one_note(tmp_path: Path) -> None:
    out, study = tmp_path / "out", generate_uid()
    settings = {
        "destinations": {"out": {"kind": "folder", "path": str(out)}},
        "intake": {"quiet_minimum_s": 1.0, "study_quiet_s": 1.0},
        "pipeline": {"attempts": 9, "retry_s": 0.3},
    }
    files = [
        *ct_series(tmp_path / "a", slices=2, StudyInstanceUID=study),
        *mr_series(tmp_path / "b", slices=2, StudyInstanceUID=study),
    ]
    faults = Faults(tmp_path / "faults")
    with running_node(
        tmp_path / "node",
        settings,
        RULES.replace("always", "when_needed"),
        environment=faults.prepare(KILLS),
    ) as node:
        for point in KILLS:
            faults.arm(point)
        assert storescu(node.port, files).returncode == 0
        wait_for(lambda: all(map(faults.fired, KILLS)), 120, lambda: node.log()[-3000:])
        (note,) = wait_for_reports(node, out, 1)
        assert len(series_spoken_of(note)) == 2
        node.wait_settled(2)
        assert len(reports(out)) == 1
        assert not list(node.layout.output.glob("*.part"))
