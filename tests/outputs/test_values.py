from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medq_node.outputs.values import repair_values


def raw(keyword_tag: int, vr: str | None, value: bytes) -> Dataset:
    dataset = Dataset()
    tag = Tag(keyword_tag)
    dataset._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, vr is None, True, True)
    return dataset


@pytest.mark.parametrize(
    ("tag", "vr", "written", "expected"),
    [
        (
            0x00280030,
            "DS",
            b"0.666666686534882\\0.699987828731537",
            [0.66666668653488, 0.699987828731537],
        ),
        (0x00280030, None, b"0.5\\0.5 ", [0.5, 0.5]),
        (0x00180050, "DS", b"nan", None),
        (0x00180050, "DS", b"2,5", None),
        (0x00200013, "IS", b"7.0 ", 7),
        (0x00200013, "IS", b"99999999999", None),
        (0x00101010, "AS", b"42", None),
        (0x00101010, "AS", b"042Y", "042Y"),
        (0x00180015, "CS", b"C-Spine", "C_SPINE"),
        (0x00180015, "CS", b"ABDOMEN AND PELVIS", "ABDOMEN AND PELV"),
        (0x00080020, "DA", b"2019.02.28", "20190228"),
        (0x00080020, "DA", b"Feb 28", ""),
        (0x00080030, "TM", b"12:30:15.5", "123015.5"),
        (0x00200010, "SH", b"IBSI_1_STS_004_PET", ""),
        (0x00081010, "SH", b"A STATION NAME TOO LONG", "A STATION NAME T"),
        (0x00100020, "LO", b"P" * 70, "P" * 70),
    ],
)
def test_values_are_rewritten_where_the_meaning_is_certain_and_dropped_where_not(
    tag: int, vr: str | None, written: bytes, expected: object
) -> None:
    dataset = raw(tag, vr, written)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        repair_values(dataset)
        value = dataset[tag].value
    assert value == (pytest.approx(expected) if isinstance(expected, list) else expected) or (
        value in ("", None) and expected in ("", None)
    )


@given(st.floats(-1e300, 1e300))
def test_any_number_written_too_long_fits_afterwards_and_is_the_same_number(number: float) -> None:
    dataset = raw(0x00180050, "DS", f"{number:.17e}".encode())
    repair_values(dataset)
    text = str(dataset.SliceThickness)
    assert len(text) <= 16
    assert float(text) == pytest.approx(number, rel=1e-7, abs=1e-290)


@given(st.binary(max_size=40), st.sampled_from(["DS", "IS", "CS", "AS", "DA", "TM", "DT"]))
def test_no_bytes_whatsoever_break_the_repair_and_the_second_finds_nothing(
    content: bytes, vr: str
) -> None:
    dataset = raw(0x00180050, vr, content)
    repair_values(dataset)
    before = dataset._dict[Tag(0x00180050)]
    repair_values(dataset)
    assert dataset._dict[Tag(0x00180050)] is before


def test_values_within_sequences_are_repaired_too() -> None:
    item = raw(0x00181074, "DS", b"3.888774720000000001E8")
    dataset = Dataset()
    dataset.RadiopharmaceuticalInformationSequence = [item]
    repair_values(dataset)
    inner = dataset.RadiopharmaceuticalInformationSequence[0]
    assert inner.RadionuclideTotalDose == pytest.approx(3.88877472e8)


def test_valid_elements_stay_as_they_were_read() -> None:
    dataset = raw(0x00280030, "DS", b"0.5\\0.5 ")
    element = dataset._dict[Tag(0x00280030)]
    repair_values(dataset)
    assert dataset._dict[Tag(0x00280030)] is element
