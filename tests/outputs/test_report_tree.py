"""The tree of a report: several series, ranges of slices, the few images it points at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engines.quality import Action, Amount, Degradation, Finding, Modality, Severity
from engines.sentence import format_sentence
from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity, OutputKind, OutputReference
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart
from medq_node.outputs.labels import STUDY_REPORT_LABEL
from medq_node.outputs.provenance import algorithm_uid
from medq_node.outputs.uids import restored_instance_uid
from medq_node.pixels.series import SeriesStack, open_series
from tests.build import ct_series, mr_series
from tests.judges import dciodvfy_errors, dsrdump, pixelmed_errors
from tests.outputs.reports import (
    container,
    description,
    evaluations,
    headings,
    imaging_measurements,
    meaning,
    name_of,
    numbers,
    pointed_at,
    restored_content,
    said,
    written,
)

STUDY = "1.2.826.0.1.3680043.8.498.77"


def assessed(source: SeriesStack) -> ReportContent:
    before = description(source.info.modality, 12.0, Severity.MILD)
    return ReportContent(before, "Noise is mild.", ActionTaken.ASSESSED_ONLY)


def ranged(source: SeriesStack) -> ReportContent:
    """Metal on slices 4 and 5, blur on the same, noise everywhere."""
    before = replace(
        description(source.info.modality, 24.3, Severity.MODERATE),
        findings=(
            Finding(Degradation.NOISE, Severity.MODERATE, 24.3, "HU", (1, 5), 2),
            Finding(Degradation.METAL, Severity.SEVERE, None, None, (4, 5), 4),
            Finding(Degradation.BLUR, Severity.MILD, 2.1, "mm FWHM", (4, 5)),
        ),
        not_assessed=(),
    )
    return ReportContent(before, "Noise is moderate.", ActionTaken.UNCHANGED)


def mixed(source: SeriesStack) -> ReportContent:
    """Motion with two numbers in one corner, metal on a few slices, and two things to do."""
    before = replace(
        description(source.info.modality, 24.3, Severity.MODERATE),
        findings=(
            Finding(
                Degradation.MOTION,
                Severity.SEVERE,
                3.2,
                "mm",
                None,
                2,
                (Amount(1.5, "degrees"),),
                "upper left",
            ),
            Finding(Degradation.UNDERSAMPLING, Severity.SEVERE, 4, "fold", place="throughout"),
            Finding(Degradation.METAL, Severity.MILD, None, None, (4, 5), 4, place="along the rim"),
        ),
        not_assessed=(),
        actions=(Action.RESTORE_RESOLUTION, Action.CORRECT_MOTION),
    )
    return ReportContent(before, format_sentence(before), ActionTaken.UNCHANGED)


@pytest.fixture
def ct(tmp_path: Path) -> SeriesStack:
    return open_series(ct_series(tmp_path / "ct", StudyInstanceUID=STUDY, SeriesNumber="3"))


@pytest.fixture
def mr(tmp_path: Path) -> SeriesStack:
    return open_series(mr_series(tmp_path / "mr", StudyInstanceUID=STUDY, SeriesNumber="4"))


@pytest.fixture
def study(ct: SeriesStack, mr: SeriesStack, identity: OutputIdentity) -> list[ReportPart]:
    """A restored CT and an MR that was only assessed, by another engine."""
    other = replace(identity, engine_name="medq_uni", engine_digest="cd" * 32)
    return [
        ReportPart(ct, restored_content(ct, identity), identity),
        ReportPart(mr, assessed(mr), other),
    ]


def test_a_study_report_has_groups_for_every_series(
    study: list[ReportPart], tmp_path: Path
) -> None:
    report = written(study, tmp_path, study=True)
    assert headings(report) == [
        'Series 3 "Abdomen 5.0 B30f" as received, all slices',
        'Series 9003 "MedQ RESEARCH restored: Abdomen 5.0 B30f", '
        'restored from series 3 "Abdomen 5.0 B30f", all slices',
        'Series 4 "t2 axial" as received, all slices',
    ]
    assert report.SeriesDescription.startswith(STUDY_REPORT_LABEL)
    assert report.SeriesNumber == 19003
    series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert [len(item.ReferencedSOPSequence) for item in series] == [5, 5, 5]
    engines = [
        next(i.TextValue for i in group if name_of(i) == "Algorithm Name")
        for group in imaging_measurements(report)
    ]
    assert engines == ["classical", "classical", "medq_uni"]


@pytest.mark.peer
def test_a_study_report_with_ranges_of_slices_satisfies_the_judges(
    study: list[ReportPart], tmp_path: Path
) -> None:
    parts = [study[0], replace(study[1], content=ranged(study[1].source))]
    report = written(parts, tmp_path, study=True)
    assert len(headings(report)) == 4
    path = tmp_path / f"{report.SOPInstanceUID}.dcm"
    assert dciodvfy_errors(path) == []
    assert "Noise is moderate." in dsrdump(path)
    assert pixelmed_errors(path) == []


def test_a_study_report_is_never_the_report_on_its_series(
    study: list[ReportPart], tmp_path: Path
) -> None:
    alone = written(study[:1], tmp_path)
    whole = written(study[:1], tmp_path, study=True)
    larger = written(study, tmp_path, study=True)
    assert alone.SOPInstanceUID != whole.SOPInstanceUID
    assert alone.SeriesInstanceUID != whole.SeriesInstanceUID
    assert larger.SeriesInstanceUID == whole.SeriesInstanceUID  # named after the study


def test_series_of_two_studies_are_refused(
    study: list[ReportPart], mr: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="on their study"):
        written(study, tmp_path)
    elsewhere = open_series(mr_series(tmp_path / "other", StudyInstanceUID=f"{STUDY}.1"))
    with pytest.raises(OutputError, match="one study"):
        written([study[0], replace(study[1], source=elsewhere)], tmp_path, study=True)


def test_findings_of_a_range_of_slices_have_a_group_of_their_own(
    ct: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    report = written([ReportPart(ct, ranged(ct), identity)], tmp_path)
    name = 'Series 3 "Abdomen 5.0 B30f" as received'
    assert headings(report) == [f"{name}, all slices", f"{name}, slices 4-5"]
    whole, part = imaging_measurements(report)
    assert said(part) == ["Mild blur: 2.1 mm FWHM.", "Severe metal artifact, worst on slice 4."]
    assert evaluations(part)["Metal artifact"] == "Severe"
    assert "Metal artifact" not in evaluations(whole)
    assert evaluations(whole)["Imaging Series Quality"] == "Limited quality"
    assert "Imaging Series Quality" not in evaluations(part)
    assert numbers(report) == [
        (f"{name}, all slices", 24.3, "[hnsf'U]"),
        (f"{name}, slices 4-5", 2.1, "mm"),
    ]
    assert pointed_at(part) == [ct.instances[3].sop_instance_uid]


def test_the_worst_image_hangs_on_the_number_or_else_on_the_severity(
    ct: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    report = written([ReportPart(ct, ranged(ct), identity)], tmp_path)
    whole, part = imaging_measurements(report)
    metal = next(i for i in part if name_of(i) == "Metal artifact")
    (image,) = metal.ContentSequence
    assert (image.RelationshipType, name_of(image)) == ("INFERRED FROM", "Source of Measurement")
    assert pointed_at([image]) == [ct.instances[3].sop_instance_uid]
    # With a number it hangs there, and only there.
    noise = next(i for i in whole if name_of(i) == "Noise level")
    assert pointed_at(noise.ContentSequence) == [ct.instances[1].sop_instance_uid]
    assert not any("ContentSequence" in i for i in whole if i.ValueType == "CODE")
    # Where no slice is named, or one that is not there, nothing hangs.
    away = Finding(Degradation.METAL, Severity.MILD, None, None, None, 99)
    content = ranged(ct)
    content = replace(content, before=replace(content.before, findings=(away,)))
    (group,) = imaging_measurements(written([ReportPart(ct, content, identity)], tmp_path / "away"))
    assert not any("ContentSequence" in i for i in group if i.ValueType == "CODE")


def test_a_mixture_has_every_number_place_and_planned_action(
    mr: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    report = written([ReportPart(mr, mixed(mr), identity)], tmp_path)
    whole, part = imaging_measurements(report)
    measured = [
        (name_of(i), float(i.MeasuredValueSequence[0].NumericValue))
        for i in whole
        if i.ValueType == "NUM"
    ]
    assert measured == [
        ("Undersampling factor", 4.0),
        ("Displacement by motion", 3.2),
        ("Rotation by motion", 1.5),
    ]
    assert [unit for _, _, unit in numbers(report)] == ["{ratio}", "mm", "deg"]
    said_of = evaluations(whole)
    assert said_of["Place in the image: motion"] == "Upper left of the image"
    assert said_of["Place in the image: undersampling"] == "Throughout the image"
    assert evaluations(part)["Place in the image: metal"] == "Along the rim of the image"
    assert said(part) == ["Mild metal artifact, along the rim of the image, worst on slice 4."]
    planned = [
        meaning(i) for i in whole if i.ValueType == "CODE" and name_of(i).startswith("Action prop")
    ]
    assert planned == ["Restore resolution", "Correct motion"]


@pytest.mark.peer
def test_a_mixture_satisfies_the_judges(
    mr: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    report = written([ReportPart(mr, mixed(mr), identity)], tmp_path)
    path = tmp_path / f"{report.SOPInstanceUID}.dcm"
    assert dciodvfy_errors(path) == []
    assert "Correct motion" in dsrdump(path)
    assert pixelmed_errors(path) == []


def test_every_group_says_what_it_is_about_and_what_made_it(
    study: list[ReportPart], tmp_path: Path
) -> None:
    groups = imaging_measurements(written(study, tmp_path, study=True))
    uids = [
        next(i.UID for i in group if name_of(i) == "Tracking Unique Identifier") for group in groups
    ]
    assert len(set(uids)) == len(groups)
    for group in groups:
        names = [name_of(item) for item in group]
        assert evaluations(group)["Finding"] == "Image Quality"
        assert {"Algorithm Name", "Algorithm Version", "Algorithm Family"} <= set(names)
        assert names.index("Comment") == names.index("Finding") + 1


def test_the_library_holds_the_images_that_are_pointed_at_and_no_others(
    ct: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    content = restored_content(ct, identity)
    worst = (
        Finding(Degradation.NOISE, Severity.SEVERE, 50.0, "HU", None, 2),
        Finding(Degradation.BLUR, Severity.MILD, 3.0, "mm FWHM", None, 5),
    )
    content = replace(content, before=replace(content.before, findings=worst))
    report = written([ReportPart(ct, content, identity)], tmp_path)
    before, after = container(report, "Image Library").ContentSequence
    shown = [ct.instances[1].sop_instance_uid, ct.instances[4].sop_instance_uid]
    assert pointed_at(before.ContentSequence) == shown
    assert pointed_at(after.ContentSequence) == [restored_instance_uid(identity, u) for u in shown]
    shared = [name_of(i) for i in before.ContentSequence if i.ValueType != "IMAGE"]
    assert "Modality" in shared
    assert "Image Position (Patient) Z" not in shared  # differs, so it stands with each image
    own = next(i for i in before.ContentSequence if i.ValueType == "IMAGE").ContentSequence
    assert [name_of(i) for i in own] == ["Image Position (Patient) Z"]


def test_it_says_what_changed_and_what_it_supersedes(
    ct: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    old = (
        OutputReference(OutputKind.REPORT, "1.2.840.10008.5.1.4.1.1.88.22", "2.25.11", "2.25.12"),
        OutputReference(OutputKind.RESTORED, "1.2.840.10008.5.1.4.1.1.2", "2.25.13", "2.25.14"),
    )
    content = replace(restored_content(ct, identity), superseded=old)
    report = written([ReportPart(ct, content, identity)], tmp_path)
    assert said(imaging_measurements(report)[0]) == [
        "Noise is moderate.",
        'Action taken: restored, as series 9003 "MedQ RESEARCH restored: Abdomen 5.0 B30f". '
        "The originals are unchanged.",
        "Reason: rule 'noisy chest' asks for it.",
        "What the restoration changed: noise from 24.3 HU (moderate) to 11.2 HU (mild).",
        "Measured alike before and after: blur 1.1 mm FWHM (none).",
        "Do-no-harm check passed: mean bias 0.2 HU (limit 2).",
        "Supersedes the report and the restored series of an earlier revision.",
        "For research use only. Made by software; nobody has verified it.",
    ]
    only_report = replace(content, superseded=old[:1])
    report = written([ReportPart(ct, only_report, identity)], tmp_path)
    assert "Supersedes the report of an earlier revision." in said(imaging_measurements(report)[0])


def test_reports_of_all_parts_are_superseded_each_once(
    study: list[ReportPart], tmp_path: Path
) -> None:
    old = OutputReference(OutputKind.REPORT, "1.2.840.10008.5.1.4.1.1.88.22", "2.25.11", "2.25.12")
    parts = [
        replace(part, content=replace(part.content, superseded=(old, replace(old, kind=kind))))
        for part, kind in zip(study, (OutputKind.RESTORED, OutputKind.KEY_OBJECT), strict=True)
    ]
    report = written(parts, tmp_path, study=True)
    series = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence
    assert [len(item.ReferencedSOPSequence) for item in series] == [1]


def test_the_algorithm_is_among_the_contributing_equipment(
    ct: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    """IHE AI Results: manufacturer, model, versions, and a device UID that changes with it."""
    report = written([ReportPart(ct, assessed(ct), identity)], tmp_path)
    ours = report.ContributingEquipmentSequence[-1]
    assert ours.Manufacturer == "MedQ Node"
    assert ours.ManufacturerModelName == "classical"
    assert "classical 0.1.0" in ours.SoftwareVersions
    assert ours.DeviceUID == algorithm_uid(identity)
    assert algorithm_uid(identity) != algorithm_uid(replace(identity, engine_digest="cd" * 32))
    assert algorithm_uid(identity) == algorithm_uid(replace(identity, revision=7))


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"SeriesDescription": None}, "Series 3"),
        ({"SeriesDescription": None, "SeriesNumber": None}, "The series"),
        ({"SeriesDescription": "胸部CT", "SpecificCharacterSet": "ISO_IR 192"}, "Series 3"),
        ({"SeriesDescription": "why?"}, 'Series 3 "why?"'),
    ],
)
def test_a_series_is_called_what_lists_call_it(
    attributes: dict[str, str | None], name: str, identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "in", **({"SeriesNumber": "3"} | attributes)))
    report = written([ReportPart(source, assessed(source), identity)], tmp_path)
    assert headings(report) == [f"{name} as received, all slices"]


def test_an_unknown_region_is_left_out_and_a_known_one_is_coded(
    ct: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    content = assessed(ct)
    known = written([ReportPart(ct, content, identity)], tmp_path)
    assert evaluations(imaging_measurements(known)[0])["Finding Site"] == "Chest"
    content = replace(content, before=replace(content.before, region="unknown"))
    unknown = written([ReportPart(ct, content, identity)], tmp_path)
    assert "Finding Site" not in evaluations(imaging_measurements(unknown)[0])


def test_noise_in_mr_is_a_poor_signal_to_noise_ratio(
    mr: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    assert mr.info.modality is Modality.MR
    report = written([ReportPart(mr, assessed(mr), identity)], tmp_path)
    assert evaluations(imaging_measurements(report)[0])["Poor SNR"] == "Mild"
