"""Metal at low dose: which dose a level of noise means, and the body's noise beside metal's.

What metal adds to the noise of its rays is counted where metal is scanned, with all that it takes
away. The image holds metal only as bright as it can be stored, so that counting its shadow again
from there would give it too many photons, and twice. The rest is the noise of the body alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engines.medq_uni.degradations.checks import within
from engines.medq_uni.degradations.ct.low_dose import LEAST_NOISE, LowDose, check_source, dose_for
from engines.medq_uni.degradations.ct.metal import HIGHEST_HU, LOWEST_HU
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.degradations.ct.scanned import ScannedSlice
from engines.medq_uni.degradations.ct.tissue import soft_tissue
from engines.medq_uni.degradations.kernels import Kernel
from engines.medq_uni.pair import Pair, Source

DOSES = (0.01, 4.0)
"""Lowest and highest dose of a scan."""


def dose_of_noise(source: Source, noise_hu: float, kernel: Kernel) -> float:
    """The dose, 0.01 to 4, at which ``source`` has so much noise (HU) in soft tissue, all in all.

    1 where it has none: a phantom at full dose.

    Raises:
        ValueError: not a CT in HU, or noise not within 0 to 1000 HU.
    """
    check_source(source)
    if within("noise_hu", noise_hu, 0, 1000) < LEAST_NOISE:
        return 1.0
    scan = Scan(kernel=kernel, slice_mm=source.slice_mm)
    scanned = ScannedSlice(source.values, source.pixel_mm, scan)
    tissue = soft_tissue(source.values, source.pixel_mm)
    quantum, electronic = (float(part[tissue].mean()) for part in scanned.variances())
    return float(np.clip(dose_for(noise_hu**2, quantum, electronic), *DOSES))


@dataclass(frozen=True, slots=True)
class BodyNoise:
    """The noise that ``step`` puts on the source, on an image that holds metal as well.

    For metal whose own photons were counted at the dose that comes out; see ``dose_of_noise``.
    What is stored as brightest or darkest is saturated, and stays so.
    """

    step: LowDose

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        """``pair`` with the noise added to its image; ValueError where that is no CT in HU."""
        values = pair.source.values
        noisy = self.step.apply(replace(pair, image=values, truth=values), rng)
        stored = (pair.image > LOWEST_HU) & (pair.image < HIGHEST_HU)
        noise = np.where(stored, noisy.image - values, np.float32(0))
        low = min(LOWEST_HU, float(pair.image.min()))
        high = max(HIGHEST_HU, float(pair.image.max()))
        image = np.clip(pair.image + noise, np.float32(low), np.float32(high))
        return replace(noisy, image=image, truth=pair.truth)
