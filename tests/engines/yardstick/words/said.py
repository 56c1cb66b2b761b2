"""Short ways to say things in tests of the yardstick, and to look into its tables."""

from __future__ import annotations

from collections.abc import Iterable

from engines.description import (
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)
from engines.medq_uni.yardstick.table import Cell, Table
from engines.verdict import verdict_of

NONE, MILD, MODERATE, SEVERE = Severity
HU = "HU"


def noise(severity: Severity, amount: float | None = None) -> Finding:
    return Finding(Degradation.NOISE, severity, amount, None if amount is None else HU)


def metal(severity: Severity, place: str | None = None) -> Finding:
    return Finding(Degradation.METAL, severity, place=place)


def say(
    *findings: Finding,
    verdict: Verdict | None = None,
    actions: tuple[Action, ...] | None = None,
    confidence: Confidence = Confidence.HIGH,
    not_assessed: Iterable[Degradation] = (),
    region: str = "chest",
) -> QualityDescription:
    """CT; verdict and plan follow from the findings where they aren't given."""
    due, plan = verdict_of(findings, Modality.CT, region, confidence)
    return QualityDescription(
        Modality.CT,
        region,
        findings,
        tuple(not_assessed),
        verdict or due,
        actions or plan,
        confidence,
    )


def named(tables: Iterable[Table], name: str) -> Table:
    return next(table for table in tables if table.name == name)


def row(table: Table, *key: Cell) -> dict[str, Cell]:
    """The row that begins with ``key``, by column."""
    found = [r for r in table.rows if r[: len(key)] == key]
    assert len(found) == 1, (table.name, key, [r[: len(key)] for r in table.rows])
    return dict(zip(table.columns, found[0], strict=True))
