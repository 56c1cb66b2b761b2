"""One object into another transfer syntax: pixels, the header's own bytes, and what is refused."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from medq_node.delivery import recompress as module
from medq_node.delivery.recompress import recompress
from medq_node.errors import Unprocessable
from tests.build import ct_series, mr_series
from tests.conftest import require_program
from tests.delivery.kinds import every_kind

COMPRESSED = (JPEGLSLossless, JPEG2000Lossless, RLELossless)


@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda uid: uid.name)
def test_there_and_back_is_the_same_file(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    for kind, file in every_kind(tmp_path).items():
        there, back = tmp_path / "there.dcm", tmp_path / "back.dcm"
        recompress(file, there, syntax)
        assert pydicom.dcmread(there).file_meta.TransferSyntaxUID == syntax
        recompress(there, back, ExplicitVRLittleEndian)
        assert back.read_bytes() == file.read_bytes(), kind


def test_the_same_file_makes_the_same_bytes(tmp_path: Path) -> None:
    file = every_kind(tmp_path)["frames"]
    for syntax in (*COMPRESSED, ImplicitVRLittleEndian):
        for name in ("one", "two"):
            recompress(file, tmp_path / name, syntax)
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_offsets_of_many_frames_say_where_each_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The basic table where 32 bits are enough, the extended one (PS3.3 C.7.6.3.1.8) where not."""
    file = every_kind(tmp_path)["frames"]
    sent = pydicom.dcmread(file).pixel_array
    recompress(file, tmp_path / "basic.dcm", JPEGLSLossless)
    basic = pydicom.dcmread(tmp_path / "basic.dcm")
    offsets = pydicom.encaps.parse_basic_offsets(basic.PixelData)
    assert len(offsets) == 3
    monkeypatch.setattr(module, "_BASIC_TABLE_UP_TO", 0)
    recompress(file, tmp_path / "extended.dcm", JPEGLSLossless)
    extended = pydicom.dcmread(tmp_path / "extended.dcm")
    assert pydicom.encaps.parse_basic_offsets(extended.PixelData) == []
    assert np.frombuffer(extended.ExtendedOffsetTable, "<u8").tolist() == offsets
    for n in (2, 0, 1):
        for path in ("basic.dcm", "extended.dcm"):
            frame = pydicom.pixels.pixel_array(tmp_path / path, index=n)
            assert np.array_equal(frame, sent[n])
    recompress(tmp_path / "extended.dcm", tmp_path / "back.dcm", ExplicitVRLittleEndian)
    assert (tmp_path / "back.dcm").read_bytes() == file.read_bytes()


def test_values_that_no_reader_likes_stay_what_they_are(tmp_path: Path) -> None:
    """An original isn't ours to mend: blanks, a broken number, text in an unknown character set."""
    (file,) = ct_series(tmp_path / "ct", slices=1, KVP=None)
    ds = pydicom.dcmread(file)
    odd = {
        0x00180060: ("DS", b"120 kV. "),
        0x00081030: ("LO", b"  Sch\xe4del   "),
        0x00204000: ("LT", b"\xff\xfe  \r\n"),
        0x00091010: ("UN", b"\x01\x02\x03\x04"),
        0x00090010: ("LO", b"SOMEBODY"),
    }
    for tag, (vr, value) in odd.items():
        raw = pydicom.dataelem.RawDataElement(
            pydicom.tag.BaseTag(tag), vr, len(value), value, 0, False, True
        )
        ds[tag] = raw
    ds.save_as(file)
    recompress(file, tmp_path / "implicit.dcm", ImplicitVRLittleEndian)
    recompress(tmp_path / "implicit.dcm", tmp_path / "explicit.dcm", ExplicitVRLittleEndian)
    for name in ("implicit.dcm", "explicit.dcm"):
        kept = pydicom.dcmread(tmp_path / name)
        for tag, (_, value) in odd.items():
            assert kept.get_item(tag).value == value
    assert (tmp_path / "explicit.dcm").read_bytes() == file.read_bytes()


