"""k-space, the phase of objects and receive coils."""

import numpy as np
import pytest

from engines.medq_uni.degradations.mr import coils, encoding
from engines.medq_uni.degradations.mr.coils import coil_maps, combine
from engines.medq_uni.degradations.mr.encoding import (
    random_phase,
    to_image,
    to_kspace,
    with_phase,
)

SHAPES = [(16, 16), (17, 30), (64, 49), (128, 146)]


def noise_image(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back_is_the_image(shape) -> None:
    image = noise_image((3, *shape))
    kspace = to_kspace(image)
    assert kspace.dtype == np.complex64 and to_image(kspace).dtype == np.complex64
    np.testing.assert_allclose(to_image(kspace), image, atol=1e-5)
    assert np.linalg.norm(kspace) == pytest.approx(np.linalg.norm(image), rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_zero_frequency_and_the_origin_lie_in_the_middle(shape) -> None:
    middle = (shape[0] // 2, shape[1] // 2)
    flat = np.abs(to_kspace(np.ones(shape)))
    assert np.unravel_index(flat.argmax(), shape) == middle
    assert flat.sum() == pytest.approx(flat[middle], rel=1e-3)
    point = np.zeros(shape)
    point[middle] = 1
    np.testing.assert_allclose(to_kspace(point), shape[0] ** -0.5 * shape[1] ** -0.5, atol=1e-6)


def test_a_wave_down_the_image_is_a_point_of_its_row_of_k_space() -> None:
    rows, columns = 32, 48
    wave = np.exp(2j * np.pi * 5 * np.arange(rows) / rows)[:, None] * np.ones(columns)
    found = np.abs(to_kspace(wave))
    assert np.unravel_index(found.argmax(), found.shape) == (rows // 2 + 5, columns // 2)


@pytest.mark.parametrize("seed", range(5))
def test_phase_is_smooth_and_not_nothing(seed) -> None:
    phase = random_phase((96, 128), np.random.default_rng(seed))
    assert phase.dtype == np.float32 and phase.shape == (96, 128)
    assert 0.3 < phase.std() < 5
    assert max(np.abs(np.diff(phase, axis=axis)).max() for axis in (0, 1)) < 0.5
    # It is more than a ramp, which would only move k-space.
    y, x = np.indices(phase.shape) / 100
    plane = np.stack([np.ones(phase.size), y.ravel(), x.ravel()], axis=1)
    rest = phase.ravel() - plane @ np.linalg.lstsq(plane, phase.ravel(), rcond=None)[0]
    assert rest.std() > 0.1


@pytest.mark.parametrize("axis", [0, 1])
def test_the_echo_lies_off_the_middle_of_k_space_along_both_axes(axis, monkeypatch) -> None:
    monkeypatch.setattr(encoding, "PHASE_RADIANS", (1e-9, 2e-9))  # nothing but the ramps is left
    shifts = []
    for seed in range(60):
        phase = random_phase((64, 48), np.random.default_rng(seed)).astype(np.float64)
        steps = np.diff(phase, axis=axis)
        assert np.ptp(steps) < 1e-5
        shifts.append(steps.mean() * steps.shape[axis] / (2 * np.pi))
    assert np.abs(shifts).max() <= encoding.MOST_ECHO_SHIFT
    assert min(shifts) < -0.7 and max(shifts) > 0.7
    assert np.std(shifts) == pytest.approx(3**-0.5, rel=0.2)  # as likely anywhere within a line


@pytest.mark.parametrize("seed", range(5))
def test_phase_breaks_the_symmetry_of_k_space_but_keeps_the_magnitude(seed) -> None:
    magnitude = np.zeros((65, 65), np.float32)
    magnitude[15:50, 20:41] = 700
    magnitude[30:40, 25:30] = 300
    made = with_phase(magnitude, random_phase((65, 65), np.random.default_rng(seed)))
    np.testing.assert_allclose(np.abs(made), magnitude, rtol=1e-5, atol=1e-3)

    def asymmetry(image: np.ndarray) -> float:
        kspace = to_kspace(image)
        mirrored = np.conj(kspace[::-1, ::-1])
        return float(np.linalg.norm(kspace - mirrored) / np.linalg.norm(kspace))

    assert asymmetry(magnitude) < 1e-4
    assert asymmetry(made) > 0.2


@pytest.mark.parametrize("count", [1, 2, 4, 9, 32])
@pytest.mark.parametrize("shape", [(16, 16), (33, 80)])
def test_the_squares_of_sensitivities_add_up_to_one(count, shape) -> None:
    maps = coil_maps(count, shape, np.random.default_rng(count))
    assert maps.shape == (count, *shape) and maps.dtype == np.complex64
    np.testing.assert_allclose((np.abs(maps) ** 2).sum(axis=0), 1, atol=1e-5)


def biot_savart(right: float, down: float, angle: float, radius: float) -> complex:
    """B_x - i B_y of a unit current in a loop, summed over its pieces; it faces the middle."""
    turn = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    axis = np.array([np.cos(angle), np.sin(angle), 0.0])
    side, up = np.array([-axis[1], axis[0], 0.0]), np.array([0.0, 0.0, 1.0])
    loop = coils.DISTANCE * axis + radius * np.outer(np.cos(turn), side)
    loop += radius * np.outer(np.sin(turn), up)
    pieces = radius * (np.outer(-np.sin(turn), side) + np.outer(np.cos(turn), up))
    away = np.array([right, down, 0.0]) - loop
    field = np.cross(pieces, away) / np.linalg.norm(away, axis=1, keepdims=True) ** 3
    total = field.sum(axis=0) * 2 * np.pi / len(turn)
    return complex(total[0], -total[1])


@pytest.mark.parametrize("angle", [0.3, 1.9, 4.0])
@pytest.mark.parametrize("radius", [0.4, 0.6])
def test_a_coil_has_the_field_of_its_loop(angle, radius) -> None:
    cos, sin = np.cos(angle), np.sin(angle)

    def ratio(along: float, across: float) -> complex:
        right, down = along * cos - across * sin, along * sin + across * cos
        at = np.float32([[right]]), np.float32([[down]])
        return complex(coils._loop(*at, angle, radius)[0, 0]) / biot_savart(
            right, down, angle, radius
        )

    on_axis = ratio(0.0, 0.0)
    assert ratio(-0.5, 0.0) == pytest.approx(on_axis, rel=1e-3)
    for along, across in [(-0.7, 0.5), (-0.7, -0.5), (0.0, 0.7), (0.2, -0.8), (-0.3, 0.3)]:
        off_axis = ratio(along, across) / on_axis
        assert abs(np.angle(off_axis)) < 0.25 and abs(off_axis) == pytest.approx(1, rel=0.35)


@pytest.mark.parametrize("seed", range(4))
def test_each_coil_sees_its_side_best_and_all_of_it_smoothly(seed) -> None:
    maps = coil_maps(4, (96, 96), np.random.default_rng(seed))
    seen = np.abs(maps)
    places = [np.unravel_index(one.argmax(), one.shape) for one in seen]
    for first in range(4):
        assert np.hypot(*(np.array(places[first]) - 48)) > 40
        for second in range(first):
            assert np.hypot(*(np.array(places[first]) - places[second])) > 40
    assert (seen.max(axis=(1, 2)) > 3 * seen.min(axis=(1, 2))).all()
    assert max(np.abs(np.diff(maps, axis=axis)).max() for axis in (1, 2)) < 0.1
    assert all(np.angle(one * np.conj(one[48, 48])).std() > 0.2 for one in maps)


@pytest.mark.parametrize("count", [1, 4])
def test_coils_together_give_the_image_back(count) -> None:
    image = noise_image((40, 31))
    maps = coil_maps(count, image.shape, np.random.default_rng(1))
    np.testing.assert_allclose(combine(to_image(to_kspace(maps * image)), maps), image, atol=2e-5)


def test_combined_noise_is_as_strong_as_that_of_one_coil_and_even() -> None:
    maps = coil_maps(4, (128, 128), np.random.default_rng(1))
    noise = combine(noise_image((4, 128, 128)), maps)
    assert noise.real.std() == pytest.approx(1, rel=0.03)
    assert noise.real[:40, :40].std() == pytest.approx(noise.real[40:80, 40:80].std(), rel=0.08)


@pytest.mark.parametrize("count", [0, 33, 2.5, float("nan")])
def test_numbers_of_coils_that_nobody_has_are_refused(count) -> None:
    with pytest.raises(ValueError, match="count must be a whole number from 1 to 32"):
        coil_maps(count, (32, 32), np.random.default_rng(0))
