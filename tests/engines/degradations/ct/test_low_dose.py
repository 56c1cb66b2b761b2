"""The physics of noise at low dose."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.medq_uni.degradations.ct.low_dose import Scan, noise_fields, through_kernel
from engines.medq_uni.degradations.kernels import BARE_RAMP, SHARP, SMOOTH, STANDARD
from tests.engines.degradations.ct.bodies import ellipse, ring

QUICK = Scan(views=328)
WATER = ellipse(150, 150)
CENTRE, RIM = ring(0, 40), ring(115, 145)


def fields(image, scan: Scan = QUICK, count: int = 4, pixel_mm: float = 2.0, seed: int = 0):
    return noise_fields(image, pixel_mm, scan, count, np.random.default_rng(seed))


def test_full_dose_gives_the_noise_of_a_body_scan_in_300_mm_of_water() -> None:
    assert 22 < fields(WATER)[:, CENTRE].std() < 30  # 1 mm
    assert 9 < fields(WATER, replace(QUICK, slice_mm=5.0))[:, CENTRE].std() < 14


@pytest.mark.parametrize("dose", [0.5, 0.25, 0.1])
def test_noise_goes_with_the_square_root_of_dose(dose) -> None:
    quantum = replace(QUICK, electronic=0)
    less, full = fields(WATER, replace(quantum, dose=dose)), fields(WATER, quantum)
    assert less[:, CENTRE].std() / full[:, CENTRE].std() == pytest.approx(dose**-0.5, rel=0.08)


def test_noise_is_steeper_in_dose_where_electronics_rule() -> None:
    loud = replace(QUICK, electronic=60.0)
    less, full = fields(WATER, replace(loud, dose=0.5)), fields(WATER, loud)
    slope = np.log2(less[:, CENTRE].std() / full[:, CENTRE].std())
    assert 0.6 < slope < 1.05


@pytest.mark.parametrize("fan", [True, False], ids=["fan", "parallel"])
def test_water_is_noisier_in_the_middle_than_at_the_rim(fan) -> None:
    found = fields(WATER, replace(QUICK, fan=fan))
    assert found[:, CENTRE].std() > 1.3 * found[:, RIM].std()


def test_parallel_and_fan_rays_agree_in_level() -> None:
    fan, parallel = fields(WATER), fields(WATER, replace(QUICK, fan=False))
    assert fan[:, CENTRE].std() == pytest.approx(parallel[:, CENTRE].std(), rel=0.08)
    # Far from the centre rebinning smooths along the turn.
    assert 0.75 < fan[:, RIM].std() / parallel[:, RIM].std() < 1.02


@pytest.mark.parametrize("fan", [True, False], ids=["fan", "parallel"])
def test_the_sampling_neither_gains_nor_loses_dose(fan) -> None:
    scan = replace(QUICK, fan=fan, kernel=SMOOTH)
    coarse = fields(WATER, replace(scan, quarter_offset=False))
    fine = fields(WATER, replace(scan, views=656))
    assert coarse[:, CENTRE].std() == pytest.approx(fine[:, CENTRE].std(), rel=0.12)


def test_the_means_of_water_and_air_stay() -> None:
    found = fields(WATER, replace(QUICK, dose=0.5), count=8)
    for place in (CENTRE, RIM, ring(170, 220)):
        mean = found[:, place].mean()
        error = found[:, place].std() / np.sqrt(8 * place.sum() / 6)  # neighbours are correlated
        assert abs(mean) < 4 * error + 0.3


def test_starvation_biases_by_less_than_the_noise() -> None:
    hips = ellipse(200, 120, hu=40)
    found = fields(hips, replace(QUICK, dose=0.02), count=4)
    body = hips > -500
    assert np.isfinite(found).all()
    assert abs(found[:, body].mean()) < 0.15 * found[:, body].std()


def test_noise_streaks_along_the_long_axis_of_shoulders() -> None:
    shoulders = ellipse(200, 80)
    found = fields(shoulders, replace(QUICK, dose=0.1, modulation=0.0), count=4)
    part = found[:, 70:90, 40:120]
    along = (part[:, :, 1:] * part[:, :, :-1]).mean() / part.var()
    across = (part[:, 1:] * part[:, :-1]).mean() / part.var()
    assert along > across + 0.15


def test_modulating_the_tube_current_calms_streaks() -> None:
    shoulders = ellipse(200, 80)
    steady = fields(shoulders, replace(QUICK, modulation=0.0))
    following = fields(shoulders, replace(QUICK, modulation=0.5))
    assert following[:, CENTRE].std() < 0.9 * steady[:, CENTRE].std()


def test_the_spectrum_is_the_ramp_times_the_square_of_the_kernel() -> None:
    size, pixel = 192, 0.5
    water = ellipse(45, 45, size, pixel)
    found = fields(water, replace(QUICK, kernel=STANDARD), 6, pixel)
    middle = found[:, 48:144, 48:144] * np.outer(np.hanning(96), np.hanning(96))
    power = (np.abs(np.fft.fft2(middle)) ** 2).mean(axis=0)
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(96, pixel / 10)] * 2))
    bands = np.arange(1, 8)
    radial = np.array([power[np.abs(frequency - f) < 0.5].mean() for f in bands])
    expected = bands * STANDARD.response(bands) ** 2
    ratio = radial / expected / (radial[2] / expected[2])
    np.testing.assert_allclose(ratio[:5], 1, atol=0.2)
    assert radial[6] < 0.1 * radial.max()


def test_sharper_kernels_have_finer_and_stronger_noise() -> None:
    water = ellipse(45, 45, 192, 0.5)
    levels, fineness = [], []
    for kernel in (SMOOTH, STANDARD, SHARP, BARE_RAMP):
        middle = fields(water, replace(QUICK, kernel=kernel), 2, 0.5)[:, 48:144, 48:144]
        levels.append(middle.std())
        fineness.append(np.diff(middle, axis=2).std() / middle.std())
    assert levels == sorted(levels)
    assert fineness == sorted(fineness)


def test_the_same_seed_gives_the_same_noise_and_another_does_not() -> None:
    small = ellipse(50, 40, 64, 2.0)
    np.testing.assert_array_equal(fields(small, seed=5), fields(small, seed=5))
    first, second = fields(small, count=2, seed=5)
    inside = small > -500
    assert abs(np.corrcoef(first[inside], second[inside])[0, 1]) < 0.15
    assert abs(np.corrcoef(first[inside], fields(small, seed=6)[0][inside])[0, 1]) < 0.15


def test_padding_and_what_the_fan_does_not_see_stay_without_noise() -> None:
    padded = ellipse(50, 40, 64, 2.0)
    y, x = np.indices(padded.shape) - 32
    padding = np.hypot(y, x) >= 32
    padded[padding] = -2000
    assert not fields(padded, count=1)[0][padding].any()
    wide = ellipse(200, 150, 128, 5.0)
    wide[0, 0] = -999  # no padding
    assert not fields(wide, count=1, pixel_mm=5.0)[0][ring(252, 1000, 128, 5.0)].any()
    assert fields(wide, count=1, pixel_mm=5.0)[0][ring(200, 245, 128, 5.0)].all()


@pytest.mark.parametrize("shape", [(48, 64), (65, 33)])
def test_integers_and_images_that_are_not_square_work(shape) -> None:
    found = fields(np.full(shape, 40, np.int16), count=1)
    assert found.shape == (1, *shape)
    assert np.isfinite(found).all() and found.std() > 0


@settings(max_examples=15)
@given(st.floats(-1024, 30000), st.floats(0.01, 4), st.floats(0.1, 5))
def test_constant_images_at_any_dose_give_finite_noise(hu, dose, pixel_mm) -> None:
    image = np.full((16, 16), hu, np.float32)
    image[8, 8] += 1
    found = fields(image, replace(QUICK, dose=dose, views=64), 1, pixel_mm)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("field", "value"),
    [("dose", 0.0), ("dose", float("nan")), ("photons", -1), ("electronic", -1), ("bow_tie", 1),
     ("modulation", 2), ("views", 3), ("slice_mm", 0)],
)  # fmt: skip
def test_impossible_scans_are_refused_by_name(field, value) -> None:
    with pytest.raises(ValueError, match=field):
        replace(QUICK, **{field: value})


@pytest.mark.parametrize(
    ("image", "pixel_mm", "count", "name"),
    [(np.zeros((4, 64)), 1.0, 1, "image"), (np.full((64, 64), np.nan), 1.0, 1, "image"),
     (np.zeros((64, 64)), 0.0, 1, "pixel_mm"), (np.zeros((64, 64)), 1.0, 0, "count"),
     (np.full((64, 64), 1e9), 1.0, 1, "image")],
)  # fmt: skip
def test_impossible_images_are_refused_by_name(image, pixel_mm, count, name) -> None:
    with pytest.raises(ValueError, match=name):
        noise_fields(image, pixel_mm, QUICK, count, np.random.default_rng(0))


def test_a_kernel_shows_edges_as_wide_as_it_passes_frequencies() -> None:
    edge = np.full((96, 96), -1000, np.float32)
    edge[:, 48:] = 0
    np.testing.assert_allclose(through_kernel(edge, 0.5, BARE_RAMP), edge, atol=0.5)
    steepness = [
        np.abs(np.diff(through_kernel(edge, 0.5, kernel)[48])).max()
        for kernel in (SMOOTH, STANDARD, SHARP)
    ]
    assert steepness == sorted(steepness)
    smooth = through_kernel(edge, 0.5, SMOOTH)
    assert smooth[48, 4] == pytest.approx(-1000, abs=2)
    assert smooth[48, -4] == pytest.approx(0, abs=2)
    np.testing.assert_allclose(through_kernel(np.full((40, 50), 7), 1.0, SMOOTH), 7, atol=0.01)