@pytest.mark.peer
@pytest.mark.parametrize("target", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_big_endian_is_turned_as_dcmtk_turns_it(tmp_path: Path, target: pydicom.uid.UID) -> None:
    """Numbers, tables and pixels, inside of sequences too."""
    (file,) = ct_series(tmp_path / "ct", slices=1)
    ds = pydicom.dcmread(file)
    item = pydicom.Dataset()
    item.LUTDescriptor, item.LUTData = [4, 0, 16], [1, 2, 3, 50000]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    ds.ModalityLUTSequence = [item]
    ds.add_new(0x00189310, "FD", 1.5)
    ds.FrameIncrementPointer = 0x00540080
    ds.save_as(file)
    big, mine = tmp_path / "big.dcm", tmp_path / "mine.dcm"
    subprocess.run([require_program("dcmconv"), "+tb", str(file), str(big)], check=True)
    assert pydicom.dcmread(big).file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    recompress(big, mine, target)
    flag = "+te" if target == ExplicitVRLittleEndian else "+ti"
    theirs = tmp_path / "theirs.dcm"
    subprocess.run([require_program("dcmconv"), flag, "-g", str(big), str(theirs)], check=True)
    mine_, theirs_ = pydicom.dcmread(mine), pydicom.dcmread(theirs)
    assert mine_ == theirs_
    assert np.array_equal(mine_.pixel_array, ds.pixel_array)


def test_a_deflated_data_set_is_inflated_as_it_was(tmp_path: Path) -> None:
    (file,) = ct_series(tmp_path / "ct", slices=1)
    ds = pydicom.dcmread(file)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    deflated, target = tmp_path / "deflated.dcm", tmp_path / "target.dcm"
    ds.save_as(deflated)
    recompress(deflated, target, ExplicitVRLittleEndian)
    assert target.read_bytes() == file.read_bytes()
    deflated.write_bytes(deflated.read_bytes()[:-2000])
    with pytest.raises(Unprocessable):
        recompress(deflated, target, ExplicitVRLittleEndian)


def test_once_lossy_stays_lossy(tmp_path: Path) -> None:
    """Decoded, an image keeps the sign of what it lost, and gets one where the encoder forgot."""
    file = every_kind(tmp_path)["colour"]
    ds = pydicom.dcmread(file)
    buffer = BytesIO()
    Image.fromarray(ds.pixel_array).save(buffer, "JPEG", quality=80, subsampling=0)
    ds.PixelData = pydicom.encaps.encapsulate([buffer.getvalue()])
    ds["PixelData"].is_undefined_length = True
    ds.PhotometricInterpretation = "YBR_FULL_422"
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.save_as(file)
    recompress(file, tmp_path / "plain.dcm", ExplicitVRLittleEndian)
    plain = pydicom.dcmread(tmp_path / "plain.dcm")
    assert plain.LossyImageCompression == "01"
    assert plain.PhotometricInterpretation == "RGB"
    assert plain.SOPInstanceUID == ds.SOPInstanceUID
    assert np.array_equal(plain.pixel_array, pydicom.pixels.pixel_array(file))


def test_an_icon_is_decoded_with_its_image(tmp_path: Path) -> None:
    file = every_kind(tmp_path)["unsigned"]
    ds = pydicom.dcmread(file)
    icon = pydicom.dcmread(every_kind(tmp_path)["colour"])
    pixels = icon.pixel_array
    icon.compress(JPEGLSLossless, generate_instance_uid=False)
    item = pydicom.Dataset()
    for element in icon.group_dataset(0x0028):
        item.add(element)
    item.PixelData = icon.PixelData
    item["PixelData"].is_undefined_length, item["PixelData"].VR = True, "OB"
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    ds.IconImageSequence = [item]
    ds.save_as(file)
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        recompress(file, tmp_path / "plain.dcm", syntax)
        plain = pydicom.dcmread(tmp_path / "plain.dcm")
        assert plain.IconImageSequence[0].PixelData == pixels.tobytes()
        assert plain.IconImageSequence[0].PhotometricInterpretation == "RGB"
        assert np.array_equal(plain.pixel_array, ds.pixel_array)


def test_lossless_compression_claims_no_loss(tmp_path: Path) -> None:
    (plain,) = ct_series(tmp_path / "plain", slices=1)
    (lossy,) = ct_series(tmp_path / "lossy", slices=1, LossyImageCompression="01")
    recompress(plain, tmp_path / "a.dcm", JPEGLSLossless)
    recompress(lossy, tmp_path / "b.dcm", JPEGLSLossless)
    assert "LossyImageCompression" not in pydicom.dcmread(tmp_path / "a.dcm")
    assert pydicom.dcmread(tmp_path / "b.dcm").LossyImageCompression == "01"


def test_what_cannot_be_done_says_why(tmp_path: Path) -> None:
    (file,) = mr_series(tmp_path / "mr", slices=1)
    target = tmp_path / "target.dcm"
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(Unprocessable, match="cut off"):
        recompress(cut, target, ImplicitVRLittleEndian)
    ds = pydicom.dcmread(file)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    ds.save_as(cut)
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-100])
    with pytest.raises(Unprocessable, match="cut off"):
        recompress(cut, target, ExplicitVRLittleEndian)
    ds.NumberOfFrames = 2
    ds.save_as(cut)
    with pytest.raises(Unprocessable):
        recompress(cut, target, ExplicitVRLittleEndian)
    ds.NumberOfFrames, ds.Rows = 1, 32
    ds.save_as(cut)
    with pytest.raises(Unprocessable):
        recompress(cut, target, ExplicitVRLittleEndian)


def test_documents_change_their_encoding_too(tmp_path: Path) -> None:
    (file,) = ct_series(tmp_path / "ct", slices=1)
    ds = pydicom.dcmread(file)
    del ds.PixelData
    ds.save_as(file)
    recompress(file, tmp_path / "implicit.dcm", ImplicitVRLittleEndian)
    assert pydicom.dcmread(tmp_path / "implicit.dcm") == ds
    recompress(tmp_path / "implicit.dcm", tmp_path / "back.dcm", ExplicitVRLittleEndian)
    assert (tmp_path / "back.dcm").read_bytes() == file.read_bytes()
