"""What the words of confidence are worth: thresholds that make them claim what comes true.

A description is right where every severity it says, as far as the truth is known, is the true one;
verdict and plan follow from these and from what is measured. Words are put right as they are where
they are served (``engines.medq_uni.plausible``). Its own estimate of that is the product of the
probabilities of its severities. Two thresholds on it, of each modality, are chosen on the patients
kept for validation so that "high", "medium" and "low" come true as often as they claim
(``engines.description.CLAIMED``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engines.base import StackInfo
from engines.description import CLAIMED, Confidence, Modality, QualityDescription, Severity
from engines.medq_uni import tokens
from engines.medq_uni.look import HU
from engines.medq_uni.model import MedQUni
from engines.medq_uni.plausible import Evidence, words_of
from engines.medq_uni.series import claimed
from engines.medq_uni.spoken import Scene, description_of
from engines.medq_uni.training.bank import Bank, Sample
from engines.medq_uni.training.batches import batch_of
from engines.medq_uni.training.constrained import said_of
from engines.medq_uni.training.mending import seen_by
from engines.medq_uni.weights_file import Calibration

STEPS = 40
"""Thresholds are looked for among so many quantiles."""
ASKED = 900
"""Samples that are asked for their words, about; of every task alike."""


def calibrated(model: MedQUni, bank: Bank) -> dict[Modality, Calibration]:
    """What each modality's probabilities are worth on the patients kept for validation.

    A modality without any keeps what is usual.
    """
    numbers = evenly(bank, bank.validation, ASKED)
    found = {modality: Calibration() for modality in Modality.sectional()}
    for modality, told in outcomes(model, bank, numbers).items():
        found[modality] = thresholds_of(told)
    return found


def evenly(bank: Bank, numbers: Sequence[int], count: int) -> list[int]:
    """About ``count`` of the samples ``numbers``, as many of every task.

    Where a task has fewer they come more than once: each then stands for more of its kind.
    """
    tasks: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        tasks[bank.about[number]["task"]].append(number)
    each = max(1, count // max(1, len(tasks)))
    return [
        ones[k] for ones in tasks.values() for k in np.linspace(0, len(ones) - 1, each, dtype=int)
    ]


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
        words = words_of(0, spoken, evidence_of(sample), scene)
        description = description_of(tuple(words.findings.values()), scene, Confidence.HIGH)
        found[sample.modality].append((claimed(words), holds(description, sample)))
    return dict(found)


def evidence_of(sample: Sample) -> Evidence:
    """What the image of a sample shows, as serving sees it."""
    values = sample.image * np.float32(HU) if sample.modality is Modality.CT else sample.image
    rows, columns = values.shape
    spacing, saturation = (0.0, sample.pixel_mm, sample.pixel_mm), (-np.inf, np.inf)
    unit = "HU" if sample.modality is Modality.CT else "signal"
    info = StackInfo(sample.modality, sample.region, unit, 1, rows, columns, spacing, saturation)
    return Evidence(values, np.ones(values.shape, np.bool_), info)


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
