"""Noise-adaptive restoration: total variation, as strong as the words and the noise ask for.

Core: ``skimage.restoration.denoise_tv_chambolle`` (Chambolle, "An algorithm for total variation
minimization and applications", J Math Imaging Vis 2004;20:89), slice by slice, on the slice
divided by its local noise, so that one weight fits quiet and noisy parts alike. Then what a reader
must be able to trust is enforced: no low-frequency bias, no change larger than a few sigma,
padding untouched, no negative uptake made.

How the words steer: the severity in the noise finding sets the strength (none: exactly zero), its
amount pulls the noise level that the slice itself shows, and outside the slices named the words
say "less than this", so there the slice is judged by itself, at most one severity lower.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import ndimage
from skimage.restoration import denoise_tv_chambolle

from engines.base import BoolArray, EngineError, FloatArray, Slab, StackInfo
from engines.classical.measure import noise_degradation
from engines.classical.noise import (
    LocalStatistics,
    SliceNoise,
    kernel_side,
    slice_noise,
    tissue_range,
)
from engines.description import Finding, Modality, QualityDescription, Severity
from engines.severity import cut_offs, severity_of

STRENGTH: dict[Severity, float] = {
    Severity.NONE: 0.0,
    Severity.MILD: 0.35,
    Severity.MODERATE: 0.5,
    Severity.SEVERE: 0.65,
}
"""Share of the smoothed image in the result. The rest stays, noise and all: wholly smoothed images
look like plastic, and readers trust them less than grainy ones."""
WEIGHT = 0.8
"""Total-variation weight for white noise of unit sigma."""
CORRELATION_GAIN = 1.5
"""How much more weight noise needs as its neighbouring pixels go together (0 to this + 1)."""
LEAST_SIDE = 8
"""Smaller images, in pixels, come back as they are: nothing to tell noise from."""
ITERATIONS = 25
TOLERANCE = 2e-4
CLAMP_SIGMAS = 3.0
"""Largest change of a pixel in local sigmas."""
BIAS_SIGMA_PIXELS = 4.0
"""Scale above which the restored slice keeps the input's mean."""
BIAS_SIGMA_PIXELS_PET = 1.5
"""The same in PET, where a pixel is nearly the scanner's resolution: wider, and flat tissue beside
hot voxels moves by up to 5 %."""
STRUCTURE_SCALES_PIXELS = (1.0, 1.5)
"""Gaussian scales of the gradient and of the neighbourhood in which its energy is summed."""
STRUCTURE_LIMIT = 5.0
"""Gradient energy, against that of noise in tissue, where half the change is withheld: edges and
vessels keep their height and the grain upon them."""
LOCAL_RANGE = (0.3, 2.0)
"""Local noise against the slice's noise is trusted within these."""
PET_RANGE = (0.1, 1.0)
"""Noise of PET follows the signal up to that of ordinary tissue and no further: in hot spots every
sigma allowed would come off the maximum uptake that is reported."""
LEVEL_RANGE = (1.0 / 3.0, 2.0)
"""The slice's noise level against the words' is trusted within these."""
LOCAL_STRIDE = 8
LOCAL_WINDOW = 9
_STEP_DOWN = {
    Severity.SEVERE: Severity.MODERATE,
    Severity.MODERATE: Severity.MILD,
    Severity.MILD: Severity.NONE,
    Severity.NONE: Severity.NONE,
}
_ORDER = list(STRENGTH)


