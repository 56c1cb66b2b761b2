"""Slices of a stack: thickness, overlap and averaging."""

from dataclasses import replace

import numpy as np
import pytest

from engines.medq_uni.degradations.ct.low_dose import Scan
from engines.medq_uni.degradations.ct.thickness import noise_stack, thicker
from tests.engines.degradations.ct.bodies import ellipse, ring

QUICK = Scan(views=246)
STACK = np.stack([ellipse(80, 70, 96, 2.0)] * 6)
CENTRE = ring(0, 50, 96, 2.0)


def noise(slice_mm: float, increment_mm: float, seed: int = 0) -> np.ndarray:
    scan = replace(QUICK, slice_mm=slice_mm)
    return noise_stack(STACK, 2.0, increment_mm, scan, np.random.default_rng(seed))[:, CENTRE]


def neighbours(found: np.ndarray) -> float:
    """Correlation of each slice with the next."""
    return float((found[:-1] * found[1:]).mean() / (found**2).mean())


def test_noise_goes_with_the_square_root_of_thickness() -> None:
    assert noise(1, 1).std() / noise(4, 4).std() == pytest.approx(2, rel=0.06)


def test_slices_side_by_side_are_independent() -> None:
    assert abs(neighbours(noise(2, 2))) < 0.05


@pytest.mark.parametrize(("slice_mm", "increment_mm"), [(2.0, 1.0), (3.0, 1.0), (5.0, 3.0)])
def test_overlapping_slices_share_noise_by_their_overlap(slice_mm, increment_mm) -> None:
    found = noise(slice_mm, increment_mm)
    assert neighbours(found) == pytest.approx(1 - increment_mm / slice_mm, abs=0.08)
    assert found.std() == pytest.approx(noise(slice_mm, slice_mm).std(), rel=0.08)


@pytest.mark.parametrize(
    ("slice_mm", "increment_mm"), [(1.25, 0.6), (5, 2.49), (3, 1.48), (2, 0.65), (1, 0.33)]
)
def test_overlaps_that_cut_very_thin_slabs_work_as_others_do(slice_mm, increment_mm) -> None:
    found = noise(slice_mm, increment_mm)
    assert neighbours(found) == pytest.approx(1 - increment_mm / slice_mm, abs=0.08)
    assert found.std() == pytest.approx(noise(slice_mm, slice_mm).std(), rel=0.08)


def test_gaps_leave_slices_independent() -> None:
    assert abs(neighbours(noise(1, 5))) < 0.05


def test_averaging_keeps_means_and_calms_noise() -> None:
    rng = np.random.default_rng(0)
    thin = (40 + 10 * rng.standard_normal((12, 64, 64))).astype(np.float32)
    thick = thicker(thin, 1.0, 1.0, 4.0, 4.0)
    assert thick.shape == (3, 64, 64)
    assert thick.mean() == pytest.approx(thin.mean(), abs=0.01)
    assert thick.std() == pytest.approx(thin.std() / 2, rel=0.03)


def test_a_slope_along_the_stack_is_averaged_to_the_middle_of_each_slice() -> None:
    thin = np.ones((10, 16, 16), np.float32) * np.arange(10, dtype=np.float32)[:, None, None]
    np.testing.assert_allclose(thicker(thin, 1.0, 1.0, 3.0, 2.0)[:, 0, 0], [1, 3, 5, 7], rtol=1e-5)
    np.testing.assert_allclose(thicker(thin, 1.0, 1.0, 2.5, 5)[:, 0, 0], [0.8, 5.8], rtol=1e-5)


def test_the_same_thickness_is_the_same_stack() -> None:
    np.testing.assert_allclose(thicker(STACK, 2.0, 2.0, 2.0, 2.0), STACK, atol=1e-3)


def test_overlapping_slices_of_the_same_thickness_and_increment_are_the_same_stack() -> None:
    rng = np.random.default_rng(0)
    thin = rng.normal(0, 20, (7, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(thicker(thin, 0.5, 1.0, 1.0, 0.5), thin, atol=1e-3)
    np.testing.assert_allclose(thicker(thin, 0.5, 1.0, 1.0, 1.0), thin[::2], atol=1e-3)


def test_overlapping_slices_become_as_thick_as_asked_for() -> None:
    """2 mm slices every 1 mm, of which each sees a thin object in two of them."""
    fine = np.zeros((41, 16, 16), np.float32)
    for k in range(41):
        middle = k * 0.25
        fine[k] = 1 if abs(middle - 5.0) < 1.0 else 0  # a 2 mm slice with a sheet at 5 mm
    seen = thicker(fine, 0.25, 2.0, 4.0, 0.25)[:, 0, 0]
    assert np.count_nonzero(seen > 1e-6) * 0.25 == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize(
    ("change", "name"),
    [((2.0, 1.0, 4.0, 4.0), "increment_mm"), ((1.0, 1.0, 0.5, 1.0), "to_slice_mm"),
     ((1.0, 1.0, 9.0, 1.0), "to_slice_mm"), ((1.0, 0.0, 2.0, 1.0), "slice_mm")],
)  # fmt: skip
def test_impossible_stacks_are_refused_by_name(change, name) -> None:
    with pytest.raises(ValueError, match=name):
        thicker(STACK, *change)
    with pytest.raises(ValueError, match="images"):
        thicker(STACK[0], 1.0, 1.0, 2.0, 2.0)
