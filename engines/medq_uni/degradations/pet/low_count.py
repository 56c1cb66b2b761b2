"""PET at low count: what fewer coincidences do to a slice; see ``scanned`` for how it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engines.base import FloatArray
from engines.description import Amount, Degradation, Modality
from engines.medq_uni.degradations.checks import NoPlaceError, image, within
from engines.medq_uni.degradations.pet.reconstruction import OSEM, Reconstruction
from engines.medq_uni.degradations.pet.scan import PETScan
from engines.medq_uni.degradations.pet.scanned import ScannedActivity
from engines.medq_uni.degradations.pet.tissue import Tissue, typical_tissue
from engines.medq_uni.pair import Pair, Source
from engines.severity import graded_finding

DEFAULT_SCAN = PETScan()
SHARES = (0.0005, 1.0)
"""Least and most of the counts that can be kept."""
PERCENT = (0.5, 100.0)
"""Least and most noise that can be asked for."""
LARGEST = 1e9
"""Higher values, in the source's unit, are no uptake."""
LEAST_ADDED = 1e-3
"""Where the noise asked for is, to this share, the source's own, nothing is done."""
NEAR = 1.33
"""A realisation whose noise is within this factor of the wanted is scaled to it. That is the scan
with accordingly more or fewer counts but for the third moment; further off, it is counted anew."""
TRIES = 4


@dataclass(frozen=True, slots=True)
class LowCount:
    """The slice as with fewer counts; truth stays.

    Either ``percent``, the standard deviation of all noise in tissue in % of its signal, the
    source's own included, or ``share``, the part of the full scan's counts that is kept. A source
    with noise of its own tells by it how many counts it had, and gets the noise that is missing. A
    source without (a phantom, or one whose noise nobody knows) gets all the noise, its full scan
    having had a typical one (``Reconstruction.full_percent``); where less is asked for than that,
    all counts are kept and the full scan was a longer one. Counts and noise tell each other by the
    square root: expectation maximisation departs from it by some per cent only up to 50 % noise.

    Done twice, shares multiply.

    Raises:
        ValueError: not exactly one of percent and share, percent not within 0.5 to 100, or share
            not within 0.0005 to 1.
    """

    percent: float | None = None
    share: float | None = None
    reconstruction: Reconstruction = OSEM
    scan: PETScan = DEFAULT_SCAN

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.share is None):
            raise ValueError("share or percent must be given, not both")
        if self.percent is not None:
            within("percent", self.percent, *PERCENT)
        if self.share is not None:
            within("share", self.share, *SHARES)

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        """``pair`` with the noise added to its image, cut off at zero as scanners store it.

        Raises:
            ValueError: not a PET slice of known pixel size.
            NoPlaceError: no tissue, or the source has more noise, or far less, than is asked for.
        """
        source = pair.source
        check_source(source)
        values = image("image", pair.image, -LARGEST, LARGEST)
        tissue = typical_tissue(image("truth", pair.truth, -LARGEST, LARGEST), source.pixel_mm)
        share, total = self._wanted(pair.noise, tissue.signal)
        added = float(np.sqrt(max(total**2 - pair.noise**2, 0.0)))
        if added <= LEAST_ADDED * total:
            return self._noisier(pair, np.zeros_like(values), share, total, tissue.signal)
        scanned = ScannedActivity(
            np.maximum(values, 0), source.pixel_mm, source.region, tissue.signal,
            self.scan, self.reconstruction,
        )  # fmt: skip
        noise = wanted_noise(scanned, tissue, added, share if pair.noise > 0 else None, rng)
        return self._noisier(pair, noise, share, total, tissue.signal)

    def _wanted(self, own: float, signal: float) -> tuple[float, float]:
        """The share of counts to keep, and all noise there is then, in the source's unit."""
        full = own or self.reconstruction.full_percent / 100 * signal
        if self.share is not None:
            return self.share, full / self.share**0.5
        total = (self.percent or 0.0) / 100 * signal
        if total < own:
            percent = 100 * own / signal
            raise NoPlaceError(f"image has {percent:.3g} % of noise already, not {self.percent:g}")
        share = min(1.0, (full / total) ** 2)
        if share < SHARES[0]:
            raise NoPlaceError(
                f"share must be from {SHARES[0]:g} to 1: {self.percent:g} % of noise would keep "
                f"{share:.2g} of the counts of image {100 * full / signal:.2g} %"
            )
        return share, total

    def _noisier(
        self, pair: Pair, noise: FloatArray, share: float, total: float, signal: float
    ) -> Pair:
        source = pair.source
        kept = share * kept_before(pair)
        finding = graded_finding(
            Degradation.LOW_COUNT,
            [Amount(100 * total / signal, "% of signal"), Amount(100 * kept, "% of counts")],
            source.modality,
            source.region,
            pixel_mm=source.pixel_mm,
        )
        low = np.float32(min(0.0, float(pair.image.min())))
        by = self.reconstruction
        noisy = replace(pair, image=np.maximum(pair.image + noise, low), noise=total)
        return noisy.with_finding(
            finding, share=share, noise_percent=100 * total / signal, reconstruction=by.name,
            iterations=by.iterations, subsets=by.subsets, psf_mm=by.psf_mm, post_mm=by.post_mm,
        )  # fmt: skip


def wanted_noise(
    scanned: ScannedActivity,
    tissue: Tissue,
    added: float,
    share: float | None,
    rng: np.random.Generator,
) -> FloatArray:
    """Noise (rows, columns) whose standard deviation in ``tissue`` is ``added``.

    It is all the noise of a scan, or with ``share`` that by which a scan thinned to it differs from
    the full one.
    """
    # Thinning adds (1 / share - 1) over the full counts to the variance.
    left = 1.0 if share is None else 1 - share
    told = tissue.noise(np.sqrt(np.maximum(scanned.variance(), 0)))
    counts = left * (told / added) ** 2
    for _ in range(TRIES):
        noise = scanned.noise(counts, rng, None if share is None else counts / share)
        ratio = added / tissue.noise(noise)
        if 1 / NEAR <= ratio <= NEAR:
            break
        counts /= ratio**2
    return np.asarray(noise * np.float32(ratio), np.float32)


def kept_before(pair: Pair) -> float:
    """The share of its source's counts that ``pair`` has left."""
    before = pair.finding(Degradation.LOW_COUNT)
    if before is None:
        return 1.0
    kept = (amount.value for amount in before.amounts if amount.unit == "% of counts")
    return next(kept, 100.0) / 100


def check_source(source: Source) -> None:
    """Refuse, with a ValueError, what isn't a PET slice of known pixel size."""
    if source.modality is not Modality.PT:
        raise ValueError(f"modality of source {source.name!r} must be PT, not {source.modality}")
    within("pixel_mm", source.pixel_mm, 0.2, 20)
