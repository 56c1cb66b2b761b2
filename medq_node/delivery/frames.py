"""An object on disk, opened so that its frames can be read one by one, whatever their encoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.filereader import read_dataset, read_partial
from pydicom.pixels.utils import as_pixel_options
from pydicom.tag import BaseTag
from pydicom.uid import UID, JPEGBaseline8Bit, JPEGExtended12Bit

from medq_node.alive import sign_of_life
from medq_node.delivery.elements import UNDEFINED, Element, Elements, elements_of, replaced, swapped
from medq_node.errors import Unprocessable
from medq_node.pixels.codecs import decode, decoded_as
from medq_node.pixels.fragments import content, frame_pieces

PIXEL_DATA = 0x7FE00010
EXTENDED_OFFSETS = (0x7FE00001, 0x7FE00002, 0x7FE00003)
"""Extended Offset Table, its lengths and its total: true of one encoding only."""
_ITEM, _END = 0xFFFEE000, 0xFFFEE0DD
_LOSSY_YBR = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit})
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Frame:
    """Stored values, (rows, columns) or (rows, columns, samples), and how colours are meant."""

    values: NDArray[np.generic]
    photometric_interpretation: str


@dataclass(slots=True)
class StoredObject:
    """An open object: elements before and after its pixel data, and where that lies.

    ``start`` is the offset of the value of Pixel Data, ``length`` that value's bytes in a native
    syntax; both ``None`` without pixel data.
    """

    file: BinaryIO
    header: FileDataset
    little_endian: bool
    elements: dict[BaseTag, Element]
    rest: Dataset
    rest_elements: dict[BaseTag, Element]
    start: int | None
    length: int
    vr: str

    @property
    def syntax(self) -> UID:
        """Transfer syntax in which it is stored."""
        return UID(self.header.file_meta.TransferSyntaxUID)

    @property
    def options(self) -> dict[str, Any]:
        """Image Pixel attributes by pydicom's names; those that must be there are."""
        options = as_pixel_options(self.header)
        for name in ("rows", "columns", "samples_per_pixel", "bits_allocated"):
            if not isinstance(options.get(name), int) or options[name] < 1:
                raise Unprocessable(f"its {name.replace('_', ' ')} are unknown")
        if options["bits_allocated"] not in (8, 16, 32):
            raise Unprocessable(f"it has {options['bits_allocated']} bits allocated")
        return options

    def frames(self) -> Iterator[Frame]:
        """Its frames in order, one in memory at a time, with samples by pixel (colour by pixel).

        Raises:
            Unprocessable: there are more or fewer than the header says.
        """
        options, count = self.options, 0
        for frame in (
            self._decoded(options) if self.syntax.is_encapsulated else self._native(options)
        ):
            count += 1
            sign_of_life()
            yield frame
        if count != options["number_of_frames"]:
            raise Unprocessable(f"it has {count} frames, not {options['number_of_frames']}")

    def raw_pixels(self) -> Iterator[bytes]:
        """The value of native pixel data as it lies there, in pieces of even length."""
        left = self.length
        self.file.seek(self.start or 0)
        while left:
            piece = self.file.read(min(left, _CHUNK))
            if not piece:
                raise Unprocessable("its pixel data is cut off")
            left -= len(piece)
            sign_of_life()
            yield piece

    def little_endian_pixels(self) -> Iterator[bytes]:
        """``raw_pixels`` in little endian."""
        words = self.vr
        if not self.little_endian and words == "OW" and self.options["bits_allocated"] == 32:
            words = "OL"  # what writers of big endian did, whatever PS3.5 meant by OW
        for piece in self.raw_pixels():
            yield piece if self.little_endian else swapped(piece, words)

    def _native(self, options: dict[str, Any]) -> Iterator[Frame]:
        kind = _dtype(options).newbyteorder("<" if self.little_endian else ">")
        colour, samples = options["photometric_interpretation"], options["samples_per_pixel"]
        if colour in ("YBR_FULL_422", "YBR_PARTIAL_422"):
            raise Unprocessable(f"it is stored as {colour}")
        rows, columns = options["rows"], options["columns"]
        size = rows * columns * samples * kind.itemsize
        if size * options["number_of_frames"] > self.length:
            raise Unprocessable("its pixel data is cut off")
        for index in range(options["number_of_frames"]):
            self.file.seek((self.start or 0) + index * size)
            values = np.frombuffer(self.file.read(size), kind).astype(kind.newbyteorder("="))
            if samples > 1 and options.get("planar_configuration"):
                values = values.reshape(samples, -1).T
            shape = (rows, columns) if samples == 1 else (rows, columns, samples)
            yield Frame(values.reshape(shape), colour)

    def _decoded(self, options: dict[str, Any]) -> Iterator[Frame]:
        kind = _dtype(options)
        # Colour of a lossy JPEG, mostly subsampled, becomes what a viewer shows: RGB.
        raw = decoded_as(self.syntax) not in _LOSSY_YBR
        options.pop("extended_offsets", None)
        one = {**options, "number_of_frames": 1}
        places = frame_pieces(self.file, self.start or 0, options["number_of_frames"])
        for pieces in places:
            coded = encapsulate([content(self.file, pieces)])
            values, facts = decode(coded, self.syntax, raw=raw, attributes=one)
            yield Frame(values.astype(kind), str(facts["photometric_interpretation"]))


