"""Where the frames of encapsulated pixel data lie in a file (PS3.5 A.4)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO, Final

from pydicom.encaps import parse_basic_offsets, parse_fragments

_ITEM_HEADER: Final = 8
_STARTS: Final = (b"\xff\xd8", b"\xff\x4f")
"""Start of image of JPEG and JPEG-LS, start of codestream of JPEG 2000."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``length`` bytes of a file from ``start`` on."""

    start: int
    length: int


Pieces = list[Piece]


def frame_pieces(file: BinaryIO, start: int, count: int) -> list[Pieces]:
    """The pieces of each of ``count`` frames; fewer frames where the file is cut off.

    ``start`` is where the value of Pixel Data begins. By the offset table if there is one, else by
    what the fragments begin with.

    Raises:
        What pydicom raises over malformed items.
    """
    file.seek(start)
    table = parse_basic_offsets(file)
    first = file.tell()
    fragments = []
    for place in parse_fragments(file)[1]:
        length = int.from_bytes(os.pread(file.fileno(), 4, place + 4), "little")
        fragments.append(Piece(place + _ITEM_HEADER, length))
    if len(table) == count > 1:
        starts = [first + offset for offset in table]
    elif len(fragments) == count:
        return [[fragment] for fragment in fragments]
    elif count == 1:
        return [fragments]
    else:
        starts = [
            piece.start - _ITEM_HEADER
            for piece in fragments
            if os.pread(file.fileno(), 2, piece.start) in _STARTS
        ]
    # What was cut off is missed frame by frame.
    frames: list[Pieces] = [[] for _ in starts[:count]]
    k = -1
    for fragment in fragments:
        while k + 1 < len(frames) and fragment.start - _ITEM_HEADER >= starts[k + 1]:
            k += 1
        if k >= 0:
            frames[k].append(fragment)
    return frames


def content(file: BinaryIO, pieces: Pieces) -> bytes:
    """The bytes of ``pieces``, one after the other; safe to use from threads.

    Raises:
        EOFError: the file ends within them.
        OSError: it can't be read.
    """
    parts = []
    for piece in pieces:
        part = os.pread(file.fileno(), piece.length, piece.start)
        if len(part) < piece.length:
            raise EOFError("the file ends within a frame")
        parts.append(part)
    return b"".join(parts)
