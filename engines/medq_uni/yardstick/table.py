"""Tables of results: made once, shown as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

Cell = str | float | int | None
"""``None`` is shown as a dash: not measured. Floats are shown with 3 significant digits."""


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
        lines += [f"| {' | '.join(_shown(cell) for cell in row)} |" for row in self.rows]
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


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell).replace("|", "\\|")
