"""From the slices of a series to findings: measured noise, sharpness and clipping.

Long series are sampled (``engines.sampled``). A range named in a finding then reaches from the
first to the last sampled slice that is affected, and a fault on a few slices between samples can be
missed.

Each slice is described by itself, and ``engines.aggregate`` makes one description of all. Classical
restoration reduces noise and nothing else, so that no other mending is planned.

Clipping is looked for at the top end only: pixels at the highest value that the format can hold,
or, since images are also cut below it (a 12-bit scanner in a 16-bit file, a window burnt in), a
plateau at the slice's own maximum: many pixels of exactly that value where just below it there are
few. Sound slices have one or two pixels at their maximum. Where a slice has too few different
values to tell a plateau from a flat object, its clipping is unknown.

What these measurements cannot judge (motion, metal, undersampling; in PET also blur and clipping,
see ``engines.severity``) is never reported as absent but named as not assessed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from engines import sampled
from engines.aggregate import aggregate
from engines.base import BoolArray, EngineError, FloatArray, ImageStack, StackInfo
from engines.classical.noise import body_threshold, kernel_side, slice_noise
from engines.classical.sharpness import slice_fwhm_mm
from engines.description import (
    APPLICABLE,
    MAX_AMOUNT,
    Action,
    Amount,
    Confidence,
    Degradation,
    Modality,
    QualityDescription,
    Verdict,
)
from engines.severity import cut_offs, graded_finding
from engines.verdict import verdict_of

SLAB_SLICES = 8
"""Slices decoded at a time."""
WORKERS = 2
RESTORABLE: frozenset[Action] = frozenset({Action.REDUCE_NOISE})
"""All that ``engines.classical.restore`` can do."""
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
            for slab in sampled.slices_of(stack, SLAB_SLICES)
            for m in pool.map(lambda s: measure_slice(s[1], s[2], info, s[0]), slab)
            if m is not None
        ]
    if not measures:
        raise EngineError("the series has no finite pixel outside padding: nothing to assess")
    return measures


def describe(info: StackInfo, measures: list[SliceMeasures]) -> QualityDescription:
    """The quality description that the measures of a series (at least one slice) amount to."""
    pixel_mm = float(np.sqrt(info.spacing_mm[1] * info.spacing_mm[2]))
    confidence = _confidence(info, measures)
    slices = {m.index + 1: _of_slice(m, info, pixel_mm, confidence) for m in measures}
    said = aggregate(slices, RESTORABLE, confidence=confidence, pixel_mm=pixel_mm)
    if not said.findings:
        # Nothing was measured that could make it good.
        return replace(said, verdict=Verdict.USABLE, confidence=Confidence.LOW)
    return said


def _of_slice(
    measures: SliceMeasures, info: StackInfo, pixel_mm: float, confidence: Confidence
) -> QualityDescription:
    """The description of one slice; ``confidence`` is that of the series."""
    amounts = {
        noise_degradation(info.modality): measures.noise,
        Degradation.BLUR: measures.fwhm_mm,
        Degradation.CLIPPING: measures.clipped,
    }
    findings = []
    for kind, amount in amounts.items():
        row = cut_offs(info.modality, kind, info.region, pixel_mm)
        if row is not None and amount is not None:
            said = [Amount(min(amount, MAX_AMOUNT), row.unit)]
            findings.append(
                graded_finding(kind, said, info.modality, info.region, pixel_mm=pixel_mm)
            )
    found = {finding.degradation for finding in findings}
    verdict, actions = verdict_of(
        findings, info.modality, info.region, confidence, RESTORABLE, pixel_mm=pixel_mm
    )
    return QualityDescription(
        info.modality,
        info.region,
        tuple(findings),
        tuple(kind for kind in APPLICABLE[info.modality] if kind not in found),
        verdict,
        actions,
        confidence,
    )


def _confidence(info: StackInfo, measures: list[SliceMeasures]) -> Confidence:
    """High only for CT with noise on most slices and edges; MR and PET texture looks like noise.

    Low for what the cut-offs were never compared with.
    """
    share = sum(m.noise is not None for m in measures) / len(measures)
    edges = any(m.fwhm_mm is not None for m in measures)
    if share == 0 or info.spacing_mm[1] <= 0 or info.modality not in Modality.sectional():
        return Confidence.LOW
    if info.modality is Modality.CT and share >= 0.8 and edges:
        return Confidence.HIGH
    return Confidence.MEDIUM if share >= 0.3 else Confidence.LOW
