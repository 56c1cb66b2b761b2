"""A restored image: valid by the judges, traceable to its source, and nothing else changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from engines.quality import (
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)
from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity, OutputObject
from medq_node.outputs.labels import RESTORED_LABEL, ascii_text, series_description
from medq_node.outputs.restored import write_restored_instance
from medq_node.outputs.uids import restored_instance_uid, restored_series_uid
from medq_node.pixels.series import SeriesStack, open_series
from tests.build import ct_series, mr_series, pet_series
from tests.judges import dciodvfy_errors

REAL_SERIES = [
    "ct_lidc0314_chest_1mm",
    "ct_crlm1004_abdomen",
    "ct_head_ge",
    "ct_kits00072_kidney",
    "ct_lungdx_A0001_kernel_B",
    "mr_abdomen_adc_toshiba",
    "mr_abdomen_t2_toshiba",
    "mr_brain_pd_ge15",
    "mr_brain_t1_memprage_trio",
    "mr_brain_t2_trio",
    "mr_breast_dce_ge15",
    "mr_thigh_t1_sts001",
    "pet_crop_sts_004",
    "pet_crop_sts_005",
    "pet_wb_fdg_sts001",
]
ILLEGAL_SOURCE_UID = re.compile(r"Illegal root for UID = <0\.0\.0\.0\.")
"""One real series has UIDs under 0.0.0.0; study and frame of reference must keep theirs."""

GEOMETRY = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "FrameOfReferenceUID"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "Units", "PhotometricInterpretation"),
    *("StudyInstanceUID", "PatientID", "InstanceNumber", "Manufacturer"),
)


def brighter(source: SeriesStack, index: int) -> np.ndarray:
    """Values of one slice, changed everywhere, as an engine would hand them back."""
    values = source.slab(index, index + 1).values[0]
    return (values + 0.01 * np.ptp(values)).astype(np.float32)


def write_first(
    source: SeriesStack, identity: OutputIdentity, folder: Path
) -> tuple[OutputObject, Dataset]:
    output = write_restored_instance(source, 0, brighter(source, 0), identity, folder)
    return output, pydicom.dcmread(output.path)


@pytest.mark.data
@pytest.mark.peer
@pytest.mark.parametrize("name", REAL_SERIES)
def test_restored_images_of_real_scanners_pass_the_judge(
    name: str, real_series: Callable[[str], SeriesStack], identity: OutputIdentity, tmp_path: Path
) -> None:
    source = real_series(name)
    for index in (0, len(source.instances) - 1):
        output = write_restored_instance(source, index, brighter(source, index), identity, tmp_path)
        errors = dciodvfy_errors(output.path)
        assert [line for line in errors if not ILLEGAL_SOURCE_UID.search(line)] == []


@pytest.mark.data
@pytest.mark.parametrize("name", REAL_SERIES)
def test_real_geometry_units_and_patient_stay(
    name: str, real_series: Callable[[str], SeriesStack], identity: OutputIdentity, tmp_path: Path
) -> None:
    source = real_series(name)
    _, restored = write_first(source, identity, tmp_path)
    header = source.header(0)
    for keyword in GEOMETRY:
        assert restored.get(keyword) == header.get(keyword), keyword


@pytest.mark.data
def test_unchanged_values_come_back_bit_for_bit_with_padding(
    real_series: Callable[[str], SeriesStack], identity: OutputIdentity, tmp_path: Path
) -> None:
    source = real_series("ct_head_ge")
    values = source.slab(0, 1).values[0]
    output = write_restored_instance(source, 0, values, identity, tmp_path)
    assert np.array_equal(pydicom.dcmread(output.path).pixel_array, source.stored(0))


def test_it_says_what_it_is_and_where_it_comes_from(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    noise = Finding(Degradation.NOISE, Severity.MODERATE, 24.3, "HU", None, 1)
    description = QualityDescription(
        Modality.CT,
        "abdomen",
        (noise,),
        (),
        Verdict.USABLE,
        (Action.REDUCE_NOISE,),
        Confidence.HIGH,
    )
    output = write_restored_instance(
        source, 0, brighter(source, 0), identity, tmp_path, description
    )
    restored = pydicom.dcmread(output.path)
    instance = source.instances[0]
    assert restored.SOPInstanceUID == restored_instance_uid(identity, instance.sop_instance_uid)
    assert restored.SeriesInstanceUID == restored_series_uid(identity, instance.series_instance_uid)
    assert restored.ImageType == ["DERIVED", "SECONDARY", "AXIAL"]
    assert restored.SeriesDescription == f"{RESTORED_LABEL}: Abdomen 5.0 B30f"
    assert int(restored.SeriesNumber) > 9000
    reference = restored.SourceImageSequence[0]
    assert reference.ReferencedSOPInstanceUID == instance.sop_instance_uid
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert restored.DerivationCodeSequence[0].CodingSchemeDesignator == "99MEDQ"
    assert "noise moderate 24.3 HU" in restored.DerivationDescription
    assert "Research use only" in restored.DerivationDescription
    equipment = restored.ContributingEquipmentSequence[-1]
    assert equipment.Manufacturer == "MedQ Node"
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert "ab" * 32 in equipment.SoftwareVersions
    assert equipment.ContributionDateTime == "20260305233000.250000+0100"
    assert equipment.InstitutionName == "Klinikum Sud"  # ASCII fits every character set
    assert (restored.SeriesDate, restored.SeriesTime) == ("20260305", "233000.250000")
    assert output.path.name == f"{output.sop_instance_uid}.dcm"
    assert output.sha256 == hashlib.sha256(output.path.read_bytes()).hexdigest()


def test_our_times_follow_the_zone_the_source_declares(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "in", TimezoneOffsetFromUTC="+0900"))
    _, restored = write_first(source, identity, tmp_path)
    assert (restored.ContentDate, restored.ContentTime) == ("20260306", "073000.250000")
    assert restored.TimezoneOffsetFromUTC == "+0900"
    equipment = restored.ContributingEquipmentSequence[-1]
    assert equipment.ContributionDateTime == "20260306073000.250000+0900"


def test_a_second_try_writes_the_same_bytes_and_a_new_revision_a_new_object(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(mr_series(tmp_path / "in"))
    first, _ = write_first(source, identity, tmp_path)
    again, _ = write_first(open_series([i.path for i in source.instances]), identity, tmp_path)
    revised, _ = write_first(source, replace(identity, revision=2), tmp_path)
    assert again == first
    assert revised.sop_instance_uid != first.sop_instance_uid


def test_sources_are_never_touched(identity: OutputIdentity, tmp_path: Path) -> None:
    files = ct_series(tmp_path / "in")
    before = [file.read_bytes() for file in files]
    source = open_series(files)
    for index in range(len(files)):
        write_restored_instance(source, index, brighter(source, index), identity, tmp_path)
    assert [file.read_bytes() for file in files] == before


def test_pet_keeps_what_decay_and_uptake_are_computed_from(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    files = pet_series(tmp_path / "in")
    for file in files:
        image = pydicom.dcmread(file)
        image.add(pydicom.DataElement(0x70530010, "LO", "Philips PET Private Group"))
        image.add(pydicom.DataElement(0x70531000, "DS", "0.00027634"))
        image.add(pydicom.DataElement(0x70531009, "DS", "1.5"))
        image.add(pydicom.DataElement(0x70531010, "LO", "not listed as safe"))
        image.add(pydicom.DataElement(0x00090010, "LO", "GEMS_PETD_01"))
        image.add(pydicom.DataElement(0x0009100D, "DT", "20000907103500"))
        image.save_as(file)
    source = open_series(files)
    header = source.header(0)
    _, restored = write_first(source, identity, tmp_path)
    assert restored.ImageType[:2] == ["DERIVED", "PRIMARY"]
    for keyword in ("SeriesDate", "SeriesTime", "AcquisitionTime", "DecayCorrection", "Units"):
        assert restored.get(keyword) == header.get(keyword), keyword
    private = {element.tag for element in restored if element.tag.is_private}
    assert private == {Tag(0x70530010), Tag(0x70531000), Tag(0x70531009)}


def test_what_shows_or_sums_up_the_old_pixels_is_gone(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    files = ct_series(
        tmp_path / "in",
        IconImageSequence=[Dataset()],
        HistogramSequence=[Dataset()],
        DigitalSignaturesSequence=[Dataset()],
        SmallestPixelValueInSeries=0,
        ReferencedImageSequence=[private_item()],
    )
    for file in files:
        image = pydicom.dcmread(file)
        pixels_as_signed = image.PixelRepresentation == 1
        value_vr = "SS" if pixels_as_signed else "US"
        image.add(pydicom.DataElement(0x00280106, value_vr, 0))
        image.add(pydicom.DataElement(0x00280107, value_vr, 1))
        image.add(pydicom.DataElement(0x60000010, "US", 8))
        image.add(pydicom.DataElement(0x60000102, "US", 12))  # hidden in unused bits
        image.add(pydicom.DataElement(0x60020010, "US", 8))
        image.add(pydicom.DataElement(0x60023000, "OW", b"\1\0"))  # a plane of its own
        image.add(pydicom.DataElement(0x50003000, "OW", b"\1\0"))  # retired curve
        image.save_as(file)
    _, restored = write_first(open_series(files), identity, tmp_path)
    for keyword in ("IconImageSequence", "HistogramSequence", "DigitalSignaturesSequence"):
        assert keyword not in restored
    assert "SmallestPixelValueInSeries" not in restored
    assert restored.SmallestImagePixelValue == restored.pixel_array.min()
    assert restored.LargestImagePixelValue == restored.pixel_array.max()
    groups = {tag.group for tag in restored.keys()}  # noqa: SIM118 - decodes nothing
    assert 0x6002 in groups
    assert not {0x6000, 0x5000} & groups
    reference = restored.ReferencedImageSequence[0]
    assert not [element for element in reference if element.tag.is_private]


def private_item() -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    item.ReferencedSOPInstanceUID = "1.2.3"
    item.add(pydicom.DataElement(0x00290010, "LO", "SIEMENS CSA"))
    item.add(pydicom.DataElement(0x00291010, "OB", b"secret"))
    return item


def test_earlier_processing_stays_on_record(identity: OutputIdentity, tmp_path: Path) -> None:
    gateway = Dataset()
    gateway.Manufacturer = "Gateway"
    source = open_series(
        ct_series(
            tmp_path / "in",
            ContributingEquipmentSequence=[gateway],
            DerivationDescription="Averaged " * 120,
            LossyImageCompression="01",
        )
    )
    _, restored = write_first(source, identity, tmp_path)
    makers = [item.Manufacturer for item in restored.ContributingEquipmentSequence]
    assert makers == ["Gateway", "MedQ Node"]
    assert restored.DerivationDescription.startswith("Averaged")
    assert restored.DerivationDescription.endswith("Research use only.")
    assert len(restored.DerivationDescription) <= 1024
    assert restored.LossyImageCompression == "01"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_never_leave(
    bad: float, identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    values = brighter(source, 0)
    values[3, 3] = bad
    with pytest.raises(OutputError, match="finite"):
        write_restored_instance(source, 0, values, identity, tmp_path)
    assert not list(tmp_path.glob("*.dcm"))


def test_a_slice_of_another_size_is_refused(identity: OutputIdentity, tmp_path: Path) -> None:
    source = open_series(ct_series(tmp_path / "in"))
    with pytest.raises(OutputError, match="the source is"):
        write_restored_instance(source, 0, np.zeros((4, 4), np.float32), identity, tmp_path)


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 192", "Müller^Zoë"),
        ("ISO_IR 100", "Müller^Zoë"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ],
)
def test_names_survive_in_their_own_characters(
    character_set: str | list[str], name: str, identity: OutputIdentity, tmp_path: Path
) -> None:
    files = ct_series(tmp_path / "in", SpecificCharacterSet=character_set, PatientName=name)
    _, restored = write_first(open_series(files), identity, tmp_path)
    assert str(restored.PatientName) == name


@given(st.text(max_size=100))
def test_the_label_is_never_cut_and_the_description_always_fits(description: str) -> None:
    result = series_description(RESTORED_LABEL, description)
    assert result.startswith(RESTORED_LABEL)
    assert len(result) <= 64
    assert "\\" not in result


@given(st.text(max_size=100), st.integers(4, 64))
def test_our_own_words_fit_every_character_set(text: str, limit: int) -> None:
    result = ascii_text(text, limit)
    assert result.isascii()
    assert len(result) <= limit


@pytest.mark.parametrize(("change", "words"), [(0.0, "equal those"), (5.0, "differ from those")])
def test_the_derivation_says_truly_whether_pixels_changed(
    change: float, words: str, identity: OutputIdentity, tmp_path: Path
) -> None:
    source = open_series(ct_series(tmp_path / "ct", slices=1))
    values = source.slab(0, 1).values[0] + np.float32(change)
    output = write_restored_instance(source, 0, values, identity, tmp_path / "out")
    assert words in pydicom.dcmread(output.path).DerivationDescription


def test_a_source_that_was_authorized_makes_no_authorized_copy(
    identity: OutputIdentity, tmp_path: Path
) -> None:
    stated = {"SOPInstanceStatus": "AO", "SOPAuthorizationDateTime": "20260101120000"}
    source = open_series(ct_series(tmp_path / "in", 1, **stated))
    assert source.header(0).SOPInstanceStatus == "AO"
    _, restored = write_first(source, identity, tmp_path)
    assert not set(stated) & set(restored.dir())
