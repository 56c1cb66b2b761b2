"""Writes the tables into docs/conformance; says what has changed."""

from __future__ import annotations

from tests.statement.documents import DOCUMENTS, TABLES
from tests.statement.markdown import filled

for document in DOCUMENTS:
    before = document.read_text(encoding="utf-8")
    after = filled(before, TABLES)
    if after != before:
        document.write_text(after, encoding="utf-8")
    print("changed" if after != before else "as before", document.name)
