"""Movements have the size that was asked for, come when they matter, and look like their names."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.medq_uni.degradations.mr.moved import moved_kspace
from engines.medq_uni.degradations.mr.movement import (
    BREATHING,
    DRIFT,
    JERK,
    MOVEMENTS,
    Movement,
)
from engines.medq_uni.degradations.mr.ordering import (
    Centric,
    Interleaved,
    Sequential,
    random_ordering,
)

KINDS = pytest.mark.parametrize("kind", MOVEMENTS, ids=lambda kind: kind.name)
ORDERS = (Sequential(), Sequential(descending=True), Interleaved(13), Centric())


def steps(poses):
    """How far the object goes from line to line, in the largest displacement."""
    way = np.hypot(np.diff(poses.down_mm), np.diff(poses.right_mm))
    return way / poses.largest_mm


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(MOVEMENTS),
    lines=st.integers(16, 700),
    shift=st.floats(1e-200, 100),
    degrees=st.floats(1e-200, 45),
    seed=st.integers(0, 2**32 - 1),
)
def test_amounts_are_met_and_the_middle_of_kspace_lies_still(
    kind, lines, shift, degrees, seed
) -> None:
    poses = kind.movement(shift, degrees).poses(lines, np.random.default_rng(seed))
    assert poses.lines == lines
    assert poses.largest_mm == pytest.approx(shift, rel=1e-9)
    assert poses.largest_degrees == pytest.approx(degrees, rel=1e-9)
    middle = lines // 2
    assert poses.down_mm[middle] == poses.right_mm[middle] == poses.radians[middle] == 0


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(MOVEMENTS),
    lines=st.integers(16, 300),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_amounts_are_met_over_the_lines_that_are_measured(kind, lines, share, seed) -> None:
    rng = np.random.default_rng(seed)
    measured = rng.random(lines) < share
    measured[[lines // 2, lines // 2 - 1]] = True
    poses = kind.movement(4.0, 2.0).poses(lines, rng, measured)
    assert poses.largest_mm == pytest.approx(4, rel=1e-9)
    assert poses.largest_degrees == pytest.approx(2, rel=1e-9)
    for part in (poses.down_mm, poses.right_mm, poses.radians):
        assert not part[~measured].any() and part[lines // 2] == 0


@KINDS
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.name)
def test_movements_take_the_time_in_which_lines_are_measured(kind, order) -> None:
    lines = 240
    for measured in (np.abs(np.arange(lines) - 120) < 30, np.arange(lines) > 110):
        for seed in range(10):
            rng = np.random.default_rng(seed)
            poses = Movement(kind, 3.0, 0.0, order).poses(lines, rng, measured)
            inner = measured & (np.abs(np.arange(lines) - 120) < 60)
            way = np.hypot(poses.down_mm, poses.right_mm)[inner] / 3
            assert 0.3 < np.sqrt(np.mean(way**2)) < 0.95


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.name)
def test_the_time_of_measured_lines_is_that_of_the_whole_acquisition(order) -> None:
    given_times = []

    def course(times, rng):
        given_times.append(times)
        return JERK.course(times, rng)

    kind = replace(JERK, course=course)
    measured = np.abs(np.arange(240) - 130) < 20
    Movement(kind, 3.0, 1.0, order).poses(240, np.random.default_rng(0), measured)
    times, before = given_times[0], order.times(240)
    assert times[measured].min() == 0 and times[measured].max() > 0.9
    assert times.min() >= 0 and times.max() < 1
    assert np.array_equal(np.argsort(times[measured]), np.argsort(before[measured]))


@KINDS
def test_few_lines_move_as_far_on_average_as_all_do(kind) -> None:
    means = []
    for share in (1.0, 0.2):
        ways = []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            measured = rng.random(240) < share
            measured[118:123] = True
            poses = Movement(kind, 3.0, 0.0, Sequential()).poses(240, rng, measured)
            inner = measured & (np.abs(np.arange(240) - 120) < 60)
            ways.append(np.sqrt(np.mean(np.hypot(poses.down_mm, poses.right_mm)[inner] ** 2)) / 3)
        means.append(np.mean(ways))
    assert means[1] == pytest.approx(means[0], abs=0.06)


@KINDS
def test_all_lines_measured_is_as_when_nobody_says(kind) -> None:
    movement, whole = kind.movement(3.0, 1.0), np.ones(100, np.bool_)
    one, other = (movement.poses(100, np.random.default_rng(1), m) for m in (None, whole))
    assert np.array_equal(one.down_mm, other.down_mm)
    assert np.array_equal(one.radians, other.radians)


def test_nobody_sees_a_movement_where_one_line_is_measured() -> None:
    alone = np.arange(64) == 32
    poses = JERK.movement(3.0, 1.0).poses(64, np.random.default_rng(0), alone)
    assert poses.largest_mm == poses.largest_degrees == 0


def test_a_slant_turns_the_way_clockwise_and_nothing_else() -> None:
    breath = Movement(BREATHING, 5.0, 0.2, Sequential())
    slanted = Movement(BREATHING, 5.0, 0.2, Sequential(), slant=np.pi / 2)
    one, turned = (m.poses(256, np.random.default_rng(3)) for m in (breath, slanted))
    np.testing.assert_allclose(turned.down_mm, one.right_mm, atol=1e-9)
    np.testing.assert_allclose(turned.right_mm, -one.down_mm, atol=1e-9)
    assert np.array_equal(one.radians, turned.radians)
    assert turned.largest_mm == pytest.approx(5)


@KINDS
@pytest.mark.parametrize(("shift", "degrees"), [(2.0, 0.0), (0.0, 2.0), (0.0, 0.0)])
def test_an_amount_of_zero_is_exactly_zero(kind, shift, degrees) -> None:
    poses = kind.movement(shift, degrees).poses(128, np.random.default_rng(0))
    assert poses.largest_mm == pytest.approx(shift)
    assert poses.largest_degrees == pytest.approx(degrees)
    assert shift > 0 or not (poses.down_mm.any() or poses.right_mm.any())
    assert degrees > 0 or not poses.radians.any()


@KINDS
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.name)
def test_movements_come_when_they_matter(kind, order) -> None:
    lines = 240
    for seed in range(20):
        poses = Movement(kind, 3.0, 0.0, order).poses(lines, np.random.default_rng(seed))
        inner = np.hypot(poses.down_mm, poses.right_mm)[lines // 4 : -lines // 4] / 3
        assert 0.3 < np.sqrt(np.mean(inner**2)) < 0.9


def test_a_jerk_over_a_long_way_parts_the_middle_of_kspace() -> None:
    for seed in range(20):
        poses = Movement(JERK, 10.0, 0.0, Sequential()).poses(256, np.random.default_rng(seed))
        assert np.hypot(poses.down_mm, poses.right_mm)[100:157].max() > 2.5


@KINDS
def test_the_same_amount_does_about_the_same_damage_and_more_does_more(kind) -> None:
    n = 128
    y, x = np.meshgrid(*[np.arange(n) - n // 2] * 2, indexing="ij")
    image = 1.0 * (np.hypot(y / 48, x / 38) < 1) + 0.5 * (np.hypot((y - 9) / 9, (x + 7) / 6) < 1)
    still = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image), norm="ortho"))
    errors = []
    for shift in (1.0, 3.0, 9.0):
        found = []
        for seed in range(30):
            poses = kind.movement(shift, 0).poses(n, np.random.default_rng(seed))
            moved = moved_kspace(image, poses, 2.0, seed % 2)
            found.append(np.sqrt(np.mean(np.abs(moved - still) ** 2)))
        low, high = np.percentile(found, [10, 90])
        assert high < 2.6 * low
        errors.append(np.median(found))
    assert errors[1] > 1.5 * errors[0] and errors[2] > 1.3 * errors[1]  # what is gone can't go


def test_a_jerk_is_rest_and_sudden_change() -> None:
    for seed in range(10):
        poses = Movement(JERK, 3.0, 1.0, Sequential()).poses(256, np.random.default_rng(seed))
        way = steps(poses)
        assert np.mean(way < 1e-9) > 0.85
        assert way.max() > 0.1


def test_a_drift_is_slow() -> None:
    for seed in range(10):
        poses = Movement(DRIFT, 3.0, 1.0, Sequential()).poses(256, np.random.default_rng(seed))
        assert steps(poses).max() < 0.08


def test_breaths_come_several_to_tens_of_times_mostly_up_and_down() -> None:
    for seed in range(20):
        poses = Movement(BREATHING, 5.0, 0.2, Sequential()).poses(512, np.random.default_rng(seed))
        assert np.ptp(poses.down_mm) > 1.5 * np.ptp(poses.right_mm)
        spectrum = np.abs(np.fft.rfft(poses.down_mm - poses.down_mm.mean()))
        assert 4 <= int(spectrum.argmax()) <= 34


@KINDS
def test_the_same_seed_gives_the_same_poses_and_another_others(kind) -> None:
    def down(seed):
        return kind.movement(2.0, 1.0).poses(200, np.random.default_rng(seed)).down_mm

    assert np.array_equal(down(3), down(3))
    assert not np.array_equal(down(3), down(4))


@KINDS
def test_the_greater_of_random_amounts_is_the_level(kind) -> None:
    rng = np.random.default_rng(0)
    amounts = np.array([kind.random_amounts(2.0, rng) for _ in range(50)])
    assert (amounts.max(axis=1) == 2.0).all() and (amounts > 0).all()
    if kind is BREATHING:
        assert (amounts[:, 1] <= 0.2).all()
    else:
        assert (amounts[:, 0] == 2.0).any() and (amounts[:, 1] == 2.0).any()


@settings(max_examples=60, deadline=None)
@given(lines=st.integers(16, 4096), seed=st.integers(0, 2**32 - 1))
def test_every_line_is_measured_once_between_start_and_end(lines, seed) -> None:
    times = random_ordering(np.random.default_rng(seed)).times(lines)
    assert times.shape == (lines,)
    assert times.min() >= 0 and times.max() < 1
    assert len(np.unique(times)) == lines


def test_orders_are_what_they_are_called() -> None:
    up, down, shots, centric = (order.times(64) for order in ORDERS)
    assert (np.diff(up) > 0).all() and (np.diff(down) < 0).all()
    assert centric.argmin() == 32 and set(np.argsort(centric)[-2:]) == {0, 1}
    shot = np.floor(13 * shots + 1e-9)
    assert (shot[:13] == np.arange(13)).all()
    assert (shot[13:] == shot[:-13]).all() and (shots[13:] > shots[:-13]).all()


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf, 1000])
def test_bad_amounts_are_refused_by_name(bad) -> None:
    with pytest.raises(ValueError, match=r"^shift_mm must be from 0 to 100"):
        JERK.movement(bad, 0)
    with pytest.raises(ValueError, match=r"^degrees must be from 0 to 45"):
        JERK.movement(0, bad)
    with pytest.raises(ValueError, match=r"^level must be from 0 to 45"):
        JERK.random_amounts(bad, np.random.default_rng(0))


@pytest.mark.parametrize("measured", [np.ones(50, np.bool_), np.arange(64) < 10])
def test_lines_measured_without_the_middle_or_of_another_image_are_refused(measured) -> None:
    with pytest.raises(ValueError, match=r"^measured must say of 64 lines"):
        JERK.movement(1, 1).poses(64, np.random.default_rng(0), measured)
    with pytest.raises(ValueError, match=r"^slant"):
        Movement(JERK, 1.0, slant=7.0)


@pytest.mark.parametrize("lines", [0, 15, 4097])
def test_a_bad_number_of_lines_is_refused_by_name(lines) -> None:
    with pytest.raises(ValueError, match=r"^lines must be from 16 to 4096"):
        JERK.movement(1, 1).poses(lines, np.random.default_rng(0))
    for order in ORDERS:
        with pytest.raises(ValueError, match=r"^lines must be from 16 to 4096"):
            order.times(lines)
    with pytest.raises(ValueError, match=r"^shots"):
        Interleaved(1)