def native_icon(syntax: UID, item: Dataset, elements: Elements) -> Elements:
    """Elements of an item, its pixel data decoded where it has any in ``syntax``, as icons do."""
    pixels = elements.get(BaseTag(PIXEL_DATA))
    if not isinstance(pixels, RawDataElement) or pixels.length != UNDEFINED:
        return elements
    options = as_pixel_options(item)
    raw = decoded_as(syntax) not in _LOSSY_YBR
    values, facts = decode(pixels.value or b"", syntax, raw=raw, attributes=options)
    little = values.astype(_dtype(options).newbyteorder("<")).tobytes()
    changed = as_colour(elements, str(facts["photometric_interpretation"]), values.ndim > 2)
    return replaced(changed, "PixelData", "OW", little)


def as_colour(elements: Elements, colour: str, several_samples: bool) -> dict[BaseTag, Element]:
    """``elements`` that say how decoded values are meant; samples lie by pixel."""
    # The decoder undoes the transforms that are part of JPEG 2000.
    meant = "RGB" if colour in ("YBR_RCT", "YBR_ICT") else colour
    changed = replaced(elements, "PhotometricInterpretation", "CS", meant.encode("ascii"))
    return replaced(changed, "PlanarConfiguration", "US", b"\0\0") if several_samples else changed


@contextmanager
def opened(path: Path) -> Iterator[StoredObject]:
    """Open an object that is not deflated.

    Raises:
        Unprocessable: its pixel data is cut off.
        OSError, and what pydicom raises over malformed content.
    """
    with path.open("rb") as file:
        header = read_partial(file, stop_when=_is_pixel_data)
        syntax = UID(header.file_meta.TransferSyntaxUID)
        # Of files whose meta information is wrong pydicom sees through some.
        implicit, little = header.original_encoding
        if implicit is None or little is None:
            implicit, little = syntax.is_implicit_VR, syntax.is_little_endian
        start, length, vr = _pixel_data(file, implicit, "<" if little else ">")
        if start is not None:
            file.seek(start)
            if length == UNDEFINED:
                _skip_items(file)
            elif file.seek(0, 2) < start + length:
                raise Unprocessable("its pixel data is cut off")
            else:
                file.seek(start + length)
        rest = read_dataset(file, implicit, little)
        yield StoredObject(
            file, header, little, elements_of(header), rest, elements_of(rest), start, length, vr
        )


def _dtype(options: dict[str, Any]) -> np.dtype[Any]:
    letter = "i" if options.get("pixel_representation") == 1 else "u"
    return np.dtype(f"{letter}{options['bits_allocated'] // 8}")


def _is_pixel_data(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) == PIXEL_DATA


def _pixel_data(file: BinaryIO, implicit: bool, order: str) -> tuple[int | None, int, str]:
    """Offset, length and VR of Pixel Data, where reading stopped; no offset where it has none."""
    head = file.read(8)
    if len(head) < 8:
        return None, 0, "OW"
    if implicit:
        return file.tell(), struct.unpack(order + "L", head[4:])[0], "OW"
    length = struct.unpack(order + "L", file.read(4))[0]
    return file.tell(), length, head[4:6].decode("ascii")


def _skip_items(file: BinaryIO) -> None:
    """Go behind the items of encapsulated pixel data (PS3.5 A.4)."""
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise Unprocessable("its pixel data is cut off")
        group, element, length = struct.unpack("<HHL", head)
        tag = group << 16 | element
        if tag == _END:
            return
        if tag != _ITEM:
            raise Unprocessable("its pixel data is not a sequence of fragments")
        file.seek(length, 1)
