"""The report: read by three judges, about the right study, the same bytes every time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from engines.quality import Degradation, Finding, Modality, Severity
from medq_node.objects import GateMeasure, GateVerdict, OutputIdentity, OutputReference
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart, worst_slices
from medq_node.outputs.labels import REPORT_LABEL
from medq_node.outputs.report import write_report
from medq_node.outputs.restored import write_restored_instance
from medq_node.pixels.series import SeriesStack, open_series
from tests.build import ct_series
from tests.judges import dciodvfy_errors, dsrdump, pixelmed_output
from tests.outputs.reports import (
    description,
    evaluations,
    imaging_measurements,
    numbers,
    restored_content,
    said,
)

RECEIVED = 'Series 2 "Abdomen 5.0 B30f" as received, all slices'
RESTORED = (
    'Series 9002 "MedQ RESEARCH restored: Abdomen 5.0 B30f", '
    'restored from series 2 "Abdomen 5.0 B30f", all slices'
)


@pytest.mark.data
@pytest.mark.peer
@pytest.mark.parametrize(
    "name",
    [
        "ct_lidc0314_chest_1mm",
        "ct_head_ge",
        "mr_brain_t2_trio",
        "mr_abdomen_t2_toshiba",
        "pet_crop_sts_004",
        "pet_wb_fdg_sts001",
    ],
)
def test_reports_on_real_series_satisfy_the_judges(
    name: str, real_series: Callable[[str], SeriesStack], identity: OutputIdentity, tmp_path: Path
) -> None:
    source = real_series(name)
    output = write_report(
        [ReportPart(source, restored_content(source, identity), identity)], identity, tmp_path
    )
    assert dciodvfy_errors(output.path) == []
    rendered = dsrdump(output.path)
    assert "Noise is moderate." in rendered
    assert "UNVERIFIED" in rendered
    assert "PRELIMINARY" in rendered


@pytest.mark.data
@pytest.mark.peer
@pytest.mark.parametrize("name", ["pet_wb_fdg_sts001"])
def test_reports_on_real_series_follow_the_template(
    name: str, real_series: Callable[[str], SeriesStack], identity: OutputIdentity, tmp_path: Path
) -> None:
    source = real_series(name)
    output = write_report(
        [ReportPart(source, restored_content(source, identity), identity)], identity, tmp_path
    )
    lines = pixelmed_output(output.path)
    assert "Found Root Template TID_1500 (MeasurementReport)" in lines
    assert [line for line in lines if line.startswith("Error")] == []


@pytest.mark.peer
def test_the_template_judge_does_find_faults(identity: OutputIdentity, tmp_path: Path) -> None:
    """Else its silence above would mean nothing."""
    source = open_series(ct_series(tmp_path / "in"))
    output = write_report(
        [ReportPart(source, restored_content(source, identity), identity)], identity, tmp_path
    )
    report = pydicom.dcmread(output.path)
    report.ContentSequence = [i for i in report.ContentSequence if i.ValueType != "UIDREF"]
    report.save_as(output.path)
    lines = pixelmed_output(output.path)
    assert [line for line in lines if line.startswith("Error") and "Device Observer UID" in line]


def test_numbers_carry_units_before_and_after(identity: OutputIdentity, tmp_path: Path) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    output = write_report(
        [ReportPart(source, restored_content(source, identity), identity)], identity, tmp_path
    )
    assert numbers(pydicom.dcmread(output.path)) == [
        (RECEIVED, 24.3, "[hnsf'U]"),
        (RECEIVED, 1.1, "mm"),
        (RESTORED, 11.2, "[hnsf'U]"),
        (RESTORED, 1.1, "mm"),
    ]


def test_worst_slices_are_pointed_at_and_all_images_are_evidence(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    restored = write_restored_instance(source, 1, source.slab(1, 2).values[0], identity, tmp_path)
    output = write_report(
        [ReportPart(source, restored_content(source, identity), identity)], identity, tmp_path
    )
    report = pydicom.dcmread(output.path)
    before, after = (
        [i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in g if i.ValueType == "IMAGE"]
        for g in imaging_measurements(report)
    )
    assert before == [source.instances[1].sop_instance_uid]
    assert after == [restored.sop_instance_uid]
    series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert [len(item.ReferencedSOPSequence) for item in series] == [5, 5]
    assert restored.series_instance_uid in {item.SeriesInstanceUID for item in series}


def test_a_refusal_says_why_and_refers_to_no_restored_image(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    passed = GateMeasure("geometry", 0.0, 0.0, "differences", True)
    failed = GateMeasure("structure in the residual", 0.31, 0.1, "", False)
    content = ReportContent(
        before=description(Modality.CT, 24.3, Severity.SEVERE),
        sentence_before="Noise is severe.",
        action=ActionTaken.REFUSED,
        reasons=("anatomy was removed",),
        gate=GateVerdict(False, (passed, failed), ("anatomy was removed",)),
    )
    output = write_report([ReportPart(source, content, identity)], identity, tmp_path)
    report = pydicom.dcmread(output.path)
    groups = imaging_measurements(report)
    assert len(groups) == 1
    assert said(groups[0]) == [
        "Noise is severe.",
        "Action taken: none. A restoration was made, refused and not sent.",
        "Refused because: anatomy was removed.",
        "Other do-no-harm checks passed: geometry 0 differences (limit 0).",
        "For research use only. Made by software; nobody has verified it.",
    ]
    assert evaluations(groups[0])["Do-no-harm check of the restored series"] == "Failed"
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert len(evidence) == 1


def test_the_same_report_has_the_same_bytes(identity: OutputIdentity, tmp_path: Path) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    content = restored_content(source, identity)
    first = write_report([ReportPart(source, content, identity)], identity, tmp_path)
    reopened = open_series([i.path for i in source.instances])
    again = write_report([ReportPart(reopened, content, identity)], identity, tmp_path)
    assert again == first
    later = write_report(
        [ReportPart(source, content, replace(identity, revision=2))],
        replace(identity, revision=2),
        tmp_path,
    )
    assert later.sop_instance_uid != first.sop_instance_uid
    assert later.series_instance_uid != first.series_instance_uid


def test_a_new_revision_names_the_report_that_it_supersedes(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    content = restored_content(source, identity)
    first = write_report([ReportPart(source, content, identity)], identity, tmp_path)
    second = replace(identity, revision=2)
    content = replace(
        restored_content(source, second),
        superseded=(
            OutputReference(
                first.kind,
                first.sop_class_uid,
                first.sop_instance_uid,
                first.series_instance_uid,
            ),
        ),
    )
    report = pydicom.dcmread(
        write_report([ReportPart(source, content, second)], second, tmp_path).path
    )
    series = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.sop_instance_uid


MISSING = dict.fromkeys(
    [
        *("StudyID", "AccessionNumber", "PatientSex", "PatientBirthDate", "PatientName"),
        *("StudyDate", "StudyTime", "ReferringPhysicianName", "SeriesNumber"),
        *("SeriesDescription", "Manufacturer"),
    ]
)


@pytest.mark.peer
def test_headers_that_lack_nearly_everything_still_make_a_valid_report(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "in", **MISSING))
    output = write_report(
        [ReportPart(source, restored_content(source, identity), identity)], identity, tmp_path
    )
    assert dciodvfy_errors(output.path) == []
    report = pydicom.dcmread(output.path)
    assert report.SeriesDescription == REPORT_LABEL
    assert report.StudyInstanceUID == source.instances[0].study_instance_uid


@pytest.mark.parametrize("name", ["Mustermann", "Yamada^Tarou=山田^太郎=やまだ^たろう"])
def test_no_warning_ever_prints_the_patient(
    name: str, identity: OutputIdentity, tmp_path: Path
) -> None:
    files = ct_series(tmp_path / "in", SpecificCharacterSet="ISO_IR 192", PatientName=name)
    source = open_series(files)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        output = write_report(
            [ReportPart(source, restored_content(source, identity), identity)], identity, tmp_path
        )
    assert not [w for w in caught if name.split("=")[0] in str(w.message)]
    assert str(pydicom.dcmread(output.path).PatientName) == name


def test_a_mild_finding_does_not_hide_the_worst_one() -> None:
    findings = (
        Finding(Degradation.BLUR, Severity.MILD, 1.0, "mm FWHM", None, 1),
        Finding(Degradation.NOISE, Severity.SEVERE, 50.0, "HU", None, 4),
        Finding(Degradation.CLIPPING, Severity.NONE, 0.0, "% of pixels", None, 99),
    )
    content = replace(description(Modality.CT, 1.0, Severity.NONE), findings=findings)
    assert worst_slices(content, 5) == [3, 0]
    assert worst_slices(replace(content, findings=()), 5) == [2]
