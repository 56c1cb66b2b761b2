"""Tables in Markdown, and the places of a document that they stand in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

Tables = Mapping[str, Callable[[], str]]
"""Name of a place -> what makes the text that stands there."""

_PLACE = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a ``|`` within a cell is kept from ending it."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(c) for c in row)} |" for row in rows]
    return "\n".join(lines)


def filled(text: str, tables: Tables) -> str:
    """``text`` with every place between its markers filled anew.

    Raises:
        KeyError: the text has a place that nothing fills.
    """

    def fill(match: re.Match[str]) -> str:
        made = tables[match["name"]]()
        return f"{match['begin']}\n{made.strip()}\n\n{match['end']}"

    return _PLACE.sub(fill, text)


def places(text: str) -> list[str]:
    """Names of the places in ``text``, in order."""
    return [match["name"] for match in _PLACE.finditer(text)]


def _cell(content: object) -> str:
    return " ".join(str(content).replace("|", "\\|").split()) or " "
