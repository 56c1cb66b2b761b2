"""One slice before and after, as both lie on disk: what the do-no-harm gate measures of it.

A slice can be measured as soon as its file is written; the gate asks for it when the series is
whole, and takes it only for the very image that was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medq_node.certify.residual import SliceResidual, measure_slice
from medq_node.errors import Unprocessable
from medq_node.objects import GateLimits
from medq_node.pixels.instance import SourceInstance
from medq_node.pixels.series import SeriesStack, open_series


@dataclass(frozen=True, slots=True)
class Pair:
    """One slice before and after, in the unit of the series; ``number`` is 1-based."""

    number: int
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    valid: NDArray[np.bool_]
    spacing_mm: tuple[float, float]
    unit: str
    touched_padding: int


@dataclass(frozen=True, slots=True)
class SmallChange:
    """What changed besides padding in a slice too small for more; in the unit of the series."""

    number: int
    rms: float
    shift: float


@dataclass(frozen=True, slots=True)
class SliceMeasured:
    """What was measured of one slice, 1-based ``number``; counts are of pixels.

    ``small_change`` stands where ``residual`` couldn't be measured.
    """

    number: int
    touched_padding: int
    outside_range: int
    residual: SliceResidual | None
    small_change: SmallChange | None


class SlicesMeasured:
    """Slices of a series measured one by one, from any thread, as their files are written."""

    def __init__(self, source: SeriesStack, limits: GateLimits) -> None:
        self._source = source
        self._limits = limits
        self._found: dict[int, tuple[SourceInstance, SliceMeasured]] = {}

    def measure(self, i: int, restored: Path) -> None:
        """Measure the file at ``restored`` against slice ``i``, 0-based, of the source.

        What can't be read is left to the gate, which tells why.
        """
        try:
            alone = open_series([restored])
            if alone.info.unit != self._source.info.unit:
                return
            pair = pair_of(self._source, alone, i, 0)
        except Unprocessable:
            return
        self._found[i] = alone.instances[0], measure_pair(pair, self._limits)

    def of(self, i: int, restored: SourceInstance) -> SliceMeasured | None:
        """What was measured of slice ``i``, if it was that of this file with this header."""
        instance, found = self._found.get(i, (None, None))
        return found if instance == restored else None


def pair_of(source: SeriesStack, restored: SeriesStack, i: int, j: int | None = None) -> Pair:
    """Slice ``i`` of the source and slice ``j``, by default the same, of the restored series.

    Raises:
        Unprocessable: one of them can't be decoded.
    """
    j = i if j is None else j
    padding = source.padding(i)
    return Pair(
        number=i + 1,
        before=source.values(i),
        after=restored.values(j),
        valid=~padding,
        spacing_mm=source.instances[i].pixel_spacing_mm,
        unit=source.info.unit,
        touched_padding=int((source.stored(i)[padding] != restored.stored(j)[padding]).sum()),
    )


def measure_pair(pair: Pair, limits: GateLimits) -> SliceMeasured:
    """All that the gate wants to know of one slice."""
    residual = measure_slice(pair.before, pair.after, pair.valid, pair.spacing_mm, pair.unit)
    return SliceMeasured(
        number=pair.number,
        touched_padding=pair.touched_padding,
        outside_range=_outside_range(pair, limits.range_margin_percent),
        residual=residual,
        small_change=_small_change(pair) if residual is None else None,
    )


def _outside_range(pair: Pair, margin_percent: float) -> int:
    """Pixels outside the source slice's range and a margin in percent of it."""
    low = float(pair.before.min(where=pair.valid, initial=np.inf))
    high = float(pair.before.max(where=pair.valid, initial=-np.inf))
    margin = (high - low) * margin_percent / 100
    outside = (pair.after < low - margin) | (pair.after > high + margin)
    return int((outside & pair.valid).sum())


def _small_change(pair: Pair) -> SmallChange:
    change = (pair.after - pair.before)[pair.valid].astype(np.float64)
    if not change.size:
        return SmallChange(pair.number, 0.0, 0.0)
    rms = float(np.sqrt(np.mean(change * change)))
    return SmallChange(pair.number, rms, abs(float(change.mean())))
