"""Low count as a degradation: pairs, their levels and their words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.base import FloatArray
from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.pet.low_count import LowCount
from engines.medq_uni.degradations.pet.reconstruction import (
    FBP,
    OSEM,
    OSEM_PSF,
    RECONSTRUCTIONS,
    Reconstruction,
)
from engines.medq_uni.degradations.pet.scan import PETScan
from engines.medq_uni.degradations.pet.tissue import typical_tissue
from engines.medq_uni.pair import Pair, Source, compose
from engines.medq_uni.signal import tissue_signal
from engines.phantoms.anatomy import random_phantom
from tests.engines.degradations.pet.bodies import BODY, HOT, body, inside, plain, source

QUICK = PETScan(views=96)
SHORT = Reconstruction("short", 6.0, 2, 8)
"""An expectation maximisation for tests that look at no pixels."""


def made(
    percent: float | None = None,
    share: float | None = None,
    of: Source | None = None,
    by: Reconstruction = SHORT,
    seed: int = 0,
) -> Pair:
    return compose(of or source(), [LowCount(percent, share, by, QUICK)], seed)


def measured(pair: Pair) -> float:
    """Noise in tissue in % of its signal, before zero cuts anything off."""
    tissue = typical_tissue(pair.truth, pair.source.pixel_mm)
    return 100 * tissue.noise(pair.image - pair.truth) / tissue.signal


def ellipse(shape: tuple[int, int], mm: float) -> FloatArray:
    y, x = (np.indices(shape) - np.array(shape)[:, None, None] // 2) * mm
    half_y, half_x = (0.4 * n * mm for n in shape)
    return ((x / half_x) ** 2 + (y / half_y) ** 2 < 1).astype(np.float32)


@pytest.mark.parametrize("by", RECONSTRUCTIONS, ids=lambda by: by.name)
@pytest.mark.parametrize("percent", [10.0, 30.0])
def test_the_asked_noise_is_there_and_said(percent, by) -> None:
    pair = made(percent, by=by)
    assert measured(pair) == pytest.approx(percent, rel=0.05)
    finding = pair.finding(Degradation.LOW_COUNT)
    assert finding is not None
    noise, counts = finding.amounts
    assert (noise.value, noise.unit) == (percent, "% of signal")
    assert counts.unit == "% of counts"
    assert counts.value == pytest.approx(100 * (by.full_percent / percent) ** 2, rel=0.01)
    signal = typical_tissue(pair.truth, 4.0).signal
    assert pair.noise == pytest.approx(percent / 100 * signal)
    assert dict(pair.recipe)["reconstruction"] == by.name
    np.testing.assert_array_equal(pair.truth, body())


@pytest.mark.parametrize(
    ("percent", "severity"),
    [(12, Severity.MILD), (20, Severity.MODERATE), (40, Severity.SEVERE)],
)
def test_the_words_are_those_of_the_level(percent, severity) -> None:
    finding = made(percent).finding(Degradation.LOW_COUNT)
    assert finding is not None and finding.severity is severity


@pytest.mark.parametrize("seed", range(8))
def test_every_reconstruction_of_any_body_has_the_asked_noise(seed) -> None:
    rng = np.random.default_rng(seed)
    values = body() if seed % 2 else plain(float(rng.uniform(40, 120)))
    by = RECONSTRUCTIONS[seed // 2]
    percent = float(rng.uniform(8, 35))
    assert measured(made(percent, of=source(values), by=by, seed=seed)) == pytest.approx(
        percent, rel=0.1
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_noise_of_a_new_realisation_at_those_counts_is_the_asked(seed, monkeypatch) -> None:
    """The counts are those that make this noise, not only the scale of one realisation."""
    from engines.medq_uni.degradations.pet import low_count

    drawn = []

    class Spy(low_count.ScannedActivity):
        def noise(self, counts: float, *others: object) -> FloatArray:
            drawn.append((self, counts))
            return super().noise(counts, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(low_count, "ScannedActivity", Spy)
    pair = made(20.0, seed=seed)
    scanned, counts = drawn[-1]
    tissue = typical_tissue(pair.truth, 4.0)
    rng = np.random.default_rng(100 + seed)
    again = [tissue.noise(scanned.noise(counts, rng)) for _ in range(3)]
    assert 100 * np.mean(again) / tissue.signal == pytest.approx(20, rel=0.33)


@pytest.mark.parametrize("by", [OSEM, FBP], ids=lambda by: by.name)
@pytest.mark.parametrize("seed", [555, 675])
def test_the_engine_sees_the_body_and_not_its_full_bladder_in_noise(seed, by) -> None:
    pelvis = random_phantom("whole body", seed, 160, modality=Modality.PT)
    values, mm = pelvis.values[0], pelvis.pixel_mm
    pair = made(40.0, of=source(values, pixel_mm=mm, region="whole body"), by=by)
    for image in (pair.truth, pair.image):
        signal = tissue_signal(image, Modality.PT, mm)
        assert signal is not None
        assert 0.5 < signal < 1.1


@pytest.mark.parametrize("share", [1.0, 0.25, 0.04])
def test_a_phantom_gets_all_the_noise_of_what_is_left(share) -> None:
    pair = made(share=share)
    assert measured(pair) == pytest.approx(SHORT.full_percent / share**0.5, rel=0.05)
    finding = pair.finding(Degradation.LOW_COUNT)
    assert finding is not None and finding.amounts[1].value == pytest.approx(100 * share)


@pytest.mark.parametrize("by", [SHORT, FBP], ids=lambda by: by.name)
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_a_noisy_source_gets_the_difference(share, by) -> None:
    own = 0.06
    pair = made(share=share, of=source(noise=own), by=by)
    tissue = typical_tissue(pair.truth, 4.0)
    added = own * (1 / share - 1) ** 0.5
    assert tissue.noise(pair.image - pair.truth) == pytest.approx(added, rel=0.05)
    assert pair.noise == pytest.approx(own / share**0.5, rel=1e-6)


def test_what_is_asked_of_a_noisy_source_counts_its_own() -> None:
    pair = made(20.0, of=source(noise=0.12))
    signal = typical_tissue(pair.truth, 4.0).signal
    assert pair.noise == pytest.approx(0.2 * signal)
    assert measured(pair) == pytest.approx(100 * np.sqrt(0.2**2 - (0.12 / signal) ** 2), rel=0.05)
    finding = pair.finding(Degradation.LOW_COUNT)
    assert finding is not None
    assert finding.amounts[1].value == pytest.approx(100 * (0.12 / 0.2 / signal) ** 2, rel=0.01)


def test_all_counts_of_a_noisy_source_are_the_source() -> None:
    pair = made(share=1.0, of=source(noise=0.06))
    np.testing.assert_array_equal(pair.image, pair.truth)
    assert pair.noise == pytest.approx(0.06)


def test_half_of_half_is_a_quarter() -> None:
    half = LowCount(share=0.5, reconstruction=SHORT, scan=QUICK)
    twice = compose(source(), [half, half], 0)
    once = made(share=0.25, seed=1)
    assert twice.noise == pytest.approx(once.noise, rel=0.01)
    assert measured(twice) == pytest.approx(measured(once), rel=0.12)
    finding = twice.finding(Degradation.LOW_COUNT)
    assert finding is not None and finding.amounts[1].value == pytest.approx(25)
    assert len(twice.findings) == 1


def test_a_source_of_unknown_noise_is_taken_for_one_without() -> None:
    unknown, none = made(20.0, of=source(noise=None)), made(20.0)
    np.testing.assert_array_equal(unknown.image, none.image)


def test_less_noise_than_a_typical_scan_has_keeps_all_counts() -> None:
    pair = made(2.0)
    finding = pair.finding(Degradation.LOW_COUNT)
    assert finding is not None and finding.amounts[1].value == 100
    assert finding.severity is Severity.NONE
    assert measured(pair) == pytest.approx(2, rel=0.05)


def test_stored_values_are_not_negative_but_what_a_source_has_stays() -> None:
    for by in (SHORT, FBP):
        assert made(50.0, by=by).image.min() == 0
    values = body()
    values[0, 0] = -0.01
    pair = made(20.0, of=source(values))
    assert pair.image.min() >= np.float32(-0.01)


@pytest.mark.parametrize("by", [OSEM, OSEM_PSF], ids=lambda by: by.name)
def test_stored_images_keep_all_activity(by) -> None:
    sums = [float(made(25.0, by=by, seed=seed).image.sum()) for seed in range(8)]
    assert np.mean(sums) == pytest.approx(float(body().sum()), rel=0.01)


def test_a_lesion_is_found_at_mild_noise() -> None:
    hot = [made(12.0, by=OSEM, seed=seed).image[HOT].mean() for seed in range(6)]
    assert np.mean(hot) == pytest.approx(4, rel=0.03)
    assert np.std(hot) < 0.4


def test_the_unit_does_not_matter() -> None:
    suv = made(20.0)
    bq = made(20.0, of=source(4096 * body(), unit="Bq/ml"))
    np.testing.assert_allclose(bq.image, 4096 * suv.image, rtol=1e-4, atol=0.5)
    assert bq.noise == pytest.approx(4096 * suv.noise)


def test_the_same_seed_makes_the_same_bits() -> None:
    for by in (SHORT, FBP):
        np.testing.assert_array_equal(made(20.0, by=by).image, made(20.0, by=by).image)
    assert not np.array_equal(made(20.0).image, made(20.0, seed=1).image)
    assert made(20.0).image.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "mm"), [((16, 16), 4.69), ((48, 90), 4.0), ((91, 47), 3.3), ((140, 131), 1.0)]
)
@pytest.mark.parametrize("by", [SHORT, FBP], ids=lambda by: by.name)
def test_every_shape_and_pixel_goes(shape, mm, by) -> None:
    pair = made(15.0, of=source(ellipse(shape, mm), pixel_mm=mm), by=by)
    assert pair.image.shape == shape
    assert np.isfinite(pair.image).all()
    assert measured(pair) == pytest.approx(15, rel=0.1)


@pytest.mark.parametrize("values", [0.0, 1.0, -1e-6])
def test_where_there_is_no_tissue_there_is_no_place(values) -> None:
    with pytest.raises(NoPlaceError, match="image holds no tissue"):
        made(20.0, of=source(np.full((64, 64), values, np.float32)))


def test_one_hot_pixel_is_no_place() -> None:
    values = np.zeros((64, 64), np.float32)
    values[30, 30] = 10
    with pytest.raises(NoPlaceError):
        made(20.0, of=source(values))


def test_a_source_with_more_noise_than_asked_for_is_no_place() -> None:
    with pytest.raises(NoPlaceError, match="noise already"):
        made(10.0, of=source(noise=0.3))


def test_hardly_any_counts_are_no_place() -> None:
    with pytest.raises(NoPlaceError, match=r"share must be from 0\.0005 to 1"):
        made(100.0, of=source(noise=0.005))


@pytest.mark.parametrize("keep", [{}, {"percent": 20.0, "share": 0.5}])
def test_either_percent_or_share(keep) -> None:
    with pytest.raises(ValueError, match="share or percent must be given, not both"):
        LowCount(**keep)


@given(st.floats().filter(lambda x: not 0.0005 <= x <= 1))
def test_shares_that_are_none_are_refused(share) -> None:
    with pytest.raises(ValueError, match=r"share must be from 0\.0005 to 1"):
        LowCount(share=share)


@given(st.floats().filter(lambda x: not 0.5 <= x <= 100))
def test_percents_that_are_none_are_refused(percent) -> None:
    with pytest.raises(ValueError, match=r"percent must be from 0\.5 to 100"):
        LowCount(percent=percent)


@pytest.mark.parametrize("name", ["post_mm", "iterations", "subsets", "psf_mm", "hann_lp_cm"])
@pytest.mark.parametrize("value", [-1, float("nan"), 1e6])
def test_reconstructions_that_no_clinic_uses_are_refused(name, value) -> None:
    with pytest.raises(ValueError, match=name):
        replace(OSEM, **{name: value})


@pytest.mark.parametrize("pixel_mm", [0.0, -1.0, float("nan"), 50.0])
def test_pixels_of_no_size_are_refused_by_name(pixel_mm) -> None:
    with pytest.raises(ValueError, match="pixel_mm must be"):
        made(20.0, of=source(pixel_mm=pixel_mm))


def test_other_modalities_are_refused() -> None:
    with pytest.raises(ValueError, match="modality of source 'body' must be PT, not MR"):
        made(20.0, of=replace(source(), modality=Modality.MR))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((64, 64), np.nan, np.float32), "image has NaN"),
        (np.ones((8, 64), np.float32), "image must have sides"),
        (np.ones((2, 64, 64), np.float32), "image must be"),
        (np.full((64, 64), 1e12, np.float32), "image must lie within"),
    ],
)
def test_bad_images_are_refused(values, words) -> None:
    with pytest.raises(ValueError, match=words):
        made(20.0, of=source(values))


def test_air_stays_air_where_the_scanner_maximises_likelihood() -> None:
    pair = made(25.0, by=OSEM)
    air = ~inside(130)
    assert pair.image[air].max() < 0.1
    assert pair.image[BODY].mean() == pytest.approx(body()[BODY].mean(), rel=0.05)
