"""Scores against what can be worked out by hand and against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from engines.description import Modality
from engines.medq_uni.yardstick.restoration.scores import (
    MOST_DB,
    body_mask,
    gain_in_body,
    psnr,
    rmse,
    ruler,
    score,
    scores_of,
    ssim,
)
from engines.medq_uni.yardstick.restoration.windows import WINDOWS
from tests.engines.yardstick.made import ct_phantoms, source


def noisy(sigma: float = 20.0):
    truth = source("phantom a").values
    noise = np.random.default_rng(0).normal(0, sigma, truth.shape).astype(np.float32)
    return truth + noise, truth


def test_an_error_of_two_everywhere_is_an_rmse_of_two_and_a_psnr_by_hand():
    truth = np.zeros((32, 32), np.float32)
    assert rmse(truth + 2, truth) == 2
    assert psnr(truth + 2, truth, 200) == pytest.approx(40.0)


def test_rmse_inside_looks_nowhere_else():
    truth = np.zeros((32, 32), np.float32)
    image, inside = truth.copy(), np.zeros(truth.shape, bool)
    image[:4], inside[:4] = 3, True
    assert rmse(image, truth, inside) == 3
    assert rmse(image, truth, ~inside) == 0
    assert rmse(image, truth) == pytest.approx(3 * (4 / 32) ** 0.5)


def test_psnr_and_ssim_are_those_of_scikit_image():
    image, truth = noisy()
    assert psnr(image, truth, 400) == pytest.approx(
        peak_signal_noise_ratio(truth, image, data_range=400), abs=1e-3
    )
    assert ssim(image, truth, 400) == pytest.approx(
        structural_similarity(
            truth.astype(float),
            image.astype(float),
            data_range=400,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        ),
        abs=1e-4,
    )


def test_identical_images_have_the_highest_scores_and_no_infinity():
    _, truth = noisy()
    found = score(truth, truth, Modality.CT)
    assert (found.psnr, found.psnr_lung) == (MOST_DB, MOST_DB)
    assert found.ssim == pytest.approx(1)
    assert (found.rmse, found.rmse_body) == (0, 0)


def test_what_lies_beyond_the_window_does_not_count_within_it():
    _, truth = noisy()
    image = np.where(truth < -500, truth - 300, truth)
    found = score(image, truth, Modality.CT)
    assert found.rmse == 0
    assert found.psnr == MOST_DB
    assert found.rmse_body > 100


def test_wiping_all_detail_from_lungs_is_free_in_the_window_but_not_in_that_of_lungs():
    phantom = next(s for s in ct_phantoms(1, 128, 0) if s.region == "chest")
    truth = phantom.values
    noisy_lungs = truth + np.random.default_rng(0).normal(0, 20, truth.shape).astype(np.float32)
    lungs = (truth < -300) & body_mask(truth, Modality.CT)
    wiped = np.where(lungs, np.float32(-850), truth)
    found = score(wiped, truth, Modality.CT)
    before = score(noisy_lungs, truth, Modality.CT)
    assert found.psnr == MOST_DB
    assert found.psnr_lung is not None
    assert before.psnr_lung is not None
    assert found.psnr_lung < before.psnr_lung
    assert gain_in_body(found, before) < 0


def test_a_head_and_an_abdomen_with_gas_have_no_lungs_and_a_chest_has():
    for one in ct_phantoms(2, 128, 0):
        found = score(one.values, one.values, Modality.CT, region=one.region)
        assert (found.psnr_lung is not None) == (one.region == "chest")


def test_half_the_error_in_the_body_is_a_gain_of_six_decibels_and_none_is_bounded():
    image, truth = noisy()
    before = score(image, truth, Modality.CT)
    half = score(truth + (image - truth) / 2, truth, Modality.CT)
    perfect = score(truth, truth, Modality.CT)
    assert gain_in_body(half, before) == pytest.approx(20 * np.log10(2), abs=1e-3)
    assert gain_in_body(perfect, before) == MOST_DB
    assert gain_in_body(before, perfect) == -MOST_DB
    assert gain_in_body(perfect, perfect) == 0


def test_air_hides_the_error_that_is_inside_the_body():
    _, truth = noisy()
    body = body_mask(truth, Modality.CT)
    image = truth + np.where(body, np.float32(30), np.float32(0))
    found = score(image, truth, Modality.CT)
    assert found.rmse_body == pytest.approx(30, rel=1e-4)
    assert rmse(image, truth) < 25


def test_the_body_has_its_lungs_and_not_the_air_around_it():
    _, truth = noisy()
    body = body_mask(truth, Modality.CT)
    middle = body.shape[0] // 2
    assert body[middle, middle // 2 + 8]  # in a lung
    assert not body[:4].any()
    assert 0.3 < body.mean() < 0.7


def test_noise_does_not_move_the_body():
    image, truth = noisy(40)
    apart = body_mask(image, Modality.CT) ^ body_mask(truth, Modality.CT)
    assert apart.mean() < 0.01


def test_an_image_without_a_body_is_scored_everywhere():
    air = np.full((32, 32), -1000, np.float32)
    assert body_mask(air, Modality.CT).all()
    assert score(air + 1, air, Modality.CT).rmse_body == pytest.approx(1)


@given(st.sampled_from(Modality.sectional()), st.floats(0.5, 30), st.floats(1.2, 4))
def test_more_noise_never_scores_better(modality, sigma, factor):
    window = WINDOWS[modality]
    rng = np.random.default_rng(1)
    truth = np.full((24, 24), (window.low + window.high) / 2, np.float32)
    noise = rng.standard_normal(truth.shape).astype(np.float32) * window.span / 400
    less = score(truth + sigma * noise, truth, modality)
    more = score(truth + factor * sigma * noise, truth, modality)
    assert more.psnr < less.psnr
    assert more.rmse > less.rmse
    assert more.ssim <= less.ssim + 1e-6


@pytest.mark.parametrize(
    ("image", "truth", "named"),
    [
        (np.zeros((16, 16)), np.zeros((16, 17)), "image must have the shape of truth"),
        (np.zeros((8, 8)), np.zeros((8, 8)), "sides of 11 or more"),
        (np.full((16, 16), np.nan), np.zeros((16, 16)), "NaN"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_a_reason(image, truth, named):
    with pytest.raises(ValueError, match=named):
        score(image.astype(np.float32), truth.astype(np.float32), Modality.CT)


def test_a_data_range_is_positive_and_inside_is_somewhere():
    flat = np.zeros((16, 16), np.float32)
    with pytest.raises(ValueError, match="data_range"):
        psnr(flat, flat, 0)
    with pytest.raises(ValueError, match="data_range"):
        ssim(flat, flat, -1)
    with pytest.raises(ValueError, match="inside"):
        rmse(flat, flat, np.zeros(flat.shape, bool))


def mr_disc(scale=1.0, noise=0.0):
    """A disc of tissue in air, and the same with Rician noise of that many per cent."""
    down, right = np.indices((96, 96)) - 48
    truth = np.where(np.hypot(down, right) < 32, 1000.0, 0.0) + 100 * (np.hypot(down, right) < 8)
    parts = np.random.default_rng(0).normal(0, 10 * noise, (2, 96, 96))
    image = np.hypot(truth + parts[0], parts[1])
    return (scale * image).astype(np.float32), (scale * truth).astype(np.float32)


def scaled(scale, modality=Modality.MR, unit="signal"):
    image, truth = mr_disc(scale, 10)
    return scores_of(image, ruler(truth, modality, "head", unit, 1.0))


def test_an_mr_image_ten_times_as_bright_has_the_same_scores_in_its_own_range_and_in_per_cent():
    dim, bright = scaled(0.1), scaled(1.0)
    assert bright.psnr_own == pytest.approx(dim.psnr_own, abs=1e-3)
    assert bright.ssim_own == pytest.approx(dim.ssim_own, abs=1e-3)
    assert bright.percent_body == pytest.approx(dim.percent_body, rel=1e-3)
    assert bright.rmse_body == pytest.approx(10 * dim.rmse_body, rel=1e-3)
    assert dim.psnr > bright.psnr + 15
    assert bright.percent_body == pytest.approx(10, abs=1)


def test_mr_in_more_than_12_bits_is_looked_at_in_its_own_range():
    found = ruler(mr_disc(8.0)[1], Modality.MR)
    assert found.window == found.own
    assert found.window.high == pytest.approx(8800)
    assert ruler(mr_disc(1.0)[1], Modality.MR).window == WINDOWS[Modality.MR]


def test_pet_in_bq_per_ml_scores_as_the_same_image_in_suv_of_its_body():
    image, truth = mr_disc(1.0, 10)
    body = body_mask(truth, Modality.PT)
    factor = np.float32(1 / truth[body].mean())
    counted = scores_of(image, ruler(truth, Modality.PT, "whole body", "Bq/ml", 4.0))
    relative = ruler(factor * truth, Modality.PT, "whole body", "SUV", 4.0)
    uptake = scores_of(factor * image, relative)
    assert counted.psnr == pytest.approx(uptake.psnr, abs=1e-3)
    assert counted.percent == pytest.approx(uptake.percent, rel=1e-3)
    assert relative.window == WINDOWS[Modality.PT]


def test_ct_has_no_scores_in_per_cent_and_no_range_of_its_own():
    image, truth = noisy()
    found = score(image, truth, Modality.CT)
    assert (found.percent, found.percent_body, found.psnr_own, found.ssim_own) == (None,) * 4


@pytest.mark.parametrize("modality", [Modality.MR, Modality.PT])
def test_an_image_without_any_signal_has_scores_and_no_per_cent(modality):
    nothing = np.zeros((32, 32), np.float32)
    found = scores_of(nothing + 1, ruler(nothing, modality, "head", "Bq/ml", 1.0))
    assert found.rmse_body == 1
    assert found.percent_body is None
