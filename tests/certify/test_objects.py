"""Objects are read back and judged before they leave; each fault is told in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from medq_node.certify.objects import check_objects
from medq_node.objects import OutputKind
from medq_node.pixels.series import open_series
from medq_node.provenance import RESEARCH_LABEL
from tests.build import ct_series, mr_series
from tests.certify.made import (
    Made,
    item,
    put,
    recorded_as,
    redigested,
    references,
    source_reference,
    written,
)

OutputsOf = Callable[[str], Made]

RESTORED, REPORT, KEY_OBJECT = OutputKind.RESTORED, OutputKind.REPORT, OutputKind.KEY_OBJECT
MODALITIES = ("CT", "MR", "PT")


@pytest.mark.parametrize("modality", MODALITIES)
def test_what_the_node_makes_is_fit_to_leave(prototypes: OutputsOf, modality: str) -> None:
    made = prototypes(modality)
    wrong = {OutputKind.QUALITY_ISSUE} if modality == "CT" else set()
    always = set(OutputKind) - {OutputKind.QUALITY_ISSUE}
    assert {output.kind for output in made.outputs} == always | wrong
    assert made.faults() == ()


def test_a_key_object_never_rejects_an_original(outputs_of: OutputsOf) -> None:
    made = outputs_of("CT")
    original = made.source.instances[0]

    def reject(ds: Dataset) -> None:
        reference = references(ds)[0]
        reference.ReferencedSOPInstanceUID = original.sop_instance_uid
        series = ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        series.append(
            item(
                SeriesInstanceUID=original.series_instance_uid,
                ReferencedSOPSequence=[
                    item(
                        ReferencedSOPClassUID=original.sop_class_uid,
                        ReferencedSOPInstanceUID=original.sop_instance_uid,
                    )
                ],
            )
        )

    (fault,) = made.changed(made.of(KEY_OBJECT)[0], reject).faults()
    assert f"rejects {original.sop_instance_uid}, which is an original" in fault


def test_a_key_object_retires_nothing_that_is_not_superseded(outputs_of: OutputsOf) -> None:
    made = outputs_of("CT")
    faults = replace(made, superseded=made.superseded[1:]).faults()
    gone = made.superseded[0].sop_instance_uid
    assert any(f"names {gone}, which is no object of ours that is replaced" in f for f in faults)


@pytest.mark.parametrize("kind", list(OutputKind))
def test_an_object_that_takes_another_ones_uid_is_caught(
    outputs_of: OutputsOf, kind: OutputKind
) -> None:
    made = outputs_of("CT")
    first = made.source.instances[0]
    taken = {
        first.sop_instance_uid: "SOP Instance UID of a source image",
        first.study_instance_uid: "a UID that the source uses for something else",
        made.superseded[0].sop_instance_uid: "SOP Instance UID of an object that it replaces",
        made.of(REPORT if kind is RESTORED else RESTORED)[0].sop_instance_uid: "Two of the objects",
        made.of(RESTORED)[0].series_instance_uid: "has the UID of a series",
    }
    for uid, words in taken.items():
        copy = made.copied(made.outputs[0].path.parent / uid)

        def take(ds: Dataset, uid: str = uid) -> None:
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid

        faults = copy.changed(copy.of(kind)[0], take).faults()
        assert any(words in fault for fault in faults), (words, faults)


@pytest.mark.parametrize("kind", list(OutputKind))
def test_an_object_in_the_sources_own_series_is_caught(
    outputs_of: OutputsOf, kind: OutputKind
) -> None:
    made = outputs_of("CT")
    into = put("SeriesInstanceUID", made.source.instances[0].series_instance_uid)
    assert any("source's own series" in f for f in made.changed(made.of(kind)[0], into).faults())


@pytest.mark.parametrize("kind", list(OutputKind))
def test_a_row_that_tells_other_uids_is_caught(outputs_of: OutputsOf, kind: OutputKind) -> None:
    made = outputs_of("CT")
    broken = made.of(kind)[0]
    renamed = made.changed(broken, put("SOPInstanceUID", "2.25.77"), recorded=False)
    assert any("SOPInstanceUID is not the recorded one" in f for f in renamed.faults())
    moved = made.changed(broken, put("SeriesInstanceUID", "2.25.78"), recorded=False)
    assert any("SeriesInstanceUID is not the recorded one" in f for f in moved.faults())


@pytest.mark.parametrize("kind", list(OutputKind))
def test_an_object_of_another_class_than_its_kind_has_is_caught(
    outputs_of: OutputsOf, kind: OutputKind
) -> None:
    made = outputs_of("CT")

    def become_a_film(ds: Dataset) -> None:
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.4"

    faults = made.changed(made.of(kind)[0], become_a_film).faults()
    assert any(f"SOP Class is not one of a {kind}" in fault for fault in faults)


@pytest.mark.parametrize("kind", list(OutputKind))
def test_bytes_other_than_recorded_are_caught(outputs_of: OutputsOf, kind: OutputKind) -> None:
    made = outputs_of("CT")
    output = made.of(kind)[0]
    content = bytearray(output.path.read_bytes())
    content[-1] ^= 1
    output.path.write_bytes(content)
    assert any("SHA-256" in fault for fault in made.faults())


@pytest.mark.parametrize("kind", list(OutputKind))
def test_a_truncated_or_lost_file_is_caught(outputs_of: OutputsOf, kind: OutputKind) -> None:
    made = outputs_of("CT")
    output = made.of(kind)[0]
    output.path.write_bytes(output.path.read_bytes()[:700])
    cut = replace(made, outputs=tuple(redigested(o) if o is output else o for o in made.outputs))
    assert cut.faults() != ()
    output.path.unlink()
    assert any("can't be read back" in fault for fault in made.faults())


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_missing_and_a_doubled_image_are_caught(outputs_of: OutputsOf, modality: str) -> None:
    made = outputs_of(modality)
    first, *others = made.of(RESTORED)
    without = replace(made, outputs=tuple(o for o in made.outputs if o is not first))
    assert any("lacks 1 of 3 images" in fault for fault in without.faults())

    def copy_first(ds: Dataset) -> None:
        ds.update(pydicom.dcmread(first.path))
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "2.25.99"

    doubled = made.changed(others[0], copy_first).faults()
    assert any("has 1 source images more than once" in fault for fault in doubled)


def test_two_images_swapped_are_caught(outputs_of: OutputsOf) -> None:
    """Each names the other's source image: positions no longer agree."""
    made = outputs_of("CT")
    first, second, _ = made.of(RESTORED)
    uids = [i.sop_instance_uid for i in made.source.instances]
    made = made.changed(first, source_reference(ReferencedSOPInstanceUID=uids[1]))
    faults = made.changed(second, source_reference(ReferencedSOPInstanceUID=uids[0])).faults()
    assert sum("Image Position (Patient) differs" in fault for fault in faults) == 2


