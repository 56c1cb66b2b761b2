"""The frames of a multi-frame object, read one at a time: its pixels never lie in memory whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, parse_basic_offsets, parse_fragments
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED
from medq_node.pixels.header import DEFLATED, PixelElement, integer, read_header, read_whole, text

_ITEM_HEADER: Final = 8
_STARTS: Final = (b"\xff\xd8", b"\xff\x4f")
"""Start of image of JPEG and JPEG-LS, start of codestream of JPEG 2000."""
_DESCRIBING: Final = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation"),
    *("BitsAllocated", "BitsStored", "HighBit"),
)
_PIXEL_DATA: Final = 0x7FE00010

_RETIRED_JPEG: Final = ("1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55")
_JPEG_EXTENDED: Final = "1.2.840.10008.1.2.4.51"

Pieces = list[tuple[int, int]]
"""(place in the file, length), in bytes."""


def decoded_as(transfer_syntax_uid: str) -> str:
    """The syntax by which ``transfer_syntax_uid`` is decoded.

    Retired progressive JPEG has no decoder of its own; the stream says by itself how it is coded.
    """
    return _JPEG_EXTENDED if transfer_syntax_uid in _RETIRED_JPEG else transfer_syntax_uid


class Frames:
    """Where the frames of one object lie, and how they are decoded; safe to use from threads."""

    def __init__(self, path: Path) -> None:
        """Look through the object for its frames.

        Raises:
            Unprocessable: it can't be read, or its frames can't be told apart.
        """
        header, element = read_header(path)
        self._path = path
        self._uid = text(header, "SOPInstanceUID")
        self._syntax = UID(decoded_as(str(header.file_meta.get("TransferSyntaxUID", ""))))
        self._like = Dataset()
        for keyword in _DESCRIBING:
            if keyword in header:
                self._like[keyword] = header[keyword]
        self._whole: Dataset | None = None
        count = integer(header, "NumberOfFrames") or 1
        if element is None:
            raise Unprocessable(f"object {self._uid} has no pixel data")
        if self._syntax == DEFLATED or element.start is None:
            # Its bytes can't be reached without inflating all that stands before them.
            self._whole = read_whole(path)
            self._pieces: list[Pieces] = [[] for _ in range(count)]
        elif element.length is not None:
            self._pieces = self._native(header, element.start, count)
        else:
            self._pieces = self._encapsulated(header, element, count)

    def stored(self, frame: int) -> NDArray[np.generic]:
        """Stored values of a frame, 1-based, (rows, columns).

        Raises:
            Unprocessable: it is cut off or can't be decoded.
        """
        name = f"{self._uid} frame {frame}"
        if not 1 <= frame <= len(self._pieces):
            raise Unprocessable(f"image {name} has no pixel data: send the object again")
        try:
            source = self._whole if self._whole is not None else self._alone(frame)
            index = frame - 1 if self._whole is not None else 0
            return get_decoder(self._syntax).as_array(source, index=index, raw=True)[0]
        except (*MALFORMED, RuntimeError) as error:
            raise Unprocessable(
                f"image {name} has pixel data that can't be decoded (Transfer Syntax"
                f" {self._syntax})"
            ) from error

    def _alone(self, frame: int) -> Dataset:
        """The frame as the only one of an object."""
        with self._path.open("rb") as file:
            parts = []
            for start, length in self._pieces[frame - 1]:
                part = os.pread(file.fileno(), length, start)
                if len(part) < length:
                    raise EOFError("the file ends within a frame")
                parts.append(part)
        content = b"".join(parts)
        alone = Dataset()
        alone.update(self._like)
        if self._syntax.is_encapsulated:
            alone[_PIXEL_DATA] = DataElement(_PIXEL_DATA, "OB", encapsulate([content]))
            alone[_PIXEL_DATA].is_undefined_length = True
        else:
            word = "OW" if int(self._like.BitsAllocated) > 8 else "OB"
            padded = content + b"\0" * (len(content) % 2)
            alone[_PIXEL_DATA] = DataElement(_PIXEL_DATA, word, padded)
        return alone

    def _native(self, header: Dataset, start: int, count: int) -> list[Pieces]:
        pixels = (integer(header, "Rows") or 0) * (integer(header, "Columns") or 0)
        length = pixels * (integer(header, "BitsAllocated") or 0) // 8
        return [[(start + k * length, length)] for k in range(count)]

    def _encapsulated(self, header: Dataset, element: PixelElement, count: int) -> list[Pieces]:
        """By the offset table if there is one, else by what the fragments begin with."""
        assert element.start is not None
        try:
            with self._path.open("rb") as file:
                file.seek(element.start)
                table = parse_basic_offsets(file)
                first = file.tell()
                places = parse_fragments(file)[1]
                fragments: Pieces = []
                for place in places:
                    length = int.from_bytes(os.pread(file.fileno(), 4, place + 4), "little")
                    fragments.append((place + _ITEM_HEADER, length))
                begins = [os.pread(file.fileno(), 2, place) for place, _ in fragments]
        except MALFORMED as error:
            raise Unprocessable(
                f"object {self._uid} has pixel data whose frames can't be found"
            ) from error
        if len(table) == count > 1:
            starts = [first + offset for offset in table]
        elif len(fragments) == count:
            return [[fragment] for fragment in fragments]
        elif count == 1:
            return [fragments]
        else:
            starts = [
                place - _ITEM_HEADER
                for (place, _), begin in zip(fragments, begins, strict=True)
                if begin in _STARTS
            ]
        if len(starts) < count:
            # What was cut off is missed frame by frame.
            count = len(starts)
        frames: list[Pieces] = [[] for _ in range(count)]
        k = -1
        for fragment in fragments:
            while k + 1 < count and fragment[0] - _ITEM_HEADER >= starts[k + 1]:
                k += 1
            if k >= 0:
                frames[k].append(fragment)
        return frames
