"""The quality note as a page for people: drawn once, sent as a picture and as a PDF.

It names nobody and quotes nothing that a person typed: no patient, no date, no description. Of the
source it tells modality, region, series number and how many slices there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from engines.quality import (
    Degradation,
    Finding,
    Modality,
    Severity,
    format_amounts,
)
from engines.sentence import DEGRADATION_WORDS, PLACE_WORDS
from medq_node import __version__
from medq_node.outputs.content import ReportContent, ReportPart, worst_first
from medq_node.outputs.labels import RESTORED_SERIES_OFFSET, ascii_text, series_number
from medq_node.outputs.lettering import width_of, wrapped
from medq_node.outputs.pictures import Views, fitted, views_of
from medq_node.outputs.report_words import SeriesWords, action_words, slices_words
from medq_node.outputs.sheet import (
    BODY,
    LARGE,
    MARGIN,
    SEVERITY_INKS,
    SMALL,
    TITLE,
    VERDICT_INKS,
    WIDTH,
    Box,
    Ink,
    Picture,
    Sheet,
    Words,
)
from medq_node.outputs.strip import EXPLAINED, draw_strip
from medq_node.outputs.window import Grey
from medq_node.pixels.series import SeriesStack
from medq_node.provenance import MANUFACTURER, RESEARCH_LABEL

RESEARCH_USE: Final = "For research use only. Not for diagnostic use."

_REFUSED: Final = "Refused because: "
_GAP: Final = 24
_INSIDE: Final = WIDTH - 2 * MARGIN
_LINE: Final = 1.36
"""From one line to the next, in sizes of the type."""


def quality_page(part: ReportPart, restored: SeriesStack | None) -> Sheet:
    """The page on one series; ``restored`` is what leaves the node of it, if anything does.

    A restoration that was refused is not shown: nobody shall read it.

    Raises:
        OutputError: the restored series has another shape than its source.
        Unprocessable: pixel data can't be decoded.
    """
    content = part.content
    shown = restored if content.restored_series_instance_uid is not None else None
    sheet = Sheet()
    _head(sheet, part)
    views = views_of(part.source, shown, content.before)
    if views.restored is None:
        _beside(sheet, part, views)
    else:
        _verdicts(sheet, content, MARGIN)
        _paragraph(sheet, content.sentence_before, BODY)
        sheet.height += _GAP / 2
        _three(sheet, part, views)
    _table(sheet, content)
    if part.source.info.slices > 1:
        _title(sheet, "Along the slices, as received")
        draw_strip(sheet, worst_first(content.before), part.source.info.slices)
        _paragraph(sheet, EXPLAINED, SMALL, Ink.QUIET)
    _action(sheet, part)
    _foot(sheet, part)
    return sheet


def _head(sheet: Sheet, part: ReportPart) -> None:
    """What this is, of which series, and that it is research."""
    sheet.items.append(Box(0, 0, WIDTH, 52, Ink.PANEL))
    sheet.items.append(
        Words((WIDTH - width_of(RESEARCH_USE, BODY)) / 2, 35, RESEARCH_USE, BODY, Ink.LABEL)
    )
    sheet.items.append(Words(MARGIN, 112, "Image quality", TITLE, Ink.TEXT))
    wide = width_of(RESEARCH_LABEL, BODY) + 32
    right = WIDTH - MARGIN
    sheet.items.append(Box(right - wide, 74, right, 118, Ink.LABEL, filled=False, radius=8))
    sheet.items.append(Words(right - wide + 16, 105, RESEARCH_LABEL, BODY, Ink.LABEL))
    info = part.source.info
    number = series_number(part.source.header(0), 0)
    told = [
        "PET" if info.modality is Modality.PT else info.modality.value,
        "region not stated" if info.region == "unknown" else info.region,
        f"series {number}" if number else "",
        "one slice" if info.slices == 1 else f"{info.slices} slices",
    ]
    sheet.items.append(Words(MARGIN, 156, "  |  ".join(filter(None, told)), BODY, Ink.QUIET))
    sheet.height = 178


def _verdicts(sheet: Sheet, content: ReportContent, left: float) -> None:
    """The verdict as received and, if there is one, restored; one word in its colour each."""
    said = [("As received", content.before)]
    if content.after is not None:
        said.append(("Restored", content.after))
    top, x = sheet.height, left
    for name, description in said:
        ink = VERDICT_INKS[description.verdict]
        words = description.verdict.value
        if x + width_of(name, BODY) + width_of(words, LARGE) + 50 > WIDTH - MARGIN:
            x, top = left, top + 60
        sheet.items.append(Words(x, top + 34, name, BODY, Ink.QUIET))
        x += width_of(name, BODY) + 14
        wide = width_of(words, LARGE) + 36
        sheet.items.append(Box(x, top, x + wide, top + 48, ink, radius=10))
        sheet.items.append(Words(x + 18, top + 35, words, LARGE, Ink.GROUND))
        x += wide + 40
    sheet.height = top + 48 + 12


def _beside(sheet: Sheet, part: ReportPart, views: Views) -> None:
    """The one picture there is, and the sentence to its right."""
    top, side = sheet.height, 400
    _picture(sheet, views, views.before, (MARGIN, top), side)
    sheet.height = bottom = top + side
    left = MARGIN + side + _GAP
    sheet.height = top
    _verdicts(sheet, part.content, left)
    _paragraph(sheet, part.content.sentence_before, BODY, left=left)
    sheet.height = max(bottom, sheet.height)
    _paragraph(sheet, f"{_shown(part, views)}: {views.window.caption}", SMALL, Ink.QUIET)


def _three(sheet: Sheet, part: ReportPart, views: Views) -> None:
    """Before, after and the difference of the worst slice."""
    assert views.restored is not None
    side = (_INSIDE - 2 * 16) // 3
    top = sheet.height
    shown: tuple[tuple[Grey, str], ...] = (
        (views.before, "As received"),
        (views.restored.grey, "Restored"),
        (views.restored.change_grey, "Difference"),
    )
    for column, (grey, title) in enumerate(shown):
        left = MARGIN + column * (side + 16)
        _picture(sheet, views, grey, (left, top), side)
        sheet.items.append(Words(left, top + side + BODY + 4, title, BODY, Ink.TEXT))
    sheet.height = top + side + BODY + 14
    after = views.restored
    difference = (
        f"Difference, restored less received: {after.window.caption}."
        if after.change.any()
        else "No pixel differs."
    )
    words = f"{_shown(part, views)}: {views.window.caption}. {difference}"
    _paragraph(sheet, words, SMALL, Ink.QUIET)


def _shown(part: ReportPart, views: Views) -> str:
    return f"Slice {views.index + 1} of {part.source.info.slices}"


def _picture(
    sheet: Sheet, views: Views, grey: Grey, corner: tuple[float, float], side: float
) -> None:
    """``grey`` in the middle of a black square of ``side`` pixels, shape true."""
    left, top = corner
    width, height = fitted(grey.shape, views.spacing_mm, (side, side))
    sheet.items.append(Box(left, top, left + side, top + side, Ink.PANEL))
    x, y = left + (side - width) / 2, top + (side - height) / 2
    sheet.items.append(Picture(x, y, width, height, grey))


def _table(sheet: Sheet, content: ReportContent) -> None:
    """Each degradation: how severe, how much, and on which slices; received beside restored."""
    _title(sheet, "Findings")
    after = content.after
    columns = (MARGIN, 258, 524, 790) if after is not None else (MARGIN, 258, 640)
    heads = ["", "as received", *(["restored"] if after is not None else []), "slices"]
    for x, words in zip(columns, heads, strict=True):
        sheet.items.append(Words(x, sheet.height + SMALL, words, SMALL, Ink.QUIET))
    sheet.height += SMALL + 12
    for kind in _found(content):
        then = content.before.finding(kind)
        now = after.finding(kind) if after is not None else None
        cells = [_severity(then), *([_severity(now)] if after is not None else [])]
        _row(sheet, columns, DEGRADATION_WORDS[kind], cells, _where(then))
    if content.before.not_assessed:
        names = ", ".join(DEGRADATION_WORDS[kind] for kind in content.before.not_assessed)
        _rule(sheet)
        sheet.height += 4
        lines = wrapped(f"Not assessed: {names}", BODY, _INSIDE)
        _lines(sheet, lines, BODY, Ink.QUIET, MARGIN)
    sheet.height += 4


def _found(content: ReportContent) -> list[Degradation]:
    """Degradations that either description speaks of, the worst first."""
    later: Sequence[Finding] = content.after.findings if content.after is not None else ()
    said = chain(worst_first(content.before), later)
    return list(dict.fromkeys(finding.degradation for finding in said))


def _severity(finding: Finding | None) -> tuple[str, Ink]:
    if finding is None:
        return "not assessed", Ink.QUIET
    amounts = format_amounts(finding)
    words = f"{finding.severity.value}, {amounts}" if amounts else finding.severity.value
    return words, SEVERITY_INKS[finding.severity]


def _where(finding: Finding | None) -> str:
    if finding is None or (finding.severity is Severity.NONE and finding.slices is None):
        return ""
    words = slices_words(finding.slices).removesuffix(" slices")
    words = words.removeprefix("slices ").removeprefix("slice ")
    if finding.worst_slice is not None and finding.slices != (finding.worst_slice,) * 2:
        words += f", worst {finding.worst_slice}"
    if finding.place is not None:
        words += f", {PLACE_WORDS[finding.place]}"
    return words


def _row(
    sheet: Sheet,
    columns: Sequence[float],
    name: str,
    cells: Sequence[tuple[str, Ink]],
    where: str,
) -> None:
    """One line of the table, as high as its highest cell."""
    _rule(sheet)
    sheet.height += 4
    edges = [*columns[1:], WIDTH - MARGIN + 12]
    top = sheet.height
    lowest = top
    texts: list[tuple[str, Ink]] = [(name, Ink.TEXT), *cells, (where, Ink.QUIET)]
    for x, edge, (words, ink) in zip(columns, edges, texts, strict=True):
        left = x
        if ink not in (Ink.TEXT, Ink.QUIET):
            sheet.items.append(Box(x, top + 10, x + 16, top + 26, ink, radius=8))
            left += 26
        sheet.height = top
        # Colour alone would say nothing to some: the word says it.
        shade = Ink.QUIET if ink is Ink.QUIET else Ink.TEXT
        _lines(sheet, wrapped(words, BODY, edge - left - 12), BODY, shade, left)
        lowest = max(lowest, sheet.height)
    sheet.height = lowest


def _action(sheet: Sheet, part: ReportPart) -> None:
    """What was done and why, in the words of the report, less what has its place above."""
    content = part.content
    header = part.source.header(0)
    number = series_number(header, 0)
    names = SeriesWords(
        f"series {number}" if number else "the series",
        f"series {series_number(header, RESTORED_SERIES_OFFSET)}",
    )
    first, *others = action_words(replace(content, after=None, gate=None), names)
    title, _, more = first.partition(". ")
    _title(sheet, title.rstrip("."))
    for words in filter(None, (more, *others)):
        reason = words.removeprefix(_REFUSED)
        if reason == words:
            _paragraph(sheet, words, BODY)
        else:
            _point(sheet, reason)
    if content.gate is not None and content.gate.passed:
        checks = len(content.gate.measures)
        _paragraph(sheet, f"Do-no-harm check: all {checks} measures within limits.", BODY)


def _point(sheet: Sheet, words: str) -> None:
    """One of several reasons."""
    top = sheet.height + 14
    sheet.items.append(Box(MARGIN + 4, top, MARGIN + 14, top + 10, Ink.SEVERE, radius=5))
    _paragraph(sheet, words, BODY, left=MARGIN + 30)


def _foot(sheet: Sheet, part: ReportPart) -> None:
    identity, before = part.identity, part.content.before
    sheet.height += 8
    _rule(sheet)
    sheet.height += 4
    made = (
        f"Made by {MANUFACTURER} {__version__} with engine {identity.engine_name} "
        f"{identity.engine_version} (digest {identity.engine_digest[:12]}), revision "
        f"{identity.revision}. Confidence of the engine: {before.confidence.value}. "
        f"Nobody has verified it. {RESEARCH_USE}"
    )
    _paragraph(sheet, made, SMALL, Ink.QUIET)
    sheet.height += 12


def _title(sheet: Sheet, words: str) -> None:
    sheet.height += _GAP / 2
    _lines(sheet, wrapped(ascii_text(words, 400), LARGE, _INSIDE), LARGE, Ink.TEXT, MARGIN)


def _paragraph(
    sheet: Sheet, words: str, size: int, ink: Ink = Ink.TEXT, left: float = MARGIN
) -> None:
    room = WIDTH - MARGIN - left
    lines = wrapped(ascii_text(words, 2000).replace("\n", " "), size, room)
    _lines(sheet, lines, size, ink, left)
    sheet.height += 6


def _lines(sheet: Sheet, lines: Sequence[str], size: int, ink: Ink, left: float) -> None:
    for line in lines:
        sheet.height += size * _LINE
        sheet.items.append(Words(left, sheet.height - size * 0.36, line, size, ink))


def _rule(sheet: Sheet) -> None:
    sheet.height += 6
    sheet.items.append(Box(MARGIN, sheet.height, WIDTH - MARGIN, sheet.height + 2, Ink.LINE))
    sheet.height += 2