def test_a_lossy_sources_restored_image_says_so(tmp_path: Path) -> None:
    files = ct_series(
        tmp_path / "in",
        slices=2,
        LossyImageCompression="01",
        LossyImageCompressionRatio="10",
        LossyImageCompressionMethod="ISO_10918_1",
    )
    outputs = written(files, tmp_path)
    assert outputs.faults() == ()
    forgotten = outputs.changed(outputs.of(RESTORED)[0], put("LossyImageCompression", "00"))
    assert any("compressed with loss" in fault for fault in forgotten.faults())


def test_what_the_source_lacks_too_is_told_as_such(tmp_path: Path) -> None:
    """A scanner left out what the standard requires: an administrator has to see whose it is."""
    outputs = written(mr_series(tmp_path / "in", slices=1, ScanningSequence=None), tmp_path)
    (fault,) = outputs.faults()
    assert fault.endswith("it lacks ScanningSequence, as does the source.")


@pytest.mark.filterwarnings("ignore:.*alue:UserWarning")  # pydicom knows that they are wrong
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", "female"),
        ("PatientBirthDate", "1970.01.31"),
        ("StudyTime", "10:15:00"),
        ("AccessionNumber", "A" * 20),
        ("StudyDescription", "D" * 80),
        ("PatientAge", "54"),
        ("PatientName", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("SliceThickness", "1.2499999999999999999"),
    ],
)
def test_what_was_put_right_is_no_fault(tmp_path: Path, keyword: str, value: str) -> None:
    """Headers come with such values; what we write of them is valid and means the same."""
    files = ct_series(tmp_path / "in", slices=1, **{keyword: value})
    assert written(files, tmp_path).faults() == ()


def test_one_report_on_two_series_may_name_both(outputs_of: OutputsOf, tmp_path: Path) -> None:
    made = outputs_of("CT")
    report = made.of(REPORT)[0]
    other = open_series(
        ct_series(tmp_path / "other", StudyInstanceUID=made.source.instances[0].study_instance_uid)
    )

    def name_another_series(ds: Dataset) -> None:
        first = other.instances[0]
        ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence.append(
            item(
                SeriesInstanceUID=first.series_instance_uid,
                ReferencedSOPSequence=[
                    item(
                        ReferencedSOPClassUID=first.sop_class_uid,
                        ReferencedSOPInstanceUID=first.sop_instance_uid,
                    )
                ],
            )
        )

    changed = made.changed(report, name_another_series)
    assert any("neither a source image nor ours" in fault for fault in changed.faults())
    alone = changed.of(REPORT)
    faults = check_objects(
        alone,
        (made.source, other),
        RESEARCH_LABEL,
        superseded=made.superseded,
        known=made.of(RESTORED),
    )
    assert faults == ()
    assert check_objects(alone, (made.source, other), RESEARCH_LABEL, superseded=made.superseded)


def test_a_parsers_words_about_a_broken_file_are_not_repeated(
    outputs_of: OutputsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quoting(path: Path) -> Dataset:
        raise ValueError("invalid value 'Doe^Jane'")

    made = outputs_of("CT")
    monkeypatch.setattr("medq_node.certify.objects.read_whole", quoting)
    faults = made.faults()
    assert any("can't be read back (ValueError)" in fault for fault in faults)
    assert not any("Doe" in fault for fault in faults)


def test_an_original_handed_in_as_ours_is_caught(prototypes: OutputsOf) -> None:
    made = prototypes("CT")
    original = recorded_as(RESTORED, made.source.instances[0].path)
    faults = " ".join(check_objects([original], (made.source,), RESEARCH_LABEL))
    assert "SOP Instance UID of a source image" in faults
    assert "the source's own series" in faults
    assert "would be taken as input" in faults
