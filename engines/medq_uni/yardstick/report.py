"""Results as one page of Markdown, contents first; a CSV per table and figures beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engines.medq_uni.yardstick.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "evaluation.md"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, the word that its file is named by, and what it shows."""

    name: str
    figure: Figure
    caption: str


@dataclass(slots=True)
class Section:
    """A part of the page: what it says, its figures, its tables."""

    title: str
    text: str = ""
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)


def write(out: Path, title: str, text: str, sections: Sequence[Section]) -> str:
    """Write page, tables and figures into the folder ``out``, made where needed; the page's text.

    Files of the same names are replaced.

    Raises:
        ValueError: two tables or two figures have one name.
        OSError: the folder can't be written.
    """
    from engines.medq_uni.yardstick.restoration import figures

    shown = [section for section in sections if section.tables or section.pictures]
    _all_different([table.name for section in shown for table in section.tables])
    _all_different([picture.name for section in shown for picture in section.pictures])
    out.mkdir(parents=True, exist_ok=True)
    for section in shown:
        for table in section.tables:
            (out / f"{table.name}.csv").write_text(table.csv(), encoding="utf-8")
        for picture in section.pictures:
            figures.save(picture.figure, out / f"{picture.name}.png")
    whole = page(title, text, shown)
    (out / PAGE).write_text(whole, encoding="utf-8")
    return whole


def page(title: str, text: str, sections: Sequence[Section]) -> str:
    """The page as Markdown: a line of contents for each section, then the sections."""
    parts = [f"# {title}\n", f"{text}\n", "## Contents\n"]
    contents = []
    for section in sections:
        links = [f"[{_short(t.title, section.title)}](#{_anchor(t.title)})" for t in section.tables]
        line = f"- [{section.title}](#{_anchor(section.title)})"
        contents.append(f"{line}: {', '.join(links)}" if links else line)
    parts.append("\n".join(contents) + "\n")
    for section in sections:
        parts.append(f"## {section.title}\n")
        if section.text:
            parts.append(f"{section.text}\n")
        parts += [f"![{p.caption}]({p.name}.png)\n\n{p.caption}\n" for p in section.pictures]
        parts += [
            f"{table.markdown(level=3)}\n[as CSV]({table.name}.csv)\n" for table in section.tables
        ]
    return "\n".join(parts)


def _short(title: str, section: str) -> str:
    """A table's title without what its section's says already."""
    head, _, rest = title.partition(": ")
    return rest if rest and head in section else title


def _anchor(title: str) -> str:
    """The anchor that Markdown viewers give a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _all_different(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"names of tables and figures must differ: {', '.join(twice)}")