def restore_slab(slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
    """Restored values of ``slab`` (slices, rows, columns) in the stack's unit.

    Bit-identical to the input where there is no noise finding or its severity is none. Each slice
    is restored by itself, so that the result does not depend on how the series was cut into slabs.

    Raises:
        EngineError: the description is of another modality.
    """
    if description.modality is not info.modality:
        raise EngineError(f"a description of {description.modality} can't steer {info.modality}")
    finding = description.finding(noise_degradation(info.modality))
    if finding is None or finding.severity is Severity.NONE:
        return slab.values.copy()
    count = len(slab.values)
    with ThreadPoolExecutor(max(1, min(count, os.cpu_count() or 1, 4))) as pool:
        restored = pool.map(
            lambda k: _restore_slice(
                slab.values[k], slab.valid[k], info, finding, slab.first + k + 1
            ),
            range(count),
        )
        return np.stack(list(restored)) if count else slab.values.copy()


def _restore_slice(
    values: FloatArray, valid: BoolArray, info: StackInfo, finding: Finding, number: int
) -> FloatArray:
    """One slice (rows, columns); ``number`` is its 1-based place in the stack."""
    usable = valid & np.isfinite(values)
    box = _bounding_box(values, usable, info.modality)
    if box is None or min(values[box].shape) < LEAST_SIDE:
        return values.copy()
    part, part_usable = values[box], usable[box]
    if not part_usable.all():
        part = np.where(part_usable, part, np.median(part[part_usable]))
    side = kernel_side(info.modality, *info.spacing_mm[1:])
    measured, statistics = slice_noise(part, part_usable, info.modality, side)
    level, severity = _level(measured, finding, info, number)
    strength = STRENGTH[severity]
    if strength == 0 or not level > 0:
        return values.copy()
    low, high = tissue_range(info.modality, part, part_usable)
    tissue = statistics.inside & (statistics.mean >= low) & (statistics.mean <= high)
    sigma = _local_sigma(statistics, tissue, level, info.modality)
    weight = WEIGHT * (1 + CORRELATION_GAIN * _correlation(part, tissue, measured))
    scaled = part / sigma
    smooth = _total_variation(scaled, weight)
    change = (smooth - scaled) * (np.float32(strength) * sigma)
    limit = np.float32(CLAMP_SIGMAS) * sigma
    change = np.clip(change, -limit, limit) * _away_from_structure(scaled, tissue)
    keep = BIAS_SIGMA_PIXELS_PET if info.modality is Modality.PT else BIAS_SIGMA_PIXELS
    change -= ndimage.gaussian_filter(change, keep, mode="nearest", truncate=3.0)
    change = np.clip(change, -limit, limit)
    result = part + change
    if info.modality is Modality.PT:
        result = np.maximum(result, np.minimum(part, 0))
    restored = values.copy()
    restored[box] = np.where(part_usable, result, values[box])
    return restored


def _total_variation(scaled: FloatArray, weight: float) -> FloatArray:
    denoise: Callable[..., FloatArray] = denoise_tv_chambolle
    return denoise(scaled, weight=weight, eps=TOLERANCE, max_num_iter=ITERATIONS)


def _bounding_box(
    values: FloatArray, usable: BoolArray, modality: Modality
) -> tuple[slice, slice] | None:
    """The part of the slice worth the work: where there is more than air or padding."""
    seen = usable & (values > -700) if modality is Modality.CT else usable
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if rows.size == 0:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _level(
    measured: SliceNoise, finding: Finding, info: StackInfo, number: int
) -> tuple[float, Severity]:
    """Noise level (in the stack's unit) and severity by which a slice is restored."""
    percent = info.modality is not Modality.CT
    unit = measured.signal / 100.0 if percent else 1.0
    words = finding.amount * unit if finding.amount is not None else measured.sigma
    inside = finding.slices is None or finding.slices[0] <= number <= finding.slices[1]
    if inside:
        if words is None or measured.sigma is None:
            return words or 0.0, finding.severity
        low, high = (factor * words for factor in LEVEL_RANGE)
        level = float(np.clip(np.sqrt(words * measured.sigma), low, high))
        return level, finding.severity
    row = cut_offs(info.modality, finding.degradation, info.region)
    if row is None or measured.sigma is None or not unit > 0:
        return 0.0, Severity.NONE
    own = severity_of(measured.sigma / unit, row)
    step = _STEP_DOWN[finding.severity]
    return measured.sigma, min(own, step, key=_ORDER.index)


def _away_from_structure(scaled: FloatArray, tissue: BoolArray) -> FloatArray:
    """Factor for the change, 1 in noise alone to 0 on clear edges; ``scaled`` is in sigmas."""
    fine, wide = STRUCTURE_SCALES_PIXELS
    smooth = ndimage.gaussian_filter(scaled, fine, truncate=3.0)
    slope = np.gradient(smooth, axis=0) ** 2 + np.gradient(smooth, axis=1) ** 2
    energy = ndimage.gaussian_filter(slope, wide, truncate=3.0)
    usual = float(np.median(energy[tissue])) if tissue.any() else 0.0
    if not usual > 0:
        return np.ones_like(energy)
    factor: FloatArray = 1 / (1 + (energy / np.float32(STRUCTURE_LIMIT * usual)) ** 2)
    return factor


def _local_sigma(
    statistics: LocalStatistics, tissue: BoolArray, level: float, modality: Modality
) -> FloatArray:
    """Smooth map of the noise level (rows, columns): ``level`` in tissue, local in its shape.

    The shape is the lower end of local deviations in blocks about 70 pixels wide, so that edges do
    not pass for noise; away from tissue (lung, air) it may only be less than ``level``. In PET the
    noise follows the signal instead.
    """
    mean = statistics.mean
    floor = np.float32(level)
    if modality is Modality.PT:
        signal = float(np.median(mean[tissue])) if tissue.any() else 1.0
        ratio = ndimage.gaussian_filter(mean, 2.0) / np.float32(max(signal, 1e-12))
        by_signal: FloatArray = floor * np.clip(ratio, *PET_RANGE).astype(np.float32)
        return by_signal
    coarse = np.s_[::LOCAL_STRIDE, ::LOCAL_STRIDE]
    known, in_tissue = statistics.inside[coarse], tissue[coarse]
    if int(in_tissue.sum()) < LOCAL_WINDOW:
        return np.full(mean.shape, floor, np.float32)
    deviation = np.where(known, statistics.deviation[coarse], np.float32(np.inf))
    ranked = ndimage.percentile_filter(deviation, 10.0, size=LOCAL_WINDOW, mode="nearest")
    ranked_tissue = ndimage.percentile_filter(
        np.where(in_tissue, deviation, np.float32(np.inf)), 10.0, size=LOCAL_WINDOW, mode="nearest"
    )
    ranked = np.where(np.isfinite(ranked_tissue) & in_tissue, ranked_tissue, ranked)
    centre = float(np.median(ranked[in_tissue & np.isfinite(ranked)]))
    ratio = np.where(np.isfinite(ranked), ranked / np.float32(max(centre, 1e-12)), 1.0)
    ratio = np.where(in_tissue, ratio, np.minimum(ratio, 1.0))
    ratio = ndimage.gaussian_filter(np.clip(ratio, *LOCAL_RANGE), 1.5).astype(np.float32)
    rows = np.minimum(np.arange(mean.shape[0]) / LOCAL_STRIDE, ratio.shape[0] - 1)
    columns = np.minimum(np.arange(mean.shape[1]) / LOCAL_STRIDE, ratio.shape[1] - 1)
    grid = np.meshgrid(rows, columns, indexing="ij")
    shape: FloatArray = ndimage.map_coordinates(ratio, grid, order=1, mode="nearest")
    return floor * shape


def _correlation(values: FloatArray, tissue: BoolArray, measured: SliceNoise) -> float:
    """How much neighbouring pixels' noise goes together, 0 (white) to 1, in homogeneous tissue."""
    if measured.sigma is None or not tissue.any():
        return 0.5
    differences = [
        np.abs(np.diff(values, axis=0))[tissue[1:] & tissue[:-1]],
        np.abs(np.diff(values, axis=1))[tissue[:, 1:] & tissue[:, :-1]],
    ]
    both = np.concatenate(differences)
    if both.size == 0:
        return 0.5
    sigma_of_difference = float(np.median(both)) / 0.6745
    return float(np.clip(1 - sigma_of_difference**2 / (2 * measured.sigma**2), 0.0, 1.0))
