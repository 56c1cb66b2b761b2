"""What patterns measure, and what their images show of what they don't."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.medq_uni.degradations.mr.encoding import to_image, to_kspace
from engines.medq_uni.degradations.mr.sampling import (
    EQUIDISTANT,
    LOW_RESOLUTION,
    PARTIAL_FOURIER,
    PATTERNS,
    RANDOM,
    Pattern,
)

LINES = [EQUIDISTANT, RANDOM, PARTIAL_FOURIER]


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def lines_of(pattern: Pattern, lines: int, fold: float, seed: int = 0) -> np.ndarray:
    mask, _ = pattern.mask(lines, 32, fold, 0, chance(seed))
    assert (mask == mask[:, :1]).all()
    return mask[:, 0]


@st.composite
def asked(draw: st.DrawFn) -> tuple[Pattern, int, int, float, int, int]:
    pattern = draw(st.sampled_from(PATTERNS))
    sides = draw(st.integers(16, 300)), draw(st.integers(16, 300))
    fold = draw(st.floats(*pattern.folds))
    return pattern, *sides, fold, draw(st.integers(0, 1)), draw(st.integers(0, 1000))


@given(asked())
@settings(max_examples=150, deadline=None)
def test_every_mask_holds_the_middle_and_says_its_true_fold(case) -> None:
    pattern, rows, columns, fold, axis, seed = case
    mask, true = pattern.mask(rows, columns, fold, axis, chance(seed))
    assert mask.shape == (rows, columns) and mask.dtype == np.bool_
    assert mask[rows // 2, columns // 2]
    assert true == rows * columns / mask.sum()
    if pattern is not LOW_RESOLUTION:
        assert (mask.any(axis=1 - axis) == mask.all(axis=1 - axis)).all()
    lines = (rows, columns)[axis]
    if lines / fold > 12:
        assert true == pytest.approx(fold, rel=max(0.055, 0.6 * fold / lines))


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_folds_of_usual_images_are_close_to_those_asked_for(pattern, share) -> None:
    fold = pattern.folds[0] + share * (pattern.folds[1] - pattern.folds[0])
    for seed, (rows, columns) in enumerate([(256, 256), (512, 584), (320, 257)]):
        for axis in (0, 1):
            assert pattern.mask(rows, columns, fold, axis, chance(seed))[1] == pytest.approx(
                fold, rel=0.05
            )


def test_equidistant_lines_are_evenly_spaced_beside_a_full_centre() -> None:
    for fold, most in [(2.0, 2), (4.0, 5), (8.0, 12)]:
        kept = lines_of(EQUIDISTANT, 256, fold)
        gaps = np.diff(np.flatnonzero(kept))
        steps = gaps[gaps > 1]
        assert 1 < steps.max() <= most
        far = np.diff(np.flatnonzero(kept[:100]))
        assert (far == far[0]).all() and far[0] == steps.max()
        centre = kept[128 - 5 : 128 + 5]
        assert centre.all()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("fold", [1.9, 3.5, 6.0])
def test_ghosts_of_equidistant_lines_lie_along_the_phase_axis_a_share_of_the_field_apart(
    axis, fold
) -> None:
    side = 240
    mask, _ = EQUIDISTANT.mask(side, side, fold, axis, chance())
    point = np.zeros((side, side))
    point[100, 130] = 1
    ghosts = np.abs(to_image(to_kspace(point) * mask))
    along = ghosts[:, 130] if axis == 0 else ghosts[100]
    others = ghosts.copy()
    if axis == 0:
        others[:, 130] = 0
    else:
        others[100] = 0
    assert others.max() < 1e-5
    step = int(np.diff(np.flatnonzero(mask.any(axis=1 - axis))).max())
    place = 100 if axis == 0 else 130
    expected = {round(place + k * side / step) % side for k in range(step)}
    # The centre's own response falls off around the point.
    found = {int(k) for k in np.argsort(along)[::-1] if along[k] > 0.7 / step}
    near = {k for k in found if min(abs(k - place), side - abs(k - place)) < side / step / 2}
    assert {place} <= near
    # Ghosts lie at N / n to a pixel: a comb that doesn't divide N starts anew at the edge.
    assert found - near
    assert all(min(min(abs(k - e), side - abs(k - e)) for e in expected) <= 1 for k in found - near)
    distant = [e for e in expected if e != place]
    assert all(max(along[(e + d) % side] for d in (-1, 0, 1)) > 0.5 / step for e in distant)


def test_random_lines_have_a_full_centre_and_get_rarer_outwards() -> None:
    kept = np.mean([lines_of(RANDOM, 200, 4, seed) for seed in range(200)], axis=0)
    assert (kept[97:103] == 1).all()
    inner, middle, outer = kept[60:88].mean(), kept[30:60].mean(), kept[:30].mean()
    assert inner > 1.2 * middle > 1.44 * outer > 0
    assert not np.array_equal(lines_of(RANDOM, 200, 4, 0), lines_of(RANDOM, 200, 4, 1))


@pytest.mark.parametrize("lines", [256, 255, 97])
@pytest.mark.parametrize("seed", range(6))
def test_partial_fourier_keeps_one_side_whole(seed, lines) -> None:
    for fold in (1.15, 1.4, 1.75):
        kept = lines_of(PARTIAL_FOURIER, lines, fold, seed)
        assert kept.sum() == round(lines / fold)
        assert kept[lines // 2 :].all() or kept[: lines // 2 + 1].all()
        assert (np.diff(np.flatnonzero(kept)) == 1).all()


def test_partial_fourier_leaves_out_either_side() -> None:
    sides = {bool(lines_of(PARTIAL_FOURIER, 64, 1.5, seed)[0]) for seed in range(20)}
    assert sides == {False, True}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fold", [2.0, 4.0, 8.0])
def test_beyond_its_reach_partial_fourier_narrows_k_space_and_stays_lopsided(fold, seed) -> None:
    kept = lines_of(PARTIAL_FOURIER, 256, fold, seed)
    measured = np.flatnonzero(kept)
    assert len(measured) == 256 / fold and (np.diff(measured) == 1).all()
    below, above = 128 - measured[0], measured[-1] - 128
    assert max(below, above) < 128 and 0 < min(below, above) < 0.55 * max(below, above)


@pytest.mark.parametrize("fold", [1.5, 4.0, 16.0])
def test_low_resolution_keeps_a_block_in_the_middle_of_both_axes(fold) -> None:
    for axis in (0, 1):
        mask, _ = LOW_RESOLUTION.mask(256, 256, fold, axis, chance(axis))
        down, across = mask.any(axis=1), mask.any(axis=0)
        np.testing.assert_array_equal(mask, down[:, None] & across)
        for part in (down, across):
            places = np.flatnonzero(part)
            assert (np.diff(places) == 1).all()
            assert abs(places.mean() - 128) <= 0.5
        phase, read = (down, across) if axis == 0 else (across, down)
        assert phase.sum() <= read.sum() + 1
    assert mask.mean() == pytest.approx(1 / fold, rel=0.03)


def test_a_hard_edge_of_k_space_rings_and_a_filtered_one_rings_less() -> None:
    mask, _ = LOW_RESOLUTION.mask(256, 256, 9, 0, chance(3))
    edge = np.zeros((256, 256))
    edge[:, 64:192] = 1
    kspace = to_kspace(edge)
    rings = {}
    for seed in range(12):
        weights = LOW_RESOLUTION.weights(mask, chance(seed))
        assert weights.dtype == np.float32
        assert (weights[~mask] == 0).all() and (weights[mask] > 0).all() and weights.max() == 1
        assert weights[128, 128] == 1
        shown = to_image(kspace * weights).real[128]
        rings.setdefault(bool((weights == mask).all()), []).append(shown[100:156].std())
        if (weights == mask).all():
            # Gibbs: 9 % of the step, which pixels may miss by a little.
            assert 0.05 < shown.max() - 1 < 0.1
    assert set(rings) == {False, True}
    assert max(rings[False]) < 0.8 * rings[True][0]


@pytest.mark.parametrize("pattern", LINES, ids=lambda p: p.name)
def test_lines_are_taken_as_they_were_measured(pattern) -> None:
    mask, _ = pattern.mask(64, 48, 2, 1, chance())
    for seed in range(4):
        np.testing.assert_array_equal(pattern.weights(mask, chance(seed)), mask)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
def test_what_cannot_be_is_refused_by_name(pattern) -> None:
    for fold in (0.5, 1.0, 17.0, float("nan")):
        with pytest.raises(ValueError, match="fold must be from"):
            pattern.mask(64, 64, fold, 0, chance())
    with pytest.raises(ValueError, match="phase_axis must be 0 or 1"):
        pattern.mask(64, 64, 2, 2, chance())
    with pytest.raises(ValueError, match="rows must"):
        pattern.mask(15, 64, 2, 0, chance())
    with pytest.raises(ValueError, match="columns must"):
        pattern.mask(64, 5000, 2, 0, chance())
