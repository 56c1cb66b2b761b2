"""An object is known again in any encoding, and one changed value makes it another."""

from __future__ import annotations

import copy
import subprocess
from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medq_node.intake.same_content import same_content
from tests.build import ct_series, mr_series
from tests.conftest import require_program

PLAIN = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map("^".join)
BYTES = st.binary(min_size=2, max_size=8).filter(lambda b: len(b) % 2 == 0)
VALUES = {
    "PatientName": NAMES,  # PN
    "PatientID": WORDS,  # LO
    "OtherPatientNames": st.lists(NAMES, min_size=2, max_size=3, unique=True),
    "ImageComments": WORDS,  # LT
    "ImageType": st.lists(st.sampled_from(["ORIGINAL", "DERIVED", "PRIMARY"]), max_size=3),  # CS
    "StudyDate": st.dates(date(1900, 1, 1)).map(lambda d: d.strftime("%Y%m%d")),  # DA
    "FrameOfReferenceUID": st.integers(1, 10**6).map(lambda n: f"2.25.{n}"),  # UI
    "SliceThickness": st.integers(-999, 999).map(lambda n: f"{n / 8}"),  # DS
    "InstanceNumber": st.integers(-(2**31), 2**31 - 1).map(str),  # IS
    "Rows": st.integers(0, 2**16 - 1),  # US
    "PixelPaddingValue": st.integers(0, 2**15 - 1),  # US or SS
    "ReferencePixelX0": st.integers(-(2**31), 2**31 - 1),  # SL
    "SimpleFrameList": st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4),  # UL
    "TagAngleSecondAxis": st.integers(-(2**15), 2**15 - 1),  # SS
    "RealWorldValueSlope": st.floats(allow_nan=False),  # FD
    "RecommendedDisplayFrameRateInFloat": st.floats(width=32, allow_nan=False),  # FL
    "FrameIncrementPointer": st.integers(0, 2**32 - 1),  # AT
    "EncapsulatedDocument": BYTES,  # OB
}
SEQUENCES = ("SourceImageSequence", "RequestAttributesSequence")


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """A data set of a few elements of all kinds, private ones and nested items among them."""
    ds = Dataset()
    for keyword in draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=8)):
        setattr(ds, keyword, draw(VALUES[keyword]))
    if "PixelPaddingValue" in ds:
        ds["PixelPaddingValue"].VR = "US"
    if draw(st.booleans()):
        block = ds.private_block(0x0019, "MEDQ TEST", create=True)
        block.add_new(0x01, "LO", draw(WORDS))
    if depth and draw(st.booleans()):
        items = draw(st.lists(data_sets(depth - 1), max_size=2))
        setattr(ds, draw(st.sampled_from(SEQUENCES)), items)
    return ds


def written(ds: Dataset, path: Path, syntax: pydicom.uid.UID = ExplicitVRLittleEndian) -> Path:
    whole = copy.deepcopy(ds)
    whole.SpecificCharacterSet = "ISO_IR 192"
    whole.SOPClassUID, whole.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.1"
    whole.file_meta = FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = syntax
    whole.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("same")


@given(ds=data_sets(), one=st.sampled_from(PLAIN), other=st.sampled_from(PLAIN))
def test_the_same_data_set_is_the_same_in_every_encoding(folder, ds, one, other) -> None:
    assert same_content(written(ds, folder / "a", one), written(ds, folder / "b", other))


@given(ds=data_sets(), syntax=st.sampled_from(PLAIN), data=st.data())
def test_one_changed_value_makes_another_object(folder, ds, syntax, data) -> None:
    changed = copy.deepcopy(ds)
    inside = changed
    for sequence in SEQUENCES:
        if inside.get(sequence) and data.draw(st.booleans()):
            inside = inside[sequence].value[-1]
    keyword = data.draw(st.sampled_from(sorted(VALUES)))
    before = inside.get(keyword)
    as_read = Dataset()
    setattr(as_read, keyword, data.draw(VALUES[keyword]))
    if as_read[keyword].value == before:
        del inside[keyword]
    else:
        setattr(inside, keyword, as_read[keyword].value)
        if keyword == "PixelPaddingValue":
            inside[keyword].VR = "US"
    assert not same_content(written(ds, folder / "c"), written(changed, folder / "d", syntax))


