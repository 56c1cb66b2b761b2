"""Metal whose streaks are as severe as training wants them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engines.description import Degradation, Severity
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct.metal import Metal, kinds_for, random_metal
from engines.medq_uni.degradations.ct.metal_dose import dose_of_noise
from engines.medq_uni.degradations.ct.metal_scan import LEAST_SHARE
from engines.medq_uni.degradations.kernels import STANDARD, Kernel
from engines.medq_uni.pair import Pair
from engines.severity import CutOffs, cut_offs

TRIES = 8
"""Implants that are tried for the severity wanted; the nearest is taken."""
STEPS = 5
"""How often each is scanned, filling more or less of the slice."""
SEVERE_AIM = 1.6
"""Severe streaks are aimed at so many times their cut-off."""


@dataclass(frozen=True, slots=True)
class SomeMetal:
    """A random implant that the region may hold, whose streaks have ``severity``.

    How strong streaks are is known only once they are there, so an implant is scanned a few times,
    filling more or less of the slice's thickness, and others are tried; where none has the severity
    the nearest is taken, and its finding says so. ``noise_hu`` is the level of all noise at whose
    dose photons are counted: by default the source's own, full dose where that has none.
    """

    severity: Severity
    kernel: Kernel = STANDARD
    noise_hu: float | None = None

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        """``pair`` with the implant in image and truth, and its streaks in the image.

        Raises:
            NoPlaceError: no implant belongs into this image.
            ValueError: not a CT in HU, or one that had noise added before.
        """
        source = pair.source
        kinds = kinds_for(source)
        row = cut_offs(source.modality, Degradation.METAL, source.region)
        if row is None or not kinds:
            raise NoPlaceError(f"no implant belongs into {source.name}")
        noise = source.known_noise if self.noise_hu is None else self.noise_hu
        dose = dose_of_noise(source, noise, self.kernel)
        found: list[tuple[int, Pair]] = []
        for _ in range(TRIES):
            metal = random_metal(kinds, rng, self.kernel, dose)
            seed = int(rng.integers(2**62))
            try:
                for made, severity in _scans(metal, pair, seed, aim(self.severity, row)):
                    found.append((abs(severity.rank - self.severity.rank), made))
                    if severity is self.severity:
                        return made
            except NoPlaceError:
                continue
        if not found:
            raise NoPlaceError(f"no implant belongs into {source.name}")
        return min(found, key=lambda one: one[0])[1]


def aim(severity: Severity, row: CutOffs) -> float:
    """The amount to aim at for ``severity``: well between its cut-offs."""
    edges = (row.mild / 4, row.mild, row.moderate, row.severe, row.severe * SEVERE_AIM**2)
    return float(np.sqrt(edges[severity.rank] * edges[severity.rank + 1]))


def _scans(metal: Metal, pair: Pair, seed: int, wanted: float) -> Iterator[tuple[Pair, Severity]]:
    """The same implant in the same place, filling such a part of the slice that streaks come nearer
    to ``wanted``.

    They grow with the part, a little less than evenly at first and more at last.
    """
    low, high = LEAST_SHARE, 1.0
    share, tried = metal.scan.share, set[float]()
    for _ in range(STEPS):
        part = replace(metal, scan=replace(metal.scan, share=share))
        made = part.apply(pair, np.random.default_rng(seed))
        finding = made.finding(Degradation.METAL)
        if finding is None or finding.amount is None:
            raise ValueError("metal must say how strong its streaks are")
        yield made, finding.severity
        tried.add(share)
        low, high = (low, share) if finding.amount > wanted else (share, high)
        share = float(np.clip(share * wanted / max(finding.amount, 0.1), low, high))
        if share in tried:
            share = float(np.sqrt(low * high))
        if share in tried or high < 1.02 * low:
            return
