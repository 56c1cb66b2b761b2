"""From the slices of a series to findings: measured noise, sharpness and clipping.

Long series are sampled: at most ``MAX_SLICES`` slices, evenly spaced with both ends. A range named
in a finding then reaches from the first to the last sampled slice that is affected, and a fault on
a few slices between samples can be missed.

The series' amount is not its mean: it is the level that a fifth of the measured slices reach, so
that shoulders or hips count although most slices are quiet, and one odd slice does not.

Clipping is looked for at the top end only: pixels at the highest value that the format can hold,
or, since images are also cut below it (a 12-bit scanner in a 16-bit file, a window burnt in), a
plateau at the slice's own maximum: many pixels of exactly that value where just below it there are
few. Sound slices have one or two pixels at their maximum. Where a slice has too few different
values to tell a plateau from a flat object, its clipping is unknown.

What these measurements cannot judge (motion, metal, undersampling; in PET also blur and clipping,
see ``engines.severity``) is never reported as absent but named as not assessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from engines.base import BoolArray, EngineError, FloatArray, ImageStack, StackInfo
from engines.classical.noise import body_threshold, kernel_side, slice_noise
from engines.classical.sharpness import slice_fwhm_mm
from engines.description import (
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
    rounded,
)
from engines.severity import CutOffs, cut_offs, severity_of

MAX_SLICES = 64
"""Most slices measured of a series."""
SLAB_SLICES = 8
"""Slices decoded at a time."""
WORKERS = 2
SERIES_PERCENTILE = 80.0
"""Percentile over the measured slices that stands for the series."""
REJECT_FACTOR = 3.0
"""Noise this many times the severe cut-off makes a series unfit."""
MAX_PERCENT = 100.0
"""Noise above the signal is no measurement: such slices hold no tissue with signal."""
PLATEAU_PIXELS = 16
"""Fewest pixels at a slice's maximum that can be a plateau."""
PLATEAU_RATIO = 4.0
"""A plateau has this many times the pixels of any of the levels just below it."""
PLATEAU_LEVELS = 8
"""Levels below the maximum that a plateau is compared with; with fewer nothing can be told."""


@dataclass(frozen=True, slots=True)
class SliceMeasures:
    """What was measured on one slice; ``None`` where it could not be.

    ``index`` is 0-based; ``noise`` is in HU (CT) or % of signal, ``fwhm_mm`` in mm, ``clipped`` in
    % of the body's pixels.
    """

    index: int
    noise: float | None
    fwhm_mm: float | None
    clipped: float | None


def noise_degradation(modality: Modality) -> Degradation:
    """The name noise has in this modality: in PET its cause is the low count."""
    return Degradation.LOW_COUNT if modality is Modality.PT else Degradation.NOISE


def measure_slice(
    values: FloatArray, valid: BoolArray, info: StackInfo, index: int
) -> SliceMeasures | None:
    """Measures of one slice (rows, columns); ``None`` where no pixel is valid and finite."""
    finite = np.isfinite(values)
    if not finite.all():
        valid = valid & finite
        values = np.where(finite, values, np.float32(0))
    if not valid.any():
        return None
    _, row_mm, column_mm = info.spacing_mm
    side = kernel_side(info.modality, row_mm, column_mm)
    found, _ = slice_noise(values, valid, info.modality, side)
    noise = found.sigma if info.modality is Modality.CT else found.percent
    if noise is not None and info.modality is not Modality.CT and noise > MAX_PERCENT:
        noise = None
    fwhm: float | None = None
    if info.modality is not Modality.PT and row_mm > 0 and column_mm > 0 and found.sigma:
        # Below air there is nothing: the rim of the reconstruction circle is no edge.
        seen = np.maximum(values, -1000) if info.modality is Modality.CT else values
        fwhm = slice_fwhm_mm(seen, valid, found.sigma, row_mm, column_mm)
    body = values[valid & (values > body_threshold(info.modality, values, valid))]
    return SliceMeasures(index, noise, fwhm, clipped_percent(body, info.saturation[1]))


def clipped_percent(body: FloatArray, ceiling: float) -> float | None:
    """Share of ``body`` (pixels of one slice, any shape) that is cut off at the top, in %.

    ``ceiling`` is the highest value that the format can hold. ``None`` where there are too few
    different values to tell. The lower end is never looked at: there are air, padding and voids.
    """
    levels, counts = np.unique(body, return_counts=True)
    if not levels.size:
        return None
    at_ceiling = int(counts[levels >= np.float32(ceiling)].sum())
    if at_ceiling:
        return 100.0 * at_ceiling / body.size
    if levels.size <= PLATEAU_LEVELS:
        return None
    at_top, below = int(counts[-1]), int(counts[-1 - PLATEAU_LEVELS : -1].max())
    plateau = at_top >= PLATEAU_PIXELS and at_top >= PLATEAU_RATIO * below
    return 100.0 * at_top / body.size if plateau else 0.0


