"""Words on a sheet, from top to bottom: headings, paragraphs, points and the rules between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from medq_node.outputs.labels import ascii_text
from medq_node.outputs.lettering import wrapped
from medq_node.outputs.sheet import BODY, LARGE, MARGIN, WIDTH, Box, Ink, Sheet, Words

GAP: Final = 24
INSIDE: Final = WIDTH - 2 * MARGIN
"""Width between the margins."""
_LINE: Final = 1.36
"""From one line to the next, in sizes of the type."""


def title(sheet: Sheet, words: str) -> None:
    """A heading, with room above it."""
    sheet.height += GAP / 2
    lines(sheet, wrapped(ascii_text(words, 400), LARGE, INSIDE), LARGE, Ink.TEXT, MARGIN)


def paragraph(
    sheet: Sheet, words: str, size: int, ink: Ink = Ink.TEXT, left: float = MARGIN
) -> None:
    """Words from ``left`` to the right margin, in as many lines as they need."""
    plain = ascii_text(words, 2000).replace("\n", " ")
    lines(sheet, wrapped(plain, size, WIDTH - MARGIN - left), size, ink, left)
    sheet.height += 6


def lines(sheet: Sheet, words: Sequence[str], size: int, ink: Ink, left: float) -> None:
    """Lines as they are, one below the other."""
    for line in words:
        sheet.height += size * _LINE
        sheet.items.append(Words(left, sheet.height - size * 0.36, line, size, ink))


def rule(sheet: Sheet) -> None:
    """A thin line from margin to margin."""
    sheet.height += 6
    sheet.items.append(Box(MARGIN, sheet.height, WIDTH - MARGIN, sheet.height + 2, Ink.LINE))
    sheet.height += 2


def point(sheet: Sheet, words: str) -> None:
    """A paragraph with a dot before it: one of several reasons."""
    top = sheet.height + 14
    sheet.items.append(Box(MARGIN + 4, top, MARGIN + 14, top + 10, Ink.SEVERE, radius=5))
    paragraph(sheet, words, BODY, left=MARGIN + 30)
