"""Where the constants of the filters come from: run this module to see.

Parts of phantoms that no evaluation takes, half of them with a truth that has noise of its own, as
every real truth has, through a standard kernel. Noise of all kernels that are reported, mild to
severe, is added. One constant has to do for all, as the noise of a clinical image is not known to
be sharp or smooth, nor how much of it a truth keeps; the best mean PSNR in the window is taken.

A filter may be told the noise that was added or all noise. Only the added can be taken away where
the truth keeps its own, so both are tried, and what serves filters better is what they are told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni.degradations.kernels import KERNELS, STANDARD, Kernel
from engines.medq_uni.degradations.projection import ParallelBeam
from engines.medq_uni.yardstick.restoration import bm3d, filters
from engines.medq_uni.yardstick.restoration.scores import WINDOWS, psnr
from engines.phantoms.anatomy import random_phantom

SIZE, FIELD_MM = 512, 380.0
PART = (slice(128, 384), slice(60, 316))
"""Of an image of ``SIZE``: the wall of the body and organs, at the pixels of what is reported."""
REGIONS = ("chest", "abdomen", "head")
SEED = 3
"""Of phantoms and noise; an evaluation's phantoms have other seeds."""
LEVELS_HU = (20.0, 30.0, 48.0)
OWN_HU = (0.0, 10.0)
"""Noise of the truths: that of phantoms, and about that of real ones."""
HEAD = 0.37
"""Noise of heads in that of bodies, as the cut-offs of severe noise have it."""
TRIED: dict[str, tuple[Callable[[FloatArray, float, float], FloatArray], tuple[float, ...]]] = {
    "wavelet": (filters.wavelet, (0.5, 0.8, 1.0, 1.2, 1.5, 2.0)),
    "TV": (filters.total_variation, (0.3, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2)),
    "NLM": (filters.non_local_means, (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)),
    "BM3D": (bm3d.denoise, (1.2, 1.5, 1.8, 2.1)),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A noisy image beside its truth, and the standard deviations in HU of noise in it."""

    image: FloatArray
    truth: FloatArray
    added: float
    own: float

    @property
    def total(self) -> float:
        """All noise in the image."""
        return float(np.hypot(self.added, self.own))


def noise_field(
    kernel: Kernel | None, rng: np.random.Generator, size: int = SIZE, field_mm: float = FIELD_MM
) -> FloatArray:
    """Noise (size, size) of standard deviation 1 as ``kernel`` leaves it."""
    if kernel is None:
        return rng.standard_normal((size, size), np.float32)
    beam = ParallelBeam(size, size, field_mm / size)
    sinogram = rng.standard_normal((1, beam.views, beam.detectors), np.float32)
    field = beam.reconstruct(sinogram, kernel)[0]
    return np.asarray(field / field.std(), np.float32)


@cache
def trials() -> tuple[Trial, ...]:
    """Every kernel in every region, levels taking turns, on a truth without noise and on one with.

    All images are parts, (256, 256).
    """
    rng = np.random.default_rng(SEED)
    found = []
    for place, region in enumerate(REGIONS):
        phantom = random_phantom(region, SEED, SIZE)
        scale = HEAD if region == "head" else 1.0
        own = noise_field(STANDARD, rng)[PART]
        for number, kernel in enumerate(KERNELS):
            field = noise_field(kernel, rng)[PART]
            added = scale * LEVELS_HU[(place + number) % len(LEVELS_HU)]
            for own_hu in OWN_HU:
                kept = scale * own_hu
                truth = phantom.values[0][PART] + np.float32(kept) * own
                found.append(Trial(truth + np.float32(added) * field, truth, added, kept))
    return tuple(found)


def mean_psnr(
    denoise: Callable[[FloatArray, float, float], FloatArray],
    constant: float,
    told: Callable[[Trial], float],
) -> float:
    """Mean PSNR in dB in the window of CT over all trials, the filter told that noise of each."""
    window = WINDOWS[Modality.CT]
    found = []
    for trial in trials():
        pair = (denoise(trial.image, told(trial), constant), trial.truth)
        seen, meant = (np.clip(a, window.low, window.high) for a in pair)
        found.append(psnr(seen, meant, window.span))
    return float(np.mean(found))


def main() -> None:
    """Print the mean PSNR of every constant of every filter that is installed."""
    told: dict[str, Callable[[Trial], float]] = {
        "added": lambda trial: trial.added,
        "all": lambda trial: trial.total,
    }
    for which, level in told.items():
        for name, (denoise, constants) in TRIED.items():
            if name == "BM3D" and not bm3d.available():
                continue
            found = {constant: mean_psnr(denoise, constant, level) for constant in constants}
            figures = ", ".join(f"{constant:g}: {db:.2f}" for constant, db in found.items())
            sys.stdout.write(f"{name}, told {which} noise: {figures} dB\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
