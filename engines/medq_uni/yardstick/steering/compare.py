"""Two evaluations side by side: ``python -m engines.medq_uni.yardstick.steering.compare A B``.

A and B are folders that ``engines.medq_uni.evaluate`` wrote. Where both restored the same cases
(same tasks, seed, count and data, so the same images) the difference is paired case by case, with a
bootstrap interval over patients. For a model beside its twin without words, and for weights beside
earlier ones. Exit codes: 0 done, 1 a folder holds no evaluation, 2 wrong use.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from engines.medq_uni.command import told_in_a_line
from engines.medq_uni.yardstick.bootstrap import mean_interval
from engines.medq_uni.yardstick.contestant import ALWAYS
from engines.medq_uni.yardstick.restoration.contest import TRUE_WORDS
from engines.medq_uni.yardstick.table import Cell, Table

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

KEY = ("task", "case", "person", "image")
LISTINGS = ("restored_cases", "steering_cases")
"""CSVs of gains case by case, in the order of the comparison."""
ENGINE = "engine (dB)"
SHOWN = (ENGINE, f"engine, {ALWAYS} (dB)", f"engine, {TRUE_WORDS} (dB)")
"""Columns of the restoration that are compared; of the wordings all are."""
TARGETS = "targets"

Row = dict[str, str]
Same = tuple[str, str, str]
"""Task, case and digest of its image."""


@app.command()
def main(
    a: Annotated[Path, typer.Argument(help="Folder of an evaluation.")],
    b: Annotated[Path, typer.Argument(help="Folder of another; gains are B less A.")],
) -> None:
    """Print gains of two evaluations side by side as Markdown."""
    with told_in_a_line("compare"):
        tables = compared(a, b)
    typer.echo("\n".join(table.markdown() for table in tables), nl=False)


def compared(a: Path, b: Path) -> list[Table]:
    """Gains by task, gains by wording, and targets, of what both folders hold.

    Raises:
        ValueError: a folder holds no evaluation, or the two share no case and no target.
    """
    for folder in (a, b):
        if not any((folder / f"{name}.csv").is_file() for name in (*LISTINGS, TARGETS)):
            raise ValueError(f"{folder} holds no evaluation: name a folder that evaluate wrote")
    tables = [table for name in LISTINGS if (table := _gains(name, a, b)) is not None]
    targets = _targets(a, b)
    tables += [] if targets is None else [targets]
    if not tables:
        raise ValueError(
            f"{a} and {b} share no case: evaluate both with the same tasks, seed, count and data"
        )
    return tables


def _gains(name: str, a: Path, b: Path) -> Table | None:
    """Mean gains of both on the cases they share, and B less A."""
    one, other = _by_case(_rows(a, name)), _by_case(_rows(b, name))
    shared = [case for case in one if case in other]
    if not shared:
        return None
    columns = [c for c in one[shared[0]] if c not in KEY and c in other[shared[0]]]
    if name == "restored_cases":
        columns = [column for column in columns if column in SHOWN]
    tasks = list(dict.fromkeys(case[0] for case in shared))
    rows: list[tuple[Cell, ...]] = []
    for task in [*tasks, *(["All"] if len(tasks) > 1 else [])]:
        of_task = [case for case in shared if task in (case[0], "All")]
        for column in columns:
            both = [c for c in of_task if one[c][column] and other[c][column]]
            if both:
                rows.append((task, column.removesuffix(" (dB)"), len(both),
                             *_apart(one, other, both, column)))  # fmt: skip
    what = "contestant" if name == "restored_cases" else "words"
    head = ("task", what, "cases", "A (dB)", "B (dB)", "B less A (dB)", "95% from (dB)", "to (dB)")
    note = f"A is {a.name}, B is {b.name}. Gain in PSNR over the input on the cases of both."
    if len(shared) < max(len(one), len(other)):
        note += f" {len(one)} cases of A and {len(other)} of B share {len(shared)}."
    title = f"Gains side by side: by {what}"
    return Table(name, title, head, tuple(rows), note)


def _apart(
    one: dict[Same, Row],
    other: dict[Same, Row],
    cases: Sequence[Same],
    column: str,
) -> tuple[Cell, ...]:
    first = [float(one[case][column]) for case in cases]
    second = [float(other[case][column]) for case in cases]
    people = [one[case]["person"] for case in cases]
    found = mean_interval([y - x for x, y in zip(first, second, strict=True)], people, 0)
    means = sum(first) / len(first), sum(second) / len(second)
    return *means, found.mean, found.low, found.high


def _targets(a: Path, b: Path) -> Table | None:
    """What both reach of what is to be reached."""
    one, other = (
        {(row["what"], row["of"]): row for row in _rows(folder, TARGETS)} for folder in (a, b)
    )
    shared = [key for key in one if key in other]
    if not shared:
        return None
    rows = tuple(
        (*key, one[key]["target"], *(_number(side[key]["measured"]) for side in (one, other)),
         *(side[key]["reached"] or None for side in (one, other)))
        for key in shared
    )  # fmt: skip
    columns = ("what", "of", "target", "A", "B", "A reached", "B reached")
    return Table(TARGETS, "Targets side by side", columns, rows)


def _number(cell: str) -> Cell:
    return f"{float(cell):.3g}" if cell else None


def _by_case(rows: Iterable[Row]) -> dict[Same, Row]:
    return {(row["task"], row["case"], row["image"]): row for row in rows}


def _rows(folder: Path, name: str) -> list[Row]:
    """Rows of a table's CSV by column; none where the folder doesn't have it.

    Raises:
        ValueError: it isn't the table that an evaluation writes.
    """
    path = folder / f"{name}.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    least = ("what", "of", "target", "measured", "reached") if name == TARGETS else KEY
    if any(None in row or any(row.get(column) is None for column in least) for row in rows):
        raise ValueError(f"{path} is no table of an evaluation: measure it anew")
    return rows


if __name__ == "__main__":
    app()
