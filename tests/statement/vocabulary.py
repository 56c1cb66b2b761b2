"""The words of the node and their codes."""

from __future__ import annotations

from medq_node.outputs import codes
from medq_node.outputs.codes_table import code_rows, private_codes
from tests.statement.markdown import table

_USED_AS = {
    codes.RESTORATION: "derivation",
    codes.SUPERSEDED: "title modifier of a key object",
    codes.PASSED: "value of GATE",
    codes.FAILED: "value of GATE",
}


def words() -> str:
    """Every word of the quality description and of the node."""
    head = ("what", "word", "code", "scheme", "meaning", "from")
    return table(head, (row.cells() for row in code_rows()))


def private() -> str:
    """The private scheme; a code that is no word names a concept."""
    used = {row.code: row.vocabulary for row in code_rows()} | _USED_AS
    rows = [(c.value, c.meaning, used.get(c, "concept name")) for c in private_codes()]
    return table(("value", "meaning", "used as"), rows)
