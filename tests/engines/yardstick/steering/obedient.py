"""An engine that does as it is told: it smooths as far as severity and number of noise say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from engines.base import FloatArray, ImageStack, Slab, StackInfo
from engines.description import (
    Action,
    Confidence,
    Degradation,
    Modality,
    QualityDescription,
    Severity,
)
from engines.verdict import verdict_of
from tests.engines.yardstick.words.said import noise

EDGE_HU = 150.0
"""Larger steps are anatomy."""
SHARE = {Severity.MILD: 0.2, Severity.MODERATE: 0.4, Severity.SEVERE: 0.6}


@dataclass(frozen=True)
class Obedient:
    """``share`` is by severity; it says moderate noise of 30 HU of everything."""

    share: dict[Severity, float]
    strength: float = 1.0
    name: str = "obedient"
    version: str = "1"
    digest: str = "0" * 64
    restorable: frozenset[Action] = frozenset({Action.REDUCE_NOISE})
    modalities: frozenset[Modality] = frozenset(Modality)

    def assess(self, stack: ImageStack) -> QualityDescription:
        found = (noise(Severity.MODERATE, 30.0),)
        info, sure = stack.info, Confidence.HIGH
        verdict, plan = verdict_of(found, Modality.CT, info.region, sure)
        return QualityDescription(Modality.CT, info.region, found, (), verdict, plan, sure)

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        told = description.finding(Degradation.NOISE)
        if told is None or told.severity is Severity.NONE:
            return slab.values.copy()
        by_number = min((told.amount or 30.0) / 30, 1.5)
        share = self.strength * self.share[told.severity] * by_number
        smooth = ndimage.median_filter(slab.values, (1, 3, 3)) - slab.values
        noisy = np.where(np.abs(smooth) < EDGE_HU, smooth, 0)
        return np.asarray(slab.values + share * noisy, np.float32)

    def without_steering(self) -> Obedient:
        return replace(self, strength=self.strength / 2)


OBEDIENT = Obedient(SHARE)
DEAF = Obedient(dict.fromkeys(SHARE, 0.3))
"""All severities alike to it."""
CONTRARY = Obedient({Severity.MILD: 0.6, Severity.MODERATE: 0.4, Severity.SEVERE: 0.2})
