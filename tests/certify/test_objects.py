"""Objects are read back and judged before they leave; each fault is told in a sentence."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from medq_node.certify.objects import check_objects
from medq_node.objects import OutputKind, OutputObject
from medq_node.pixels.series import SeriesStack, open_series
from tests.build import ct_series, pet_series, rewritten

LABEL = "TEST RESEARCH ONLY"


def derived(source: SeriesStack, folder: Path) -> list[OutputObject]:
    """What a right writer would make of ``source``."""
    outputs = []
    for instance, path in zip(
        source.instances, rewritten(source, folder, lambda _, v: v), strict=True
    ):
        image = pydicom.dcmread(path)
        image.ImageType = ["DERIVED", "PRIMARY" if image.Modality == "PT" else "SECONDARY", "AXIAL"]
        image.SeriesDescription = f"{LABEL}: {image.SeriesDescription}"
        image.DerivationDescription = "Noise reduced"
        reference = Dataset()
        reference.ReferencedSOPClassUID = instance.sop_class_uid
        reference.ReferencedSOPInstanceUID = instance.sop_instance_uid
        image.SourceImageSequence = [reference]
        image.save_as(path)
        outputs.append(recorded(path))
    return outputs


def recorded(path: Path) -> OutputObject:
    image = pydicom.dcmread(path)
    return OutputObject(
        OutputKind.RESTORED,
        str(image.SOPClassUID),
        str(image.SOPInstanceUID),
        str(image.SeriesInstanceUID),
        path,
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )


@pytest.mark.parametrize("build", [ct_series, pet_series])
def test_a_right_series_has_no_faults(tmp_path: Path, build: Callable[..., list[Path]]) -> None:
    source = open_series(build(tmp_path / "in", slices=2))
    assert check_objects(derived(source, tmp_path / "out"), source, LABEL) == ()


def _set(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda image: setattr(image, keyword, value)


def _foreign_source(image: Dataset) -> None:
    image.SourceImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.4"


def _other_meta(image: Dataset) -> None:
    image.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_set("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"]), "Image Type"),
        (_set("SeriesDescription", "Abdomen"), "doesn't begin with 'TEST RESEARCH ONLY'"),
        (_set("StudyInstanceUID", "1.2.3"), "Study Instance UID"),
        (_set("SourceImageSequence", []), "names no source image"),
        (_foreign_source, "1.2.3.4 that isn't in the source"),
        (_other_meta, "file meta names another SOP Instance UID"),
        (_set("KVP", None), ""),
        (lambda image: delattr(image, "KVP"), "lacks KVP"),
        (_set("RescaleSlope", None), "RescaleSlope is empty"),
        (lambda image: delattr(image, "FrameOfReferenceUID"), "lacks FrameOfReferenceUID"),
        (_set("DerivationDescription", ""), "no Derivation Description"),
    ],
)
def test_each_fault_is_told(tmp_path: Path, spoil: Callable[[Dataset], None], words: str) -> None:
    source = open_series(ct_series(tmp_path / "in", slices=2))
    outputs = derived(source, tmp_path / "out")
    image = pydicom.dcmread(outputs[1].path)
    spoil(image)
    image.save_as(outputs[1].path)
    faults = check_objects([outputs[0], recorded(outputs[1].path)], source, LABEL)
    if not words:  # Type 2: empty says "unknown"
        assert faults == ()
        return
    assert len(faults) == 1, faults
    assert words in faults[0]
    assert outputs[1].sop_instance_uid in faults[0]


def test_bytes_other_than_recorded_are_told(tmp_path: Path) -> None:
    source = open_series(ct_series(tmp_path / "in", slices=1))
    output = derived(source, tmp_path / "out")[0]
    content = bytearray(output.path.read_bytes())
    content[-1] ^= 1
    output.path.write_bytes(content)
    (fault,) = check_objects([output], source, LABEL)
    assert "SHA-256" in fault


def test_a_lost_file_is_told(tmp_path: Path) -> None:
    source = open_series(ct_series(tmp_path / "in", slices=1))
    output = derived(source, tmp_path / "out")[0]
    output.path.unlink()
    (fault,) = check_objects([output], source, LABEL)
    assert "can't be read back" in fault


def test_a_parsers_words_about_a_broken_file_are_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quoting(path: Path) -> Dataset:
        raise ValueError("invalid value 'Doe^Jane'")

    source = open_series(ct_series(tmp_path / "in", slices=1))
    output = derived(source, tmp_path / "out")[0]
    monkeypatch.setattr("medq_node.certify.objects.read_whole", quoting)
    (fault,) = check_objects([output], source, LABEL)
    assert "can't be read back (ValueError)" in fault
    assert "Doe" not in fault


def test_the_sources_own_uids_are_not_ours(tmp_path: Path) -> None:
    paths = ct_series(tmp_path / "in", slices=1)
    source = open_series(paths)
    faults = " ".join(check_objects([recorded(paths[0])], source, LABEL))
    assert "SOP Instance UID of a source image" in faults
    assert "the source's own series" in faults


def test_two_objects_with_one_uid_are_told(tmp_path: Path) -> None:
    source = open_series(ct_series(tmp_path / "in", slices=1))
    outputs = derived(source, tmp_path / "out")
    faults = check_objects([*outputs, *outputs], source, LABEL)
    assert faults == ("Two of the objects have the same SOP Instance UID.",)


def test_a_row_that_tells_another_series_is_told(tmp_path: Path) -> None:
    source = open_series(ct_series(tmp_path / "in", slices=1))
    output = dataclasses.replace(derived(source, tmp_path / "out")[0], series_instance_uid="1.2.3")
    (fault,) = check_objects([output], source, LABEL)
    assert "SeriesInstanceUID is not the recorded one" in fault
