"""The content tree of an SR document or key object, as really written.

Siblings of one kind share a line. What is also there when as little as possible is said is ALWAYS
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from pydicom.dataset import Dataset
from pydicom.uid import UID

from medq_node.outputs.codes_table import code_rows
from tests.statement.attributes import Account, account_of
from tests.statement.markdown import table
from tests.statement.remarks import OF_CONTENT
from tests.statement.writers import WRITTEN, Written

_HEAD = ("content item", "relationship", "type", "how many", "presence", "value")
Key = tuple[str, str, str]
"""Relationship, value type, concept name."""


@dataclass
class Node:
    """Siblings of one kind: how often, with which values, and what is below them."""

    most: int = 0
    values: dict[str, None] = field(default_factory=dict)
    below: dict[Key, Node] = field(default_factory=dict)

    def take(self, item: Dataset) -> None:
        """One item more of this kind."""
        self.values[_value(item)] = None
        counted: dict[Key, int] = {}
        for child in item.get("ContentSequence", ()):
            key = _key(child)
            counted[key] = counted.get(key, 0) + 1
            self.below.setdefault(key, Node()).take(child)
        for key, count in counted.items():
            self.below[key].most = max(self.below[key].most, count)


def content_tree(told_of: Account) -> str:
    """A table, or nothing for an object without a content tree."""
    full, sparse = told_of.full, told_of.sparse
    if "ContentSequence" not in full:
        return ""
    whole, least = Node(), Node()
    whole.take(full)
    least.take(sparse)
    root = _concept(full)
    return table(
        _HEAD, [(root, "", "CONTAINER", "1", "ALWAYS", _value(full)), *_rows(whole, least, 1)]
    )


def templates() -> str:
    """The root templates, by document."""
    rows = []
    for written in _documents():
        root = account_of(written).full
        used = ", ".join(f"TID {t}" for t in _template_ids(root))
        rows.append((written.title, UID(root.SOPClassUID).name, _concept(root), used))
    return table(("document", "SOP class", "title", "template named in it"), rows)


def _documents() -> Iterator[Written]:
    return (w for w in WRITTEN if "ContentSequence" in account_of(w).full)


def _template_ids(item: Dataset) -> list[str]:
    found = {str(t.TemplateIdentifier) for t in item.get("ContentTemplateSequence", ())}
    for child in item.get("ContentSequence", ()):
        found |= set(_template_ids(child))
    return sorted(found, key=int)


def _rows(whole: Node, least: Node, depth: int) -> Iterator[tuple[str, ...]]:
    for key, node in whole.below.items():
        relationship, kind, concept = key
        also = least.below.get(key)
        many = "1" if node.most == 1 else "1-n"
        presence = "ANAP" if also is None else "ALWAYS"
        values = "; ".join(v for v in node.values if v)
        yield f"{'>' * depth} {concept}", relationship, kind, many, presence, values
        yield from _rows(node, also or Node(), depth + 1)


def _key(item: Dataset) -> Key:
    return str(item.get("RelationshipType", "")), str(item.ValueType), _concept(item)


def _concept(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence")
    return _named(names[0]) if names else "-"


def _value(item: Dataset) -> str:
    match item.ValueType:
        case "CODE":
            concept = item.ConceptNameCodeSequence[0]
            made = OF_CONTENT.get(str(concept.CodeValue))
            return made or _named(item.ConceptCodeSequence[0], concept.CodeMeaning)
        case "NUM":
            return f"in {_named(item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0])}"
        case "CONTAINER" if "ContentTemplateSequence" in item:
            return f"TID {item.ContentTemplateSequence[0].TemplateIdentifier}"
    return ""


def _named(code: Dataset, asked: str = "") -> str:
    """The code, or the vocabulary of codes.md that it is of; ``asked`` says what it answers."""
    here = (str(code.CodeValue), str(code.CodingSchemeDesignator))
    words = [v for v, value, scheme in _vocabularies() if (value, scheme) == here]
    if not words:
        return f'({", ".join(here)}, "{code.CodeMeaning}")'
    return f"*{next((w for w in words if w in asked.lower()), words[0])}*"


@cache
def _vocabularies() -> tuple[tuple[str, str, str], ...]:
    """(vocabulary, value, scheme) of every word; what a modality calls a thing, under its name."""
    return tuple(
        (row.vocabulary.split(" in ")[0], row.code.value, row.code.scheme_designator)
        for row in code_rows()
    )
