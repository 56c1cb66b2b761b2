"""The key object: it retires what we made ourselves, and can't be made to retire anything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity, OutputKind, OutputObject, OutputReference
from medq_node.outputs.content import ReportPart
from medq_node.outputs.key_object import write_key_object
from medq_node.outputs.labels import KEY_OBJECT_LABEL
from medq_node.outputs.report import write_report
from medq_node.outputs.restored import write_restored_instance
from medq_node.pixels.series import SeriesStack, open_series
from medq_node.provenance import made_by_us
from tests.build import ct_series
from tests.judges import dciodvfy_errors, dsrdump
from tests.outputs.reports import name_of, restored_content


def as_reference(made: OutputObject) -> OutputReference:
    return OutputReference(
        made.kind, made.sop_class_uid, made.sop_instance_uid, made.series_instance_uid
    )


@pytest.fixture
def source(tmp_path: Path) -> SeriesStack:
    return open_series(ct_series(tmp_path / "in", slices=3))


@pytest.fixture
def earlier(
    source: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> tuple[OutputReference, ...]:
    """What the first revision had made: a restored series and its report."""
    made = [
        write_restored_instance(source, i, source.values(i), identity, tmp_path / "r1")
        for i in range(3)
    ]
    part = ReportPart(source, restored_content(source, identity), identity)
    return tuple(map(as_reference, [*made, write_report([part], identity, tmp_path / "r1")]))


@pytest.fixture
def second(identity: OutputIdentity) -> OutputIdentity:
    return replace(identity, revision=2)


def selected(document: Dataset) -> dict[str, str]:
    """SOP Instance UID -> value type of every object that it names."""
    return {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID: item.ValueType
        for item in document.ContentSequence
        if "ReferencedSOPSequence" in item
    }


def evidence(document: Dataset) -> dict[str, str]:
    """SOP Instance UID -> Series Instance UID of every object in the evidence."""
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == document.StudyInstanceUID
    return {
        item.ReferencedSOPInstanceUID: series.SeriesInstanceUID
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


def test_it_names_exactly_what_is_superseded(
    source: SeriesStack,
    earlier: tuple[OutputReference, ...],
    second: OutputIdentity,
    tmp_path: Path,
) -> None:
    made = write_key_object(source, earlier, second, tmp_path)
    assert made.kind is OutputKind.KEY_OBJECT
    document = pydicom.dcmread(made.path)
    assert name_of(document) == "Rejected for Quality Reasons"
    assert selected(document) == {
        old.sop_instance_uid: "IMAGE" if old.kind is OutputKind.RESTORED else "COMPOSITE"
        for old in earlier
    }
    assert evidence(document) == {old.sop_instance_uid: old.series_instance_uid for old in earlier}


def test_it_says_why_as_its_template_asks(
    source: SeriesStack,
    earlier: tuple[OutputReference, ...],
    second: OutputIdentity,
    tmp_path: Path,
) -> None:
    """TID 2010: the title needs a reason (row 3), the objects have no purpose (rows 8 to 10)."""
    document = pydicom.dcmread(write_key_object(source, earlier, second, tmp_path).path)
    why = document.ContentSequence[0]
    assert name_of(why) == "Document Title Modifier"
    assert why.ConceptCodeSequence[0].CodeMeaning == "Replaced by a new revision"
    named = [item for item in document.ContentSequence if "ReferencedSOPSequence" in item]
    assert len(named) == len(earlier)
    assert not any("ConceptNameCodeSequence" in item for item in named)


def test_it_stands_in_the_study_in_a_series_of_its_own_as_ours_and_research(
    source: SeriesStack,
    earlier: tuple[OutputReference, ...],
    second: OutputIdentity,
    tmp_path: Path,
) -> None:
    document = pydicom.dcmread(write_key_object(source, earlier, second, tmp_path).path)
    first = source.instances[0]
    assert document.Modality == "KO"
    assert document.StudyInstanceUID == first.study_instance_uid
    assert document.PatientID == source.header(0).PatientID
    taken = {first.series_instance_uid, *(old.series_instance_uid for old in earlier)}
    assert document.SeriesInstanceUID not in taken
    assert document.SeriesDescription.startswith(KEY_OBJECT_LABEL)
    assert document.SeriesNumber == 29002
    assert made_by_us(document)
    texts = {name_of(i): i.TextValue for i in document.ContentSequence if i.ValueType == "TEXT"}
    words = texts["Key Object Description"]
    assert "a new revision replaces" in words
    assert "No original image is meant" in words


@pytest.mark.peer
def test_it_satisfies_the_judges(
    source: SeriesStack,
    earlier: tuple[OutputReference, ...],
    second: OutputIdentity,
    tmp_path: Path,
) -> None:
    made = write_key_object(source, earlier, second, tmp_path)
    assert dciodvfy_errors(made.path) == []
    assert "Rejected for Quality Reasons" in dsrdump(made.path)


def test_the_same_key_object_has_the_same_bytes(
    source: SeriesStack,
    earlier: tuple[OutputReference, ...],
    second: OutputIdentity,
    tmp_path: Path,
) -> None:
    made = write_key_object(source, earlier, second, tmp_path)
    assert write_key_object(source, (*earlier, *earlier), second, tmp_path) == made
    whole = write_key_object(source, earlier, second, tmp_path, study=True)
    assert whole.sop_instance_uid != made.sop_instance_uid
    third = write_key_object(source, earlier, replace(second, revision=3), tmp_path)
    assert third.sop_instance_uid != made.sop_instance_uid
    assert third.series_instance_uid != made.series_instance_uid


def test_an_original_is_never_rejected(
    source: SeriesStack,
    earlier: tuple[OutputReference, ...],
    second: OutputIdentity,
    tmp_path: Path,
) -> None:
    image = source.instances[1]
    original = OutputReference(
        OutputKind.RESTORED, image.sop_class_uid, image.sop_instance_uid, "2.25.7"
    )
    in_its_series = replace(earlier[0], series_instance_uid=image.series_instance_uid)
    for wrong in (original, in_its_series):
        with pytest.raises(OutputError, match="is an original"):
            write_key_object(source, (*earlier, wrong), second, tmp_path / "ko")
    with pytest.raises(OutputError, match="something to retire"):
        write_key_object(source, (), second, tmp_path / "ko")
    assert not (tmp_path / "ko").exists()


@pytest.mark.peer
def test_a_header_that_lacks_nearly_everything_still_makes_a_valid_key_object(
    earlier: tuple[OutputReference, ...], second: OutputIdentity, tmp_path: Path
) -> None:
    missing = dict.fromkeys(
        [
            *("StudyID", "AccessionNumber", "PatientSex", "PatientBirthDate", "PatientName"),
            *("StudyDate", "StudyTime", "ReferringPhysicianName", "SeriesNumber"),
            *("SeriesDescription", "Manufacturer"),
        ]
    )
    bare = open_series(ct_series(tmp_path / "bare", **missing))
    made = write_key_object(bare, earlier, second, tmp_path)
    assert dciodvfy_errors(made.path) == []
    assert pydicom.dcmread(made.path).SeriesDescription == KEY_OBJECT_LABEL
