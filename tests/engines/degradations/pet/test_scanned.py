"""The noise of PET images: how much, where, how coarse."""

from functools import cache

import numpy as np
import pytest

from engines.base import FloatArray
from engines.medq_uni.degradations.pet.reconstruction import (
    FBP,
    OSEM,
    OSEM_LATE,
    OSEM_PSF,
    RECONSTRUCTIONS,
    Reconstruction,
)
from engines.medq_uni.degradations.pet.scan import PETScan
from engines.medq_uni.degradations.pet.scanned import ScannedActivity
from tests.engines.degradations.pet.bodies import (
    BODY,
    COLD,
    HOT,
    PIXEL_MM,
    body,
    distance,
    inside,
    plain,
)

COUNTS = 4e5
QUICK = PETScan(views=96)
NAMED = [pytest.param(r, id=r.name) for r in RECONSTRUCTIONS]
RINGS = [(0, 35), (70, 90)]


def scanner(
    activity: FloatArray, by: Reconstruction, pixel_mm: float = PIXEL_MM
) -> ScannedActivity:
    return ScannedActivity(activity, pixel_mm, "abdomen", 1.0, QUICK, by)


@cache
def noises(
    by: Reconstruction, hot: bool = True, counts: float = COUNTS, many: int = 10
) -> FloatArray:
    made = scanner(body() if hot else plain(), by)
    rng = np.random.default_rng(3)
    return np.stack([made.noise(counts, rng) for _ in range(many)])


def sd(noise: FloatArray, mask: np.ndarray) -> float:
    return float(np.sqrt((noise[:, mask].astype(np.float64) ** 2).mean()))


@pytest.mark.parametrize("by", NAMED)
def test_all_activity_is_kept(by) -> None:
    noise = noises(by)
    assert abs(noise.sum((1, 2)).mean()) < 0.01 * body().sum()


@pytest.mark.parametrize("by", NAMED)
def test_noise_falls_with_the_root_of_counts(by) -> None:
    tissue = inside(90) & ~HOT & ~COLD
    ratio = sd(noises(by, counts=COUNTS / 16, many=6), tissue) / sd(noises(by), tissue)
    assert ratio == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("by", NAMED)
def test_it_is_noisier_deep_in_the_body(by) -> None:
    deep, shallow = (
        sd(noises(by, hot=False), (distance() >= low) & (distance() < high)) for low, high in RINGS
    )
    assert deep > 1.08 * shallow


def test_noise_of_expectation_maximisation_follows_the_activity() -> None:
    left, right = sd(noises(OSEM), COLD), sd(noises(OSEM), HOT)
    assert right > 3.5 * left


def test_noise_of_filtered_back_projection_is_everywhere() -> None:
    noise = noises(FBP)
    assert sd(noise, HOT) < 2 * sd(noise, COLD)
    air = ~inside(115)
    assert sd(noise, air) > 10 * sd(noises(OSEM), air)


def test_noise_is_about_as_coarse_as_the_filter_at_the_end() -> None:
    near = []
    for post_mm in (4.0, 6.0, 9.0):
        by = Reconstruction("x", post_mm, 4, 16)
        noise = noises(by, hot=False, many=4)[:, 22:42, 22:42]
        # Two pixels, 8 mm, apart.
        near.append(float((noise[:, :, 2:] * noise[:, :, :-2]).mean() / (noise**2).mean()))
    assert near[0] < near[1] < near[2]
    sigma = 9.0 / 2.355
    assert near[2] == pytest.approx(np.exp(-((8 / sigma) ** 2) / 4), abs=0.15)


def test_more_iterations_and_less_filter_are_noisier() -> None:
    tissue = inside(90) & ~HOT & ~COLD
    assert sd(noises(OSEM_LATE), tissue) > 1.3 * sd(noises(OSEM), tissue)


def test_a_known_blur_makes_coarser_noise_at_the_same_filter() -> None:
    bare = Reconstruction("bare", OSEM_PSF.post_mm, OSEM_PSF.iterations, OSEM_PSF.subsets)
    near = []
    for by in (bare, OSEM_PSF):
        noise = noises(by, hot=False, many=4)[:, 16:48, 16:48]
        near.append(float((noise[:, :, 1:] * noise[:, :, :-1]).mean() / (noise**2).mean()))
    assert near[1] > near[0]


@pytest.mark.parametrize("by", NAMED)
def test_a_hot_lesion_keeps_its_mean_and_a_cold_one_is_hardly_filled(by) -> None:
    noise = noises(by)
    means = noise[:, HOT].mean(1)
    assert abs(means.mean()) < 0.02 * 4 + 3 * means.std() / 4
    assert abs(noise[:, COLD].mean()) < 0.05


def test_low_counts_bias_cold_places_within_bounds() -> None:
    noise = noises(OSEM, counts=COUNTS / 16, many=6)
    assert -0.1 < noise[:, COLD].mean() < 0.1


def test_the_told_variance_is_that_of_filtered_back_projection() -> None:
    told = np.sqrt(scanner(body(), FBP).variance() / COUNTS)
    noise = noises(FBP)
    for place in (inside(35), HOT, COLD, BODY):
        assert sd(noise, place) == pytest.approx(np.sqrt((told[place] ** 2).mean()), rel=0.1)


