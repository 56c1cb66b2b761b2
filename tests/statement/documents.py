"""The documents, and what stands at each of their places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import medq_node
from medq_node.provenance import RESEARCH_LABEL
from tests.statement import (
    annex,
    associations,
    charsets,
    parameters,
    statuses,
    tree,
    vocabulary,
)
from tests.statement.markdown import table

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "conformance"


def cover() -> str:
    """What the statement is about."""
    return table(
        ("", ""),
        (
            ("Product", "MedQ Node, a DICOM node that assesses and restores CT, MR and PET series"),
            ("Version", medq_node.__version__),
            ("Intended use", f"research only; labelled `{RESEARCH_LABEL}`; not for diagnostic use"),
            ("Layout", "that of PS3.2, Annex A"),
            ("Tables", "written from the program by `make conformance`; tests hold them to it"),
        ),
    )


TABLES: dict[str, Callable[[], str]] = {
    "cover": cover,
    "services": associations.services,
    "acceptor-limits": associations.acceptor_limits,
    "implementation": associations.implementation,
    "rejections": associations.rejections,
    "accepted-syntaxes": associations.accepted_syntaxes,
    "statuses-given": statuses.given,
    "accepted-sop-classes": associations.accepted_sop_classes,
    "initiator-limits": associations.initiator_limits,
    "proposed": associations.proposed,
    "statuses-taken": statuses.taken,
    "parameters": parameters.parameters,
    "charsets": charsets.charsets,
    "created": associations.created,
    "templates": tree.templates,
    "private-codes": vocabulary.private,
    "objects": annex.annex,
    "words": vocabulary.words,
}
"""Name of a place -> what makes its text."""

DOCUMENTS = tuple(FOLDER / name for name in ("README.md", "objects.md", "codes.md"))
