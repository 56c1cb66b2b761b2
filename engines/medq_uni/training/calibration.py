"""What the words of confidence are worth: thresholds that make them claim what comes true.

A description is right where every severity it says, as far as the truth is known, and the verdict
are the true ones. Its own estimate of that is the product of the probabilities of its severities.
Two thresholds on it, of each modality, are chosen on the patients kept for validation so that
"high", "medium" and "low" come true as often as they claim (``engines.description.CLAIMED``).
"""

from __future__ import annotations

from collections import defaultdict
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray

from engines.description import CLAIMED, Confidence, Modality, QualityDescription, Severity
from engines.medq_uni import tokens
from engines.medq_uni.model import MedQUni
from engines.medq_uni.spoken import Scene, description_of, findings_of
from engines.medq_uni.training.bank import Bank, Sample
from engines.medq_uni.training.batches import batch_of
from engines.medq_uni.training.constrained import said_of
from engines.medq_uni.training.mending import seen_by
from engines.medq_uni.weights_file import Calibration

STEPS = 40
"""Thresholds are looked for among so many quantiles."""
ASKED = 900
"""Samples that are asked for their words, about."""


def calibrated(model: MedQUni, bank: Bank) -> dict[Modality, Calibration]:
    """What each modality's probabilities are worth on the patients kept for validation.

    A modality without any keeps what is usual.
    """
    numbers = bank.validation[:: max(1, len(bank.validation) // ASKED)]
    found = {modality: Calibration() for modality in Modality}
    for modality, told in outcomes(model, bank, numbers).items():
        found[modality] = thresholds_of(told)
    return found


@torch.no_grad()
def outcomes(
    model: MedQUni, bank: Bank, numbers: list[int]
) -> dict[Modality, list[tuple[float, bool]]]:
    """Of every sample the probability that its words claim for themselves, and if they hold."""
    found: dict[Modality, list[tuple[float, bool]]] = defaultdict(list)
    for number in numbers:
        sample = bank.sample(number)
        seen = seen_by(model, batch_of([sample]))
        scene = Scene(sample.modality, sample.region, sample.pixel_mm)
        spoken = said_of(model, seen, scene)[0]
        words = description_of(findings_of(spoken, scene), scene, Confidence.HIGH)
        found[sample.modality].append((prod(spoken.sure.values()), holds(words, sample)))
    return dict(found)


def holds(words: QualityDescription, sample: Sample) -> bool:
    """Whether every severity that is known of a sample is what ``words`` say."""
    for at, slot in enumerate(tokens.slots(sample.modality)):
        if slot.what != tokens.STATE or slot.kind is None or not sample.said[at]:
            continue
        finding = words.finding(slot.kind)
        true = tokens.severity_of_token(int(sample.tokens[at]))
        if (finding.severity if finding else Severity.NONE) is not true:
            return False
    return True


def thresholds_of(told: list[tuple[float, bool]]) -> Calibration:
    """The thresholds whose words come nearest to what they claim."""
    claimed: NDArray[np.float64] = np.array([one[0] for one in told])
    right: NDArray[np.float64] = np.array([one[1] for one in told], np.float64)
    edges = np.unique(np.quantile(claimed, np.linspace(0, 1, STEPS + 1)))
    edges = np.append(edges, 1.0)
    best, chosen = np.inf, Calibration(high=1.0, medium=0.0)
    for high in edges:
        for medium in edges[edges <= high]:
            error = calibration_error(
                claimed, right, Calibration(high=float(high), medium=float(medium))
            )
            if error < best:
                best, chosen = error, Calibration(high=float(high), medium=float(medium))
    return chosen


def calibration_error(
    claimed: NDArray[np.float64], right: NDArray[np.float64], at: Calibration
) -> float:
    """Mean distance of what the words claim from what comes true."""
    groups = {
        Confidence.HIGH: claimed >= at.high,
        Confidence.MEDIUM: (claimed < at.high) & (claimed >= at.medium),
        Confidence.LOW: claimed < at.medium,
    }
    return float(
        sum(
            mask.mean() * abs(right[mask].mean() - CLAIMED[word])
            for word, mask in groups.items()
            if mask.any()
        )
    )