@given(ds=data_sets(), data=st.data())
def test_a_private_value_counts_even_where_its_type_is_unknown(folder, ds, data) -> None:
    """Implicit VR says nothing of a private element's type."""
    first, second = copy.deepcopy(ds), copy.deepcopy(ds)
    values = data.draw(st.lists(WORDS, min_size=2, max_size=2, unique=True))
    for one, value in zip((first, second), values, strict=True):
        one.private_block(0x0029, "MEDQ TEST", create=True).add_new(0x02, "LO", value)
    a = written(first, folder / "e", ExplicitVRLittleEndian)
    assert same_content(a, written(first, folder / "f", ImplicitVRLittleEndian))
    assert not same_content(a, written(second, folder / "f", ImplicitVRLittleEndian))


def test_text_in_another_character_set_is_the_same_text(folder) -> None:
    files = []
    for name, charset in (("latin", "ISO_IR 100"), ("utf", "ISO_IR 192")):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.1"
        ds.SpecificCharacterSet = charset
        ds.PatientName, ds.ImageComments = "Müller^Jörg", "größer"
        ds.RequestAttributesSequence = [Dataset()]
        ds.RequestAttributesSequence[0].ScheduledProcedureStepDescription = "Schädel"
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.save_as(folder / name, enforce_file_format=True)
        files.append(folder / name)
    assert same_content(*files)
    # The same bytes, read by another character set, are another name.
    lied = files[0].read_bytes().replace(b"ISO_IR 100", b"ISO_IR 101")
    (folder / "lied").write_bytes(lied.replace("ü".encode("latin-1"), b"\xf5"))
    assert not same_content(files[0], folder / "lied")


def transcoded(program: str, *options: str, source: Path, target: Path) -> Path:
    command = [require_program(program), *options, str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.mark.peer
@pytest.mark.parametrize("series", [ct_series, mr_series])
@pytest.mark.parametrize(
    ("program", "option"),
    [
        ("dcmconv", "+ti"),
        ("dcmconv", "+tb"),
        ("dcmconv", "+td"),
        ("dcmcrle", "+fo"),
        ("dcmcjpls", "+el"),
    ],
)
def test_what_another_toolkit_recoded_without_loss_is_the_same(
    tmp_path: Path, series, program: str, option: str
) -> None:
    original = series(tmp_path / "a", slices=1, PixelPaddingValue=0)[0]
    recoded = transcoded(program, option, source=original, target=tmp_path / "recoded.dcm")
    assert recoded.read_bytes() != original.read_bytes()
    assert same_content(original, recoded)
    other = pydicom.dcmread(original)
    pixels = bytearray(other.PixelData)
    pixels[len(pixels) // 2] ^= 1
    other.PixelData = bytes(pixels)
    other.save_as(tmp_path / "other.dcm")
    assert not same_content(tmp_path / "other.dcm", recoded), "one bit of one pixel differs"


@pytest.mark.peer
def test_what_compression_would_drop_is_not_taken_for_the_same(tmp_path: Path) -> None:
    """An old overlay in the unused bits of each pixel is lost in JPEG-LS."""
    pixels = np.full((1, 64, 64), 100, np.uint16)
    plain = mr_series(tmp_path / "a", pixels=pixels)[0]
    jpeg_ls = transcoded("dcmcjpls", "+el", source=plain, target=tmp_path / "ls.dcm")
    assert same_content(plain, jpeg_ls)
    hidden = pydicom.dcmread(plain)
    hidden.PixelData = (pixels | 0x8000).astype("<u2").tobytes()
    hidden.save_as(tmp_path / "hidden.dcm")
    assert not same_content(tmp_path / "hidden.dcm", jpeg_ls)


def test_what_cannot_be_read_is_not_the_same(tmp_path: Path) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(file.read_bytes()[:-100])
    assert not same_content(file, cut)
    assert not same_content(file, tmp_path / "missing.dcm")