OTHERS = [
    OSEM,
    OSEM_LATE,
    OSEM_PSF,
    Reconstruction("few updates, coarse", 7.0, 2, 12),
    Reconstruction("many updates, fine", 3.0, 4, 24),
    Reconstruction("PSF, coarse", 6.5, 2, 24, 6.0),
]


@pytest.mark.parametrize("by", OTHERS, ids=lambda by: by.name)
def test_the_told_variance_is_a_fair_guess_for_all_others(by) -> None:
    made = scanner(body(), by)
    tissue = inside(90) & ~HOT & ~COLD
    noise = made.noise(COUNTS, np.random.default_rng(0))[None]
    told = np.sqrt(made.variance()[tissue].mean() / COUNTS)
    assert 0.65 < sd(noise, tissue) / told < 1.55


@pytest.mark.parametrize("by", [OSEM, FBP], ids=lambda by: by.name)
def test_a_thinned_scan_lacks_only_what_it_lost(by) -> None:
    made = scanner(plain(), by)
    rng = np.random.default_rng(5)
    found = np.stack([made.noise(COUNTS / 2, rng, full=COUNTS) for _ in range(8)])
    # Half the counts have twice the variance: once in the source, once added.
    assert sd(found, inside(90)) == pytest.approx(sd(noises(by, hot=False), inside(90)), rel=0.1)
    assert np.abs(made.noise(COUNTS, rng, full=COUNTS)).max() < 1e-4


@pytest.mark.parametrize("mm", [4.0, 1.0])
def test_only_the_body_and_what_is_near_is_reconstructed_by_expectation_maximisation(mm) -> None:
    shape = (round(640 / mm), round(400 / mm))
    arm = inside(60, 40, 30, shape=shape, mm=mm)
    noise = scanner(arm.astype(np.float32), OSEM, mm).noise(COUNTS, np.random.default_rng(0))
    assert noise.shape == shape
    near = inside(60 + 15, 40, 30, shape=shape, mm=mm)
    # Cubic interpolation rings a little beyond the box.
    seen = np.abs(noise) > 1e-3 * np.abs(noise).max()
    assert seen[near].mean() > 0.9
    assert seen.mean() < 0.2
    middle = np.argwhere(seen).mean(0) * mm
    np.testing.assert_allclose(middle, (320 + 30, 200 + 40), atol=6)
    beyond = ~inside(100, 40, 30, shape=shape, mm=mm)
    streaks = scanner(arm.astype(np.float32), FBP, mm).noise(COUNTS, np.random.default_rng(0))
    assert (np.abs(streaks[beyond]) > 1e-3 * np.abs(streaks).max()).mean() > 0.9


def test_a_narrower_field_counts_the_scanners_scatter_and_randoms() -> None:
    disc = inside(60, shape=(120, 120)).astype(np.float32)
    em, fbp = (scanner(disc, by).expected.background for by in (OSEM, FBP))
    assert em.shape[1] < 0.5 * fbp.shape[1]
    middle = [known[:, known.shape[1] // 2].sum() for known in (em, fbp)]
    assert middle[0] == pytest.approx(middle[1], rel=0.02)


def test_a_wider_field_has_no_more_noise() -> None:
    shapes = [(64, 64), (120, 110)]
    rng = np.random.default_rng(8)
    found = []
    for shape in shapes:
        made = scanner(inside(100, shape=shape).astype(np.float32), OSEM)
        noise = np.stack([made.noise(COUNTS, rng) for _ in range(6)])
        found.append(sd(noise, inside(90, shape=shape)))
    assert found[1] == pytest.approx(found[0], rel=0.05)


@pytest.mark.parametrize("by", [OSEM, FBP], ids=lambda by: by.name)
def test_fine_pixels_show_the_noise_of_coarse_ones(by) -> None:
    coarse = scanner(inside(60, shape=(64, 60), mm=2.0).astype(np.float32), by, 2.0)
    fine = scanner(inside(60, shape=(127, 120), mm=1.0).astype(np.float32), by, 1.0)
    rng = np.random.default_rng(6)
    one = np.stack([coarse.noise(COUNTS, rng) for _ in range(3)])
    two = np.stack([fine.noise(COUNTS, rng) for _ in range(3)])
    assert two.shape == (3, 127, 120)
    half = sd(one, inside(50, shape=(64, 60), mm=2.0))
    assert sd(two, inside(50, shape=(127, 120), mm=1.0)) == pytest.approx(half, rel=0.12)


def test_a_scan_shows_what_was_scanned_where_it_was() -> None:
    made = scanner(body(), OSEM_LATE)
    shown = np.zeros(body().shape, np.float32)
    shown[made.box] = made.images(np.stack([made.expected.all] * 2))[0]
    assert shown[inside(90) & ~inside(30, 45) & ~inside(30, -45)].mean() == pytest.approx(
        1, rel=0.03
    )
    assert shown[inside(14, 45)].mean() == pytest.approx(4, rel=0.06)
    assert np.corrcoef(shown.ravel(), body().ravel())[0, 1] > 0.97
