"""What a person reads in a report."""

from __future__ import annotations

import pydicom


def told(report: pydicom.Dataset) -> str:
    """All text of a structured report, in order."""
    words = [str(report.get("TextValue", ""))]
    words += [told(item) for item in report.get("ContentSequence", [])]
    return "\n".join(words)
