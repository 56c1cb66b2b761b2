"""The quality note as a page for people: drawn once, sent as a picture and as a PDF.

It names nobody: no patient, no date, no description. Of the source it tells modality, region,
series number and how many slices there are; of what people typed only the name of a rule.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engines.quality import Modality
from medq_node import __version__
from medq_node.outputs.content import ReportContent, ReportPart, worst_first
from medq_node.outputs.findings_table import draw_findings
from medq_node.outputs.labels import RESTORED_SERIES_OFFSET, ascii_text, series_number
from medq_node.outputs.lettering import width_of
from medq_node.outputs.pictures import Views, fitted, views_of
from medq_node.outputs.report_words import SeriesWords, action_words
from medq_node.outputs.sheet import (
    BODY,
    LARGE,
    MARGIN,
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
from medq_node.outputs.typesetting import GAP, INSIDE, paragraph, point, rule, title
from medq_node.outputs.window import Grey
from medq_node.pixels.series import SeriesStack
from medq_node.provenance import MANUFACTURER, RESEARCH_LABEL

RESEARCH_USE: Final = "For research use only. Not for diagnostic use."

_REFUSED: Final = "Refused because: "


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
        paragraph(sheet, content.sentence_before, BODY)
        sheet.height += GAP / 2
        _three(sheet, part, views)
    draw_findings(sheet, content)
    if part.source.info.slices > 1:
        title(sheet, "Along the slices, as received")
        draw_strip(sheet, worst_first(content.before), part.source.info.slices)
        paragraph(sheet, EXPLAINED, SMALL, Ink.QUIET)
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
        ascii_text(part.source.label, 40),
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
    left = MARGIN + side + GAP
    sheet.height = top
    _verdicts(sheet, part.content, left)
    paragraph(sheet, part.content.sentence_before, BODY, left=left)
    sheet.height = max(bottom, sheet.height)
    paragraph(sheet, f"{_shown(part, views)}: {views.window.caption}", SMALL, Ink.QUIET)


def _three(sheet: Sheet, part: ReportPart, views: Views) -> None:
    """Before, after and the difference of the worst slice."""
    assert views.restored is not None
    side = (INSIDE - 2 * 16) // 3
    top = sheet.height
    shown: tuple[tuple[Grey, str], ...] = (
        (views.before, "As received"),
        (views.restored.grey, "Restored"),
        (views.restored.change_grey, "Difference"),
    )
    for column, (grey, name) in enumerate(shown):
        left = MARGIN + column * (side + 16)
        _picture(sheet, views, grey, (left, top), side)
        sheet.items.append(Words(left, top + side + BODY + 4, name, BODY, Ink.TEXT))
    sheet.height = top + side + BODY + 14
    after = views.restored
    difference = (
        f"Difference, restored less received: {after.window.caption}."
        if after.change.any()
        else "No pixel differs."
    )
    words = f"{_shown(part, views)}: {views.window.caption}. {difference}"
    paragraph(sheet, words, SMALL, Ink.QUIET)


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
    taken, _, more = first.partition(". ")
    title(sheet, taken.rstrip("."))
    for words in filter(None, (more, *others)):
        reason = words.removeprefix(_REFUSED)
        if reason == words:
            paragraph(sheet, words, BODY)
        else:
            point(sheet, reason)
    if content.gate is not None and content.gate.passed:
        checks = len(content.gate.measures)
        paragraph(sheet, f"Do-no-harm check: all {checks} measures within limits.", BODY)


def _foot(sheet: Sheet, part: ReportPart) -> None:
    identity, before = part.identity, part.content.before
    sheet.height += 8
    rule(sheet)
    sheet.height += 4
    made = (
        f"Made by {MANUFACTURER} {__version__} with engine {identity.engine_name} "
        f"{identity.engine_version} (digest {identity.engine_digest[:12]}), revision "
        f"{identity.revision}. Confidence of the engine: {before.confidence.value}. "
        f"Nobody has verified it. {RESEARCH_USE}"
    )
    paragraph(sheet, made, SMALL, Ink.QUIET)
    sheet.height += 12
