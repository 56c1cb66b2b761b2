"""The thorax in low dose, with its truth: a series for the demonstration and for tests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from engines.base import FloatArray
from engines.medq_uni.degradations.ct.low_dose import Scan, noise_fields
from engines.medq_uni.degradations.kernels import SHARP
from engines.phantoms.thorax import FIELD_MM, thorax_image

SLICE_MM = 3.0
WORKERS = 2

Progress = Callable[[int, int], None]


def low_dose_series(
    slices: int = 20,
    size: int = 512,
    dose_fraction: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[FloatArray, FloatArray]:
    """A thorax series and its truth: (noisy, truth), float32 (slices, size, size) in HU.

    ``dose_fraction`` is of a full dose; slices are 3 mm thick, seen through the sharp kernel. The
    same arguments give the same values. ``progress(done, total)`` is told after every slice.

    Raises:
        ValueError: no slices, a size under 80, or a dose outside 0.01 to 4.
    """
    if slices < 1 or size < 80:
        raise ValueError("a series needs slices, and at least 80 pixels across")
    scan = Scan(dose=dose_fraction, kernel=SHARP, slice_mm=SLICE_MM)
    places = np.linspace(0.12, 0.88, slices) if slices > 1 else np.array([0.5])
    truth = np.stack([thorax_image(float(z), size, seed) for z in places])

    def noisy(index: int) -> FloatArray:
        rng = np.random.default_rng([seed, index])
        noise = noise_fields(truth[index], FIELD_MM / size, scan, 1, rng)[0]
        return np.asarray(truth[index] + noise, np.float32)

    series = np.empty_like(truth)
    with ThreadPoolExecutor(WORKERS) as pool:
        for index, image in enumerate(pool.map(noisy, range(slices))):
            series[index] = image
            if progress is not None:
                progress(index + 1, slices)
    return series, truth
