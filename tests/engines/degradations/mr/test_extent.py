"""Interpolated images come back to what their scan held, and all others stay as they are."""

import numpy as np
import pytest

from engines.description import Modality
from engines.medq_uni.degradations.mr.encoding import random_phase, to_image, to_kspace, with_phase
from engines.medq_uni.degradations.mr.extent import held_extents, held_shape, to_extent
from engines.medq_uni.degradations.mr.noise import complex_noise
from engines.medq_uni.phantom_sources import kinds_of, phantom_source

KINDS = kinds_of([Modality.MR])
HEAD = phantom_source(KINDS[0], 5, 128).values
"""As a scan with 128 lines and as many reads shows it."""


def interpolated(image: np.ndarray, shape: tuple[int, int], noise: float = 0.0) -> np.ndarray:
    """What a scanner shows that fills k-space up with zeros: the magnitude, scale kept."""
    rng = np.random.default_rng(1)
    kspace = to_kspace(with_phase(image, random_phase(image.shape, rng)))
    if noise:
        kspace += complex_noise(kspace.shape, noise, rng)
    filled = np.zeros(shape, np.complex64)
    top, left = (n // 2 - m // 2 for n, m in zip(shape, image.shape, strict=True))
    filled[top : top + image.shape[0], left : left + image.shape[1]] = kspace
    return np.abs(to_image(filled)) * np.float32(np.sqrt(filled.size / image.size))


@pytest.mark.parametrize("noise", [0.0, 12.0])
@pytest.mark.parametrize("shape", [(256, 128), (128, 200), (256, 384), (301, 199)])
def test_the_end_of_k_space_is_found_on_both_axes(shape, noise) -> None:
    found = held_extents(interpolated(HEAD, shape, noise))
    for share, side in zip(found, shape, strict=True):
        assert share == pytest.approx(128 / side, abs=0.05)
        assert (share == 1) == (side == 128)


@pytest.mark.parametrize("size", [96, 192, 384])
def test_what_was_not_interpolated_holds_all_of_its_k_space(size) -> None:
    for kind in KINDS:
        values = phantom_source(kind, 2, size).values
        noisy = np.abs(values + 5 * np.random.default_rng(0).standard_normal(values.shape))
        assert held_extents(noisy) == (1.0, 1.0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_a_spectrum_that_merely_falls_has_no_end(seed, power) -> None:
    v, u = np.meshgrid(*[np.arange(192) - 96.0] * 2, indexing="ij")
    noise = to_kspace(np.random.default_rng(seed).standard_normal((192, 192)))
    image = np.abs(to_image(noise / (1 + np.hypot(v, u)) ** power).real + 0.1)
    assert held_extents(image) == (1.0, 1.0)


@pytest.mark.parametrize("values", [np.zeros((64, 64)), np.full((64, 70), 3.0), np.ones((16, 99))])
def test_an_image_of_nothing_or_too_small_stays(values) -> None:
    assert held_extents(values) == (1.0, 1.0)


def test_an_image_brought_back_is_what_was_scanned() -> None:
    found = to_extent(interpolated(HEAD, (256, 200)), HEAD.shape)
    assert found.dtype == np.float32 and found.min() >= 0
    # The magnitude of an interpolated image differs by a little where the signal is near zero.
    assert np.sqrt(np.mean((found - HEAD) ** 2)) < 0.02 * HEAD.max()
    assert found.mean() == pytest.approx(HEAD.mean(), rel=0.02)
    flat = to_extent(np.full((64, 81), 700.0), (32, 50))
    np.testing.assert_allclose(flat, 700, rtol=1e-5)


def test_the_middle_of_the_image_stays_where_it_is() -> None:
    for n, m in [(64, 32), (65, 32), (81, 50), (64, 31)]:
        y, x = np.meshgrid(*[np.arange(n) - n // 2] * 2, indexing="ij")
        found = to_extent(np.exp(-(y**2 + x**2) / 32.0), (m, m))
        assert np.unravel_index(found.argmax(), found.shape) == (m // 2, m // 2)
        np.testing.assert_allclose(found[m // 2], found[:, m // 2], atol=1e-5)


def test_the_same_shape_is_the_image_itself_and_a_larger_one_refused() -> None:
    assert np.array_equal(to_extent(HEAD, HEAD.shape), HEAD)
    with pytest.raises(ValueError, match=r"^shape must be within"):
        to_extent(HEAD, (256, 128))


@pytest.mark.parametrize(
    ("shape", "held", "spacing", "expected"),
    [
        ((512, 384), (1.0, 1.0), (0.43, 0.43), (512, 384)),
        ((384, 274), (1.0, 1.0), (0.667, 0.7), (384, 274)),
        ((512, 512), (0.5, 1.0), (0.4, 0.4), (256, 256)),
        ((512, 584), (0.5, 0.32), (0.68, 0.68), (164, 186)),
        ((512, 256), (0.5, 1.0), (0.4, 0.8), (256, 256)),
        ((200, 100), (0.5, 1.0), (0.0, 0.0), (100, 50)),
    ],
)
def test_pixels_become_square_and_as_large_as_the_coarser_axis_needs(
    shape, held, spacing, expected
) -> None:
    assert held_shape(shape, held, spacing) == expected
