"""Stand-ins for tests: small sources, and a task of white noise that costs nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engines.description import Degradation, Finding, Modality, Severity
from engines.medq_uni.degradations.kernels import SHARP, SMOOTH
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.phantom_sources import evaluation_phantoms, kinds_of
from engines.medq_uni.tasks.task import DEGREES, Task
from engines.phantoms.ellipses import draw
from engines.phantoms.thorax import AIR_HU, thorax_ellipses
from engines.severity import cut_offs, severity_of

SIZE = 128
LEVELS = {Severity.MILD: 20.0, Severity.MODERATE: 30.0, Severity.SEVERE: 50.0}


@dataclass(frozen=True, slots=True)
class WhiteNoise:
    sigma: float

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        noise = rng.standard_normal(pair.image.shape, np.float32) * np.float32(self.sigma)
        row = cut_offs(Modality.CT, Degradation.NOISE, pair.source.region)
        assert row is not None
        finding = Finding(Degradation.NOISE, severity_of(self.sigma, row), self.sigma, "HU")
        return replace(pair, image=pair.image + noise, noise=self.sigma).with_finding(finding)


WHITE = Task(
    "ct white noise",
    Modality.CT,
    DEGREES,
    (SMOOTH, SHARP),
    Degradation.NOISE,
    True,
    lambda source, severity, kernel, rng: (WhiteNoise(LEVELS[severity]),),
)
CLEAN = Task(
    "ct clean",
    Modality.CT,
    (Severity.NONE,),
    (None,),
    None,
    False,
    lambda source, severity, kernel, rng: (),
)


def ct_phantoms(count: int, size: int, seed: int) -> tuple[Source, ...]:
    """Small phantoms of CT that an evaluation takes."""
    return evaluation_phantoms(kinds_of([Modality.CT]), count, seed, lambda _: size)


def source(patient: str, region: str = "chest", number: int = 0, size: int = SIZE) -> Source:
    """A slice of a phantom chest, told apart by its patient and number."""
    values = np.maximum(draw(thorax_ellipses(0.3 + 0.1 * number), size) + np.float32(AIR_HU), -1024)
    return Source(
        f"{patient}/{number}", patient, Modality.CT, region, "HU", values, 380 / size, 3.0
    )
