"""How a line is laid out: label, text with a hanging indent, paths whole so they can be copied."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

_NARROWEST = 30


def tell(
    console: Console,
    label: str,
    text: str | Text,
    *,
    room: int = 8,
    indent: int = 2,
    style: str = "",
) -> None:
    """``label`` in ``style``, and ``text`` wrapped beside it; ``room`` is the label's width."""
    body = text if isinstance(text, Text) else Text(text)
    margin = indent + room + 1
    lines = body.wrap(console, max(console.width - margin, _NARROWEST))
    for number, line in enumerate(lines):
        line.rstrip()
        head = Text(" " * indent)
        head.append((label if number == 0 else "").ljust(room + 1), style or "bold")
        _print_whole(console, head + line)


def tell_path(
    console: Console, label: str, path: Path, note: str = "", *, room: int = 8, indent: int = 2
) -> None:
    """``label`` and ``path`` on one line however narrow the terminal, relative to here if below."""
    line = Text(" " * indent)
    line.append(label.ljust(room + 1), "bold")
    line.append(shown(path))
    if note:
        line.append(f"  ({note})", "dim")
    _print_whole(console, line)


def shown(path: Path) -> str:
    """``path`` relative to the current folder where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def counted(number: int, thing: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _print_whole(console: Console, line: Text) -> None:
    console.print(line, highlight=False, soft_wrap=True)
