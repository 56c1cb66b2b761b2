"""What the model looks at: a slice in units of its own tissue, its spectrum, and plain facts.

The same numpy code feeds training and serving, so that both see the same numbers. A CT value of
100 HU is 1; in MR and PET the signal of typical tissue is 1. The spectrum is taken at native
resolution, where grain, missing lines and ghosts show: logarithmic power along both axes and over
the radius, and how regularly it goes up and down along each axis (every R-th line left out). Grain
is told apart from anatomy by place: the energy of Haar wavelets in the quietest blocks of tissue.
With it come the signs of ghosts and of spread edges (``engines.medq_uni.signs``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from engines.base import BoolArray, FloatArray
from engines.classical.noise import body_threshold
from engines.description import REGIONS, Modality
from engines.medq_uni.signs import SIGNS, signs_of

VERSION = 2
"""Goes up where the same image would be looked at in another way, and weights learnt otherwise."""
HU = 100.0
"""CT's unit."""
PATCH = 32
"""Side of an image token in pixels; images are padded to whole ones."""
BINS = 32
SPECTRUM = 6 * BINS + SIGNS
"""Length of the spectrum: two profiles, two combs, one radial profile, the grain, the signs."""
BLOCK = 16
"""Side of a block that grain is measured in."""
TISSUE: dict[Modality, tuple[float, float]] = {
    Modality.CT: (-0.3, 2.0),
    Modality.MR: (0.5, 2.0),
    Modality.PT: (0.5, 2.0),
}
"""Means of blocks that are tissue, in image units."""
QUIET = (5.0, 20.0, 50.0)
"""Percentiles of blocks, from the quietest."""
OCTAVES = 3
FACTS = 3 + len(REGIONS) + 4
BODY_PERCENTILE, SIGNAL_SHARE = 99.0, 0.25
"""Tissue of MR is what is above a quarter of the highest smoothed values, as in
``engines.classical.noise``."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the model is shown of a slice.

    ``image`` is float32 (rows, columns) in ``scale`` units, ``spectrum`` (``SPECTRUM``,), ``facts``
    (``FACTS``,).
    """

    image: FloatArray
    scale: float
    spectrum: FloatArray
    facts: FloatArray


def scale_of(values: FloatArray, valid: BoolArray, modality: Modality) -> float:
    """What is 1 to the model, in the unit of ``values``; 0 where there is no signal at all."""
    if modality is Modality.CT:
        return HU
    smooth = ndimage.uniform_filter(np.where(valid, values, np.float32(0)), 5, mode="nearest")
    inside = smooth[valid]
    if not inside.size:
        return 0.0
    if modality is Modality.PT:
        threshold = body_threshold(modality, values, valid)
    else:
        threshold = SIGNAL_SHARE * float(np.percentile(inside, BODY_PERCENTILE))
    body = inside[inside > threshold]
    signal = float(np.median(body)) if body.size else float(inside.mean())
    return signal if np.isfinite(signal) and signal > 0 else 0.0


