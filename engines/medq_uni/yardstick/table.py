"""Tables of results: made once, shown as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

Cell = str | float | int | None
"""``None`` is shown as a dash: not measured. Floats of a column have the same few decimals."""


DECIMALS = ((1.0, 3), (100.0, 2), (1000.0, 1))
"""Columns whose numbers are all below the first have so many decimals; larger ones have none."""
DECIBEL = "(dB)"
"""Columns that are named so have two decimals: no literature gives more."""


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; ``note`` says in plain words what the numbers are and how to read them.

    ``name`` is a word for file names.

    Raises:
        ValueError: a row has not as many cells as there are columns.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.name}: {len(row)} cells in {len(self.columns)}")

    def markdown(self, level: int = 2) -> str:
        """The table with its title as a heading of that ``level``, for a Markdown file."""
        aligned = [
            "---:" if all(_is_number(row[k]) for row in self.rows) and self.rows else "---"
            for k in range(len(self.columns))
        ]
        lines = [f"{'#' * level} {self.title}", ""]
        if self.note:
            lines += [self.note, ""]
        lines.append(f"| {' | '.join(_shown(name) for name in self.columns)} |")
        lines.append(f"| {' | '.join(aligned)} |")
        decimals = [
            2 if DECIBEL in name else _decimals([row[k] for row in self.rows])
            for k, name in enumerate(self.columns)
        ]
        lines += [
            f"| {' | '.join(_shown(*cell) for cell in zip(row, decimals, strict=True))} |"
            for row in self.rows
        ]
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """The table as CSV with a header line and full precision; dashes are empty cells."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return text.getvalue()


def _is_number(cell: Cell) -> bool:
    return cell is None or isinstance(cell, float | int)


def _decimals(cells: Sequence[Cell]) -> int:
    """Decimals of a column: three significant digits for its largest number or nearly so.

    A column has the same decimals throughout, so that its numbers can be compared at a glance.
    """
    largest = max((abs(c) for c in cells if isinstance(c, float) and isfinite(c)), default=0.0)
    return next((places for below, places in DECIMALS if largest < below), 0)


def _shown(cell: Cell, decimals: int = 0) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        text = f"{cell:.{decimals}f}"
        return text if not isfinite(cell) or float(text) != 0 else "0"
    return str(cell).replace("|", "\\|")
