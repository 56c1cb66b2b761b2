"""What is done to CT: low dose, metal, both, nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.ct.low_dose import LowDose
from engines.medq_uni.degradations.ct.metal_dose import BodyNoise
from engines.medq_uni.degradations.ct.metal_wanted import SomeMetal
from engines.medq_uni.degradations.kernels import BARE_RAMP, KERNELS, STANDARD, Kernel
from engines.medq_uni.pair import Degrade, Source
from engines.medq_uni.tasks.task import DEGREES, Task, clean, level_of

KERNEL = "kernel"
SCANNED: tuple[Kernel, ...] = tuple(kernel for kernel in KERNELS if kernel is not BARE_RAMP)
"""Kernels of scanners."""
MOST_SEVERE = 1.8
"""Severe noise reaches from its cut-off to so many times that: 35 to 63 HU in the body."""
LEAST_ADDED = 0.5
"""Noise is added in this share of the wanted level at least, however noisy the source is."""


def added_noise(source: Source, severity: Severity, rng: np.random.Generator) -> float:
    """The noise, in HU, that brings the source's own up to a level of this severity."""
    level = level_of(source, Degradation.NOISE, severity, MOST_SEVERE, rng)
    return float(np.sqrt(max(level**2 - source.known_noise**2, (LEAST_ADDED * level) ** 2)))


def low_dose(
    source: Source, severity: Severity, kernel: Kernel | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """Noise of a low dose that brings the source's own up to the severity."""
    return (LowDose(noise_hu=added_noise(source, severity, rng), kernel=kernel or STANDARD),)


def metal(
    source: Source, severity: Severity, kernel: Kernel | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """An implant whose streaks have the severity."""
    return (SomeMetal(severity, kernel or STANDARD),)


def metal_and_low_dose(
    source: Source, severity: Severity, kernel: Kernel | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """Noise of the severity, and an implant with streaks of any, scanned at one dose."""
    streaks = DEGREES[int(rng.integers(len(DEGREES)))]
    added, by = added_noise(source, severity, rng), kernel or STANDARD
    return (
        SomeMetal(streaks, by, float(np.hypot(source.known_noise, added))),
        BodyNoise(LowDose(noise_hu=added, kernel=by)),
    )


TASKS: tuple[Task[Any], ...] = (
    clean(Modality.CT),
    Task(
        "ct low dose",
        Modality.CT,
        DEGREES,
        KERNELS,
        Degradation.NOISE,
        True,
        low_dose,
        KERNEL,
    ),
    Task("ct metal", Modality.CT, DEGREES, SCANNED, Degradation.METAL, False, metal, KERNEL),
    Task(
        "ct metal + low dose",
        Modality.CT,
        DEGREES,
        SCANNED,
        Degradation.NOISE,
        True,
        metal_and_low_dose,
        KERNEL,
    ),
)
"""In the order of reports."""
