"""The do-no-harm gate: a restored series against its source, as both lie on disk.

Slice by slice, so memory stays bounded. What could not be measured is not told as passed: a measure
that saw no value has no row, and a slice too small to be measured may change only within the noise
of the others. Limits were chosen on real CT, MR and PET series: filters
that only remove noise pass (total variation at half to one noise level), and blurring, painted or
erased lesions, shifted values and swapped slices don't; see ``GateLimits``.
"""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from medq_node.certify.geometry import geometry_mismatches
from medq_node.certify.residual import FLAT_TISSUE, BandShift
from medq_node.certify.slices import (
    SliceMeasured,
    SlicesMeasured,
    SmallChange,
    measure_pair,
    pair_of,
)
from medq_node.errors import Unprocessable
from medq_node.objects import GateLimits, GateMeasure, GateVerdict
from medq_node.pixels.series import SeriesStack

_THREADS = min(os.cpu_count() or 1, 4)
_FEWEST_BIAS_CELLS = 100
"""Cells of about 1.5 mm (or PET voxels) that a mean is taken over."""


@dataclass(slots=True)
class _Worst:
    """The slice that came worst in one measure, by its value in shares of its limit."""

    name: str
    unit: str
    words: str
    value: float = 0.0
    limit: float = 0.0
    slice_number: int = 0
    about: str = ""
    above: set[int] = field(default_factory=set)
    _badness: float = -1.0

    def see(self, value: float, limit: float, slice_number: int = 0, about: str = "") -> None:
        """Take note of one more slice, 1-based; 0 stands for the whole series."""
        within = value <= limit  # NaN is never within
        if not within:
            self.above.add(slice_number)
        badness = value / limit if limit and not np.isnan(value) else float(0 if within else np.inf)
        if badness > self._badness:
            self._badness = badness
            self.value, self.limit = value, limit
            self.slice_number, self.about = slice_number, about

    @property
    def seen(self) -> bool:
        """Whether there was anything to measure."""
        return self._badness >= 0

    @property
    def measure(self) -> GateMeasure:
        """As a row of the verdict."""
        return GateMeasure(self.name, self.value, self.limit, self.unit, not self.above)

    def reason(self, total: int) -> str:
        """One sentence on why this refuses the series; ``total`` slices in the series."""
        where = ""
        if self.slice_number:
            where = f" in slice {self.slice_number} ({len(self.above)} of {total} slices exceed)"
        return (
            f"{self.words.format(self.about)}: {self.value:.3g} {self.unit}{where};"
            f" the limit is {self.limit:.3g}."
        )


def check_restored(
    source: SeriesStack,
    restored: SeriesStack,
    limits: GateLimits | None = None,
    measured: SlicesMeasured | None = None,
) -> GateVerdict:
    """Whether ``restored`` did no harm to ``source``; slice numbers in reasons are 1-based.

    What was ``measured`` of slices since they were written isn't measured again.

    Raises:
        Unprocessable: the source's pixel data can't be read.
    """
    limits = limits or GateLimits()
    mismatches = geometry_mismatches(source, restored)
    geometry = GateMeasure("geometry", float(len(mismatches)), 0.0, "differences", not mismatches)
    if mismatches:
        more = f" (and {len(mismatches) - 1} more differences)" if len(mismatches) > 1 else ""
        return GateVerdict(False, (geometry,), (mismatches[0] + more + ".",))
    findings = _Findings(source.info.unit, limits)
    count = len(source.instances)
    known = measured or SlicesMeasured(source, limits)

    def measure(i: int) -> SliceMeasured | str:
        found = known.of(i, restored.instances[i])
        if found is not None:
            return found
        # The source first: its failure is not the restoration's.
        source.stored(i)
        try:
            restored.stored(i)
        except Unprocessable as error:
            return f"Slice {i + 1}: {error}."
        return measure_pair(pair_of(source, restored, i), limits)

    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, count, _THREADS):
            for found in pool.map(measure, range(start, min(start + _THREADS, count))):
                if isinstance(found, str):
                    unread = GateMeasure("readable", 1.0, 0.0, "slices", False)
                    return GateVerdict(False, (geometry, unread), (found,))
                findings.note(found)
    rows = findings.rows()
    reasons = tuple(row.reason(count) for row in rows if row.above)
    return GateVerdict(not reasons, (geometry, *(row.measure for row in rows)), reasons)


def refused(measure: str, reason: str) -> GateVerdict:
    """The verdict where there is nothing to measure; ``reason`` is a whole sentence."""
    return GateVerdict(False, (GateMeasure(measure, 1.0, 0.0, "faults", False),), (reason,))