def spectrum_of(image: FloatArray, modality: Modality, tile: int = 0) -> FloatArray:
    """The spectrum of an image (rows, columns) in image units, float32 (``SPECTRUM``,).

    ``tile`` is the side of the tiles of a mosaic, 0 for a whole image.
    """
    flat = image - np.float32(image.mean())
    power = np.abs(fft.rfft2(flat)) ** 2 / flat.size
    rows, half = power.shape
    along_rows = power.mean(axis=1)[: rows // 2 + 1]
    along_columns = power.mean(axis=0)
    parts = []
    for profile in (along_rows, along_columns):
        said = _log(profile)
        parts += [_binned(said), _comb(said)]
    v = fft.fftfreq(rows)[:, None]
    u = np.arange(half) / flat.shape[1]
    radius = np.minimum((np.hypot(v, u) * 2 * BINS).astype(np.int64), BINS)
    sums = np.bincount(radius.ravel(), power.ravel(), BINS + 1)[:BINS]
    counts = np.bincount(radius.ravel(), minlength=BINS + 1)[:BINS]
    parts.append(_log(sums / np.maximum(counts, 1)))
    parts += [_grain(image, modality), signs_of(image, modality, tile)]
    return np.concatenate(parts).astype(np.float32)


def facts_of(modality: Modality, region: str, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """What the header tells: modality, region, pixel and slice spacing (0 where unknown)."""
    found = np.zeros(FACTS, np.float32)
    found[Modality.sectional().index(modality)] = 1
    found[3 + REGIONS.index(region)] = 1
    slice_mm, pixel_mm = spacing_mm[0], float(np.sqrt(max(spacing_mm[1] * spacing_mm[2], 0)))
    if pixel_mm > 0:
        found[-4:-2] = 1, np.log(np.clip(pixel_mm, 0.05, 20))
    if slice_mm > 0:
        found[-2:] = 1, np.log(np.clip(slice_mm, 0.05, 50)) / 2
    return found


def look_at(
    values: FloatArray,
    modality: Modality,
    region: str,
    spacing_mm: tuple[float, float, float],
    scale: float,
    tile: int = 0,
) -> Look:
    """What the model is shown of a slice (rows, columns), all of it finite.

    ``scale`` is what ``scale_of`` says of it, above 0; ``tile`` the side of the tiles of a mosaic.
    """
    image = values / np.float32(scale)
    facts = facts_of(modality, region, spacing_mm)
    return Look(image, scale, spectrum_of(image, modality, tile), facts)


def padded(image: FloatArray, side: int = PATCH) -> FloatArray:
    """``image`` with its edges repeated at the end, to multiples of ``side``."""
    rows, columns = image.shape
    below, right = -rows % side, -columns % side
    return np.pad(image, ((0, below), (0, right)), mode="edge")


def places_of(rows: int, columns: int) -> FloatArray:
    """Middles of the patches of an image of so many pixels: float32 (patches, 2), 0 to 1."""
    down, across = rows // PATCH, columns // PATCH
    middles = (np.arange(down) + 0.5) / down, (np.arange(across) + 0.5) / across
    grid = np.stack(np.meshgrid(*middles, indexing="ij"), -1)
    return np.asarray(grid.reshape(-1, 2), np.float32)


def told_facts(facts: FloatArray) -> FloatArray:
    """What of ``facts_of`` residual experts are told, float32 (5,): modality and pixel size."""
    return np.concatenate([facts[:3], facts[-4:-2]]).astype(np.float32)


def _grain(image: FloatArray, modality: Modality) -> np.ndarray:
    """Energy of wavelets in tissue's and in other blocks, as logarithms: (``BINS``,)."""
    whole = padded(image, BLOCK)
    means = _block_means(whole, BLOCK)
    low, high = TISSUE[modality]
    tissue = (means > low) & (means < high)
    found = np.zeros(BINS)
    found[-3:] = tissue.mean(), means.max() / 10, bool(tissue.any())
    if not tissue.any():
        tissue = np.ones_like(tissue)
    rest = ~tissue if not tissue.all() else tissue
    at = 0
    smooth: np.ndarray = whole
    for octave in range(OCTAVES):
        a, b = smooth[0::2, 0::2], smooth[0::2, 1::2]
        c, d = smooth[1::2, 0::2], smooth[1::2, 1::2]
        straight = (a + b - c - d) ** 2 + (a - b + c - d) ** 2
        across = (a - b - c + d) ** 2
        smooth = (a + b + c + d) / 4
        side = BLOCK >> (octave + 1)
        for energy in (straight, across):
            blocks = _block_means(energy, side)
            found[at : at + 3] = np.percentile(blocks[tissue], QUIET)
            found[at + 3] = np.median(blocks[rest])
            at += 4
    found[:at] = np.log(found[:at] + 1e-6) / 4
    return found


def _block_means(values: np.ndarray, side: int) -> np.ndarray:
    rows, columns = values.shape
    folded = values.reshape(rows // side, side, columns // side, side)
    return np.asarray(folded.mean(axis=(1, 3)))


def _log(power: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(power + 1e-6) / 4)


def _binned(profile: np.ndarray) -> np.ndarray:
    edges = np.linspace(0, len(profile), BINS + 1)
    at = np.minimum(edges[:-1].astype(int), len(profile) - 1)
    counts = np.diff(np.append(at, len(profile)))
    return np.asarray(np.add.reduceat(profile, at) / np.maximum(counts, 1))


def _comb(profile: np.ndarray) -> np.ndarray:
    """How strongly a profile goes up and down with each period, from none to every second line."""
    rough = profile - ndimage.uniform_filter1d(profile, 9, mode="nearest")
    found = np.abs(np.fft.rfft(rough)) / np.sqrt(len(profile))
    at = np.minimum(np.linspace(0, len(found), BINS + 1)[:-1].astype(int), len(found) - 1)
    return np.asarray(np.log(np.maximum.reduceat(found, at) + 1e-3) / 2)
