"""What a person reads in a report."""

from __future__ import annotations

from pathlib import Path

import pydicom


def told(report: pydicom.Dataset) -> str:
    """All text of a structured report, in order."""
    words = [str(report.get("TextValue", ""))]
    words += [told(item) for item in report.get("ContentSequence", [])]
    return "\n".join(words)


def told_in(file: Path) -> str:
    """``told`` of a file."""
    return told(pydicom.dcmread(file))
