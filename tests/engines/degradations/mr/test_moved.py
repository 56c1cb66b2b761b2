"""K-space of a moving object against exact Fourier transforms, and where its ghosts lie."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.medq_uni.degradations.mr.moved import Poses, moved_kspace

PIXEL_MM = 0.8
SHAPES = [(96, 96), (80, 97), (65, 90)]
BLOBS = ((9.0, -14.0, 2.5, 4.0, 1.0), (-16.0, 5.0, 3.5, 2.5, 0.6))
"""Down, right, standard deviations down and right (pixels, from the middle), height."""


def frequencies(shape):
    return np.meshgrid(*((np.arange(n) - n // 2) / n for n in shape), indexing="ij")


def blobs(shape):
    y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij")
    return sum(
        a * np.exp(-(((y - v) / s) ** 2) / 2 - ((x - u) / t) ** 2 / 2) for v, u, s, t, a in BLOBS
    )


def transform(shape, down_mm, right_mm, radians):
    """Exact k-space of the blobs, turned clockwise on a screen and then displaced."""
    v, u = frequencies(shape)
    cos, sin = np.cos(radians), np.sin(radians)
    found = 0
    for down, right, s, t, height in BLOBS:
        at = (
            down * cos + right * sin + down_mm / PIXEL_MM,
            right * cos - down * sin + right_mm / PIXEL_MM,
        )
        along, across = v * cos - u * sin, u * cos + v * sin  # in the object's own axes
        size = np.exp(-2 * np.pi**2 * ((s * along) ** 2 + (t * across) ** 2))
        found = found + height * 2 * np.pi * s * t * size * np.exp(
            -2j * np.pi * (v * at[0] + u * at[1])
        )
    return found / np.sqrt(np.prod(shape))


def centred_fft(image):
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image), norm="ortho"))


def magnitude(kspace):
    return np.abs(np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace), norm="ortho")))


def same(lines, down_mm=0.0, right_mm=0.0, radians=0.0):
    return Poses(*(np.full(lines, value) for value in (down_mm, right_mm, radians)))


def phase_last(array, phase_axis):
    """(read, phase)."""
    return array if phase_axis == 1 else array.T


@pytest.mark.parametrize("phase_axis", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_lies_still_has_the_spectrum_of_the_fft(shape, phase_axis) -> None:
    image = np.random.default_rng(0).random(shape)
    found = moved_kspace(image, same(shape[phase_axis]), PIXEL_MM, phase_axis)
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, centred_fft(image), atol=2e-6 * np.sqrt(image.size))


@pytest.mark.parametrize("phase_axis", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_shift_by_whole_pixels_is_a_roll(shape, phase_axis) -> None:
    image = np.random.default_rng(1).random(shape)
    poses = same(shape[phase_axis], 3 * PIXEL_MM, -5 * PIXEL_MM)
    found = magnitude(moved_kspace(image, poses, PIXEL_MM, phase_axis))
    np.testing.assert_allclose(found, np.roll(image, (3, -5), (0, 1)), atol=1e-5)


@pytest.mark.parametrize("phase_axis", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_line_is_that_of_the_object_in_its_pose(shape, phase_axis) -> None:
    lines = shape[phase_axis]
    rng = np.random.default_rng(2)
    down, right, turn = rng.normal(0, 3, lines), rng.normal(0, 3, lines), rng.normal(0, 0.3, lines)
    poses = Poses(down, right, turn)
    found = phase_last(moved_kspace(blobs(shape), poses, PIXEL_MM, phase_axis), phase_axis)
    exact = np.stack(
        [
            phase_last(transform(shape, down[n], right[n], turn[n]), phase_axis)[:, n]
            for n in range(lines)
        ],
        axis=1,
    )
    assert np.abs(found - exact).max() < 1e-4 * np.abs(exact).max()


def test_a_quarter_turn_is_clockwise_on_a_screen() -> None:
    image = np.random.default_rng(3).random((65, 65))
    found = magnitude(moved_kspace(image, same(65, radians=np.pi / 2), PIXEL_MM, 0))
    np.testing.assert_allclose(found, np.rot90(image, -1), atol=1e-3)


@pytest.mark.parametrize("phase_axis", [0, 1])
def test_lines_in_the_zero_pose_are_untouched_to_the_last_bit(phase_axis) -> None:
    image = np.random.default_rng(4).random((48, 64))
    lines = image.shape[phase_axis]
    moved = np.arange(lines) % 3 == 0
    poses = Poses(2.0 * moved, -1.0 * moved, 0.1 * moved)
    still = phase_last(moved_kspace(image, same(lines), PIXEL_MM, phase_axis), phase_axis)
    found = phase_last(moved_kspace(image, poses, PIXEL_MM, phase_axis), phase_axis)
    assert np.array_equal(found[:, ~moved], still[:, ~moved])
    assert (found[:, moved] != still[:, moved]).any(axis=0).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), phase_axis=st.sampled_from([0, 1]))
def test_shifts_from_line_to_line_keep_the_energy_of_any_image(seed, phase_axis) -> None:
    rng = np.random.default_rng(seed)
    image = rng.random((32, 45))
    lines = image.shape[phase_axis]
    poses = Poses(rng.normal(0, 9, lines), rng.normal(0, 9, lines), np.zeros(lines))
    found = moved_kspace(image, poses, PIXEL_MM, phase_axis)
    assert np.sum(np.abs(found) ** 2) == pytest.approx(np.sum(image**2), rel=1e-5)


@settings(max_examples=15, deadline=None)
@given(
    radians=st.floats(-3, 3), down=st.floats(-9, 9), right=st.floats(-9, 9), axis=st.integers(0, 1)
)
def test_a_rigid_movement_keeps_the_energy(radians, down, right, axis) -> None:
    image = blobs((80, 97))
    poses = same(image.shape[axis], down, right, radians)
    found = moved_kspace(image, poses, PIXEL_MM, axis)
    assert np.sum(np.abs(found) ** 2) == pytest.approx(np.sum(image**2), rel=1e-4)


@pytest.mark.parametrize("phase_axis", [0, 1])
@pytest.mark.parametrize("along", [0, 1])
@pytest.mark.parametrize("cycles", [12, 20])
def test_ghosts_of_breaths_lie_along_the_phase_axis_at_the_distance_of_their_number(
    phase_axis, along, cycles
) -> None:
    n, sd = 128, 1.5
    y, x = np.meshgrid(*[np.arange(n) - n // 2] * 2, indexing="ij")
    image = np.exp(-(y**2 + x**2) / (2 * sd**2))
    breaths = 0.5 * np.sin(2 * np.pi * cycles * (np.arange(n) - n // 2) / n)
    still = np.zeros(n)
    poses = Poses(*((breaths, still) if along == 0 else (still, breaths)), still)
    ghosts = moved_kspace(image, poses, PIXEL_MM, phase_axis) - centred_fft(image)
    energy = phase_last(magnitude(ghosts), phase_axis) ** 2
    assert energy[np.abs(y) > 6 * sd].sum() < 1e-6 * energy.sum()
    profile = energy.sum(axis=0)
    first = np.abs(np.abs(np.arange(n) - n // 2) - cycles) < cycles / 2
    assert profile[first].sum() > 0.95 * profile.sum()
    for side in (-1, 1):
        here = first & (side * (np.arange(n) - n // 2) > 0)
        middle = np.average(np.flatnonzero(here) - n // 2, weights=profile[here])
        assert middle == pytest.approx(side * cycles, abs=0.2)


def test_images_of_a_stack_move_together() -> None:
    rng = np.random.default_rng(5)
    stack = rng.random((3, 40, 32)) * np.exp(1j * rng.random((3, 40, 32)))
    poses = Poses(rng.normal(size=32), rng.normal(size=32), 0.05 * rng.normal(size=32))
    found = moved_kspace(stack, poses, PIXEL_MM, 1)
    for image, kspace in zip(stack, found, strict=True):
        alone = moved_kspace(image, poses, PIXEL_MM, 1)
        np.testing.assert_allclose(kspace, alone, atol=1e-4)


def test_the_same_movement_gives_the_same_bits() -> None:
    rng = np.random.default_rng(6)
    image = rng.random((64, 64))
    poses = Poses(rng.normal(size=64), rng.normal(size=64), 0.1 * rng.normal(size=64))
    once = moved_kspace(image, poses, PIXEL_MM, 0)
    assert np.array_equal(once, moved_kspace(image, poses, PIXEL_MM, 0))


@pytest.mark.parametrize("value", [0.0, 3000.0])
def test_an_image_of_one_value_stays_finite(value) -> None:
    poses = same(16, 400.0, -400.0, 3.0)
    assert np.isfinite(moved_kspace(np.full((16, 20), value), poses, 5.0, 0)).all()


def test_poses_tell_their_largest_displacement() -> None:
    down, right, turn = np.zeros(16), np.zeros(16), np.zeros(16)
    down[3], right[3], right[5], turn[7] = -3, 4, 4.5, -0.1
    poses = Poses(down, right, turn)
    assert poses.largest_mm == pytest.approx(5)
    assert poses.largest_degrees == pytest.approx(np.degrees(0.1))
    down[3] = 9  # of the caller's own array
    assert poses.largest_mm == pytest.approx(5)


GOOD = np.ones((32, 48), np.float32)


@pytest.mark.parametrize(
    ("image", "lines", "pixel_mm", "phase_axis", "word"),
    [
        (GOOD[0], 32, 1.0, 0, "image"),
        (GOOD[:8], 32, 1.0, 0, "image"),
        (np.broadcast_to(np.float32(0), (16, 5000)), 16, 1.0, 0, "image"),
        (np.where(np.eye(32) > 0, np.nan, 1), 32, 1.0, 0, "image"),
        (GOOD, 32, 0.0, 0, "pixel_mm"),
        (GOOD, 32, np.nan, 0, "pixel_mm"),
        (GOOD, 32, 1.0, 2, "phase_axis"),
        (GOOD, 32, 1.0, -1, "phase_axis"),
        (GOOD, 32, 1.0, 1, "poses"),
    ],
)
def test_bad_input_is_refused_by_name(image, lines, pixel_mm, phase_axis, word) -> None:
    with pytest.raises(ValueError, match=f"^{word}"):
        moved_kspace(image, same(lines), pixel_mm, phase_axis)


@pytest.mark.parametrize(
    ("down", "right", "turn", "word"),
    [
        (np.zeros(8), np.zeros(8), np.zeros(8), "down_mm"),
        (np.zeros((16, 2)), np.zeros(16), np.zeros(16), "down_mm"),
        (np.zeros(16), np.zeros(17), np.zeros(16), "right_mm"),
        (np.zeros(16), np.full(16, np.nan), np.zeros(16), "right_mm"),
        (np.zeros(16), np.zeros(16), np.full(16, 4.0), "radians"),
    ],
)
def test_bad_poses_are_refused_by_name(down, right, turn, word) -> None:
    with pytest.raises(ValueError, match=f"^{word}"):
        Poses(down, right, turn)
