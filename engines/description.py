"""The quality description as data: what is wrong with a series, in a closed vocabulary.

An object that could not be said in the grammar of ``engines.sentence`` cannot be made: units,
regions, places, ranges and plans are checked, and amounts are rounded, when the object is built.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engines.vocabulary import (
    APPLICABLE,
    CLAIMED,
    LESS_IS_WORSE,
    PLACES,
    REGIONS,
    RESTORING,
    UNITS,
    UNITS_OF,
    Action,
    Confidence,
    Degradation,
    Modality,
    Severity,
    Verdict,
)

__all__ = [
    "Action",
    "Amount",
    "APPLICABLE",
    "CLAIMED",
    "Confidence",
    "DECIMALS",
    "Degradation",
    "Finding",
    "LESS_IS_WORSE",
    "MAX_AMOUNT",
    "MAX_SLICE",
    "Modality",
    "PLACES",
    "QualityDescription",
    "REGIONS",
    "RESTORING",
    "rounded",
    "Severity",
    "SIGNIFICANT_DIGITS",
    "UNITS",
    "UNITS_OF",
    "Verdict",
]

SIGNIFICANT_DIGITS = 3
DECIMALS = 4
MAX_AMOUNT = 1e6
MAX_SLICE = 999_999


def rounded(amount: float) -> float:
    """``amount`` as a description keeps it: 3 significant digits, at most 4 decimals.

    More digits would claim a precision that no measurement of a single series has, and the
    sentence must carry the number without loss.
    """
    # A minus before a zero would be said, and says nothing.
    return round(float(f"{float(amount):.{SIGNIFICANT_DIGITS}g}"), DECIMALS) + 0.0


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit, kept as ``rounded`` gives it.

    Raises:
        ValueError: negative, not finite or above a million, or the unit is none of ``UNITS``.
    """

    value: float
    unit: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or not 0 <= self.value <= MAX_AMOUNT:
            raise ValueError(f"amount {self.value} is not between 0 and {MAX_AMOUNT:.0f}")
        if self.unit not in UNITS:
            raise ValueError(f"unit {self.unit!r} is none of: {', '.join(UNITS)}")
        object.__setattr__(self, "value", rounded(self.value))


@dataclass(frozen=True, slots=True)
class Finding:
    """One degradation, how severe, how much of it, and where.

    ``amount`` is in ``unit``, ``None`` where no number could be measured; it is kept as ``rounded``
    gives it. ``more`` are further numbers in other units, as motion has millimetres and degrees;
    all units are among ``UNITS_OF`` the degradation and in its order. ``slices`` is the 1-based
    inclusive range that all affected slices lie in, in the stack's order; ``None`` means the whole
    series. ``worst_slice`` is 1-based. ``place`` is one of ``PLACES``, ``None`` where unknown.

    Raises:
        ValueError: amount and unit not given together, an amount negative, not finite or above a
            million, units not this degradation's or not in their order, slices not a range within
            1 to 999,999, worst slice outside them, or place unknown.
    """

    degradation: Degradation
    severity: Severity
    amount: float | None = None
    unit: str | None = None
    slices: tuple[int, int] | None = None
    worst_slice: int | None = None
    more: tuple[Amount, ...] = ()
    place: str | None = None

    def __post_init__(self) -> None:
        self._check_amounts()
        if self.slices is not None and not 1 <= self.slices[0] <= self.slices[1] <= MAX_SLICE:
            raise ValueError(f"slices {self.slices} are not a range from 1 to {MAX_SLICE}")
        if self.worst_slice is not None:
            first, last = self.slices or (1, MAX_SLICE)
            if not first <= self.worst_slice <= last:
                raise ValueError(f"worst slice {self.worst_slice} is not among the slices named")
        if self.place is not None and self.place not in PLACES:
            raise ValueError(f"place {self.place!r} is none of: {', '.join(PLACES)}")

    def _check_amounts(self) -> None:
        if (self.amount is None) != (self.unit is None):
            raise ValueError("a finding has an amount and its unit, or neither")
        if self.amount is None or self.unit is None:
            if self.more:
                raise ValueError("more amounts need a first one")
            return
        object.__setattr__(self, "amount", Amount(self.amount, self.unit).value)
        allowed = UNITS_OF[self.degradation]
        units = tuple(amount.unit for amount in self.amounts)
        if units != tuple(unit for unit in allowed if unit in units):
            raise ValueError(
                f"{self.degradation} is measured in {', '.join(allowed)}, each once and in this"
                f" order, not in {', '.join(units)}"
            )

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """All numbers, the first one included; empty where none could be measured."""
        if self.amount is None or self.unit is None:
            return ()
        return (Amount(self.amount, self.unit), *self.more)

    def amount_in(self, unit: str) -> float | None:
        """The number in ``unit``, ``None`` where there is none."""
        return next((a.value for a in self.amounts if a.unit == unit), None)


@dataclass(frozen=True, slots=True)
class QualityDescription:
    """The structured quality description of one series.

    ``not_assessed`` names the degradations the engine cannot judge: unknown is never "none", and
    what an ``APPLICABLE`` word is silent about is as unknown.
    ``actions`` are what it plans. All three are kept in the order of their vocabulary, so that
    descriptions that say the same are equal.

    Raises:
        ValueError: region not one of ``REGIONS``, a degradation named twice, no action, an action
            named twice, or "keep as is" beside another.
    """

    modality: Modality
    region: str
    findings: tuple[Finding, ...]
    not_assessed: tuple[Degradation, ...]
    verdict: Verdict
    actions: tuple[Action, ...]
    confidence: Confidence

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise ValueError(f"region {self.region!r} is none of: {', '.join(REGIONS)}")
        named = [f.degradation for f in self.findings] + list(self.not_assessed)
        if len(named) != len(set(named)):
            raise ValueError("a degradation is either found once or not assessed, never both")
        if not self.actions:
            raise ValueError("a description plans at least one action; 'keep as is' is one")
        if len(self.actions) != len(set(self.actions)):
            raise ValueError("an action is planned once")
        if Action.KEEP in self.actions and len(self.actions) > 1:
            raise ValueError("'keep as is' stands alone")
        kinds, actions = list(Degradation), list(Action)
        findings = sorted(self.findings, key=lambda f: kinds.index(f.degradation))
        object.__setattr__(self, "findings", tuple(findings))
        object.__setattr__(self, "not_assessed", tuple(sorted(self.not_assessed, key=kinds.index)))
        object.__setattr__(self, "actions", tuple(sorted(self.actions, key=actions.index)))

    def finding(self, degradation: Degradation) -> Finding | None:
        """The finding on ``degradation``, or ``None`` where it was not assessed."""
        return next((f for f in self.findings if f.degradation is degradation), None)

    @property
    def restores(self) -> bool:
        """Whether the plan is to make a restored series."""
        return not RESTORING.isdisjoint(self.actions)
