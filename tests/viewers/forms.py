"""The note in each of its forms, as the node writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from medq_node.pixels.series import SeriesStack, open_series
from tests.build import ct_series
from tests.statement.writers import IDENTITY, WRITTEN

SENTENCE = "CT, chest. Moderate noise."
"""What every report says."""

_TITLES = {
    "restored": "Restored CT image",
    "sr": "Quality report",
    "text": "Quality report as text",
    "page": "Quality report as page",
    "pdf": "Quality report as PDF",
    "key": "Key object on quality issues",
}


def all_forms(folder: Path) -> tuple[SeriesStack, dict[str, Path]]:
    """A CT series, and the note on it by the names of its forms."""
    source = open_series(ct_series(folder / "in", 2))
    writers = {name: next(w for w in WRITTEN if w.title == t) for name, t in _TITLES.items()}
    return source, {n: w.write(source, IDENTITY, folder / n).path for n, w in writers.items()}


def natural(dataset: Dataset) -> dict[str, Any]:
    """Keyword -> value, as JavaScript viewers name things; without pixels."""
    found: dict[str, Any] = {}
    for element in dataset:
        if element.VR == "SQ":
            found[element.keyword] = [natural(item) for item in element.value]
        elif element.keyword and element.VR not in ("OB", "OW"):
            several = element.VM > 1
            found[element.keyword] = (
                [str(v) for v in element.value] if several else str(element.value or "")
            )
    return found
