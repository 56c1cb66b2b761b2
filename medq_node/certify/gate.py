"""The do-no-harm gate: a restored series against its source, as both lie on disk.

Slice by slice, so memory stays bounded. Limits were chosen on real CT, MR and PET series: filters
that only remove noise pass (total variation at half to one noise level), and blurring, painted or
erased lesions, shifted values and swapped slices don't; see ``GateLimits``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from medq_node.certify.residual import FLAT_TISSUE, BandShift, SliceResidual, measure_slice
from medq_node.errors import Unprocessable
from medq_node.objects import GateLimits, GateMeasure, GateVerdict
from medq_node.pixels.series import SeriesStack

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
    source: SeriesStack, restored: SeriesStack, limits: GateLimits | None = None
) -> GateVerdict:
    """Whether ``restored`` did no harm to ``source``; slice numbers in reasons are 1-based.

    Raises:
        Unprocessable: the source's pixel data can't be read.
    """
    limits = limits or GateLimits()
    mismatches = _geometry_mismatches(source, restored)
    geometry = GateMeasure("geometry", float(len(mismatches)), 0.0, "differences", not mismatches)
    if mismatches:
        more = f" (and {len(mismatches) - 1} more differences)" if len(mismatches) > 1 else ""
        return GateVerdict(False, (geometry,), (mismatches[0] + more + ".",))
    findings = _Findings(source.info.unit, limits)
    for i in range(len(source.instances)):
        # The source first: its failure is not the restoration's.
        source.stored(i)
        try:
            restored.stored(i)
        except Unprocessable as error:
            unread = GateMeasure("readable", 1.0, 0.0, "slices", False)
            return GateVerdict(False, (geometry, unread), (f"Slice {i + 1}: {error}.",))
        findings.check_slice(source, restored, i)
    rows = findings.rows()
    reasons = tuple(row.reason(len(source.instances)) for row in rows if row.above)
    return GateVerdict(not reasons, (geometry, *(row.measure for row in rows)), reasons)


def _geometry_mismatches(source: SeriesStack, restored: SeriesStack) -> list[str]:
    """Sentences without full stop, one for each difference."""
    if len(source.instances) != len(restored.instances):
        return [
            f"The restored series has {len(restored.instances)} slices where the source has"
            f" {len(source.instances)}"
        ]
    compared = {
        "rows": "Rows",
        "columns": "Columns",
        "position_mm": "Image Position",
        "orientation": "Image Orientation",
        "pixel_spacing_mm": "Pixel Spacing",
        "frame_of_reference_uid": "Frame of Reference UID",
        "unit": "unit",
        "rescale_slope": "Rescale Slope",
        "rescale_intercept": "Rescale Intercept",
        "bits_stored": "Bits Stored",
        "is_signed": "Pixel Representation",
        "padding": "Pixel Padding Value",
    }
    return [
        f"Slice {number}: {words} differs from the source"
        for number, (ours, theirs) in enumerate(
            zip(restored.instances, source.instances, strict=True), start=1
        )
        for name, words in compared.items()
        if not _same(getattr(ours, name), getattr(theirs, name))
    ]


def _same(ours: object, theirs: object) -> bool:
    """Equal; numbers to seven digits, as decimal strings beyond 16 characters get shortened."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
        return all(_same(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-7, abs_tol=1e-12)
    return ours == theirs


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
        self._share = _Worst("largest local change", "of local contrast", lesion)
        self._change_hu = _Worst("largest local change in HU", "HU", lesion)
        self._bands: defaultdict[str, list[BandShift]] = defaultdict(list)

    def rows(self) -> list[_Worst]:
        """All measures, the series' bias among them."""
        bias = self._series_bias()
        rows = [self._padding, self._range, bias, self._bias, self._edges, self._share]
        return [*rows, self._change_hu] if self._unit == "HU" else rows

    def check_slice(self, source: SeriesStack, restored: SeriesStack, i: int) -> None:
        """Compare slice ``i`` (0-based), which both stacks can decode."""
        padding = source.padding(i)
        touched = int((source.stored(i)[padding] != restored.stored(i)[padding]).sum())
        self._padding.see(touched, 0, i + 1)
        valid = ~padding
        if not valid.any():
            return
        before, after = source.values(i), restored.values(i)
        low = float(before.min(where=valid, initial=np.inf))
        high = float(before.max(where=valid, initial=-np.inf))
        margin = (high - low) * self._limits.range_margin_percent / 100
        outside = valid & ((after < low - margin) | (after > high + margin))
        self._range.see(int(outside.sum()), 0, i + 1)
        spacing = source.instances[i].pixel_spacing_mm
        residual = measure_slice(before, after, valid, spacing, self._unit)
        if residual is not None:
            self._note(residual, i + 1)

    def _note(self, residual: SliceResidual, number: int) -> None:
        limits = self._limits
        for band in residual.bands:
            self._bands[band.band].append(band)
            if band.area_mm2 < limits.bias_area_mm2 or band.cells < _FEWEST_BIAS_CELLS:
                continue
            limit = self._bias_limit(band.band)
            if self._unit == "HU":
                limit = max(limit, limits.bias_noise_levels * residual.noise)
            self._bias.see(self._bias_of(band.shift, band.level), limit, number, band.band)
        pet = self._unit not in ("HU", "signal")
        share = limits.local_change_share_pet if pet else limits.local_change_share
        self._edges.see(residual.edge_residual, limits.edge_noise_levels, number)
        self._share.see(residual.local_change_share, share, number)
        if self._unit == "HU":
            self._change_hu.see(residual.local_change, limits.local_change_hu, number)

    def _bias_limit(self, band: str) -> float:
        """In HU in CT, in percent of the band's mean elsewhere."""
        if self._unit == "HU":
            return self._limits.bias_hu
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
        for name, shifts in self._bands.items():
            areas = [shift.area_mm2 for shift in shifts]
            cells = sum(shift.cells for shift in shifts)
            if sum(areas) < self._limits.bias_area_mm2 or cells < _FEWEST_BIAS_CELLS:
                continue
            shift = float(np.average([s.shift for s in shifts], weights=areas))
            level = float(np.average([s.level for s in shifts], weights=areas))
            worst.see(self._bias_of(shift, level), self._bias_limit(name), 0, name)
        return worst
