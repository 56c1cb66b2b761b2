"""Low dose as a degradation: pairs, their levels and their words."""

from dataclasses import replace

import numpy as np
import pytest

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.ct.low_dose import LowDose, Scan
from engines.medq_uni.degradations.ct.tissue import soft_tissue
from engines.medq_uni.degradations.kernels import KERNELS, SHARP, STANDARD
from engines.medq_uni.pair import Pair, Source, compose
from tests.engines.degradations.ct.bodies import ellipse

QUICK = Scan(views=492)


def source(noise: float = 0.0) -> Source:
    body = ellipse(150, 110, hu=40)
    return Source("body", "phantom", Modality.CT, "abdomen", "HU", body, 2.0, 3.0, noise)


def made(step: LowDose, noise: float = 0.0, seed: int = 0) -> Pair:
    return compose(source(noise), [step], seed)


def added(pair: Pair) -> float:
    tissue = soft_tissue(pair.truth, 2.0)
    return float((pair.image - pair.truth)[tissue].std())


def test_a_phantom_gets_all_the_noise_of_the_scan_and_says_so() -> None:
    pair = made(LowDose(0.1, scan=QUICK))
    finding = pair.finding(Degradation.NOISE)
    assert pair.noise == pytest.approx(added(pair), rel=0.01)
    assert finding is not None and finding.amount == pytest.approx(pair.noise, rel=0.01)
    assert finding.severity is Severity.MODERATE and finding.unit == "HU"
    assert dict(pair.recipe)["dose"] == 0.1 and dict(pair.recipe)["kernel"] == STANDARD.name
    np.testing.assert_array_equal(pair.truth, source().values)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
@pytest.mark.parametrize("dose", [0.5, 0.25])
def test_a_noisy_source_gets_the_difference(dose, kernel) -> None:
    quantum = replace(QUICK, electronic=0)
    pair = made(LowDose(dose, kernel, scan=quantum), noise=8.0)
    assert added(pair) == pytest.approx(8 * (1 / dose - 1) ** 0.5, rel=0.03)
    assert pair.noise == pytest.approx(8 / dose**0.5, rel=0.03)


def test_electronics_add_more_than_the_square_root_of_dose() -> None:
    pair = made(LowDose(0.1, scan=QUICK), noise=8.0)
    assert added(pair) > 1.1 * 8 * 9**0.5


def test_nobody_can_tell_the_dose_of_a_source_of_unknown_noise() -> None:
    unknown = replace(source(), noise=None)
    with pytest.raises(ValueError, match="noise of source 'body' is unknown"):
        compose(unknown, [LowDose(0.5, scan=QUICK)], 0)
    noisier = LowDose(noise_hu=20, scan=QUICK)
    assert compose(unknown, [noisier], 0).noise == pytest.approx(20)
    with pytest.raises(ValueError, match="unknown"):
        compose(unknown, [noisier, LowDose(0.5, scan=QUICK)], 0)


@pytest.mark.parametrize("slice_mm", [0.0, 60.0, float("nan")])
def test_a_source_of_no_thickness_is_refused_by_name(slice_mm) -> None:
    with pytest.raises(ValueError, match="slice_mm"):
        compose(replace(source(), slice_mm=slice_mm), [LowDose(0.5, scan=QUICK)], 0)


def test_noisy_air_is_cut_off_where_scanners_cut_it_off() -> None:
    pair = made(LowDose(noise_hu=90, scan=QUICK))
    air = (pair.truth == -1000) & (pair.image != -1000)
    assert pair.image.min() == -1024
    assert (pair.image[air] == -1024).mean() > 0.1
    assert pair.truth.min() == -1000
    assert abs((pair.image - pair.truth)[soft_tissue(pair.truth, 2.0)].mean()) < 4


def test_what_a_source_has_below_the_cut_stays() -> None:
    padded = source()
    y, x = np.indices(padded.values.shape) - 80
    padded.values[np.hypot(y, x) >= 80] = -3024
    pair = compose(padded, [LowDose(noise_hu=90, scan=QUICK)], 0)
    np.testing.assert_array_equal(pair.image[np.hypot(y, x) >= 80], -3024)
    assert pair.image[np.hypot(y, x) < 80].min() < -1024


def test_full_dose_of_a_noisy_source_is_the_source() -> None:
    pair = made(LowDose(1.0, scan=QUICK), noise=8.0)
    np.testing.assert_array_equal(pair.image, pair.truth)
    assert pair.noise == 8.0


def test_half_of_half_is_a_quarter() -> None:
    twice = compose(source(), [LowDose(0.5, scan=QUICK), LowDose(0.5, scan=QUICK)], 0)
    once = made(LowDose(0.25, scan=QUICK), seed=1)
    assert twice.noise == pytest.approx(once.noise, rel=0.06)
    assert twice.noise == pytest.approx(added(twice), rel=0.06)
    assert sum(f.degradation is Degradation.NOISE for f in twice.findings) == 1


@pytest.mark.parametrize("level", [4.0, 20.0, 90.0])
@pytest.mark.parametrize("own", [0.0, 8.0])
def test_a_wanted_level_is_added_exactly(level, own) -> None:
    pair = made(LowDose(kernel=SHARP, noise_hu=level, scan=QUICK), own)
    assert added(pair) == pytest.approx(level, rel=0.01)
    assert pair.noise == pytest.approx(np.hypot(level, own))


def test_a_wanted_level_has_the_streaks_of_the_dose_that_makes_it() -> None:
    shoulders = replace(source(), values=ellipse(160, 60, hu=40), slice_mm=1.0)
    grain = []
    for level in (4.0, 150.0):
        pair = compose(shoulders, [LowDose(noise_hu=level, scan=QUICK)], 0)
        part = (pair.image - pair.truth)[70:90, 30:130]
        grain.append((part[:, 1:] * part[:, :-1]).mean() / part.var())
    assert grain[1] > grain[0] + 0.03


def test_the_same_seed_gives_the_same_pair() -> None:
    step = LowDose(0.2, scan=QUICK)
    np.testing.assert_array_equal(made(step, seed=3).image, made(step, seed=3).image)
    assert not np.array_equal(made(step, seed=3).image, made(step, seed=4).image)


def test_what_is_no_ct_in_hu_is_refused() -> None:
    rng = np.random.default_rng(0)
    pet = Pair.clean(replace(source(), unit="Bq/ml", modality=Modality.PT))
    with pytest.raises(ValueError, match="HU"):
        LowDose().apply(pet, rng)
    with pytest.raises(ValueError, match="dose"):
        LowDose(0.0)
    with pytest.raises(ValueError, match="noise_hu"):
        LowDose(noise_hu=-1)
    with pytest.raises(ValueError, match="dose"):
        made(LowDose(2.0, scan=QUICK), noise=8.0)


def test_a_slice_without_soft_tissue_still_has_a_level() -> None:
    lung = replace(source(), values=np.full((64, 64), -850, np.float32))
    lung.values[0, 0] = -851  # no padding
    pair = compose(lung, [LowDose(0.1, scan=QUICK)], 0)
    assert pair.noise > 0 and np.isfinite(pair.image).all()
