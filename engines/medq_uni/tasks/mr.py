"""What is done to MR: fewer lines, a moved patient, noise, mixtures, nothing; one scan each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.mr.movement import (
    BREATHING,
    JERK,
    MOVEMENTS,
    Movement,
    MovementKind,
)
from engines.medq_uni.degradations.mr.sampling import (
    EQUIDISTANT,
    LOW_RESOLUTION,
    PATTERNS,
    Pattern,
)
from engines.medq_uni.degradations.mr.scan import MRScan
from engines.medq_uni.pair import Degrade, Source
from engines.medq_uni.tasks.task import DEGREES, Task, Variant, clean, level_of

PATTERN, MOVEMENT = "pattern", "movement"
MOST_FOLD = 2.0
"""Severe undersampling reaches from its cut-off to so many times that: 4 to 8 fold."""
CENTRAL_FOLD = 4.0
"""Low resolution goes further: to 16 fold, the central 6 % of k-space."""
MOST_MOVED = 2.0
MOST_NOISE = 1.8
NOISY_SHARE = 0.5
"""How often what moved and was undersampled is noisy as well."""
NODDING = ("head", "neck", "arm", "leg")
"""Regions that breathing doesn't move; what comes again and again there goes any way."""
COILS = (1, 4, 8)
"""Few enough to be quick."""


def fold(source: Source, severity: Severity, pattern: Pattern, rng: np.random.Generator) -> float:
    """How many times fewer lines have this severity."""
    most = CENTRAL_FOLD if pattern is LOW_RESOLUTION else MOST_FOLD
    return level_of(source, Degradation.UNDERSAMPLING, severity, most, rng)


def noise_percent(source: Source, severity: Severity, rng: np.random.Generator) -> float:
    """All noise of the final image, in % of the signal, that has this severity."""
    return level_of(source, Degradation.NOISE, severity, MOST_NOISE, rng)


def any_of(rng: np.random.Generator) -> Severity:
    """A severity by chance."""
    return DEGREES[int(rng.integers(len(DEGREES)))]


def random_scanner(rng: np.random.Generator) -> MRScan:
    """A scan that does nothing yet, with coils and direction of phase encoding by chance."""
    coils, phase_axis = COILS[int(rng.integers(len(COILS)))], int(rng.integers(2))
    return MRScan(coils=coils, phase_axis=phase_axis)


def moved(
    source: Source, severity: Severity, kind: MovementKind, rng: np.random.Generator
) -> Movement:
    """A movement whose way or angle, whichever is worse, has this severity.

    Millimetres and degrees have the same cut-offs. Breathing is that of the trunk; in a head or a
    limb the same movement, again and again, is a nodding or a tremor in any direction.
    """
    level = level_of(source, Degradation.MOTION, severity, MOST_MOVED, rng)
    movement = kind.movement(*kind.random_amounts(level, rng))
    if kind is BREATHING and source.region in NODDING:
        return replace(movement, slant=float(rng.uniform(0, 2 * np.pi)))
    return movement


def noise(
    source: Source, severity: Severity, variant: Variant | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """Noise of the receiver."""
    return (replace(random_scanner(rng), noise_percent=noise_percent(source, severity, rng)),)


def undersampling(
    source: Source, severity: Severity, pattern: Pattern | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """Fewer lines than the image needs, filled with zeros."""
    pattern = pattern or EQUIDISTANT
    return (
        replace(random_scanner(rng), pattern=pattern, fold=fold(source, severity, pattern, rng)),
    )


def motion(
    source: Source, severity: Severity, kind: MovementKind | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """A patient who moves while the lines are measured."""
    movement = moved(source, severity, kind or JERK, rng)
    return (replace(random_scanner(rng), movement=movement),)


def undersampling_and_noise(
    source: Source, severity: Severity, pattern: Pattern | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """Fewer lines by the severity, and noise of any in what is left of the image, evenly."""
    pattern = pattern or EQUIDISTANT
    percent = noise_percent(source, any_of(rng), rng)
    lines = fold(source, severity, pattern, rng)
    scan = replace(random_scanner(rng), pattern=pattern, fold=lines, noise_percent=percent)
    return (scan,)


def motion_and_undersampling(
    source: Source, severity: Severity, kind: MovementKind | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """A movement of the severity while fewer lines of any pattern are measured.

    In half of the cases noise of any severity, else none.
    """
    movement = moved(source, severity, kind or JERK, rng)
    pattern = PATTERNS[int(rng.integers(len(PATTERNS)))]
    lines = fold(source, any_of(rng), pattern, rng)
    noisy = bool(rng.random() < NOISY_SHARE)
    percent = noise_percent(source, any_of(rng), rng) if noisy else 0.0
    scan = replace(random_scanner(rng), pattern=pattern, fold=lines, movement=movement)
    return (replace(scan, noise_percent=percent),)


TASKS: tuple[Task[Any], ...] = (
    clean(Modality.MR),
    Task(
        "mr undersampling", Modality.MR, DEGREES, PATTERNS, Degradation.UNDERSAMPLING, False,
        undersampling, PATTERN,
    ),
    Task(
        "mr motion", Modality.MR, DEGREES, MOVEMENTS, Degradation.MOTION, False, motion, MOVEMENT
    ),
    Task("mr noise", Modality.MR, DEGREES, (None,), Degradation.NOISE, True, noise),
    Task(
        "mr undersampling + noise", Modality.MR, DEGREES, PATTERNS, Degradation.UNDERSAMPLING,
        True, undersampling_and_noise, PATTERN,
    ),
    Task(
        "mr motion + undersampling", Modality.MR, DEGREES, MOVEMENTS, Degradation.MOTION,
        True, motion_and_undersampling, MOVEMENT,
    ),
)  # fmt: skip
"""In the order of reports."""
