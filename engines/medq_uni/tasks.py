"""What engines are asked to mend: one row per task, from a source to the steps that spoil it.

New tasks, of any modality, are new rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.ct.low_dose import LowDose
from engines.medq_uni.degradations.ct.metal_dose import BodyNoise
from engines.medq_uni.degradations.ct.metal_wanted import SomeMetal
from engines.medq_uni.degradations.kernels import BARE_RAMP, KERNELS, STANDARD, Kernel
from engines.medq_uni.pair import Degrade, Source
from engines.severity import cut_offs

Steps = Callable[[Source, Severity, Kernel | None, np.random.Generator], tuple[Degrade, ...]]
"""A source, how severe, the reconstruction kernel and chance -> degradations in nature's order."""

DEGREES: tuple[Severity, ...] = (Severity.MILD, Severity.MODERATE, Severity.SEVERE)
SCANNED: tuple[Kernel, ...] = tuple(kernel for kernel in KERNELS if kernel is not BARE_RAMP)
"""Kernels of scanners."""
MOST_SEVERE = 1.8
"""Severe noise reaches from its cut-off to so many times that: 35 to 63 HU in the body."""
LEAST_ADDED = 0.5
"""Noise is added in this share of the wanted level at least, however noisy the source is."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task by ``name``; ``severities`` and ``kernels`` are what its cases are spread over.

    ``steps`` gives what is done to a source, nothing for a clean one; ``degradation`` is what the
    severity is of. ``noisy`` says that noise is added, so that filters of noise are worth their
    time.
    """

    name: str
    modality: Modality
    severities: tuple[Severity, ...]
    kernels: tuple[Kernel | None, ...]
    degradation: Degradation | None
    noisy: bool
    steps: Steps


def noise_level(source: Source, severity: Severity, rng: np.random.Generator) -> float:
    """A level of all noise, in HU, that has this severity in the source's region.

    Raises:
        ValueError: severity none, or no cut-offs for the source's modality.
    """
    row = cut_offs(source.modality, Degradation.NOISE, source.region)
    if row is None or severity is Severity.NONE:
        raise ValueError(f"severity {severity} of {source.modality} noise has no range of levels")
    edges = (row.mild, row.moderate, row.severe, row.severe * MOST_SEVERE)
    low, high = edges[severity.rank - 1 : severity.rank + 1]
    # Away from the cut-offs, where either word would be right.
    return float(rng.uniform(low + 0.1 * (high - low), high - 0.1 * (high - low)))


def added_noise(source: Source, severity: Severity, rng: np.random.Generator) -> float:
    """The noise, in HU, that brings the source's own up to a level of this severity."""
    level = noise_level(source, severity, rng)
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


def nothing(
    source: Source, severity: Severity, kernel: Kernel | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """The source stays as it is."""
    return ()


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("ct clean", Modality.CT, (Severity.NONE,), (None,), None, False, nothing),
        Task("ct low dose", Modality.CT, DEGREES, KERNELS, Degradation.NOISE, True, low_dose),
        Task("ct metal", Modality.CT, DEGREES, SCANNED, Degradation.METAL, False, metal),
        Task(
            "ct metal + low dose",
            Modality.CT,
            DEGREES,
            SCANNED,
            Degradation.NOISE,
            True,
            metal_and_low_dose,
        ),
    )
}
"""Name -> task, in the order of reports."""
