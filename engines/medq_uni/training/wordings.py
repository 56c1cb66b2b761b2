"""What a sample is told besides the truth: words that err, lack, are its own, or none at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engines.description import Confidence, Degradation, Severity
from engines.medq_uni import tokens
from engines.medq_uni.levels import EXPERTS, NOISE_EXPERTS, TYPICAL, middle, times_as_bad
from engines.medq_uni.model import MedQUni, Seen
from engines.medq_uni.spoken import Scene, description_of, findings_of
from engines.medq_uni.training.bank import Sample, gates_told, numbers_of
from engines.medq_uni.training.constrained import said_of
from engines.severity import cut_offs, severity_of

UNSURE, DROPPED = 0.3, 0.15
"""So many samples are told a number off by what an assessment errs, or none at all."""
ERRS = 0.12
"""Standard deviation of the logarithm of such a number."""
WRONG = (0.45, 2.2)
"""Plainly wrong numbers are so many times the true ones."""


def told_otherwise(sample: Sample, rng: np.random.Generator) -> Sample:
    """The sample with its own words, or with what an assessment or a hasty reader might say."""
    chance = rng.random()
    if chance < UNSURE:
        return with_numbers(sample, float(np.exp(rng.normal(0, ERRS))))
    if chance < UNSURE + DROPPED:
        return without_numbers(sample)
    return sample


def told_wrong(sample: Sample, rng: np.random.Generator) -> Sample:
    """The sample with numbers and severities that are plainly wrong."""
    return with_numbers(sample, WRONG[int(rng.integers(2))])


def with_numbers(sample: Sample, times: float) -> Sample:
    """The sample told to be so many times as bad by its numbers, severities after them."""
    said, amounts = sample.tokens.copy(), sample.amounts.copy()
    kind: Degradation | None = None
    state = 0
    for at, slot in enumerate(tokens.slots(sample.modality)):
        if slot.what == tokens.STATE:
            kind, state = slot.kind, at
        number = tokens.value_of_token(int(said[at])) if slot.what == tokens.NUMBER else None
        if kind is None or number is None or slot.unit is None:
            continue
        which = EXPERTS.index(kind)
        if not sample.gates[which]:
            continue
        said[at] = tokens.number_token(times_as_bad(number, slot.unit, times))
        if at == state + 1:
            amounts[which] *= times
            row = cut_offs(sample.modality, kind, sample.region, sample.pixel_mm, slot.unit)
            if row is not None:
                severity = severity_of(float(amounts[which]), row)
                severity = Severity.MILD if severity is Severity.NONE else severity
                said[state] = tokens.state_token(kind, severity)
    return replace(sample, tokens=said, amounts=amounts, gates=gates_told(said, sample.modality))


def without_numbers(sample: Sample) -> Sample:
    """The sample with severities alone: numbers and places unsaid."""
    said, amounts = sample.tokens.copy(), sample.amounts.copy()
    severity = Severity.NONE
    for at, slot in enumerate(tokens.slots(sample.modality)):
        if slot.what == tokens.STATE:
            severity = tokens.severity_of_token(int(said[at]))
        elif slot.what == tokens.PLACE:
            said[at] = tokens.NO_PLACE
        elif slot.what == tokens.NUMBER and slot.kind is not None and slot.unit is not None:
            said[at] = tokens.NO_NUMBER
            which = EXPERTS.index(slot.kind)
            first = tokens.slots(sample.modality)[at - 1].what == tokens.STATE
            if first and sample.gates[which] and severity is not Severity.NONE:
                told = middle(
                    sample.modality, slot.kind, sample.region, sample.pixel_mm, slot.unit, severity
                )
                amounts[which] = told or amounts[which]
    return replace(sample, tokens=said, amounts=amounts)


def in_own_words(
    model: MedQUni, seen: Seen, samples: Sequence[Sample], own: Sequence[bool]
) -> list[Sample]:
    """The samples, those of ``own`` with what the model itself says of them.

    Where it says that nothing is to be mended the sample keeps its words: there is nothing to learn
    from an image that is let alone.
    """
    found = list(samples)
    for at, sample in enumerate(samples):
        if not own[at]:
            continue
        scene = Scene(sample.modality, sample.region, sample.pixel_mm)
        alone = Seen(
            tuple((keys[at : at + 1], values[at : at + 1]) for keys, values in seen.blocks)
        )
        spoken = said_of(model, alone, scene)[0]
        words = description_of(findings_of(spoken, scene), scene, Confidence.HIGH)
        numbers = numbers_of(words, sample.pixel_mm)
        if not numbers["gates"].any():
            continue
        said = sample.tokens.copy()
        encoded, _ = tokens.encode(words)
        said[: len(encoded)] = encoded
        found[at] = replace(sample, tokens=said, gates=numbers["gates"], amounts=numbers["amounts"])
    return found


def wordless(sample: Sample) -> Sample:
    """The sample as the twin without words has it: all experts of its modality on, told nothing.

    Each gets its typical level, and a number that is 0 to it.
    """
    kinds = {kind for kind, _ in tokens.SPOKEN[sample.modality]}
    on = [kind in kinds for kind in EXPERTS]
    typical = [TYPICAL[k] * (1.0 if in_its_unit(k) else 100.0) for k in EXPERTS]
    return replace(
        sample,
        gates=np.array(on, np.float32),
        amounts=np.where(on, typical, 0).astype(np.float32),
    )


def in_its_unit(kind: Degradation) -> bool:
    """Whether ``TYPICAL`` has the number's own unit, not the image's."""
    return kind in (Degradation.UNDERSAMPLING, Degradation.MOTION)


def is_local(gates: np.ndarray) -> bool:
    """Whether noise is all that is wrong."""
    others = [k for k, kind in enumerate(EXPERTS) if kind not in NOISE_EXPERTS]
    return not bool(np.asarray(gates)[others].any())
