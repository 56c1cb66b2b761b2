"""Rician noise against its known moments."""

import numpy as np
import pytest

from engines.medq_uni.degradations.mr.noise import complex_noise, rician_moments, sigma_for


def test_noise_is_complex_white_and_as_strong_as_asked_for() -> None:
    noise = complex_noise((2, 200, 201), 3.0, np.random.default_rng(0))
    assert noise.dtype == np.complex64 and noise.shape == (2, 200, 201)
    assert noise.real.std() == pytest.approx(3, rel=0.01)
    assert noise.imag.std() == pytest.approx(3, rel=0.01)
    assert abs(np.mean(noise.real * noise.imag)) < 0.1
    assert abs(np.mean(noise[..., 1:] * np.conj(noise[..., :-1]))) < 0.15


def test_the_background_is_a_rayleigh_distribution() -> None:
    background = np.abs(complex_noise((400, 400), 10.0, np.random.default_rng(1)))
    mean, deviation = rician_moments(0, 10)
    assert mean == pytest.approx(12.533, abs=1e-3) and deviation == pytest.approx(6.551, abs=1e-3)
    assert background.mean() == pytest.approx(mean, rel=0.005)
    assert background.std() == pytest.approx(deviation, rel=0.01)


@pytest.mark.parametrize("ratio", [0.5, 1, 2, 3, 5, 20])
def test_moments_are_those_of_simulated_magnitudes(ratio) -> None:
    magnitude = np.abs(10 * ratio + complex_noise((500, 500), 10.0, np.random.default_rng(2)))
    mean, deviation = rician_moments(10 * ratio, 10)
    assert magnitude.mean() == pytest.approx(mean, rel=0.003)
    assert magnitude.std() == pytest.approx(deviation, rel=0.005)


@pytest.mark.parametrize("ratio", [10, 100, 999, 1001, 1e6])
def test_strong_signals_have_gaussian_noise_and_a_little_bias(ratio) -> None:
    mean, deviation = rician_moments(ratio, 1.0)
    assert mean == pytest.approx(np.sqrt(ratio**2 + 1), rel=1e-4)
    assert deviation == pytest.approx(1, abs=0.3 / ratio**2 + 1e-5)


@pytest.mark.parametrize("signal", [0.0, 1.0, 20.0, 3000.0])
@pytest.mark.parametrize("deviation", [0.01, 1.0, 30.0])
def test_the_noise_for_a_wanted_deviation_gives_it(signal, deviation) -> None:
    sigma = sigma_for(deviation, signal)
    assert rician_moments(signal, sigma)[1] == pytest.approx(deviation, rel=1e-4)
    assert 0.999 * deviation < sigma < 1.53 * deviation


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_what_is_no_signal_and_no_noise_is_refused_by_name(bad) -> None:
    with pytest.raises(ValueError, match="signal must"):
        rician_moments(bad, 1)
    with pytest.raises(ValueError, match="sigma must"):
        rician_moments(1, bad)
    with pytest.raises(ValueError, match="deviation must"):
        sigma_for(bad, 1)
