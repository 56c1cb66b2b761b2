"""The fit of simulated to real noise, where the real one is known because we made it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.ct_noise_fit import Case, compare, fit, spectrum_of
from engines.medq_uni.degradations.ct.low_dose import Scan, noise_fields
from engines.medq_uni.degradations.kernels import Kernel
from engines.medq_uni.yardstick.physicist import nps

PIXEL_MM = 1.2
KERNEL = Kernel("hidden", 3.4, 4.0)


@pytest.fixture(scope="module")
def case() -> Case:
    """A water disc of 240 mm, scanned with a kernel and a dose that the fit isn't told."""
    y, x = np.mgrid[-128:128, -128:128] * PIXEL_MM
    disc = np.where(np.hypot(x, y) < 120, 50, -1000).astype(np.float32)
    scan = Scan(kernel=KERNEL, photons=5e4, slice_mm=2.0)
    noisy = disc + noise_fields(disc, PIXEL_MM, scan, 1, np.random.default_rng(8))[0]
    corners = nps.flat_corners(noisy, PIXEL_MM, 16)
    return Case("disc", "?", 2.0, PIXEL_MM, noisy[None], disc[None], (corners,), 16)


def test_the_hidden_kernel_is_found(case: Case) -> None:
    kernel, _ = fit(case, spectrum_of(case, case.images), Scan(slice_mm=2.0))
    at = np.array([0.8, 1.5, 2.5, 3.5])
    assert kernel.response(at) / kernel.response(at[:1]) == pytest.approx(
        KERNEL.response(at) / KERNEL.response(at[:1]), abs=0.12
    )


def test_what_is_simulated_in_its_place_looks_the_same(case: Case) -> None:
    found = compare(case, Scan())
    assert found.photons == pytest.approx(5e4, rel=0.15)
    real, made, _ = found.spectra
    assert made.variance == pytest.approx(real.variance, rel=0.1)
    assert made.radial().mean_lp_cm == pytest.approx(real.radial().mean_lp_cm, rel=0.05)
    assert np.log(found.blocks[1] / found.blocks[0]).std() < 0.25


def test_another_grain_is_told_from_it(case: Case) -> None:
    blurred = ndimage.gaussian_filter1d(case.images, 1.0, axis=2)
    found = compare(replace(case, images=blurred), Scan())
    real, made, _ = (spectrum.directions(4) for spectrum in found.spectra)
    assert real[2] > 1.2 * made[2]  # streaks along rows: power down the columns
