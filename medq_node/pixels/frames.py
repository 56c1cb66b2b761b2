"""The frames of a multi-frame object, read one at a time: its pixels never lie in memory whole."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED
from medq_node.pixels.codecs import decode, decoded_as
from medq_node.pixels.fragments import Piece, Pieces, content, frame_pieces
from medq_node.pixels.header import DEFLATED, PixelElement, integer, read_header, read_whole, text

_DESCRIBING: Final = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation"),
    *("BitsAllocated", "BitsStored", "HighBit"),
)
_PIXEL_DATA: Final = 0x7FE00010


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
        self._syntax = UID(header.file_meta.get("TransferSyntaxUID", ""))
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
            return decode(source, self._syntax, index, raw=True)[0]
        except (*MALFORMED, Unprocessable) as error:
            raise Unprocessable(
                f"image {name} has pixel data that can't be decoded (Transfer Syntax"
                f" {self._syntax})"
            ) from error

    def _alone(self, frame: int) -> Dataset:
        """The frame as the only one of an object."""
        alone = Dataset()
        alone.update(self._like)
        alone.file_meta = FileMetaDataset()
        alone.file_meta.TransferSyntaxUID = decoded_as(self._syntax)
        with self._path.open("rb") as file:
            value = content(file, self._pieces[frame - 1])
        if self._syntax.is_encapsulated:
            alone[_PIXEL_DATA] = DataElement(_PIXEL_DATA, "OB", encapsulate([value]))
            alone[_PIXEL_DATA].is_undefined_length = True
        else:
            word = "OW" if int(self._like.BitsAllocated) > 8 else "OB"
            padded = value + b"\0" * (len(value) % 2)
            alone[_PIXEL_DATA] = DataElement(_PIXEL_DATA, word, padded)
        return alone

    def _native(self, header: Dataset, start: int, count: int) -> list[Pieces]:
        pixels = (integer(header, "Rows") or 0) * (integer(header, "Columns") or 0)
        length = pixels * (integer(header, "BitsAllocated") or 0) // 8
        return [[Piece(start + k * length, length)] for k in range(count)]

    def _encapsulated(self, header: Dataset, element: PixelElement, count: int) -> list[Pieces]:
        assert element.start is not None
        try:
            with self._path.open("rb") as file:
                return frame_pieces(file, element.start, count)
        except MALFORMED as error:
            raise Unprocessable(
                f"object {self._uid} has pixel data whose frames can't be found"
            ) from error
