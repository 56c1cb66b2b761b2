"""Saying it: tokens chosen one by one under the grammar's constraint, then read as findings.

The constraint knows what may stand at each position, and that a number must have the severity that
was said before it (``engines.severity``), so that no sentence contradicts itself. A number is the
mean of the likeliest token and its neighbours, finer than the tokens themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engines.description import (
    APPLICABLE,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    rounded,
)
from engines.medq_uni import tokens
from engines.severity import cut_offs, severity_of
from engines.verdict import verdict_of

Logits = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Tokens so far (batch, count) -> logits of the next one (batch, vocabulary)."""
NEIGHBOURS = 4
"""Tokens on each side of the likeliest that a number is the mean of."""
NAMED = 0.5
"""A fault is named where that it is none has a smaller chance."""
LARGEST = 1e6
"""Logits are held within this."""
PLAUSIBLE: dict[str, tuple[float, float]] = {
    "% of signal": (0.0, 100.0),
    "% of pixels": (0.0, 100.0),
    "% of counts": (0.0, 100.0),
    "fold": (1.0, 20.0),
    "mm": (0.0, 60.0),
    "degrees": (0.0, 60.0),
}
"""Numbers that can be true, by unit: no share is above the whole, fewer than one-fold is no
undersampling, and nobody moves further in a scanner. All are said in a severity they can have."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said of one slice.

    ``tokens`` as chosen, the finer ``values`` of numbers by position, and for each degradation the
    probability of the severity said (``sure``) and of each that could be (``chances``, by rank).
    """

    tokens: tuple[int, ...]
    values: dict[int, float]
    sure: dict[Degradation, float]
    chances: dict[Degradation, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known before anything is said."""

    modality: Modality
    region: str
    pixel_mm: float


def say(logits_of: Logits, scene: Scene, count: int, temperature: float = 1.0) -> list[Spoken]:
    """What is said of ``count`` slices: the likeliest number and place, and ``severity_in``.

    ``temperature`` divides the logits: above 1 the probabilities claim less.
    """
    slots = tokens.slots(scene.modality)
    start = tokens.prefix(scene.modality, scene.region)
    said = np.tile(np.array(start, np.int64), (count, 1))
    values: list[dict[int, float]] = [{} for _ in range(count)]
    sure: list[dict[Degradation, float]] = [{} for _ in range(count)]
    chances: list[dict[Degradation, tuple[float, ...]]] = [{} for _ in range(count)]
    for at in range(len(start), len(slots)):
        # What is no number is as unlikely as can be, so that even then a sentence comes out.
        logits = np.nan_to_num(logits_of(said).astype(np.float64), nan=-LARGEST)
        logits = np.clip(logits, -LARGEST, LARGEST) / temperature
        chosen = np.empty(count, np.int64)
        for k in range(count):
            open_ = allowed(said[k].tolist(), scene)
            logs = np.where(open_, logits[k], -np.inf)
            weights = np.exp(logs - logs.max())
            weights /= weights.sum()
            chosen[k] = int(weights.argmax())
            slot = slots[at]
            if slot.what == tokens.STATE and slot.kind is not None:
                chosen[k] = tokens.state_token(slot.kind, severity_in(weights[open_]))
                sure[k][slot.kind] = float(weights[chosen[k]])
                chances[k][slot.kind] = tuple(weights[open_].tolist())
            elif slot.what == tokens.NUMBER and chosen[k] != tokens.NO_NUMBER:
                values[k][at] = _finer(weights, int(chosen[k]))
        said = np.concatenate([said, chosen[:, None]], 1)
    return [Spoken(tuple(said[k].tolist()), values[k], sure[k], chances[k]) for k in range(count)]


def severity_in(chances: NDArray[np.float64]) -> Severity:
    """The severity to say, by the chance of each: none where that is as likely as all others.

    Otherwise the middle one of those that name it: half of the chance is no milder, half no worse.
    Of two unlike guesses the likelier would more often be off by two steps.
    """
    none, *named = chances.tolist()
    if none >= NAMED * float(chances.sum()):
        return Severity.NONE
    at = int(np.searchsorted(np.cumsum(named), sum(named) / 2))
    return list(Severity)[1 + min(at, len(named) - 1)]


def allowed(said: Sequence[int], scene: Scene) -> NDArray[np.bool_]:
    """Which tokens may stand after ``said``: bool (vocabulary,)."""
    slots = tokens.slots(scene.modality)
    at = len(said)
    found = np.zeros(len(tokens.VOCABULARY), np.bool_)
    if at < 3:
        found[tokens.prefix(scene.modality, scene.region)[at]] = True
        return found
    if at >= len(slots):
        found[tokens.PAD] = True
        return found
    slot = slots[at]
    if slot.kind is None:
        raise ValueError(f"nothing is said at position {at}")
    if slot.what == tokens.STATE:
        first = tokens.state_token(slot.kind, Severity.NONE)
        found[first : first + len(Severity)] = True
        return found
    state = next(k for k in range(at, 0, -1) if slots[k].what == tokens.STATE)
    severity = tokens.severity_of_token(said[state])
    if slot.what == tokens.PLACE:
        found[tokens.NO_PLACE] = True
        if severity is not Severity.NONE:
            found[tokens.NO_PLACE : tokens.NO_NUMBER] = True
        return found
    _open_numbers(found, said, state, at, severity, scene)
    return found


def _open_numbers(
    found: NDArray[np.bool_],
    said: Sequence[int],
    state: int,
    at: int,
    severity: Severity,
    scene: Scene,
) -> None:
    """Plausible numbers no worse than ``severity``, and as bad if none said before it was."""
    slots = tokens.slots(scene.modality)
    plausible = _plausible(slots[at].unit)
    grades = _grades(scene, slots[at])
    if grades is None:
        found[tokens.FIRST_NUMBER :] = plausible
        found[tokens.NO_NUMBER] = True
        return
    reached = any(
        (earlier := _grades(scene, slots[k])) is not None
        and said[k] != tokens.NO_NUMBER
        and earlier[said[k] - tokens.FIRST_NUMBER] == severity.rank
        for k in range(state + 1, at)
    )
    more = any(
        slots[k].what == tokens.NUMBER and _grades(scene, slots[k]) is not None
        for k in range(at + 1, len(slots))
        if slots[k].kind is slots[at].kind
    )
    fits = grades <= severity.rank if reached or more else grades == severity.rank
    fits = fits & plausible
    found[tokens.FIRST_NUMBER :] = fits
    found[tokens.NO_NUMBER] = severity is Severity.NONE or not fits.any()


@lru_cache
def _plausible(unit: str | None) -> NDArray[np.bool_]:
    """Which number tokens can be true in ``unit``: bool (numbers,)."""
    low, high = PLAUSIBLE.get(unit or "", (0.0, np.inf))
    values = tokens.NUMBER_VALUES
    found: NDArray[np.bool_] = (values >= low) & (values <= high)
    found.flags.writeable = False
    return found


@lru_cache
def _grades(scene: Scene, slot: tokens.Slot) -> NDArray[np.int64] | None:
    """Rank of the severity of every number token in a slot's unit; ``None`` where not graded."""
    if slot.kind is None or slot.unit is None:
        return None
    row = cut_offs(scene.modality, slot.kind, scene.region, scene.pixel_mm, slot.unit)
    if row is None:
        return None
    # Graded as rounded for the sentence, which may be on the other side of a cut-off.
    said = np.array([rounded(value) for value in tokens.NUMBER_VALUES.tolist()])
    edges = np.array([row.mild, row.moderate, row.severe])
    found = np.searchsorted(edges, said, side="right").astype(np.int64)
    found.flags.writeable = False
    return found


def _finer(weights: NDArray[np.float64], token: int) -> float:
    """The mean of a number and its neighbours, by their probability, on the scale's logarithm."""
    low = max(token - NEIGHBOURS, tokens.FIRST_NUMBER)
    near = weights[low : token + NEIGHBOURS + 1]
    mean = float((near * np.arange(low, low + len(near))).sum() / near.sum())
    return float(tokens.LOWEST * np.exp(tokens.STEP * (mean - tokens.FIRST_NUMBER)))


def findings_of(spoken: Spoken, scene: Scene) -> tuple[Finding, ...]:
    """The findings that were said."""
    slots = tokens.slots(scene.modality)
    found = []
    at = 3
    for kind, units in tokens.SPOKEN[scene.modality]:
        severity = tokens.severity_of_token(spoken.tokens[at])
        amounts = []
        for k, unit in enumerate(units, at + 1):
            value = spoken.values.get(k)
            if value is not None:
                token = tokens.value_of_token(spoken.tokens[k]) or 0.0
                amounts.append(Amount(_kept(value, token, scene, slots[k]), unit))
        place = tokens.place_of_token(spoken.tokens[at + 1 + len(units)])
        first, more = (amounts[0], tuple(amounts[1:])) if amounts else (None, ())
        found.append(
            Finding(
                kind,
                severity,
                first.value if first else None,
                first.unit if first else None,
                more=more,
                place=place,
            )
        )
        at += 2 + len(units)
    return tuple(found)


def _kept(value: float, token: float, scene: Scene, slot: tokens.Slot) -> float:
    """The finer number, or the token's own where that would be another severity."""
    if slot.kind is None:
        return value
    row = cut_offs(scene.modality, slot.kind, scene.region, scene.pixel_mm, slot.unit)
    if row is None or severity_of(value, row) is severity_of(token, row):
        return value
    return token


def description_of(
    findings: Sequence[Finding], scene: Scene, confidence: Confidence
) -> QualityDescription:
    """The description that findings amount to; what is not among them was not assessed."""
    verdict, actions = verdict_of(
        findings, scene.modality, scene.region, confidence, pixel_mm=scene.pixel_mm
    )
    named = {finding.degradation for finding in findings}
    others = tuple(kind for kind in APPLICABLE[scene.modality] if kind not in named)
    return QualityDescription(
        scene.modality, scene.region, tuple(findings), others, verdict, actions, confidence
    )
