"""The quality description as data: what is wrong with a series, in a closed vocabulary.

An object that could not be said in the grammar of ``engines.sentence`` cannot be made: units,
regions and ranges are checked, and amounts are rounded, when the object is built.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

REGIONS: tuple[str, ...] = (
    "head",
    "neck",
    "chest",
    "abdomen",
    "pelvis",
    "spine",
    "breast",
    "arm",
    "leg",
    "whole body",
    "unknown",
)
"""Closed vocabulary of body regions; ``engines.region`` maps DICOM's words to it."""

UNITS: tuple[str, ...] = ("HU", "% of signal", "mm FWHM", "% of pixels")
"""Closed vocabulary of units of amounts."""

SIGNIFICANT_DIGITS = 3
DECIMALS = 4
MAX_AMOUNT = 1e6


def rounded(amount: float) -> float:
    """``amount`` as a description keeps it: 3 significant digits, at most 4 decimals.

    More digits would claim a precision that no measurement of a single series has, and the
    sentence must carry the number without loss.
    """
    return round(float(f"{float(amount):.{SIGNIFICANT_DIGITS}g}"), DECIMALS)


class Modality(StrEnum):
    """Modalities the node understands, by their DICOM defined terms (PS3.3 C.7.3.1.1.1)."""

    CT = "CT"
    MR = "MR"
    PT = "PT"


class Degradation(StrEnum):
    """What can be wrong with an image."""

    NOISE = "noise"
    BLUR = "blur"
    UNDERSAMPLING = "undersampling"
    MOTION = "motion"
    METAL = "metal"
    LOW_COUNT = "low count"
    CLIPPING = "clipping"


class Severity(StrEnum):
    """How bad it is; ``NONE`` means looked for and not found."""

    NONE = "none"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class Verdict(StrEnum):
    """Overall verdict on the series."""

    GOOD = "good"
    USABLE = "usable"
    REJECT = "reject"


class Action(StrEnum):
    """What the engine plans to do about it."""

    KEEP = "keep as is"
    REDUCE_NOISE = "reduce noise"
    REPEAT = "consider repeating"


class Confidence(StrEnum):
    """Stated confidence of the description as a whole."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Finding:
    """One degradation, how severe, how much of it, and where.

    ``amount`` is in ``unit`` (one of ``UNITS``), ``None`` where no number could be measured; it is
    kept as ``rounded`` gives it. ``slices`` is the 1-based inclusive range of slices the finding
    applies to, in the stack's order; ``None`` means the whole series. ``worst_slice`` is 1-based.

    Raises:
        ValueError: amount and unit not given together, amount negative, not finite or above a
            million, unit unknown, slices not a range from 1 on, or worst slice outside them.
    """

    degradation: Degradation
    severity: Severity
    amount: float | None = None
    unit: str | None = None
    slices: tuple[int, int] | None = None
    worst_slice: int | None = None

    def __post_init__(self) -> None:
        if (self.amount is None) != (self.unit is None):
            raise ValueError("a finding has an amount and its unit, or neither")
        if self.amount is not None:
            if not math.isfinite(self.amount) or not 0 <= self.amount <= MAX_AMOUNT:
                raise ValueError(f"amount {self.amount} is not between 0 and {MAX_AMOUNT:.0f}")
            object.__setattr__(self, "amount", rounded(self.amount))
        if self.unit is not None and self.unit not in UNITS:
            raise ValueError(f"unit {self.unit!r} is none of: {', '.join(UNITS)}")
        if self.slices is not None and not 1 <= self.slices[0] <= self.slices[1]:
            raise ValueError(f"slices {self.slices} are not a range counted from 1")
        if self.worst_slice is not None:
            first, last = self.slices or (1, self.worst_slice)
            if not first <= self.worst_slice <= last:
                raise ValueError(f"worst slice {self.worst_slice} is not among the slices named")


@dataclass(frozen=True, slots=True)
class QualityDescription:
    """The structured quality description of one series.

    ``not_assessed`` names the degradations the engine cannot judge: unknown is never "none".

    Raises:
        ValueError: region not one of ``REGIONS``, or a degradation named twice.
    """

    modality: Modality
    region: str
    findings: tuple[Finding, ...]
    not_assessed: tuple[Degradation, ...]
    verdict: Verdict
    action: Action
    confidence: Confidence

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise ValueError(f"region {self.region!r} is none of: {', '.join(REGIONS)}")
        named = [f.degradation for f in self.findings] + list(self.not_assessed)
        if len(named) != len(set(named)):
            raise ValueError("a degradation is either found once or not assessed, never both")

    def finding(self, degradation: Degradation) -> Finding | None:
        """The finding on ``degradation``, or ``None`` where it was not assessed."""
        return next((f for f in self.findings if f.degradation is degradation), None)
