"""The thorax phantom: known truth, and noise that behaves as counted photons do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engines.phantoms.ellipses import draw, project
from engines.phantoms.low_dose import low_dose_series
from engines.phantoms.thorax import thorax_ellipses

SIZE = 160


def soft_tissue(truth: np.ndarray) -> np.ndarray:
    return np.stack([ndimage.binary_erosion((t > 0) & (t < 120), iterations=2) for t in truth])


def test_noise_goes_with_the_inverse_square_root_of_dose() -> None:
    sigmas = []
    for dose in (1.0, 0.25):
        noisy, truth = low_dose_series(2, SIZE, dose, seed=3)
        sigmas.append(float((noisy - truth)[soft_tissue(truth)].std()))
    assert sigmas[1] / sigmas[0] == pytest.approx(2.0, rel=0.1)
    assert 20 < sigmas[1] < 40


def test_water_and_air_keep_their_numbers() -> None:
    noisy, truth = low_dose_series(3, SIZE, 0.25, seed=1)
    difference = noisy - truth
    assert abs(float(difference[soft_tissue(truth)].mean())) < 2.0
    air = truth == -1000
    assert air.any()
    assert abs(float(difference[air].mean())) < 2.0
    muscle = np.median(truth[soft_tissue(truth)])
    assert muscle == pytest.approx(45, abs=15)
    assert (truth < -800).mean() > 0.3  # lungs and air
    assert truth.min() >= -1024
    assert truth.max() < 1500


def test_the_same_seed_gives_the_same_patient_and_the_same_noise() -> None:
    first, truth = low_dose_series(2, 96, 0.25, seed=5)
    again, _ = low_dose_series(2, 96, 0.25, seed=5)
    other, other_truth = low_dose_series(2, 96, 0.25, seed=6)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert truth.tobytes() != other_truth.tobytes()
    assert first.dtype == truth.dtype == np.float32
    assert first.shape == truth.shape == (2, 96, 96)


def test_anatomy_changes_smoothly_along_the_body() -> None:
    near = np.abs(draw(thorax_ellipses(0.50), 128) - draw(thorax_ellipses(0.505), 128)).mean()
    far = np.abs(draw(thorax_ellipses(0.20), 128) - draw(thorax_ellipses(0.80), 128)).mean()
    assert near < far / 4


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[int, int]] = []
    low_dose_series(1, 96, 1.0, 0, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)


def test_line_integrals_agree_with_the_picture() -> None:
    ellipses = np.array([[0.2, -0.1, 0.5, 0.2, 0.4, 100.0], [-0.3, 0.2, 0.1, 0.3, -0.2, -40.0]])
    size = 256
    image = draw(ellipses, size)
    positions = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
    exact = project(ellipses, np.array([0, np.pi / 2], np.float32), positions)
    summed = np.stack([image.sum(axis=0), image.sum(axis=1)]) * 2 / size
    assert np.abs(exact - summed).mean() < 0.002 * exact.max()
    assert np.abs(exact - summed).max() < 0.05 * exact.max()


@pytest.mark.parametrize(("slices", "size", "dose"), [(0, 96, 1.0), (1, 16, 1.0), (1, 96, 0.0)])
def test_senseless_requests_are_refused(slices: int, size: int, dose: float) -> None:
    with pytest.raises(ValueError, match=r"a series needs|dose"):
        low_dose_series(slices, size, dose)
