"""What is padding, and what is air or tissue that only looks like it."""

import numpy as np
import pytest

from engines.medq_uni.degradations.ct.low_dose import Scan, noise_fields
from engines.medq_uni.degradations.ct.tissue import outside
from tests.engines.degradations.ct.bodies import ellipse

SIDE = 96
ROUND = np.hypot(*(np.indices((SIDE, SIDE)) - SIDE // 2)) >= SIDE / 2


def test_whole_numbers_of_tissue_that_fills_the_frame_are_no_padding() -> None:
    rng = np.random.default_rng(0)
    tissue = np.rint(40 + 8 * rng.standard_normal((SIDE, SIDE))).astype(np.float32)
    assert not outside(tissue, 0.5).any()


def test_even_tissue_that_fills_a_frame_that_is_not_square_is_no_padding() -> None:
    assert not outside(np.full((64, 128), 40, np.float32), 1.0).any()


@pytest.mark.parametrize("value", [-1000, -1024, -2000, -3024])
def test_padding_is_found_whole_and_gets_no_noise(value) -> None:
    padded = ellipse(35, 30, SIDE, 1.0)
    padded += np.random.default_rng(0).normal(0, 5, padded.shape).astype(np.float32)
    padded[ROUND] = value
    np.testing.assert_array_equal(outside(padded, 1.0), ROUND)
    noise = noise_fields(padded, 1.0, Scan(views=128), 1, np.random.default_rng(0))[0]
    assert not noise[ROUND].any() and noise[~ROUND].all()


def test_every_corner_is_asked_for_its_own_value() -> None:
    padded = np.random.default_rng(0).normal(-990, 5, (SIDE, SIDE)).astype(np.float32)
    padded[:12, :12], padded[-12:, -12:] = -1024, -3024
    found = outside(padded, 1.0)
    assert found[:8, :8].all() and found[-8:, -8:].all()
    assert found[:12, -12:].sum() < 4 and not found[12:-12].any()


def test_measured_air_in_the_corners_is_measured() -> None:
    air = np.random.default_rng(0).normal(-1000, 10, (SIDE, SIDE))
    stored = np.maximum(np.rint(air), -1024).astype(np.float32)
    assert outside(stored, 1.0).sum() < 10  # a neighbour or two of a corner's own value


def test_spots_of_the_padding_s_value_elsewhere_are_no_padding() -> None:
    padded = np.full((SIDE, SIDE), -990, np.float32)
    padded[:10, :10] = -1024
    padded[20:24, 2:6] = -1024
    assert not outside(padded, 1.0)[20:24, 2:6].any()
