"""What people read in a series list: names and numbers that mark an object as ours and research."""

from __future__ import annotations

import unicodedata
from typing import Final

from pydicom.dataset import Dataset

from medq_node.objects import OutputKind
from medq_node.provenance import RESEARCH_LABEL

RESTORED_LABEL: Final = f"{RESEARCH_LABEL} restored"
"""Beginning of the Series Description of every restored series."""

REPORT_LABEL: Final = f"{RESEARCH_LABEL} quality report"
"""Beginning of the Series Description of every report."""

STUDY_REPORT_LABEL: Final = f"{REPORT_LABEL}, whole study"
"""The same for a report on several series."""

KEY_OBJECT_LABEL: Final = f"{RESEARCH_LABEL} replaced outputs"
"""Beginning of the Series Description of every key object."""

RESTORED_SERIES_OFFSET: Final = 9000
"""Added to the source's Series Number: our series sort behind the scanner's own."""

REPORT_SERIES_OFFSET: Final = 19000
"""The same for reports, behind every restored series."""

KEY_OBJECT_SERIES_OFFSET: Final = 29000
"""The same for key objects, behind every report."""

FORM_LABELS: Final = {
    OutputKind.TEXT: f"{RESEARCH_LABEL} quality text",
    OutputKind.PAGE: f"{RESEARCH_LABEL} quality page",
    OutputKind.PDF: f"{RESEARCH_LABEL} quality PDF",
    OutputKind.QUALITY_ISSUE: f"{RESEARCH_LABEL} quality issue",
}
"""Beginning of the Series Description of the other forms of a report, each a series of its own."""

FORM_SERIES_OFFSETS: Final = {
    OutputKind.TEXT: 39000,
    OutputKind.PAGE: 49000,
    OutputKind.PDF: 59000,
    OutputKind.QUALITY_ISSUE: 69000,
}
"""Added to the source's Series Number, as above."""

_LO_MAX = 64
_IS_MAX = 2**31 - 1


def series_description(label: str, source: str) -> str:
    """``label`` followed by the source's description, cut to the 64 characters of an LO.

    The label comes first and is never cut: lists show the beginning.
    """
    source = " ".join(source.replace("\\", " ").split())
    if not source:
        return label
    return f"{label}: {source}"[:_LO_MAX].rstrip()


def series_number(source: Dataset, offset: int) -> int:
    """Source's Series Number plus ``offset``, within the range of an IS (PS3.5 Table 6.2-1)."""
    try:
        number = int(source.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        number = 0
    return min(max(number, 0) + offset, _IS_MAX)


def ascii_text(text: str, limit: int) -> str:
    """``text`` in the characters that every character set contains, at most ``limit`` of them.

    Our own words must be encodable whatever Specific Character Set the source has chosen.
    """
    plain = text.replace("\N{PLUS-MINUS SIGN}", "+/-").replace("\N{MICRO SIGN}", "u")
    plain = unicodedata.normalize("NFKD", plain)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = plain.encode("ascii", "replace").decode("ascii")
    plain = "".join(c if c.isprintable() or c == "\n" else " " for c in plain)
    return plain if len(plain) <= limit else plain[: limit - 3].rstrip() + "..."
