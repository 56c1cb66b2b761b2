"""What training and evaluation are made of: a source image, and a pair of image and truth.

A degradation is a small frozen object of parameters with ``apply(pair, rng)``; it changes the
image and says in a finding what it did. They are applied in the order of nature: the object first
(metal), then the photons (dose). Each next one projects the image that the last one left, so that
what an image holds is what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from engines.base import FloatArray
from engines.description import Degradation, Finding, Modality


@dataclass(frozen=True, slots=True)
class Source:
    """One slice to degrade, as good as it can be had.

    ``values`` is float32 (rows, columns) in ``unit``; ``noise`` is its own residual noise in
    ``unit``, 0 for a phantom and ``None`` where nobody knows. ``patient`` names the person or the
    phantom: what is split by. ``name`` is unique among sources and holds no patient data.
    ``contrast`` names the weighting of an MR image (a word of ``engines.phantoms.anatomy``'s kinds)
    where it is known.
    """

    name: str
    patient: str
    modality: Modality
    region: str
    unit: str
    values: FloatArray
    pixel_mm: float
    slice_mm: float
    noise: float | None = 0.0
    contrast: str = ""

    @property
    def known_noise(self) -> float:
        """``noise``, or 0 where it is unknown."""
        return self.noise or 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A degraded image beside its truth.

    ``image`` and ``truth`` are float32 (rows, columns) in the source's unit; ``truth`` is what a
    perfect restoration would give. ``noise`` is the standard deviation, in that unit, of all noise
    in ``image`` in soft tissue, the source's own included where it is known. ``findings`` say what
    was done, with true numbers; ``recipe`` says with what parameters, for tables and manifests.
    """

    source: Source
    image: FloatArray
    truth: FloatArray
    noise: float
    findings: tuple[Finding, ...] = ()
    recipe: tuple[tuple[str, float | str], ...] = ()

    @classmethod
    def clean(cls, source: Source) -> Pair:
        """The source as it is: nothing was done."""
        return cls(source, source.values, source.values, source.known_noise)

    def finding(self, degradation: Degradation) -> Finding | None:
        """What was done of this kind, if anything."""
        return next((f for f in self.findings if f.degradation is degradation), None)

    def with_finding(self, finding: Finding, **recipe: float | str) -> Pair:
        """The pair with one more finding (it replaces one of its kind) and its parameters."""
        others = tuple(f for f in self.findings if f.degradation is not finding.degradation)
        added = (*self.recipe, *recipe.items())
        return replace(self, findings=(*others, finding), recipe=added)


class Degrade(Protocol):
    """One degradation with its parameters; the same pair and generator give the same result."""

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        """``pair`` with this done to its image as well."""
        ...


def compose(source: Source, steps: Iterable[Degrade], seed: int) -> Pair:
    """A pair from ``source`` by ``steps`` in order; the same arguments give the same pair."""
    rng = np.random.default_rng(seed)
    pair = Pair.clean(source)
    for step in steps:
        pair = step.apply(pair, rng)
    return pair
