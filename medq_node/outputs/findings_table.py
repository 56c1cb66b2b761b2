"""The table of findings on the page: how severe, how much, and on which slices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from engines.quality import Degradation, Finding, Severity, format_amounts
from engines.sentence import DEGRADATION_WORDS, PLACE_WORDS
from medq_node.outputs.content import ReportContent, worst_first
from medq_node.outputs.lettering import wrapped
from medq_node.outputs.report_words import slices_words
from medq_node.outputs.sheet import (
    BODY,
    MARGIN,
    SEVERITY_INKS,
    SMALL,
    WIDTH,
    Box,
    Ink,
    Sheet,
    Words,
)
from medq_node.outputs.typesetting import INSIDE, lines, rule, title


def draw_findings(sheet: Sheet, content: ReportContent) -> None:
    """Each degradation: how severe, how much, and on which slices; received beside restored."""
    title(sheet, "Findings")
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
        rule(sheet)
        sheet.height += 4
        unknown = wrapped(f"Not assessed: {names}", BODY, INSIDE)
        lines(sheet, unknown, BODY, Ink.QUIET, MARGIN)
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
    rule(sheet)
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
        lines(sheet, wrapped(words, BODY, edge - left - 12), BODY, shade, left)
        lowest = max(lowest, sheet.height)
    sheet.height = lowest
