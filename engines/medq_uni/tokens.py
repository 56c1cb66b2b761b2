"""The sentence as tokens: a closed vocabulary and one fixed order of places to fill.

After ``<start>``, modality and region comes, for every degradation the model assesses in that
modality and in the vocabulary's order: its severity, a number for each of its units, its place. So
every sentence of a modality has one length, and what a position may hold is known beforehand.
Numbers are tokens of their own on a logarithmic scale; verdict, plan and confidence follow from the
rest (``engines.verdict``) and are no tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engines.description import (
    PLACES,
    REGIONS,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
)

LOWEST = 0.01
STEP = 0.04
"""Neighbouring numbers differ by 4 %: half of that is the error of writing one down."""
NUMBERS = 330
"""From 0.01 to 5,200."""

SPOKEN: dict[Modality, tuple[tuple[Degradation, tuple[str, ...]], ...]] = {
    Modality.CT: (
        (Degradation.NOISE, ("HU",)),
        (Degradation.METAL, ("HU", "% of pixels")),
    ),
    Modality.MR: (
        (Degradation.NOISE, ("% of signal",)),
        (Degradation.UNDERSAMPLING, ("fold",)),
        (Degradation.MOTION, ("mm", "degrees")),
    ),
    Modality.PT: (
        (Degradation.MOTION, ("mm",)),
        (Degradation.LOW_COUNT, ("% of signal", "% of counts")),
    ),
}
"""What the model assesses in a modality, with the units that its numbers are in."""

STATE, NUMBER, PLACE, SCENE = "state", "number", "place", "scene"


@dataclass(frozen=True, slots=True)
class Slot:
    """What stands at a position: a scene word, or a part of what is said of ``kind``."""

    what: str
    kind: Degradation | None = None
    unit: str | None = None


def slots(modality: Modality) -> tuple[Slot, ...]:
    """What stands at each position of a sentence, ``<start>`` first."""
    found = [Slot(SCENE), Slot(SCENE), Slot(SCENE)]
    for kind, units in SPOKEN[modality]:
        found.append(Slot(STATE, kind))
        found += [Slot(NUMBER, kind, unit) for unit in units]
        found.append(Slot(PLACE, kind))
    return tuple(found)


def _vocabulary() -> tuple[str, ...]:
    words = ["<pad>", "<start>", *(m.value for m in Modality.sectional()), *REGIONS]
    words += [f"{severity} {kind}" for kind in Degradation for severity in Severity]
    words += ["no place", *PLACES, "no number"]
    words += [f"{LOWEST * math.exp(STEP * k):.3g}" for k in range(NUMBERS)]
    return tuple(words)


VOCABULARY: tuple[str, ...] = _vocabulary()
"""Every token as people read it, by its number."""
_FIRST_REGION = 2 + len(Modality.sectional())
_FIRST_STATE = _FIRST_REGION + len(REGIONS)
NO_PLACE = _FIRST_STATE + len(Degradation) * len(Severity)
NO_NUMBER = NO_PLACE + 1 + len(PLACES)
FIRST_NUMBER = NO_NUMBER + 1
NUMBER_VALUES = LOWEST * np.exp(STEP * np.arange(NUMBERS))
"""What each number token says."""
PAD, START = 0, 1
LONGEST = max(len(slots(modality)) for modality in Modality.sectional())
"""Tokens of the longest sentence."""


def modality_token(modality: Modality) -> int:
    """The token of a modality."""
    return 2 + Modality.sectional().index(modality)


def region_token(region: str) -> int:
    """The token of one of ``REGIONS``."""
    return _FIRST_REGION + REGIONS.index(region)


def state_token(kind: Degradation, severity: Severity) -> int:
    """The token that says how bad a degradation is."""
    return _FIRST_STATE + list(Degradation).index(kind) * len(Severity) + severity.rank


def severity_of_token(token: int) -> Severity:
    """The severity that a state token says."""
    return list(Severity)[(token - _FIRST_STATE) % len(Severity)]


def place_token(place: str | None) -> int:
    """The token of one of ``PLACES`` or of none."""
    return NO_PLACE if place is None else NO_PLACE + 1 + PLACES.index(place)


def place_of_token(token: int) -> str | None:
    """The place that a token says, if any."""
    return None if token == NO_PLACE else PLACES[token - NO_PLACE - 1]


def number_token(value: float | None) -> int:
    """The token nearest to ``value``; too small and too large ones go to the ends."""
    if value is None or value <= 0:
        return NO_NUMBER
    at = round(math.log(value / LOWEST) / STEP)
    return FIRST_NUMBER + min(max(at, 0), NUMBERS - 1)


def value_of_token(token: int) -> float | None:
    """The number that a token says, if any."""
    return None if token == NO_NUMBER else LOWEST * math.exp(STEP * (token - FIRST_NUMBER))


def prefix(modality: Modality, region: str) -> list[int]:
    """What is known before anything is looked at."""
    return [START, modality_token(modality), region_token(region)]


def encode(description: QualityDescription) -> tuple[list[int], list[bool]]:
    """The tokens of a description, and at which positions it really says something.

    What it doesn't assess is written as "none" without number and place, and marked as not said.
    """
    tokens = prefix(description.modality, description.region)
    said = [False] * len(tokens)
    for kind, units in SPOKEN[description.modality]:
        finding = description.finding(kind)
        known = finding is not None
        finding = finding or Finding(kind, Severity.NONE)
        tokens.append(state_token(kind, finding.severity))
        tokens += [number_token(finding.amount_in(unit)) for unit in units]
        tokens.append(place_token(finding.place))
        said += [known] * (2 + len(units))
    return tokens, said
