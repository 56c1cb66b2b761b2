"""Activity, recovery, noise and bias of PET where each is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from engines.medq_uni.yardstick.native.uptake import (
    PEAK_MM,
    bias_in,
    disc_means,
    noise_in,
    places_of,
    recovery_of_maxima,
    recovery_of_peaks,
    total_activity,
)
from tests.engines.yardstick.native.shapes import blurred, disc, pet

BODY = disc(60, 1.0)
SPOT_AT = (60, 100)
TRUTH = BODY + disc(6, 5.0, SPOT_AT) + disc(8, 7.0, (105, 70)) - disc(16, 0.85, (60, 55))
HELD = pet(TRUTH)


def test_both_hot_spots_are_found_where_they_are_and_nothing_else():
    spots = places_of(HELD).spots
    assert [(s.row, s.column) for s in spots] == [
        pytest.approx((105, 70), abs=2),
        pytest.approx(SPOT_AT, abs=2),
    ]
    assert [s.hottest for s in spots] == pytest.approx([8, 6])
    assert [s.peak for s in spots] == pytest.approx([8, 6], rel=1e-3)


@pytest.mark.parametrize(("height", "count"), [(1.2, 0), (1.8, 1)])
def test_a_spot_counts_from_two_and_a_half_times_its_surroundings(height, count):
    assert len(places_of(pet(BODY + disc(6, height, SPOT_AT))).spots) == count


def test_a_single_hot_pixel_is_no_hot_spot():
    noisy = BODY.copy()
    noisy[80, 80] = 4
    assert not places_of(pet(noisy)).spots


@pytest.mark.parametrize("share", [0.4, 0.75, 1.2])
def test_the_recovery_of_spots_is_the_share_that_is_left_of_them(share):
    image = np.asarray(share * TRUTH, np.float32)
    spots = places_of(HELD).spots
    assert recovery_of_peaks(image, HELD, spots) == pytest.approx([100 * share] * 2, rel=1e-4)
    assert recovery_of_maxima(image, HELD, spots) == pytest.approx([100 * share] * 2, rel=1e-4)


def test_a_blur_costs_hot_spots_their_peak_and_keeps_all_activity():
    image = blurred(TRUTH, 3.0)
    spots = places_of(HELD).spots
    large, small = recovery_of_peaks(image, HELD, spots)
    assert small < large < 95
    assert total_activity(image, HELD) == pytest.approx(100, abs=0.1)


def test_one_noisy_pixel_moves_the_maximum_and_hardly_the_peak():
    image = TRUTH.copy()
    image[SPOT_AT] += 3
    spots = places_of(HELD).spots
    assert recovery_of_maxima(image, HELD, spots)[1] == pytest.approx(150)
    assert recovery_of_peaks(image, HELD, spots)[1] < 103


def test_noise_and_bias_of_uniform_tissue_are_those_put_in():
    places = places_of(HELD)
    noise = np.random.default_rng(0).normal(0, 0.12, TRUTH.shape).astype(np.float32)
    image = TRUTH + noise + np.float32(0.05)
    assert noise_in(image, HELD, places.uniform) == pytest.approx(12, rel=0.05)
    assert bias_in(image, HELD, places.uniform) == pytest.approx(5, abs=0.8)
    assert HELD.truth[places.uniform] == pytest.approx(1, abs=1e-3)


def test_activity_that_spills_into_a_cold_place_is_told_in_per_cent_of_tissue():
    cold = places_of(HELD).cold
    assert HELD.truth[cold] == pytest.approx(0.15, abs=1e-3)
    filled = TRUTH + disc(16, 0.4, (60, 55))
    assert bias_in(filled, HELD, cold) == pytest.approx(40, rel=0.02)


def test_a_disc_of_the_peak_has_the_area_that_it_should():
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1
    means = disc_means(point, 2.0)
    assert means.sum() == pytest.approx(1, rel=1e-4)
    area = np.pi * (PEAK_MM / 2) ** 2 / 4
    assert means.max() == pytest.approx(1 / area, rel=0.01)


def test_the_unit_of_uptake_does_not_matter():
    counted = pet(3000 * TRUTH, unit="Bq/ml")
    image = blurred(3000 * TRUTH, 2.0)
    assert recovery_of_peaks(image, counted, places_of(counted).spots) == pytest.approx(
        recovery_of_peaks(blurred(TRUTH, 2.0), HELD, places_of(HELD).spots), rel=1e-4
    )


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_images_that_hold_nothing_have_no_places_and_no_nonsense(value):
    flat = np.full((24, 24), value, np.float32)
    places = places_of(pet(flat, 4.0))
    assert not places.spots
    assert places.cold is None
    assert total_activity(flat, pet(flat)) == (100 if value else None)