class _Findings:
    """What was seen over the slices of a series."""

    def __init__(self, unit: str, limits: GateLimits) -> None:
        self._unit = unit
        self._limits = limits
        self._bias_unit = "HU" if unit == "HU" else "%"
        lesion = "Something of a lesion's size changed"
        self._padding = _Worst("padding", "pixels", "Padding was changed")
        self._range = _Worst("range", "pixels", "Values lie outside the source's range")
        self._bias = _Worst("bias of the worst slice", self._bias_unit, "The mean of {} moved")
        self._edges = _Worst("change at edges", "noise levels", "Edges changed by more than noise")
        self._structure = _Worst(
            "structure in the residual",
            "noise levels",
            "What changed at edges is anatomy, as by blurring, sharpening or moving it",
        )
        self._share = _Worst("largest local change", "of local contrast", lesion)
        self._organ = _Worst(
            "largest change of an organ's size",
            "of contrast there",
            "Something of an organ's size changed",
        )
        self._change_hu = _Worst("largest local change in HU", "HU", lesion)
        self._bands: defaultdict[str, list[tuple[BandShift, float]]] = defaultdict(list)
        self._noise: list[float] = []
        self._small: list[SmallChange] = []

    def rows(self) -> list[_Worst]:
        """All measures that saw a value, the series' bias among them."""
        bias = self._series_bias()
        rows = [self._padding, self._range, self._too_small(), bias, self._bias]
        rows += [self._edges, self._structure, self._share]
        if self._unit == "HU":
            rows.append(self._change_hu)
        elif self._unit != "signal":
            rows.append(self._organ)
        return [row for row in rows if row.seen]

    def note(self, found: SliceMeasured) -> None:
        """Take note of one slice and what changed in it, where that could be measured."""
        limits, number, residual = self._limits, found.number, found.residual
        self._padding.see(found.touched_padding, 0, number)
        self._range.see(found.outside_range, 0, number)
        if found.small_change is not None and found.small_change.rms > 0:
            self._small.append(found.small_change)
        if residual is None:
            return
        self._noise.append(residual.noise)
        for band in residual.bands:
            self._bands[band.band].append((band, residual.noise))
            if band.area_mm2 >= limits.bias_area_mm2 and band.cells >= _FEWEST_BIAS_CELLS:
                limit = self._bias_limit(band.band, residual.noise)
                self._bias.see(self._bias_of(band.shift, band.level), limit, number, band.band)
        pet = self._unit not in ("HU", "signal")
        share = limits.local_change_share_pet if pet else limits.local_change_share
        self._edges.see(residual.edge_residual, limits.edge_noise_levels, number)
        if residual.structure is not None:
            self._structure.see(residual.structure, limits.structure_noise_levels, number)
        self._share.see(residual.local_change_share, share, number)
        if pet:
            self._organ.see(residual.organ_change_share, limits.organ_change_share_pet, number)
        if self._unit == "HU":
            self._change_hu.see(residual.local_change, limits.local_change_hu, number)

    def _too_small(self) -> _Worst:
        """How many slices too small to be measured changed by more than the others' noise."""
        words = "Slices too small to be measured were changed by more than noise (slice {} first)"
        found = _Worst("too small to be measured", "slices", words)
        noise = float(np.median(self._noise)) if self._noise else 0.0
        harmed = [
            change.number
            for change in self._small
            if change.rms > noise or change.shift > self._limits.local_change_share * noise
        ]
        if harmed:
            found.see(len(harmed), 0, 0, str(harmed[0]))
        return found

    def _bias_limit(self, band: str, noise: float) -> float:
        """In HU in CT, in percent of the band's mean elsewhere."""
        if self._unit == "HU":
            return max(self._limits.bias_hu, self._limits.bias_noise_levels * noise)
        if self._unit != "signal" and band == FLAT_TISSUE:
            return self._limits.bias_percent_pet_flat
        return self._limits.bias_percent

    def _bias_of(self, shift: float, level: float) -> float:
        """A shift in HU in CT, in percent of the region's mean elsewhere."""
        return abs(shift) if self._unit == "HU" else abs(100 * shift / (level or 1e-9))

    def _series_bias(self) -> _Worst:
        """The band whose mean over all slices, weighted by area, moved most."""
        words = "The mean of {} in the whole series moved"
        worst = _Worst("bias of the series", self._bias_unit, words)
        for name, found in self._bands.items():
            shifts = [shift for shift, _ in found]
            areas = [shift.area_mm2 for shift in shifts]
            cells = sum(shift.cells for shift in shifts)
            if sum(areas) < self._limits.bias_area_mm2 or cells < _FEWEST_BIAS_CELLS:
                continue
            shift = float(np.average([s.shift for s in shifts], weights=areas))
            level = float(np.average([s.level for s in shifts], weights=areas))
            noise = float(np.average([noise for _, noise in found], weights=areas))
            worst.see(self._bias_of(shift, level), self._bias_limit(name, noise), 0, name)
        return worst
