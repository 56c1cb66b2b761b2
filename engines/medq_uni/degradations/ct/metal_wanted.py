"""Metal whose streaks are as severe as training wants them.

How strong streaks are is known only once they are there. A quick scan of the same implant, in a
smaller image and in fewer views, tells it to about 15 % (standard deviation); the full one is made
where that has the severity wanted, and has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engines.base import FloatArray
from engines.description import Degradation, Severity
from engines.medq_uni.degradations.checks import LEAST_SIDE, NoPlaceError, hu_image
from engines.medq_uni.degradations.ct.metal import Metal, kinds_for, random_metal
from engines.medq_uni.degradations.ct.metal_dose import dose_of_noise
from engines.medq_uni.degradations.ct.metal_scan import LEAST_SHARE
from engines.medq_uni.degradations.ct.metal_sites import anatomy
from engines.medq_uni.degradations.kernels import STANDARD, Kernel
from engines.medq_uni.pair import Pair
from engines.severity import CutOffs, cut_offs, severity_of

TRIES = 8
"""Implants that are tried for the severity wanted; the nearest is taken."""
STEPS = 5
"""How often each is scanned quickly, filling more or less of the slice."""
SEVERE_AIM = 1.6
"""Severe streaks are aimed at so many times their cut-off."""
QUICK_PIXELS, QUICK_MM = 256, 2.5
"""An image that is scanned quickly has about so many rows or columns, or fewer, of so many
millimetres at most."""
QUICK_VIEWS = 164
"""Its views of half a turn: between fewer, streaks are seen that no scanner makes."""


@dataclass(frozen=True, slots=True)
class SomeMetal:
    """A random implant that the region may hold, whose streaks have ``severity``.

    An implant is scanned a few times, filling more or less of the slice's thickness, and others are
    tried; where none has the severity the nearest is taken, and its finding says so. ``noise_hu``
    is the level of all noise at whose dose photons are counted: by default the source's own, full
    dose where that has none.
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
        found, small = anatomy(hu_image("truth", pair.truth), source.pixel_mm), smaller(pair)
        nearest: _Share | None = None
        for _ in range(TRIES):
            metal = random_metal(kinds, rng, self.kernel, dose)
            place, counts = np.random.SeedSequence(int(rng.integers(2**62))).spawn(2)
            try:
                part = metal.drawn(source, found, np.random.default_rng(place))
            except NoPlaceError:
                continue
            quick_part = _averaged(part, _step(pair))
            implant = _Implant(metal, pair, part, small, quick_part, counts)
            best = _search(implant, self.severity, row)
            if best.off == 0:
                return best.made()
            if nearest is None or best.off < nearest.off:
                nearest = best
        if nearest is None:
            raise NoPlaceError(f"no implant belongs into {source.name}")
        return nearest.made()


def aim(severity: Severity, row: CutOffs) -> float:
    """The amount to aim at for ``severity``: well between its cut-offs."""
    edges = (row.mild / 4, row.mild, row.moderate, row.severe, row.severe * SEVERE_AIM**2)
    return float(np.sqrt(edges[severity.rank] * edges[severity.rank + 1]))


def smaller(pair: Pair) -> Pair:
    """``pair`` averaged over squares of pixels to at most about ``QUICK_PIXELS`` rows or columns.

    What is left over at the lower and right edge, less than a square, is cut off.
    """
    step = _step(pair)
    source = replace(
        pair.source,
        values=_averaged(pair.source.values, step),
        pixel_mm=pair.source.pixel_mm * step,
    )
    return replace(
        pair, source=source, image=_averaged(pair.image, step), truth=_averaged(pair.truth, step)
    )


def _step(pair: Pair) -> int:
    """Pixels along the side of a square of which the smaller image has one."""
    shape = pair.image.shape
    coarsest = min(int(QUICK_MM / pair.source.pixel_mm), min(shape) // LEAST_SIDE)
    return int(max(min(round(max(shape) / QUICK_PIXELS), coarsest), 1))


def _averaged(values: FloatArray, step: int) -> FloatArray:
    """``values`` (rows, columns), one for each square of ``step``."""
    if step == 1:
        return values
    rows, columns = (length // step for length in values.shape)
    total: FloatArray = np.zeros((rows, columns), np.float32)
    for row, column in np.ndindex(step, step):
        total = total + values[row : rows * step : step, column : columns * step : step]
    return np.asarray(total / step**2, np.float32)


@dataclass(frozen=True, slots=True)
class _Implant:
    """``metal`` in its place, of which ``part`` (rows, columns) of every pixel of ``pair`` is made,
    and the same in the smaller image; ``counts`` decides the noise of its shadow.
    """

    metal: Metal
    pair: Pair
    part: FloatArray
    small: Pair
    small_part: FloatArray
    counts: np.random.SeedSequence

    def quick(self, share: float) -> float:
        """About how many HU its streaks have if it fills ``share`` of the slice."""
        scan = replace(self.metal.scan, share=share, views=QUICK_VIEWS)
        metal, rng = replace(self.metal, scan=scan), np.random.default_rng(self.counts)
        return amount(metal.insert(self.small, self.small_part, rng))

    def full(self, share: float) -> Pair:
        """The pair with it, filling ``share`` of the slice."""
        metal = replace(self.metal, scan=replace(self.metal.scan, share=share))
        return metal.insert(self.pair, self.part, np.random.default_rng(self.counts))


@dataclass(frozen=True, slots=True)
class _Share:
    """An implant that fills ``share`` of the slice, ``off`` so many severities from the one wanted;
    ``full`` is its full scan if there was one.
    """

    off: int
    implant: _Implant
    share: float
    full: Pair | None

    def made(self) -> Pair:
        """The pair with it."""
        return self.full or self.implant.full(self.share)


def amount(made: Pair) -> float:
    """How strong the streaks are, in HU; ValueError where nothing says it."""
    finding = made.finding(Degradation.METAL)
    if finding is None or finding.amount is None:
        raise ValueError("metal must say how strong its streaks are")
    return finding.amount


def _search(implant: _Implant, severity: Severity, row: CutOffs) -> _Share:
    """The part of the slice with which the implant's streaks come nearest to ``severity``; ``off``
    is 0 only where a full scan has it.

    They grow with the part, a little less than evenly at first and more at last.
    """
    wanted = aim(severity, row)
    low, high = LEAST_SHARE, 1.0
    share, tried, found = implant.metal.scan.share, set[float](), list[_Share]()
    quicker = 1.0  # how many times more the full scan has than the quick one
    for _ in range(STEPS):
        quick = implant.quick(share)
        hu, full = quick * quicker, None
        if severity_of(hu, row) is severity:
            full = implant.full(share)
            hu = amount(full)
            quicker = hu / max(quick, 0.1)
        off = abs(severity_of(hu, row).rank - severity.rank)
        found.append(_Share(off, implant, share, full))
        if off == 0:
            break
        tried.add(share)
        low, high = (low, share) if hu > wanted else (share, high)
        share = float(np.clip(share * wanted / max(hu, 0.1), low, high))
        if share in tried:
            share = float(np.sqrt(low * high))
        if share in tried or high < 1.02 * low:
            break
    return min(found, key=lambda one: one.off)
