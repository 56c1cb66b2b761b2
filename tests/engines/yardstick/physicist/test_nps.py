"""The ruler for noise: what is put in comes out, in HU^2 mm^2 at lp/cm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from engines.medq_uni.yardstick.physicist import nps

PIXEL_MM = 0.7


def white(count: int, side: int, sigma: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma, (count, side, side)).astype(np.float32)


def test_white_noise_is_flat_and_its_integral_is_the_variance() -> None:
    found = nps.spectrum(white(400, 64, 20.0), PIXEL_MM)
    assert found.variance == pytest.approx(400, rel=0.02)
    radial = found.radial()
    # White noise of variance s^2 has s^2 x pixel area at every frequency.
    level = radial.power[2:] / (400 * PIXEL_MM**2)
    assert level == pytest.approx(np.ones(len(level)), rel=0.05)
    assert radial.lp_cm[-1] == pytest.approx(5 / PIXEL_MM)


@given(
    side=st.integers(8, 48), sigma=st.floats(0.1, 500), pixel=st.floats(0.1, 4), seed=st.integers(0)
)
@settings(max_examples=40)
def test_the_integral_is_the_variance_about_the_planes(
    side: int, sigma: float, pixel: float, seed: int
) -> None:
    regions = white(3, side, sigma, seed)
    found = nps.spectrum(regions, pixel)
    assert found.variance == pytest.approx(nps.detrended(regions).var(axis=(1, 2)).mean(), rel=1e-6)


def test_filtered_noise_shows_the_filter_squared() -> None:
    sigma_pixels = 1.2
    rng = np.random.default_rng(2)
    fields = rng.normal(0, 30, (60, 128, 128)).astype(np.float32)
    smooth = np.stack([ndimage.gaussian_filter(f, sigma_pixels, mode="wrap") for f in fields])
    radial = nps.from_repeats(smooth, PIXEL_MM, truth=np.zeros((128, 128), np.float32)).radial()
    transfer = np.exp(-2 * (np.pi * sigma_pixels * radial.lp_cm * PIXEL_MM / 10) ** 2)
    wanted = 900 * PIXEL_MM**2 * transfer**2
    # Below a tenth, what leaks from the strong low frequencies of a cut region adds up.
    strong = (wanted > wanted[0] * 0.1) & (radial.lp_cm > 0.4)
    assert radial.power[strong] == pytest.approx(wanted[strong], rel=0.1)


@pytest.mark.parametrize("sigma_mm", [2.0, 4.0])
def test_grain_as_coarse_as_a_lesion_is_not_taken_for_finer(sigma_mm: float) -> None:
    rng = np.random.default_rng(6)
    shape = (60, 384, 384)
    sigma = sigma_mm / PIXEL_MM
    fields = rng.normal(0, 30, shape).astype(np.float32)
    coarse = ndimage.gaussian_filter(fields, (0, sigma, sigma), mode="wrap")
    found = nps.from_repeats(coarse, PIXEL_MM, side=92).radial().mean_lp_cm
    wanted = 10 / (2 * np.pi**1.5 * sigma_mm)
    assert found == pytest.approx(wanted, rel=0.1 if sigma_mm == 2 else 0.35)
    freed = nps.spectrum(coarse[:, :40, :40], PIXEL_MM).radial().mean_lp_cm
    assert freed > 1.3 * wanted


def test_repeats_without_truth_give_back_what_their_mean_took() -> None:
    rng = np.random.default_rng(3)
    object_ = ndimage.gaussian_filter(rng.normal(0, 4000, (128, 128)), 2)
    images = (object_ + rng.normal(0, 15, (4, 128, 128))).astype(np.float32)
    found = nps.from_repeats(images, PIXEL_MM)
    assert found.variance == pytest.approx(225, rel=0.05)


def test_shading_is_no_noise() -> None:
    slope = np.linspace(0, 200, 64)[:, None] + np.linspace(0, 90, 64)[None, :]
    found = nps.spectrum(slope[None].astype(np.float32), PIXEL_MM)
    assert found.variance < 1e-4


@pytest.mark.parametrize("lp_cm", [2.0, 3.5, 6.0])
def test_peak_and_mean_are_where_a_ring_of_noise_is(lp_cm: float) -> None:
    rng = np.random.default_rng(4)
    along = np.fft.fftfreq(256, PIXEL_MM) * 10
    ring = np.exp(-(((np.hypot(along[:, None], along[None, :]) - lp_cm) / 0.4) ** 2))
    field = np.fft.ifft2(np.fft.fft2(rng.normal(0, 30, (256, 256))) * ring).real
    truth = np.zeros((256, 256), np.float32)
    radial = nps.from_repeats(field[None].astype(np.float32), PIXEL_MM, truth=truth).radial()
    assert radial.peak_lp_cm == pytest.approx(lp_cm, abs=0.2)
    assert radial.mean_lp_cm == pytest.approx(lp_cm, abs=0.2)


def test_directions_of_white_noise_are_equal_and_streaks_point_across_themselves() -> None:
    shares = nps.spectrum(white(400, 64, 10.0), PIXEL_MM).directions()
    assert shares == pytest.approx(np.full(12, 1 / 12), rel=0.05)
    assert shares.sum() == pytest.approx(1)
    streaks = np.stack([ndimage.gaussian_filter1d(f, 3, axis=1) for f in white(50, 64, 10.0)])
    shares = nps.spectrum(streaks, PIXEL_MM).directions()
    assert int(np.argmax(shares)) == 6  # streaks along rows: power down the columns


def test_flat_regions_of_a_patterned_image_are_found_and_their_noise_measured() -> None:
    rng = np.random.default_rng(5)
    image = np.full((256, 256), 50.0)
    image[:, 128:] += 40 * (np.indices((256, 128)).sum(axis=0) // 8 % 2)  # a chequered half
    image[:40] = -1000
    image += rng.normal(0, 12, image.shape)
    corners = nps.flat_corners(image.astype(np.float32), PIXEL_MM)
    assert corners
    assert all(row >= 40 and column + 32 <= 140 for row, column in corners)
    found = nps.from_image(image.astype(np.float32), PIXEL_MM)
    assert found is not None
    assert found.variance == pytest.approx(144, rel=0.05)


def test_an_image_of_air_has_no_spectrum() -> None:
    assert nps.from_image(np.full((64, 64), -1000, np.float32), PIXEL_MM) is None


def test_a_constant_image_has_none_of_it() -> None:
    found = nps.from_image(np.full((64, 64), 40, np.int16), PIXEL_MM)
    assert found is not None
    assert found.variance == 0
    assert found.radial().mean_lp_cm == 0
    assert found.directions() == pytest.approx(np.full(12, 1 / 12))


def test_what_makes_no_sense_is_refused_by_name() -> None:
    regions = white(2, 32, 1.0)
    with pytest.raises(ValueError, match="pixel_mm"):
        nps.spectrum(regions, 0.0)
    with pytest.raises(ValueError, match="regions"):
        nps.spectrum(regions[0], 1.0)
    with pytest.raises(ValueError, match="regions"):
        nps.spectrum(regions[:, :4, :4], 1.0)
    regions[1, 3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        nps.spectrum(regions, 1.0)
    with pytest.raises(ValueError, match="truth"):
        nps.from_repeats(white(1, 64, 1.0), 1.0)
    with pytest.raises(ValueError, match="side"):
        nps.from_repeats(white(3, 32, 1.0), 1.0, side=64)
    with pytest.raises(ValueError, match="sectors"):
        nps.spectrum(white(2, 32, 1.0), 1.0).directions(1)
    with pytest.raises(ValueError, match="image"):
        nps.from_image(np.full((64, 64), np.nan, np.float32), PIXEL_MM)
