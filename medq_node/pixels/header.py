"""Read the header of one file without its pixels, and take typed values out of it.

Files come from anywhere: whatever is malformed becomes ``Unprocessable``, nothing else escapes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from medq_node.alive import sign_of_life
from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED

DEFLATED = "1.2.840.10008.1.2.1.99"
_EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_PIXEL_DATA = 0x7FE00010
_FLOAT_PIXEL_DATA = (0x7FE00008, 0x7FE00009)
_UNDEFINED_LENGTH = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class PixelElement:
    """What a file holds as pixel data, without reading it.

    ``length`` is the value's declared length in bytes, ``None`` where undefined (encapsulated) or
    unknown; ``available`` is how many bytes the file has from the value on; ``start`` is where in
    the file the value begins, ``None`` where the file is deflated.
    """

    is_float: bool
    length: int | None
    available: int
    start: int | None = None


class Attributes(Protocol):
    """What attributes are taken from: a data set, or what stands for one frame's."""

    def get(self, keyword: str, /) -> object:
        """The value of an attribute, ``None`` where it is absent."""
        ...


def read_header(path: Path) -> tuple[FileDataset, PixelElement | None]:
    """Header of a DICOM file, and what pixel data follows it (``None`` where there is none).

    Raises:
        Unprocessable: not a DICOM file, or its header is malformed.
    """
    sign_of_life()
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            dataset = read_partial(file, stop_when=_is_pixel_data)
            element = _pixel_element(file, dataset, size)
    except InvalidDicomError as error:
        raise Unprocessable("a file is not a DICOM file (no preamble and file meta)") from error
    except MALFORMED as error:
        raise Unprocessable(f"a file's header can't be read ({type(error).__name__})") from error
    return dataset, element


def read_whole(path: Path) -> FileDataset:
    """The whole object, pixel data included.

    Raises:
        Unprocessable: the file can't be read to its end.
    """
    try:
        return pydicom.dcmread(path)
    except MALFORMED as error:
        raise Unprocessable(f"a file can't be read to its end ({type(error).__name__})") from error


def _is_pixel_data(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) == _PIXEL_DATA or int(tag) in _FLOAT_PIXEL_DATA


def _pixel_element(file: BinaryIO, dataset: FileDataset, size: int) -> PixelElement | None:
    """The element at which reading stopped; a deflated file has to be read whole for that."""
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if syntax == DEFLATED:
        file.seek(0)
        whole = pydicom.dcmread(file)
        if _PIXEL_DATA not in whole:
            return PixelElement(True, None, 0) if _has_float_pixels(whole) else None
        length = len(whole.PixelData)
        return PixelElement(False, length, length)
    order = ">" if syntax == _EXPLICIT_BIG else "<"
    start = file.read(8)
    if len(start) < 8:
        return None
    group, number = struct.unpack(order + "HH", start[:4])
    tag = (group << 16) | number
    if tag != _PIXEL_DATA and tag not in _FLOAT_PIXEL_DATA:
        return None
    # Explicit VR has two reserved bytes, then a 32-bit length (PS3.5 7.1.2). Told from the bytes:
    # read as an implicit length these letters would be odd, which no pixel data is.
    explicit = start[4:6] in (b"OB", b"OW", b"OF", b"OD", b"UN")
    raw_length = file.read(4) if explicit else start[4:8]
    length = struct.unpack(order + "L", raw_length)[0]
    begin = file.tell()
    known = None if length == _UNDEFINED_LENGTH else length
    return PixelElement(tag in _FLOAT_PIXEL_DATA, known, size - begin, begin)


def _has_float_pixels(dataset: Dataset) -> bool:
    return any(tag in dataset for tag in _FLOAT_PIXEL_DATA)


def texts(dataset: Attributes, keyword: str) -> tuple[str, ...]:
    """All values of an attribute as stripped text; empty where absent, empty or malformed."""
    try:
        value = dataset.get(keyword)
        if value is None:
            return ()
        values = value if isinstance(value, MultiValue | list | tuple) else [value]
        return tuple(str(v).strip() for v in values)
    except MALFORMED:
        return ()


def text(dataset: Attributes, keyword: str) -> str:
    """First value of an attribute as stripped text; empty where absent or malformed."""
    return next(iter(texts(dataset, keyword)), "")


def numbers(dataset: Attributes, keyword: str) -> tuple[float, ...]:
    """All values of an attribute as finite numbers; empty where absent or malformed."""
    try:
        values = tuple(float(v) for v in texts(dataset, keyword))
    except ValueError:
        return ()
    return values if all(math.isfinite(v) for v in values) else ()


def number(dataset: Attributes, keyword: str) -> float | None:
    """First value of an attribute as a finite number; ``None`` where absent or malformed."""
    return next(iter(numbers(dataset, keyword)), None)


def integer(dataset: Attributes, keyword: str) -> int | None:
    """First value of an attribute as an integer; ``None`` where absent or malformed."""
    value = number(dataset, keyword)
    return None if value is None else int(value)
