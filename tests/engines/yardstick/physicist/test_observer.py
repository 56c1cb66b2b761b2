"""The model observer: where theory knows the answer, it gives that answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.medq_uni.yardstick.physicist import observer

SIDE, MM, SIGMA = 24, 0.6, 10.0
TEMPLATES = observer.channels(SIDE, MM)
AWAY = np.hypot(*np.meshgrid(*[(np.arange(SIDE) - SIDE // 2) * MM] * 2))
DISC = (AWAY <= 3).astype(np.float64)


def analytic(contrast: float) -> float:
    """d' through the channels in white noise: s' U (sigma^2 U' U)^-1 U' s."""
    flat = TEMPLATES.reshape(len(TEMPLATES), -1)
    seen = flat @ (contrast * DISC).ravel()
    return float(np.sqrt(seen @ np.linalg.solve(SIGMA**2 * flat @ flat.T, seen)))


def white(seed: int, realisations: int = 12, sites: int = 8) -> np.ndarray:
    shape = (realisations, sites, SIDE, SIDE)
    return np.random.default_rng(seed).normal(0, SIGMA, shape).astype(np.float32)


def measured(
    seed: int, contrast: float, paired: bool, realisations: int = 12
) -> observer.Detectability:
    absent = white(seed, realisations)
    present = (absent if paired else white(seed + 10_000, realisations)) + contrast * DISC
    outputs = [observer.through_channels(v, MM, TEMPLATES) for v in (present, absent)]
    return observer.detectability(*outputs)


@pytest.mark.parametrize("paired", [True, False], ids=["same noise", "separate noise"])
@pytest.mark.parametrize("contrast", [1.0, 4.0])
def test_white_noise_gives_the_analytic_detectability(contrast: float, paired: bool) -> None:
    found = [measured(seed, contrast, paired) for seed in range(30)]
    values = np.array([f.d_prime for f in found])
    # No resubstitution bias: the mean of squares is right within three standard errors.
    spread = (values**2).std() / np.sqrt(len(values))
    assert (values**2).mean() == pytest.approx(analytic(contrast) ** 2, abs=3 * spread)
    # And the error that is stated is about the spread that is seen.
    assert np.mean([f.error for f in found]) == pytest.approx(values.std(), rel=0.45)


def test_the_channels_lose_little_of_what_an_ideal_observer_sees_of_a_disc() -> None:
    ideal = np.sqrt(((DISC - DISC.mean()) ** 2).sum()) / SIGMA
    assert 0.9 * ideal < analytic(1.0) <= ideal


def test_where_there_is_nothing_nothing_is_seen() -> None:
    values = np.array([measured(seed, 0.0, paired=False).d_prime for seed in range(20)])
    assert np.sqrt((values**2).mean()) < 0.35  # naively, d' of chance alone would be about 0.46
    assert measured(1, 0.0, paired=True).d_prime == 0


@given(
    seed=st.integers(0, 1000), contrast=st.floats(0.5, 20), factor=st.floats(0.1, 50),
    shift=st.floats(-500, 500),
)  # fmt: skip
@settings(max_examples=15)
def test_scale_and_background_do_not_matter(
    seed: int, contrast: float, factor: float, shift: float
) -> None:
    absent = white(seed, 6).astype(np.float64)
    pair = [absent + contrast * DISC, absent]
    plain = observer.detectability(*(observer.through_channels(v, MM) for v in pair))
    other = observer.detectability(
        *(observer.through_channels(v * factor + shift, MM) for v in pair)
    )
    assert other.d_prime == pytest.approx(plain.d_prime, rel=1e-3)


def test_twice_the_noise_halves_what_is_seen() -> None:
    once = measured(5, 4.0, paired=True, realisations=20)
    twice = measured(5, 2.0, paired=True, realisations=20)
    assert once.d_prime == pytest.approx(2 * twice.d_prime, rel=1e-6)


def test_a_change_is_known_better_than_what_changed() -> None:
    """Noise added to the very same images: by how much d' falls is known from theory."""
    found = []
    for seed in range(12):
        absent, more = white(seed, 10), white(seed + 500, 10) * np.sqrt(0.5)
        outputs = [
            [observer.through_channels(v, MM, TEMPLATES) for v in (base + 3 * DISC, base)]
            for base in (absent, absent + more)
        ]
        before, after = (observer.detectability(*pair) for pair in outputs)
        change = after.change_from(before)
        assert change is not None
        found.append((*change, 100 * math.hypot(before.error, after.error) / before.d_prime))
    changes, errors, apart = np.array(found).T
    expected = 100 * (math.sqrt(1 / 1.5) - 1)
    assert changes.mean() == pytest.approx(expected, abs=3 * changes.std() / math.sqrt(len(found)))
    assert errors.mean() == pytest.approx(changes.std(), rel=0.5)
    assert errors.mean() < 0.8 * apart.mean()
    nothing = observer.Detectability(0.0, 0.0, (0.0, 0.0))
    assert nothing.change_from(nothing) is None


def test_channels_have_unit_norm_and_do_not_see_the_mean() -> None:
    assert np.linalg.norm(TEMPLATES.reshape(len(TEMPLATES), -1), axis=1) == pytest.approx(1)
    assert np.abs(TEMPLATES.sum(axis=(1, 2))).max() < 1e-9


def test_channels_do_not_depend_on_pixel_size() -> None:
    fine, coarse = observer.channels(60, 0.3), observer.channels(30, 0.6)
    middle = fine[3:6, 30, ::2] / fine[3:6, 30, 30, None]
    same = coarse[3:6, 15] / coarse[3:6, 15, 15, None]
    assert middle == pytest.approx(same, abs=0.02)


@pytest.mark.parametrize(
    ("present", "absent", "word"),
    [
        (np.zeros((4, 40, 10)), np.zeros((4, 41, 10)), "alike"),
        (np.zeros((40, 10)), np.zeros((40, 10)), "alike"),
        (np.full((4, 40, 10), np.nan), np.zeros((4, 40, 10)), "NaN"),
        (np.zeros((4, 40, 10)), np.zeros((4, 40, 10)), "no noise"),
        (np.zeros((2, 40, 10)), np.zeros((2, 40, 10)), "too few"),
        (np.zeros((4, 2, 10)), np.zeros((4, 2, 10)), "too few"),
    ],
)
def test_what_gives_no_number_is_refused(
    present: np.ndarray, absent: np.ndarray, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        observer.detectability(present, absent)


@pytest.mark.parametrize(("side", "pixel_mm", "word"), [(4, 0.5, "side"), (32, 0.0, "pixel_mm")])
def test_channels_need_a_sensible_grid(side: int, pixel_mm: float, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        observer.channels(side, pixel_mm)


@pytest.mark.parametrize(
    ("regions", "word"), [(np.zeros((3, 24, 20)), "regions"), (np.zeros((3, 20, 20)), "templates")]
)
def test_regions_must_fit_the_channels(regions: np.ndarray, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        observer.through_channels(regions.astype(np.float32), MM, TEMPLATES)
