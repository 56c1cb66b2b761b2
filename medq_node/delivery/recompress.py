"""One object from one transfer syntax into another, with the very same pixels (PS3.5 8 and A).

Native to lossless, for what we made; anything to native, for originals that a destination doesn't
take as they are. The SOP Instance UID stays: nothing of the object changes but its encoding, and
Lossy Image Compression tells what happened before. One frame is in memory at a time; a data set
without its pixels is there whole. The same file gives the same bytes.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.pixels.encoders.base import get_encoder
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom.dsutils import split_dataset

from medq_node.delivery.elements import UNDEFINED, Element, LittleEndian, replaced
from medq_node.delivery.frames import (
    EXTENDED_OFFSETS,
    PIXEL_DATA,
    Frame,
    StoredObject,
    as_colour,
    native_icon,
    opened,
)
from medq_node.errors import DeliveryError, Unprocessable
from medq_node.malformed import MALFORMED
from medq_node.pixels.codecs import can_decode, was_lossy

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
"""Uncompressed syntaxes, the better one first."""
_ENCODERS = {JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg", RLELossless: "pylibjpeg"}
"""Named, so that the same bytes come out wherever more encoders are installed."""
_BASIC_TABLE_UP_TO = 1 << 31
"""Bytes of native pixel data beyond which offsets may need 64 bits (PS3.3 C.7.6.3.1.8)."""
_ITEM = struct.pack("<HH", 0xFFFE, 0xE000)
_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def can_become_native(syntax: UID) -> bool:
    """Whether objects in ``syntax`` can be decoded here; not so for video."""
    if not syntax.is_transfer_syntax or syntax.is_private:
        return False
    return not syntax.is_encapsulated or can_decode(syntax)


def recompress(source: Path, target: Path, syntax: str) -> None:
    """Write ``source`` to ``target`` in another transfer syntax, and compare the pixels.

    Raises:
        Unprocessable: it can't be done, or wouldn't keep every pixel; the message says why.
        DeliveryError: the disk failed; worth another try.
    """
    try:
        _recompress(source, target, UID(syntax))
    except OSError as error:
        raise DeliveryError(f"can't write a converted copy: {error.strerror}") from error
    except (*MALFORMED, RuntimeError) as error:
        raise Unprocessable(f"it is malformed or can't be decoded ({type(error).__name__})") from (
            error
        )


def _recompress(source: Path, target: Path, syntax: UID) -> None:
    stored = UID(read_file_meta_info(source).TransferSyntaxUID)
    if stored == DeflatedExplicitVRLittleEndian:
        inflated = target.with_name(target.name + ".inflated")
        try:
            _inflate(source, inflated)
            _recompress(inflated, target, syntax)
        finally:
            inflated.unlink(missing_ok=True)
        return
    with opened(source) as object_:
        with target.open("wb") as file:
            _write(object_, file, syntax)
        if syntax.is_encapsulated:
            with opened(target) as written:
                _compare(object_, written)


def _inflate(source: Path, target: Path) -> None:
    """A deflated data set is one in Explicit VR Little Endian, deflated (PS3.5 A.5)."""
    meta, offset = split_dataset(source)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with source.open("rb") as deflated, target.open("wb") as file:
        _write_meta(file, FileMetaDataset(meta), ExplicitVRLittleEndian)
        deflated.seek(offset)
        while piece := deflated.read(1 << 16):
            while piece and not inflater.eof:
                file.write(inflater.decompress(piece, 1 << 22))
                piece = inflater.unconsumed_tail
        file.write(inflater.flush())
    if not inflater.eof:
        raise Unprocessable("its deflated data set is cut off")


def _write(object_: StoredObject, file: BinaryIO, syntax: UID) -> None:
    header, elements = object_.header, object_.elements
    _write_meta(file, header.file_meta, syntax)
    form = LittleEndian(syntax.is_implicit_VR)
    if object_.syntax.is_encapsulated:
        form = replace(form, item=partial(native_icon, object_.syntax))
    elements = {tag: e for tag, e in elements.items() if int(tag) not in EXTENDED_OFFSETS}
    if object_.start is None:
        file.write(form.encoded(elements, header))
    elif syntax.is_encapsulated:
        _write_encapsulated(object_, file, elements, form, syntax)
    elif object_.syntax.is_encapsulated:
        _write_decoded(object_, file, elements, form)
    else:
        file.write(form.encoded(elements, header))
        file.write(form.head(PIXEL_DATA, object_.vr, object_.length))
        for piece in object_.little_endian_pixels():
            file.write(piece)
    file.write(form.encoded(object_.rest_elements, object_.rest))


def _write_meta(file: BinaryIO, meta: FileMetaDataset, syntax: UID) -> None:
    changed = deepcopy(meta)  # a shallow one shares its elements
    changed.TransferSyntaxUID = syntax
    file.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(file, changed, enforce_standard=False)  # type: ignore[arg-type]


def _write_decoded(
    object_: StoredObject, file: BinaryIO, elements: dict[BaseTag, Element], form: LittleEndian
) -> None:
    options, frames = object_.options, object_.frames()
    first = next(frames)
    length = first.values.nbytes * options["number_of_frames"]
    if length + length % 2 >= UNDEFINED:
        raise Unprocessable("uncompressed it would have 4 GiB of pixel data or more")
    colour, several = first.photometric_interpretation, options["samples_per_pixel"] > 1
    elements = as_colour(elements, colour, several)
    if was_lossy(object_.header, object_.syntax):
        elements = replaced(elements, "LossyImageCompression", "CS", b"01")
    file.write(form.encoded(elements, object_.header))
    vr = "OW" if form.implicit or options["bits_allocated"] > 8 else "OB"
    file.write(form.head(PIXEL_DATA, vr, length + length % 2))
    for frame in itertools.chain([first], frames):
        if frame.photometric_interpretation != colour:
            raise Unprocessable("its frames differ in their colours")
        file.write(_little_endian(frame))
    file.write(b"\0" * (length % 2))


def _write_encapsulated(
    object_: StoredObject,
    file: BinaryIO,
    elements: dict[BaseTag, Element],
    form: LittleEndian,
    syntax: UID,
) -> None:
    """Every frame as one fragment, and a table of where each begins (PS3.5 A.4)."""
    options, header = object_.options, object_.header
    count = options["number_of_frames"]
    if options["samples_per_pixel"] > 1 and syntax != RLELossless:
        # What these encoders are given; RLE has planes of its own whatever is said (PS3.5 G.2).
        elements = replaced(elements, "PlanarConfiguration", "US", b"\0\0")
    file.write(form.encoded(elements, header))
    extended = object_.length > _BASIC_TABLE_UP_TO
    table = file.tell()
    if extended:
        for tag in EXTENDED_OFFSETS[:2]:
            file.write(form.head(tag, "OV", 8 * count) + b"\0" * 8 * count)
    file.write(form.head(PIXEL_DATA, "OB", UNDEFINED))
    file.write(_ITEM + struct.pack("<L", 0 if extended else 4 * count))
    basic = file.tell()
    file.write(b"" if extended else b"\0" * 4 * count)
    start, offsets, lengths = file.tell(), [], []
    for fragment in encoded_frames(object_, syntax):
        offsets.append(file.tell() - start)
        lengths.append(len(fragment))
        file.write(_ITEM + struct.pack("<L", len(fragment)) + fragment)
    file.write(_END)
    end = file.tell()
    if extended:
        file.seek(table)
        for tag, values in zip(EXTENDED_OFFSETS, (offsets, lengths), strict=False):
            file.write(form.head(tag, "OV", 8 * count) + struct.pack(f"<{count}Q", *values))
    else:
        file.seek(basic)
        file.write(struct.pack(f"<{count}L", *offsets))
    file.seek(end)


def encoded_frames(object_: StoredObject, syntax: UID) -> Iterator[bytes]:
    """Native frames encoded without loss, each of even length; ``syntax`` is compressed."""
    encoder = get_encoder(syntax)
    # Frames come by pixel, whatever the source's planes.
    one_frame = {**object_.options, "number_of_frames": 1, "planar_configuration": 0}
    one_frame.pop("extended_offsets", None)
    for frame in object_.frames():
        coded = encoder.encode(
            _little_endian(frame), encoding_plugin=_ENCODERS[syntax], **one_frame
        )
        yield bytes(coded) + b"\0" * (len(coded) % 2)


def _little_endian(frame: Frame) -> bytes:
    values = np.ascontiguousarray(frame.values)
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _compare(source: StoredObject, written: StoredObject) -> None:
    """What was written has to decode to every value that was there."""
    for one, other in zip(source.frames(), written.frames(), strict=True):
        if (
            one.photometric_interpretation != other.photometric_interpretation
            or one.values.dtype != other.values.dtype
            or not np.array_equal(one.values, other.values)
        ):
            raise Unprocessable("its pixels would not come back as they were")
