"""The quality strip: where along the slices each finding lies, how severe it is, where it is worst.

Drawn from the findings and nothing else: a finding names a range that all its slices lie in and the
worst of them, no number for every slice. So a bar has one height, and the page says what it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engines.quality import Finding, Severity
from engines.sentence import DEGRADATION_WORDS
from medq_node.outputs.lettering import width_of
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

EXPLAINED: Final = (
    "A bar spans the slices that a finding names, as high as it is severe; the mark is its worst "
    "slice."
)

_NAMES: Final = 226
"""Room for the names of the findings, in pixels."""
_LANE: Final = 46
_HEIGHTS: Final = {
    Severity.NONE: 4,
    Severity.MILD: 12,
    Severity.MODERATE: 20,
    Severity.SEVERE: 30,
}
"""Height of a bar in pixels."""


def draw_strip(sheet: Sheet, findings: Sequence[Finding], slices: int) -> None:
    """Add one lane for each finding and the axis of ``slices`` below what is on ``sheet``."""
    left, right = MARGIN + _NAMES, WIDTH - MARGIN - 8
    step = (right - left) / slices
    for finding in findings:
        floor = sheet.height + _LANE - 8
        sheet.items.append(
            Words(MARGIN, floor - 4, DEGRADATION_WORDS[finding.degradation], BODY, Ink.TEXT)
        )
        sheet.items.append(Box(left, floor, right, floor + 2, Ink.LINE))
        first, last = finding.slices or (1, slices)
        begin, end = left + (first - 1) * step, left + min(last, slices) * step
        top = floor - _HEIGHTS[finding.severity]
        sheet.items.append(
            Box(begin, top, max(end, begin + 4), floor, SEVERITY_INKS[finding.severity])
        )
        if finding.worst_slice is not None and finding.severity is not Severity.NONE:
            _mark(sheet, left + (finding.worst_slice - 0.5) * step, floor)
        sheet.height += _LANE
    _axis(sheet, left, right, slices)


def _mark(sheet: Sheet, x: float, floor: float) -> None:
    """Where a finding is worst: seen on a bar and beside it."""
    top = floor - _HEIGHTS[Severity.SEVERE] - 4
    sheet.items.append(Box(x - 4, top, x + 4, floor + 2, Ink.GROUND))
    sheet.items.append(Box(x - 2, top, x + 2, floor + 2, Ink.TEXT))


def _axis(sheet: Sheet, left: float, right: float, slices: int) -> None:
    """Slice numbers: the first, the last, and whole ones between."""
    y = sheet.height + SMALL + 2
    step = (right - left) / slices
    sheet.items.append(Words(MARGIN, y, "slice", SMALL, Ink.QUIET))
    for number in _ticks(slices):
        words = str(number)
        middle = left + (number - 0.5) * step
        sheet.items.append(Box(middle - 1, sheet.height - 6, middle + 1, sheet.height, Ink.QUIET))
        at = min(max(middle - width_of(words, SMALL) / 2, left), right - width_of(words, SMALL))
        sheet.items.append(Words(at, y, words, SMALL, Ink.QUIET))
    sheet.height += SMALL + 14


def _ticks(slices: int) -> list[int]:
    """A few round slice numbers, with the first and the last."""
    step = next(
        size * 10**power
        for power in range(7)
        for size in (1, 2, 5)
        if slices / (size * 10**power) <= 8
    )
    between = [n for n in range(step, slices, step) if n - 1 >= step / 2 and slices - n >= step / 2]
    return list(dict.fromkeys([1, *between, slices]))
