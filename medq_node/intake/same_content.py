"""Do two files hold the same object, however each is encoded?

An archive may send an image back in another transfer syntax: other bytes, the same content. So
values are compared, not bytes: each is brought to little endian, text is decoded, sequences are
walked, compressed pixels are decoded. What only describes the encoding (file meta, group lengths,
character set, padding, offset tables) doesn't count. Any doubt means different: then the object
is kept aside for a person, and nothing is lost.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pydicom
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.decoders.base import get_decoder
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID

from medq_node.malformed import MALFORMED

_PIXEL_DATA = 0x7FE00010
_OF_THE_ENCODING = frozenset(
    {
        0x00080005,  # Specific Character Set
        0x7FE00001,  # Extended Offset Table
        0x7FE00002,  # Extended Offset Table Lengths
        0xFFFCFFFC,  # Data Set Trailing Padding
    }
)
_OF_THE_FILE = _OF_THE_ENCODING | {_PIXEL_DATA}
"""Pixel data at the top is compared by itself; in an icon it has to agree as it is."""
_WORD_BYTES = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OL", "OF"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""VR -> bytes that big endian turns round (PS3.5 7.3)."""
_TEXT = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
"""VRs in the character set of the data set (PS3.5 6.1.2.3)."""
_PLAIN_TEXT = {"AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"}
_NUMBERS_AS_TEXT = {"DS", "IS"}
_ONE_VALUE = {"LT", "ST", "UR", "UT"}
_DELIMITERS = {ord(c) for c in "\\^=\r\n\t\f"}
"""Where a character set begins anew (PS3.5 6.1.2.5.3)."""
_UNDECODABLE = "\N{REPLACEMENT CHARACTER}"

Compare = Callable[[Path, Path], bool]


def same_content(one: Path, other: Path) -> bool:
    """Whether both files hold the same attributes with the same values; any doubt is ``False``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first, second = pydicom.dcmread(one), pydicom.dcmread(other)
            default = convert_encodings(None)
            sides = _Side(first, default), _Side(second, default)
            return _same_attributes(*sides, _OF_THE_FILE) and _same_pixels(first, second)
    except (*MALFORMED, RuntimeError, MemoryError):
        return False


@dataclass(frozen=True)
class _Side:
    """A data set; an item that names no character set has that of the data set ``around``."""

    ds: Dataset
    around: list[str]

    @cached_property
    def encodings(self) -> list[str]:
        """Python's names of the character sets (PS3.5 6.1.2.3)."""
        named = self.ds.get("SpecificCharacterSet")
        if named is None:
            return self.around
        return list(convert_encodings(list(named) if isinstance(named, MultiValue) else named))

    def tags(self, without: frozenset[int]) -> list[BaseTag]:
        """What has to agree."""
        return sorted(t for t in list(self.ds.keys()) if t not in without and t.element != 0)

    def items(self, tag: BaseTag) -> list[_Side]:
        """The items of a sequence, whatever VR the file gives it."""
        element = self.ds.get_item(tag)
        if isinstance(element, RawDataElement):
            element = convert_raw_data_element(element._replace(VR="SQ"), encoding=self.encodings)
        if not element.value:
            return []
        if not isinstance(element.value, Sequence):
            raise TypeError("not a sequence")
        return [_Side(item, self.encodings) for item in element.value]

    def text(self, value: bytes) -> str:
        """``value`` in the character sets of the data set."""
        return str(decode_bytes(value, self.encodings, _DELIMITERS))


def _same_attributes(one: _Side, other: _Side, without: frozenset[int]) -> bool:
    tags = one.tags(without)
    return tags == other.tags(without) and all(_same_element(one, other, tag) for tag in tags)


def _same_element(one: _Side, other: _Side, tag: BaseTag) -> bool:
    a, b = one.ds.get_item(tag), other.ds.get_item(tag)
    vr = _representation(tag, a, b)
    if vr == "SQ":
        return _same_items(one.items(tag), other.items(tag))
    first, second = _little_endian(a), _little_endian(b)
    if vr in _TEXT:
        if first == second and one.encodings == other.encodings:
            return True
        return _same_text(one.text(first), other.text(second), vr)
    if vr in _PLAIN_TEXT | _NUMBERS_AS_TEXT:
        return _same_text(first.decode("latin-1"), second.decode("latin-1"), vr)
    return first == second


def _representation(tag: BaseTag, *elements: DataElement | RawDataElement | None) -> str:
    """VR as a file states it; implicit VR states none, so then that of the other file."""
    for element in elements:
        if element is not None and element.VR not in (None, "UN"):
            return str(element.VR)
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def _same_items(one: list[_Side], other: list[_Side]) -> bool:
    return len(one) == len(other) and all(
        _same_attributes(a, b, _OF_THE_ENCODING) for a, b in zip(one, other, strict=True)
    )


def _little_endian(element: DataElement | RawDataElement) -> bytes:
    """The value's bytes as in the file, words turned round where it is big endian."""
    if not isinstance(element, RawDataElement):
        if element.value:
            raise TypeError("not as it was in the file")
        return b""
    value = element.value or b""
    size = _WORD_BYTES.get(str(element.VR), 1)
    if element.is_little_endian or size == 1:
        return value
    return np.frombuffer(value, f">u{size}").astype(f"<u{size}").tobytes()


def _same_text(one: str, other: str, vr: str) -> bool:
    if _UNDECODABLE in one + other:
        return False
    if vr in _ONE_VALUE:
        # Spaces at the front of these mean something (PS3.5 6.2).
        return one.rstrip(" \0") == other.rstrip(" \0")
    first, second = _parts(one), _parts(other)
    if first == second:
        return True
    if vr not in _NUMBERS_AS_TEXT or len(first) != len(second):
        return False
    return all(_same_number(a, b) for a, b in zip(first, second, strict=True))


def _parts(text: str) -> list[str]:
    return [part.strip(" \0") for part in text.split("\\")]


def _same_number(one: str, other: str) -> bool:
    try:
        return one == other or Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def _same_pixels(one: Dataset, other: Dataset) -> bool:
    if (_PIXEL_DATA in one) != (_PIXEL_DATA in other):
        return False
    if _PIXEL_DATA not in one:
        return True
    syntaxes = [UID(ds.file_meta.TransferSyntaxUID) for ds in (one, other)]
    if len({*syntaxes}) == 1 or not any(syntax.is_encapsulated for syntax in syntaxes):
        a, b = (_little_endian(ds.get_item(_PIXEL_DATA)) for ds in (one, other))
        if a == b or not syntaxes[0].is_encapsulated:
            return a == b
    if any(map(_holds_hidden_bits, (one, other))):
        return False
    frames = [
        get_decoder(syntax).iter_array(ds, raw=True)
        for ds, syntax in zip((one, other), syntaxes, strict=True)
    ]
    return all(
        a is not None and b is not None and np.array_equal(a[0], b[0])
        for a, b in zip_longest(*frames)
    )


def _holds_hidden_bits(ds: Dataset) -> bool:
    """Overlays once lay in unused bits of a pixel; compression drops them without a word."""
    allocated, stored = int(ds.BitsAllocated), int(ds.BitsStored)
    if UID(ds.file_meta.TransferSyntaxUID).is_encapsulated or stored == allocated:
        return False
    words = np.frombuffer(_little_endian(ds.get_item(_PIXEL_DATA)), f"<i{allocated // 8}")
    above = words >> stored
    unused = (1 << (allocated - stored)) - 1
    sign = -((words >> (stored - 1)) & 1) if ds.PixelRepresentation else 0
    return bool(np.any((above & unused) != 0) and np.any(above != sign))
