"""Sheets as a PDF (ISO 32000-1): text that can be searched, its font embedded, no date anywhere.

We need little of PDF, and need the same bytes each time; a library would bring the rest of PDF and
the time of writing. One page of A4 for each sheet.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from medq_node.outputs import lettering
from medq_node.outputs.labels import ascii_text
from medq_node.outputs.sheet import WIDTH, Box, Ink, Picture, Sheet, Theme, Words

_PAPER: Final = (595.28, 841.89)
_MARGIN: Final = 24.0
"""A4 and its margin in points of 1/72 inch."""
_BOW: Final = 0.5523
"""Control points of a Bezier curve that looks like a quarter of a circle, as a share of it."""
_CATALOG, _PAGES, _INFO, _FONT, _DESCRIPTOR, _FONT_FILE = range(1, 7)
"""Numbers of the objects that every file has; those of pages come behind them."""


def pdf_bytes(sheets: Sequence[Sheet], theme: Theme, title: str) -> bytes:
    """``sheets`` as one file in the colours of ``theme``; ``title`` is what readers show."""
    objects: dict[int, bytes] = {}
    pages = []
    number = _FONT_FILE
    for sheet in sheets:
        number += 1
        pages.append(number)
        content, pictures = _content(sheet, theme)
        names = "".join(f"/P{i} {number + 2 + i} 0 R " for i in range(len(pictures)))
        objects[number] = _plain(
            f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {_PAPER[0]} {_PAPER[1]}] "
            f"/Resources << /Font << /F {_FONT} 0 R >> /XObject << {names}>> >> "
            f"/Contents {number + 1} 0 R >>"
        )
        objects[number + 1] = _stream("", content)
        for picture in pictures:
            objects[number + 2] = _image(picture)
            number += 1
        number += 1
    kids = " ".join(f"{page} 0 R" for page in pages)
    objects |= {
        _CATALOG: _plain(
            f"<< /Type /Catalog /Pages {_PAGES} 0 R /Lang (en) "
            "/ViewerPreferences << /DisplayDocTitle true >> >>"
        ),
        _PAGES: _plain(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"),
        _INFO: _plain(f"<< /Title ({_escaped(title)}) /Producer (MedQ Node) >>"),
        **_font(),
    }
    return _file(objects)


def _file(objects: dict[int, bytes]) -> bytes:
    """Objects, the table of where they are, and the way to it (section 7.5)."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number in sorted(objects):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, objects[number])
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    name = hashlib.sha256(out).hexdigest()[:32]
    out += _plain(
        f"trailer\n<< /Size {len(places) + 1} /Root {_CATALOG} 0 R /Info {_INFO} 0 R "
        f"/ID [<{name}> <{name}>] >>\nstartxref\n{table}\n%%EOF\n"
    )
    return bytes(out)


def _font() -> dict[int, bytes]:
    """The embedded typeface (section 9.6.3)."""
    file = lettering.font_file()
    advances = " ".join(map(str, lettering.widths()))
    name = "Aileron-Regular"
    return {
        _FONT: _plain(
            f"<< /Type /Font /Subtype /TrueType /BaseFont /{name} /Encoding /WinAnsiEncoding "
            f"/FirstChar {lettering.FIRST} /LastChar {lettering.LAST} /Widths [{advances}] "
            f"/FontDescriptor {_DESCRIPTOR} 0 R >>"
        ),
        _DESCRIPTOR: _plain(
            f"<< /Type /FontDescriptor /FontName /{name} /Flags 32 /FontBBox [-200 -250 1200 970] "
            "/ItalicAngle 0 /Ascent 970 /Descent -230 /CapHeight 690 /StemV 80 "
            f"/FontFile2 {_FONT_FILE} 0 R >>"
        ),
        _FONT_FILE: _stream(f"/Length1 {len(file)} ", file),
    }


def _content(sheet: Sheet, theme: Theme) -> tuple[bytes, list[Picture]]:
    """What is drawn on one page, and the pictures on it in the order of their names."""
    wide, high = _PAPER[0] - 2 * _MARGIN, _PAPER[1] - 2 * _MARGIN
    scale = min(wide / WIDTH, high / max(sheet.height, 1))
    left = (_PAPER[0] - scale * WIDTH) / 2
    pictures: list[Picture] = []
    lines = [f"q {scale:.5f} 0 0 {scale:.5f} {left:.2f} {_PAPER[1] - _MARGIN:.2f} cm"]
    for item in sheet.items:
        match item:
            case Words(x, y, words, size, ink):
                at = f"1 0 0 1 {x:.2f} {-y:.2f} Tm"
                colour = _colour(theme, ink)
                lines.append(f"BT /F {size} Tf {colour} rg {at} ({_escaped(words)}) Tj ET")
            case Box():
                colour = _colour(theme, item.ink)
                lines.append(f"{colour} rg" if item.filled else f"{colour} RG 2 w")
                lines += _outline(item)
                lines.append("f" if item.filled else "S")
            case Picture(x, top, width, height, _):
                place = f"{width:.2f} 0 0 {height:.2f} {x:.2f} {-(top + height):.2f} cm"
                lines.append(f"q {place} /P{len(pictures)} Do Q")
                pictures.append(item)
    lines.append("Q")
    return _plain("\n".join(lines)), pictures


def _outline(box: Box) -> Iterator[str]:
    """The path of a box, clockwise from its upper left corner."""
    left, right, top, bottom = box.left, box.right, -box.top, -box.bottom
    r = min(box.radius, (right - left) / 2, (top - bottom) / 2)
    if r <= 0:
        yield f"{left:.2f} {bottom:.2f} {right - left:.2f} {top - bottom:.2f} re"
        return
    c = r * (1 - _BOW)
    yield f"{left + r:.2f} {top:.2f} m {right - r:.2f} {top:.2f} l"
    for x1, y1, x2, y2, x3, y3, x4, y4 in (
        (right - c, top, right, top - c, right, top - r, right, bottom + r),
        (right, bottom + c, right - c, bottom, right - r, bottom, left + r, bottom),
        (left + c, bottom, left, bottom + c, left, bottom + r, left, top - r),
        (left, top - c, left + c, top, left + r, top, left + r, top),
    ):
        yield f"{x1:.2f} {y1:.2f} {x2:.2f} {y2:.2f} {x3:.2f} {y3:.2f} c {x4:.2f} {y4:.2f} l"
    yield "h"


def _colour(theme: Theme, ink: Ink) -> str:
    return " ".join(f"{part / 255:.3f}" for part in theme[ink])


def _image(picture: Picture) -> bytes:
    rows, columns = picture.grey.shape
    return _stream(
        f"/Type /XObject /Subtype /Image /Width {columns} /Height {rows} "
        "/ColorSpace /DeviceGray /BitsPerComponent 8 /Interpolate true ",
        picture.grey.tobytes(),
    )


def _stream(entries: str, content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    head = f"<< {entries}/Filter /FlateDecode /Length {len(packed)} >>\nstream\n"
    return _plain(head) + packed + b"\nendstream"


def _escaped(words: str) -> str:
    plain = ascii_text(words, 2000).replace("\n", " ")
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _plain(text: str) -> bytes:
    return text.encode("ascii")
