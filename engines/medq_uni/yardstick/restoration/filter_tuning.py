"""Where the constants of the filters come from: run this module to see.

Phantom chests with white noise and with noise that went through filtered back projection with a
sharp and with a smooth kernel, 12, 24 and 48 HU each. One constant has to do for all, as the noise
of a clinical image is not known to be sharp or smooth; the best mean PSNR in the window is taken.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni.degradations.kernels import SHARP, SMOOTH, Kernel
from engines.medq_uni.degradations.projection import ParallelBeam
from engines.medq_uni.yardstick.restoration import bm3d, filters
from engines.medq_uni.yardstick.restoration.scores import WINDOWS, psnr
from engines.phantoms.ellipses import draw
from engines.phantoms.thorax import AIR_HU, FIELD_MM, thorax_ellipses

SIZE = 256
LEVELS_HU = (12.0, 24.0, 48.0)
KERNELS: tuple[Kernel | None, ...] = (None, SHARP, SMOOTH)
"""``None`` is white noise."""
TRIED: dict[str, tuple[Callable[[FloatArray, float, float], FloatArray], tuple[float, ...]]] = {
    "wavelet": (filters.wavelet, (0.5, 0.8, 1.0, 1.2, 1.5, 2.0)),
    "TV": (filters.total_variation, (0.5, 0.8, 1.0, 1.2, 1.6, 2.0)),
    "NLM": (filters.non_local_means, (0.6, 0.8, 1.0, 1.2, 1.5, 2.0)),
    "BM3D": (bm3d.denoise, (0.8, 1.0, 1.2, 1.5, 1.8)),
}


def noise_field(kernel: Kernel | None, rng: np.random.Generator) -> FloatArray:
    """Noise (rows, columns) of standard deviation 1 as ``kernel`` leaves it."""
    if kernel is None:
        return rng.standard_normal((SIZE, SIZE), np.float32)
    beam = ParallelBeam(SIZE, SIZE, FIELD_MM / SIZE)
    sinogram = rng.standard_normal((1, beam.views, beam.detectors), np.float32)
    field = beam.reconstruct(sinogram, kernel)[0]
    return np.asarray(field / field.std(), np.float32)


def images(seed: int) -> Iterator[tuple[FloatArray, FloatArray, float]]:
    """Noisy image, truth and noise level in HU of every kind of noise."""
    rng = np.random.default_rng(seed)
    for number, kernel in enumerate(KERNELS):
        for level in LEVELS_HU:
            place = 0.3 + 0.2 * number
            truth = np.maximum(draw(thorax_ellipses(place, seed), SIZE) + np.float32(AIR_HU), -1024)
            yield truth + np.float32(level) * noise_field(kernel, rng), truth, level


def mean_psnr(denoise: Callable[[FloatArray, float, float], FloatArray], constant: float) -> float:
    """Mean PSNR in dB in the window of CT over all images."""
    window = WINDOWS[Modality.CT]
    seen = [
        [np.clip(a, window.low, window.high) for a in (denoise(image, level, constant), truth)]
        for image, truth, level in images(seed=3)
    ]
    return float(np.mean([psnr(image, truth, window.span) for image, truth in seen]))


def main() -> None:
    """Print the mean PSNR of every constant of every filter that is installed."""
    for name, (denoise, constants) in TRIED.items():
        if name == "BM3D" and not bm3d.available():
            continue
        found = {constant: mean_psnr(denoise, constant) for constant in constants}
        figures = ", ".join(f"{constant:g}: {decibel:.2f}" for constant, decibel in found.items())
        sys.stdout.write(f"{name}: {figures} dB\n")


if __name__ == "__main__":
    main()
