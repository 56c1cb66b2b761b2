"""The one typeface of our pages: how wide words are, where lines break, and the font itself.

It is the one that comes with Pillow, Aileron Regular (TrueType, CC0): no file of ours, no licence
to keep, small enough to be embedded in a PDF. Words are printable ASCII (``labels.ascii_text``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from PIL import ImageFont

from medq_node.errors import OutputError

FIRST: Final = 32
LAST: Final = 126
"""Character codes that are drawn, inclusive."""

PER_EM: Final = 1000
"""Units of the widths below in one em, the size of the type."""


@cache
def typeface(size: int) -> ImageFont.FreeTypeFont:
    """The typeface at ``size`` pixels.

    Raises:
        OutputError: this Pillow was built without FreeType.
    """
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OutputError("Pillow has no FreeType here: install it from its wheel")
    return font


def font_file() -> bytes:
    """The TrueType file."""
    return bytes(typeface(PER_EM).font_bytes)


@cache
def widths() -> tuple[int, ...]:
    """Advance of each character from ``FIRST`` to ``LAST``, in thousandths of the size."""
    font = typeface(PER_EM)
    return tuple(round(font.getlength(chr(code))) for code in range(FIRST, LAST + 1))


def width_of(words: str, size: int) -> float:
    """Width of ``words`` in pixels, at ``size`` pixels, as they are drawn in pixels."""
    return typeface(size).getlength(words)


def wrapped(words: str, size: int, width: float) -> list[str]:
    """``words`` in lines of at most ``width`` pixels; only a word too long for one is cut."""
    lines: list[str] = []
    line = ""
    for word in _pieces(words.split(), size, width):
        longer = f"{line} {word}" if line else word
        if line and width_of(longer, size) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def _pieces(words: Sequence[str], size: int, width: float) -> list[str]:
    """``words``, with those broken that are longer than a line."""
    pieces: list[str] = []
    for word in words:
        rest = word
        while width_of(rest, size) > width and len(rest) > 1:
            fits = next(n for n in range(len(rest), 0, -1) if width_of(rest[:n], size) <= width)
            pieces.append(rest[:fits])
            rest = rest[fits:]
        pieces.append(rest)
    return pieces
