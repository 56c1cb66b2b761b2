"""What an engine is asked to mend: from a source to the steps that spoil it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.pair import Degrade, Source
from engines.severity import cut_offs

DEGREES: tuple[Severity, ...] = (Severity.MILD, Severity.MODERATE, Severity.SEVERE)
MARGIN = 0.1
"""Levels keep this share of a severity's range away from its cut-offs, where either word would be
right."""


class Variant(Protocol):
    """One of several ways in which a task's degradation comes about."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...


V = TypeVar("V", bound=Variant)


@dataclass(frozen=True, slots=True)
class Task(Generic[V]):
    """A task by ``name``; ``severities`` and ``variants`` are what its cases are spread over.

    ``variant_of`` says what variants are of: CT's kernel, MR's pattern or movement, PET's
    reconstruction. ``steps`` gives what is done to a source, nothing for a clean one, from the
    source, how severe, the variant and chance, in nature's order; ``degradation`` is what the
    severity is of. ``noisy`` says that noise is added, so that filters can be told how much.
    """

    name: str
    modality: Modality
    severities: tuple[Severity, ...]
    variants: tuple[V | None, ...]
    degradation: Degradation | None
    noisy: bool
    steps: Callable[[Source, Severity, V | None, np.random.Generator], tuple[Degrade, ...]]
    variant_of: str = "variant"


def level_of(
    source: Source,
    degradation: Degradation,
    severity: Severity,
    most_severe: float,
    rng: np.random.Generator,
    unit: str | None = None,
) -> float:
    """An amount of ``degradation`` that has this severity in the source's region.

    In ``unit``, or in the first that is graded. Severe reaches from its cut-off to ``most_severe``
    times that.

    Raises:
        ValueError: severity none, or no cut-offs for the source's modality.
    """
    row = cut_offs(source.modality, degradation, source.region, source.pixel_mm, unit)
    if row is None or severity is Severity.NONE:
        raise ValueError(
            f"severity {severity} of {source.modality} {degradation} has no range of levels"
        )
    edges = (row.mild, row.moderate, row.severe, row.severe * most_severe)
    low, high = edges[severity.rank - 1 : severity.rank + 1]
    return float(rng.uniform(low + MARGIN * (high - low), high - MARGIN * (high - low)))


def nothing(
    source: Source, severity: Severity, variant: Variant | None, rng: np.random.Generator
) -> tuple[Degrade, ...]:
    """The source stays as it is."""
    return ()


def clean(modality: Modality) -> Task[Variant]:
    """The task of leaving alone what needs nothing."""
    name = f"{WORDS[modality]} clean"
    return Task(name, modality, (Severity.NONE,), (None,), None, False, nothing)


WORDS: dict[Modality, str] = {Modality.CT: "ct", Modality.MR: "mr", Modality.PT: "pet"}
"""First word of the names of a modality's tasks."""
