"""Counts of photons and their logarithm."""

import numpy as np
import pytest

from engines.medq_uni.degradations.ct.counts import log_noise

SHAPE = (400, 500)


def noise(photons: float, electronic: float = 0, dose: float = 1, before: float | None = None):
    rng = np.random.default_rng(1)
    return log_noise(np.full(SHAPE, photons, np.float32), electronic, dose, before, rng)


@pytest.mark.parametrize("photons", [30, 100, 1000, 1e5])
def test_the_variance_of_a_logarithm_of_counts_is_one_over_the_counts(photons) -> None:
    next_order = 1.5 / photons**2
    assert noise(photons).var() == pytest.approx(1 / photons + next_order, rel=0.03)


def test_electronic_noise_adds_its_square_over_the_square_of_counts() -> None:
    assert noise(500, 20).var() == pytest.approx(1 / 500 + 400 / 500**2, rel=0.05)


@pytest.mark.parametrize("photons", [20, 50, 200, 1000])
def test_the_bias_of_the_logarithm_is_half_of_one_over_the_counts(photons) -> None:
    expected = 1 / (2 * photons)
    error = (1 / photons / np.prod(SHAPE)) ** 0.5
    assert noise(photons).mean() == pytest.approx(expected, rel=0.1, abs=3 * error)


@pytest.mark.parametrize("photons", [0.01, 1, 5])
def test_starved_rays_stay_finite_and_bounded(photons) -> None:
    found = noise(photons, 10)
    assert np.isfinite(found).all()
    assert found.max() <= np.log(max(photons, 10) / 5) + 1e-5  # half the electronic noise


@pytest.mark.parametrize("photons", [60, 2000])
def test_thinning_adds_what_a_lower_dose_has_more(photons) -> None:
    found = noise(photons, 5, dose=0.5, before=1.0)
    more = (1 / 0.5 - 1) / photons + 25 * (1 / 0.25 - 1) / photons**2
    assert found.var() == pytest.approx(more, rel=0.12)


def test_thinning_to_nearly_all_photons_adds_nearly_nothing() -> None:
    assert noise(1000, 5, dose=0.9999, before=1.0).std() < 0.001