def measure_series(stack: ImageStack) -> list[SliceMeasures]:
    """Measures of the sampled slices, in order; slices without a usable pixel are left out.

    Raises:
        EngineError: the stack is empty, or no slice has a finite pixel outside padding.
    """
    info = stack.info
    if min(info.slices, info.rows, info.columns) < 1:
        raise EngineError("the series has no pixels to assess")
    with ThreadPoolExecutor(WORKERS) as pool:
        measures = [
            m
            for slab in _sampled_slabs(stack)
            for m in pool.map(lambda s: measure_slice(s[1], s[2], info, s[0]), slab)
            if m is not None
        ]
    if not measures:
        raise EngineError("the series has no finite pixel outside padding: nothing to assess")
    return measures


def _sampled_slabs(stack: ImageStack) -> Iterator[list[tuple[int, FloatArray, BoolArray]]]:
    """The sampled slices as (index, values, valid), a bounded number in memory at a time."""
    count = stack.info.slices
    chosen = np.unique(np.linspace(0, count - 1, min(count, MAX_SLICES)).round().astype(int))
    dense = len(chosen) == count
    for start in range(0, len(chosen), SLAB_SLICES):
        indices = [int(i) for i in chosen[start : start + SLAB_SLICES]]
        if dense:
            slab = stack.slab(indices[0], indices[-1] + 1)
            yield [(z, slab.values[k], slab.valid[k]) for k, z in enumerate(indices)]
        else:
            slabs = [stack.slab(z, z + 1) for z in indices]
            yield [(z, s.values[0], s.valid[0]) for z, s in zip(indices, slabs, strict=True)]


def describe(info: StackInfo, measures: list[SliceMeasures]) -> QualityDescription:
    """The quality description that the measures of a series (at least one slice) amount to."""
    noise_kind = noise_degradation(info.modality)
    pixel_mm = float(np.sqrt(info.spacing_mm[1] * info.spacing_mm[2]))
    columns = {
        noise_kind: [(m.index, m.noise) for m in measures],
        Degradation.BLUR: [(m.index, m.fwhm_mm) for m in measures],
        Degradation.CLIPPING: [(m.index, m.clipped) for m in measures],
    }
    findings: list[Finding] = []
    for kind, column in columns.items():
        row = cut_offs(info.modality, kind, info.region, pixel_mm)
        known = [(index, amount) for index, amount in column if amount is not None]
        if row is not None and known:
            findings.append(_finding(kind, known, row, info.slices))
    found = {f.degradation for f in findings}
    not_assessed = tuple(d for d in Degradation if d not in found and _applies(d, info.modality))
    confidence = _confidence(info, measures, found)
    verdict, action = _verdict(info, findings, noise_kind, confidence)
    return QualityDescription(
        info.modality, info.region, tuple(findings), not_assessed, verdict, action, confidence
    )


def _applies(degradation: Degradation, modality: Modality) -> bool:
    """Whether the word means anything here: PET's noise is its low count, MR counts nothing."""
    meaningless = {(Modality.PT, Degradation.NOISE), (Modality.MR, Degradation.LOW_COUNT)}
    return (modality, degradation) not in meaningless


def _finding(
    kind: Degradation, known: list[tuple[int, float]], row: CutOffs, slices: int
) -> Finding:
    amount = float(np.percentile([a for _, a in known], SERIES_PERCENTILE))
    severity = severity_of(amount, row)
    if severity is Severity.NONE:
        return Finding(kind, severity, amount, row.unit)
    reached = {Severity.MILD: row.mild, Severity.MODERATE: row.moderate}.get(severity, row.severe)
    affected = [index + 1 for index, a in known if rounded(a) >= reached]
    worst = max(known, key=lambda item: item[1])[0] + 1
    first, last = affected[0], affected[-1]
    whole = first == known[0][0] + 1 and last == known[-1][0] + 1
    where = None if whole or slices == 1 else (first, last)
    return Finding(kind, severity, amount, row.unit, where, worst if slices > 1 else None)


def _confidence(
    info: StackInfo, measures: list[SliceMeasures], found: set[Degradation]
) -> Confidence:
    """High only for CT with noise on most slices and edges; MR and PET texture looks like noise."""
    share = sum(m.noise is not None for m in measures) / len(measures)
    if share == 0 or info.spacing_mm[1] <= 0:
        return Confidence.LOW
    if info.modality is Modality.CT and share >= 0.8 and Degradation.BLUR in found:
        return Confidence.HIGH
    return Confidence.MEDIUM if share >= 0.3 else Confidence.LOW


def _verdict(
    info: StackInfo, findings: list[Finding], noise_kind: Degradation, confidence: Confidence
) -> tuple[Verdict, Action]:
    """Mild faults leave a series good; what restoring cannot mend makes it a case for repeating."""
    by_kind = {f.degradation: f for f in findings}
    noise = by_kind.get(noise_kind)
    clipping = by_kind.get(Degradation.CLIPPING)
    row = cut_offs(info.modality, noise_kind, info.region)
    hopeless = (
        noise is not None
        and noise.amount is not None
        and row is not None
        and noise.amount >= REJECT_FACTOR * row.severe
    )
    lost = clipping is not None and clipping.severity is Severity.SEVERE
    if (hopeless or lost) and confidence is not Confidence.LOW:
        return Verdict.REJECT, Action.REPEAT
    worse = {Severity.MODERATE, Severity.SEVERE}
    noisy = noise is not None and noise.severity in worse
    verdict = Verdict.USABLE if any(f.severity in worse for f in findings) else Verdict.GOOD
    return verdict, Action.REDUCE_NOISE if noisy else Action.KEEP
