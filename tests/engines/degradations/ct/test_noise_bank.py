"""Pairs from a bank of noise against the full simulation."""

from dataclasses import replace

import numpy as np
import pytest

from engines.description import Degradation, Modality
from engines.medq_uni.degradations.ct.low_dose import Scan, noise_fields
from engines.medq_uni.degradations.ct.noise_bank import Crop, NoiseBank
from engines.medq_uni.degradations.ct.tissue import soft_tissue
from engines.medq_uni.degradations.kernels import BARE_RAMP, EDGE, SMOOTH, STANDARD, random_kernel
from engines.medq_uni.pair import Source
from tests.engines.degradations.ct.bodies import ellipse

QUICK = Scan(views=492)
SIZE, PIXEL = 192, 0.7
SOURCE = Source(
    "body", "phantom", Modality.CT, "abdomen", "HU", ellipse(60, 45, SIZE, PIXEL, 40), PIXEL, 3.0
)
TISSUE = soft_tissue(SOURCE.values, PIXEL)


@pytest.fixture(scope="module")
def bank() -> NoiseBank:
    return NoiseBank.build(SOURCE, QUICK, fields=4, seed=1)


def of_bank(bank: NoiseBank, kernel, dose, count: int = 6) -> np.ndarray:
    rng = np.random.default_rng(2)
    return np.stack([bank.pair(kernel, rng, dose).image - SOURCE.values for _ in range(count)])


def full(kernel, dose, count: int = 6) -> np.ndarray:
    scan = replace(QUICK, kernel=kernel, dose=dose, slice_mm=3.0)
    return noise_fields(SOURCE.values, PIXEL, scan, count, np.random.default_rng(3))


def radial(fields: np.ndarray) -> np.ndarray:
    """Share of power in bands of 1 lp/cm."""
    middle = fields[:, 64:128, 48:144] * np.outer(np.hanning(64), np.hanning(96))
    power = (np.abs(np.fft.fft2(middle)) ** 2).mean(axis=0)
    v, u = np.fft.fftfreq(64, PIXEL / 10), np.fft.fftfreq(96, PIXEL / 10)
    bands = np.bincount(np.hypot(v[:, None], u).astype(int).ravel(), power.ravel())
    return bands / bands.sum()


@pytest.mark.parametrize("kernel", [SMOOTH, STANDARD, EDGE, BARE_RAMP], ids=lambda k: k.name)
@pytest.mark.parametrize("dose", [1.0, 0.05])
def test_a_bank_has_the_level_and_the_spectrum_of_the_full_simulation(bank, kernel, dose) -> None:
    quick, exact = of_bank(bank, kernel, dose), full(kernel, dose)
    assert quick[:, TISSUE].std() == pytest.approx(exact[:, TISSUE].std(), rel=0.05)
    assert np.abs(radial(quick) - radial(exact)).max() < 0.05


def test_the_level_told_is_the_level_there(bank) -> None:
    for kernel in (SMOOTH, BARE_RAMP):
        noise = of_bank(bank, kernel, 0.1, 12)
        told = bank.pair(kernel, np.random.default_rng(0), 0.1).noise
        assert noise[:, TISSUE].std() == pytest.approx(told, rel=0.05)


def test_any_level_is_reached_with_any_kernel(bank) -> None:
    rng = np.random.default_rng(5)
    for level in (4.0, 25.0, 90.0):
        pair = bank.pair(random_kernel(rng), rng, noise_hu=level)
        assert (pair.image - pair.truth)[TISSUE].std() == pytest.approx(level, rel=0.12)
        assert pair.noise == pytest.approx(level)
        assert pair.finding(Degradation.NOISE).amount == pytest.approx(level, rel=0.01)


def test_a_noisy_source_gets_the_difference() -> None:
    quantum = replace(QUICK, electronic=0)
    noisy = NoiseBank.build(replace(SOURCE, noise=9.0), quantum, fields=2)
    pair = noisy.pair(STANDARD, np.random.default_rng(0), 0.25)
    assert pair.noise == pytest.approx(18, rel=0.001)
    added = (pair.image - pair.truth)[TISSUE].std()
    assert added == pytest.approx(9 * 3**0.5, rel=0.1)


def test_a_crop_is_noised_as_its_place_in_the_slice(bank) -> None:
    crop = Crop(70, 40, 48, 64)
    pairs = [bank.pair(STANDARD, np.random.default_rng(k), 0.1, crop=crop) for k in range(20)]
    whole = of_bank(bank, STANDARD, 0.1, 20)[:, *crop.slices]
    assert pairs[0].image.shape == pairs[0].truth.shape == (48, 64)
    np.testing.assert_array_equal(pairs[0].truth, SOURCE.values[crop.slices])
    noise = np.stack([p.image - p.truth for p in pairs])
    assert noise.std() == pytest.approx(whole.std(), rel=0.06)
    # The same chance gives the same noise, cut out or not, but for the slice's own edges.
    uncut = bank.pair(STANDARD, np.random.default_rng(0), 0.1).image[crop.slices]
    np.testing.assert_allclose(pairs[0].image, uncut, atol=0.05 * pairs[0].noise)


def test_a_crop_at_the_corner_works_and_one_outside_is_refused(bank) -> None:
    corner = bank.pair(STANDARD, np.random.default_rng(0), crop=Crop(0, SIZE - 32, 32, 32))
    assert np.isfinite(corner.image).all()
    with pytest.raises(ValueError, match=r"crop\.rows"):
        bank.pair(STANDARD, np.random.default_rng(0), crop=Crop(SIZE - 16, 0, 32, 32))


def test_pairs_differ_by_chance_only_through_the_generator(bank) -> None:
    first, second = (bank.pair(STANDARD, np.random.default_rng(7)).image for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, bank.pair(STANDARD, np.random.default_rng(8)).image)


def test_the_bank_says_what_it_weighs_and_where_it_ends(bank) -> None:
    assert bank.nbytes == 2 * 4 * (2 * SIZE) ** 2 * 2
    assert bank.starved(1.0) == 0
    assert bank.starved(1e-5) > 0.1


def test_narrow_pixels_need_no_finer_fields() -> None:
    narrow = NoiseBank.build(replace(SOURCE, pixel_mm=0.4), QUICK, fields=1)
    assert narrow.finer == 1
    noise = narrow.pair(STANDARD, np.random.default_rng(0), 0.1).image - SOURCE.values
    assert noise[TISSUE].std() > 0
