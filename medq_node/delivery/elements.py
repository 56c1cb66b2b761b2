"""Data elements from one native encoding into another: values stay the bytes that they are.

pydicom would parse and write each value anew, which trims text and fails on what isn't allowed.
An original is not ours to mend: VRs, lengths and the order of bytes change, and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.hooks import raw_element_vr
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from medq_node.errors import Unprocessable

Element = DataElement | RawDataElement
Elements = Mapping[BaseTag, Element]

UNDEFINED = 0xFFFFFFFF
"""Value Length of sequences, items and encapsulated pixel data that end with a delimiter."""
_ITEM = struct.pack("<HH", 0xFFFE, 0xE000)
_LONGEST_SHORT = 0xFFFF
_PIXEL_REPRESENTATION = BaseTag(0x00280103)
_WORD_BYTES = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""VR -> bytes of a word whose order the transfer syntax decides (PS3.5 7.3)."""


def elements_of(dataset: Dataset) -> dict[BaseTag, Element]:
    """The elements as they were read, in order; to be asked for before any of them is looked at."""
    return {tag: dataset.get_item(tag) for tag in sorted(dataset.keys())}


def swapped(value: bytes, vr: str) -> bytes:
    """``value`` of a VR in the other order of bytes."""
    size = _WORD_BYTES.get(vr, 1)
    if size == 1:
        return value
    if len(value) % size:
        raise Unprocessable(f"a value of VR {vr} has {len(value)} bytes")
    turned = bytearray(len(value))
    for k in range(size):
        turned[k::size] = value[size - 1 - k :: size]
    return bytes(turned)


def _as_they_are(_item: Dataset, elements: Elements) -> Elements:
    return elements


@dataclass(frozen=True, slots=True)
class LittleEndian:
    """Explicit or implicit VR, little endian.

    ``item`` may change the elements of an item of a sequence before they are encoded.
    """

    implicit: bool
    item: Callable[[Dataset, Elements], Elements] = _as_they_are

    def encoded(self, elements: Elements, owner: Dataset, signed: bool = False) -> bytes:
        """``elements`` of ``owner``; ``signed`` is the Pixel Representation around it.

        Group lengths, retired, would no longer be true and are left out.

        Raises:
            Unprocessable: an element can't be carried over.
        """
        value = owner.get(_PIXEL_REPRESENTATION)
        signed = signed if value is None or value.value is None else value.value == 1
        return b"".join(
            self._element(element, owner, signed)
            for tag, element in elements.items()
            if tag.element != 0
        )

    def head(self, tag: int, vr: str, length: int) -> bytes:
        """What stands before a value of ``length`` bytes."""
        start = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        if self.implicit:
            return start + struct.pack("<L", length)
        if vr in EXPLICIT_VR_LENGTH_32:
            return start + vr.encode() + struct.pack("<HL", 0, length)
        if length > _LONGEST_SHORT:  # PS3.5 6.2.2, note 2
            return start + b"UN" + struct.pack("<HL", 0, length)
        return start + vr.encode() + struct.pack("<H", length)

    def _element(self, element: Element, owner: Dataset, signed: bool) -> bytes:
        vr = vr_of(element, owner, signed)
        if vr == "SQ":
            return self._sequence(element, owner, signed)
        if isinstance(element, RawDataElement):
            if element.length == UNDEFINED:
                raise Unprocessable(f"{element.tag} is encapsulated inside of a sequence")
            value = element.value or b""
            if not element.is_little_endian:
                value = swapped(value, vr)
        else:
            value = _parsed_value(element)
        return self.head(element.tag, vr, len(value)) + value

    def _sequence(self, element: Element, owner: Dataset, signed: bool) -> bytes:
        items = element.value if isinstance(element.value, Sequence) else owner[element.tag].value
        content = b""
        for item in items or ():
            inner = self.encoded(self.item(item, elements_of(item)), item, signed)
            content += _ITEM + struct.pack("<L", len(inner)) + inner
        return self.head(element.tag, "SQ", len(content)) + content


def vr_of(element: Element, owner: Dataset, signed: bool = False) -> str:
    """The VR of an element; where the header leaves a choice (PS3.6), the one that fits."""
    if isinstance(element, RawDataElement) and element.VR is None:
        found: dict[str, str] = {}
        raw_element_vr(element, found, ds=owner)
        vr = str(found["VR"])
    else:
        vr = str(element.VR)
    if vr == "US or SS":
        return "SS" if signed else "US"
    return "OW" if " or " in vr else vr


def _parsed_value(element: DataElement) -> bytes:
    """Bytes of a value that was parsed while reading, such as the character set."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_data_element(buffer, element)
    return buffer.getvalue()[8:]


def replaced(elements: Elements, keyword: str, vr: str, value: bytes) -> dict[BaseTag, Element]:
    """``elements`` with one value set, already encoded in little endian."""
    tag = Tag(keyword)
    value += (b" " if vr == "CS" else b"\0") * (len(value) % 2)
    new = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return dict(sorted({**elements, tag: new}.items()))
