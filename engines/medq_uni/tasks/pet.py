"""What is done to PET: fewer counts, a patient who breathes, both, nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.pet.breathing import Breathing
from engines.medq_uni.degradations.pet.low_count import LowCount
from engines.medq_uni.degradations.pet.reconstruction import (
    RECONSTRUCTIONS,
    Reconstruction,
)
from engines.medq_uni.pair import Degrade, Source
from engines.medq_uni.tasks.task import DEGREES, Task, clean, level_of

RECONSTRUCTION = "reconstruction"
MOST_NOISE = 2.0
"""Severe noise reaches from its cut-off to so many times that: 25 to 50 % of the signal."""
MOST_MOVED = 1.5
LEAN = 0.3
"""Breathing moves the front of a supine body up in the image, within so many radians."""


def low_count(
    source: Source,
    severity: Severity,
    reconstruction: Reconstruction | None,
    rng: np.random.Generator,
) -> tuple[Degrade, ...]:
    """So few counts that the noise has the severity."""
    percent = level_of(source, Degradation.LOW_COUNT, severity, MOST_NOISE, rng)
    return (LowCount(percent=percent, reconstruction=reconstruction or RECONSTRUCTIONS[0]),)


def motion_and_low_count(
    source: Source,
    severity: Severity,
    reconstruction: Reconstruction | None,
    rng: np.random.Generator,
) -> tuple[Degrade, ...]:
    """Noise of the severity, in a patient who breathes by any."""
    moved = DEGREES[int(rng.integers(len(DEGREES)))]
    way = level_of(source, Degradation.MOTION, moved, MOST_MOVED, rng)
    breath = Breathing(way, float(np.pi + rng.normal(0, LEAN)))
    return (breath, *low_count(source, severity, reconstruction, rng))


TASKS: tuple[Task[Any], ...] = (
    clean(Modality.PT),
    Task(
        "pet low count", Modality.PT, DEGREES, RECONSTRUCTIONS, Degradation.LOW_COUNT, True,
        low_count, RECONSTRUCTION,
    ),
    Task(
        "pet motion + low count", Modality.PT, DEGREES, RECONSTRUCTIONS, Degradation.LOW_COUNT,
        True, motion_and_low_count, RECONSTRUCTION,
    ),
)  # fmt: skip
"""In the order of reports."""
