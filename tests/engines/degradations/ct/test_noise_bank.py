"""Pairs from a bank of noise against the full simulation."""

from dataclasses import replace

import numpy as np
import pytest

from engines.description import Degradation, Modality
from engines.medq_uni.degradations.ct.low_dose import LowDose, Scan, noise_fields
from engines.medq_uni.degradations.ct.noise_bank import (
    Crop,
    NoiseBank,
    StarvedError,
    _filtered,
)
from engines.medq_uni.degradations.ct.tissue import soft_tissue
from engines.medq_uni.degradations.kernels import BARE_RAMP, EDGE, SMOOTH, STANDARD, random_kernel
from engines.medq_uni.pair import Source, compose
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


def radial(fields: np.ndarray, pixel_mm: float = PIXEL) -> np.ndarray:
    """Share of power in seven bands up to what the pixels hold."""
    middles = [n // 2 for n in fields.shape[1:]]
    halves = [int(mm / pixel_mm) for mm in (22, 33)]
    part = fields[:, *(slice(m - h, m + h) for m, h in zip(middles, halves, strict=True))]
    window = np.outer(*(np.hanning(2 * h) for h in halves))
    power = (np.abs(np.fft.fft2(part * window)) ** 2).mean(axis=0)
    v, u = (np.fft.fftfreq(2 * h) for h in halves)
    bands = np.bincount((14 * np.hypot(v[:, None], u)).astype(int).ravel(), power.ravel())
    return bands / bands.sum()


@pytest.mark.parametrize("kernel", [SMOOTH, STANDARD, EDGE, BARE_RAMP], ids=lambda k: k.name)
@pytest.mark.parametrize("dose", [1.0, 0.05])
def test_a_bank_has_the_level_and_the_spectrum_of_the_full_simulation(bank, kernel, dose) -> None:
    quick, exact = of_bank(bank, kernel, dose), full(kernel, dose)
    assert quick[:, TISSUE].std() == pytest.approx(exact[:, TISSUE].std(), rel=0.05)
    assert np.abs(radial(quick) - radial(exact)).max() < 0.05


@pytest.mark.parametrize("pixel_mm", [0.4, 0.45, 0.7, 0.9, 1.5, 2.0])
def test_pixels_of_any_width_have_the_noise_of_the_full_simulation(pixel_mm) -> None:
    size = int(134 / pixel_mm) // 2 * 2
    body = ellipse(60, 45, size, pixel_mm, 40)
    source = replace(SOURCE, values=body, pixel_mm=pixel_mm)
    many = 6 if pixel_mm < 1 else 12  # few wide pixels tell less
    bank = NoiseBank.build(source, QUICK, fields=many, seed=1)
    assert pixel_mm / bank.finer <= 0.45
    tissue = soft_tissue(body, pixel_mm)
    for kernel in (SMOOTH, EDGE):
        rng = np.random.default_rng(2)
        quick = np.stack([bank.pair(kernel, rng, 1.0).image - body for _ in range(many)])
        scan = replace(QUICK, kernel=kernel, slice_mm=3.0)
        exact = noise_fields(body, pixel_mm, scan, many, np.random.default_rng(3))
        assert quick[:, tissue].std() == pytest.approx(exact[:, tissue].std(), rel=0.05)
        assert np.abs(radial(quick, pixel_mm) - radial(exact, pixel_mm)).max() < 0.05


@pytest.mark.parametrize(("finer", "shape"), [(2, (12, 10)), (3, (10, 7)), (5, (6, 9))])
def test_folding_the_spectrum_takes_every_second_or_third_value(finer, shape) -> None:
    whole = [n * finer for n in shape]
    field = np.random.default_rng(0).standard_normal(whole).astype(np.float32)
    found = _filtered(field, STANDARD, 0.3, finer)
    at_once = _filtered(field, STANDARD, 0.3, 1)
    np.testing.assert_allclose(found, at_once[::finer, ::finer], atol=1e-5)


def test_padding_is_left_alone() -> None:
    padded = SOURCE.values.copy()
    y, x = np.indices(padded.shape) - SIZE // 2
    padding = np.hypot(y, x) >= SIZE // 2
    padded[padding] = -2000
    bank = NoiseBank.build(replace(SOURCE, values=padded), QUICK, fields=1)
    for crop in (None, Crop(0, 0, 64, 80)):
        pair = bank.pair(STANDARD, np.random.default_rng(0), 0.05, crop=crop)
        here = padding if crop is None else padding[crop.slices]
        np.testing.assert_array_equal(pair.image[here], -2000)
        assert (pair.image != pair.truth)[~here].all()


def test_a_pair_whose_rays_would_starve_is_refused_and_made_in_full_instead() -> None:
    hips = replace(SOURCE, values=ellipse(200, 120, 224, 1.9, 40), pixel_mm=1.9, slice_mm=1.0)
    bank = NoiseBank.build(hips, QUICK, fields=4)
    rng = np.random.default_rng(0)
    assert bank.starved(bank.least_dose) == pytest.approx(0.01, abs=0.002)
    for refused in ({"dose": 0.9 * bank.least_dose}, {"noise_hu": 400.0}):
        with pytest.raises(StarvedError, match="dose"):
            bank.pair(STANDARD, rng, **refused)
    noisy = NoiseBank.build(replace(hips, noise=20.0), QUICK, fields=1)
    with pytest.raises(StarvedError, match="dose"):
        noisy.pair(STANDARD, rng, 0.01)
    # What isn't refused is right.
    tissue = soft_tissue(hips.values, 1.9)
    dose = 1.05 * bank.least_dose
    quick = np.stack([bank.pair(SMOOTH, rng, dose).image - hips.values for _ in range(4)])
    scan = replace(QUICK, kernel=SMOOTH, dose=dose, slice_mm=1.0)
    exact = noise_fields(hips.values, 1.9, scan, 4, np.random.default_rng(3))
    assert quick[:, tissue].std() == pytest.approx(exact[:, tissue].std(), rel=0.07)


def test_what_no_bank_can_be_made_of_is_refused_by_name(bank) -> None:
    with pytest.raises(ValueError, match="pixel_mm"):
        NoiseBank.build(replace(SOURCE, values=np.zeros((512, 512)), pixel_mm=4.0), QUICK)
    with pytest.raises(ValueError, match="slice_mm"):
        NoiseBank.build(replace(SOURCE, slice_mm=0.0), QUICK)
    unknown = replace(bank, source=replace(SOURCE, noise=None))
    with pytest.raises(ValueError, match="noise of source 'body' is unknown"):
        unknown.pair(STANDARD, np.random.default_rng(0), 0.5)
    assert unknown.pair(STANDARD, np.random.default_rng(0), noise_hu=20).noise == pytest.approx(20)


def test_the_bank_and_the_full_simulation_agree_on_a_noisy_source() -> None:
    noisy = replace(SOURCE, noise=9.0)
    bank = NoiseBank.build(noisy, QUICK, fields=4)
    for kernel in (SMOOTH, EDGE, BARE_RAMP):
        told = bank.pair(kernel, np.random.default_rng(0), 0.25).noise
        step = LowDose(0.25, kernel, scan=QUICK)
        exact = np.mean([compose(noisy, [step], seed).noise for seed in range(4)])
        assert told == pytest.approx(exact, rel=0.03)


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
