"""How right the numbers and the places in the words are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np

from engines.description import Degradation, Finding, Severity
from engines.medq_uni.yardstick.table import Cell, Table
from engines.medq_uni.yardstick.words.records import SURE, Record, Shares, cells

NEAR = 0.25
"""A number this near to the true one, relatively, is as good as right: severities begin 1.4 to 1.7
times as far up as the one before (``engines.severity``), so that it is one step off at most."""
SLICES_SHARED = 0.5
"""A range of slices is right where it shares at least this much of the union with the true one."""


def number_table(records: Sequence[Record], shares: Shares) -> Table:
    """Errors of the numbers by degradation and unit, wherever the truth has a number above zero."""
    rows: list[tuple[Cell, ...]] = []
    for degradation, unit in sorted(
        _units(records), key=lambda pair: (list(Degradation).index(pair[0]), pair[1])
    ):
        true, said = (
            np.array([_amount(d.finding(degradation), unit) for d in descriptions])
            for descriptions in ([r.truth for r in records], [r.stated for r in records])
        )
        there = true > 0
        error = np.where(there, said / np.where(there, true, 1) - 1, np.nan)
        both = np.isfinite(error)
        rows.append(
            (
                degradation.value,
                unit,
                int(there.sum()),
                int(both.sum()),
                *cells(shares.median(np.abs(error))),
                *cells(shares.median(error)),
                *cells(shares.ratio(both & (np.abs(np.nan_to_num(error)) <= NEAR), both)),
            )
        )
    columns = (
        "degradation", "unit", "true numbers", "said in this unit", "median error (%)",
        "error 95 %", "bias (%)", "bias 95 %", "near (%)", "near 95 %",
    )  # fmt: skip
    return Table(
        "words_numbers", "Words: how right are the numbers?", columns, tuple(rows), _NUMBERS
    )


def place_table(records: Sequence[Record], shares: Shares) -> Table:
    """How often the place in the image and the range of slices are the true ones."""
    rows: list[tuple[Cell, ...]] = []
    for degradation in Degradation:
        pairs = [(r.truth.finding(degradation), r.stated.finding(degradation)) for r in records]
        known = np.array([has_place(true) for true, _ in pairs])
        right = np.array([same_place(true, said) for true, said in pairs]) & known
        ranged = np.array([_is_there(true) and true.slices is not None for true, _ in pairs])
        hit = np.array([_same_slices(true, said) for true, said in pairs]) & ranged
        if not (known.any() or ranged.any()):
            continue
        rows.append(
            (
                degradation.value,
                int(known.sum()),
                *cells(shares.ratio(right, known)),
                int(ranged.sum()),
                *cells(shares.ratio(hit, ranged)),
            )
        )
    columns = (
        "degradation", "true places", "place right (%)", "place 95 %",
        "true ranges", "slices right (%)", "slices 95 %",
    )  # fmt: skip
    return Table("words_places", "Words: is the place right?", columns, tuple(rows), _PLACES)


def _units(records: Sequence[Record]) -> set[tuple[Degradation, str]]:
    return {
        (finding.degradation, amount.unit)
        for record in records
        for finding in record.truth.findings
        for amount in finding.amounts
        if amount.value > 0
    }


def _amount(finding: Finding | None, unit: str) -> float:
    """The number in ``unit``; NaN where there is none."""
    amount = None if finding is None else finding.amount_in(unit)
    return np.nan if amount is None else amount


def _is_there(finding: Finding | None) -> TypeGuard[Finding]:
    return finding is not None and finding.severity is not Severity.NONE


def has_place(true: Finding | None) -> bool:
    """Whether it is there and its place is known."""
    return _is_there(true) and true.place is not None


def same_place(true: Finding | None, said: Finding | None) -> bool:
    """Whether both are there and name one place."""
    return _is_there(true) and _is_there(said) and true.place == said.place


def _same_slices(true: Finding | None, said: Finding | None) -> bool:
    if not (_is_there(true) and _is_there(said)) or true.slices is None or said.slices is None:
        return False
    (a, b), (c, d) = true.slices, said.slices
    shared = min(b, d) - max(a, c) + 1
    return shared >= SLICES_SHARED * (max(b, d) - min(a, c) + 1)


_NUMBERS = (
    "Median error is the middle one of all deviations from the true number, in per cent of it and "
    "without sign; bias is the middle one with sign, above zero where too much is said; near are "
    f"those within {100 * NEAR:.0f} %. Numbers count where truth and statement have one in the "
    f"same unit. {SURE}"
)
_PLACES = (
    "Of the degradations that are truly there and have a known place, the share whose place is "
    "named rightly (upper left to lower right, throughout, along the rim); and likewise the range "
    f"of slices, right where it shares half of the union with the true one. {SURE}"
)
