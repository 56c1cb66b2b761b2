"""Signs of ghosts and of blur: what they are for shows in them, and nothing breaks them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from engines.description import Modality
from engines.medq_uni.signs import SIGNS, signs_of

BESIDE = slice(0, 4), slice(4, 8)
"""Air above and below the body, air left and right of it: share, mean, spread, the quiet fifth."""
NATIVE = 13
"""Where the gradients begin, three numbers down and three across, octave after octave."""


def body(side: int = 128) -> np.ndarray:
    down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    made = np.hypot(down, across) < 0.45
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=made.shape), 2)
    return (made * (1 + 0.5 * texture)).astype(np.float32)


def test_a_ghost_shows_in_the_air_along_its_axis_alone() -> None:
    plain, ghost = body(), body()
    ghost[:, :] += 0.03 * np.roll(body(), 45, 0)
    (down, across), (down_g, across_g) = (
        [signs_of(one, Modality.MR)[at] for at in BESIDE] for one in (plain, ghost)
    )
    assert down_g[1] > down[1] + 0.5
    np.testing.assert_allclose(across_g, across, atol=0.05)


def test_blur_along_an_axis_shows_along_it() -> None:
    sharp = signs_of(body(), Modality.PT)[NATIVE:]
    blurred = signs_of(ndimage.gaussian_filter(body(), (2, 0)), Modality.PT)[NATIVE:]
    assert blurred[0] < sharp[0] - 0.02
    assert blurred[1] < sharp[1] - 0.2
    assert abs(blurred[4] - sharp[4]) < abs(blurred[1] - sharp[1])


def test_ct_is_seen_from_air_as_mr_is() -> None:
    hounsfield = 10 * body() - 10
    np.testing.assert_allclose(
        signs_of(hounsfield, Modality.CT), signs_of(body(), Modality.MR), atol=2e-3
    )


def test_the_seams_of_a_mosaic_are_no_edges() -> None:
    tiles = np.tile(body(), (2, 2))[:, : 128 + 64]
    apart = np.where(np.arange(192) < 128, 0, 3).astype(np.float32)
    stepped = signs_of(tiles + apart, Modality.MR, 64)[NATIVE:][3:6]
    np.testing.assert_allclose(stepped, signs_of(tiles, Modality.MR, 64)[NATIVE:][3:6], atol=0.02)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(Modality.sectional()),
    st.integers(8, 70),
    st.integers(8, 70),
    st.sampled_from([0.0, 1e-6, 1.0, 400.0]),
    st.sampled_from([0, 16, 128]),
)
def test_whatever_the_image_signs_are_numbers(
    modality: Modality, rows: int, columns: int, size: float, tile: int
) -> None:
    rng = np.random.default_rng(rows * 100 + columns)
    image = (size * rng.normal(size=(rows, columns))).astype(np.float32)
    found = signs_of(image, modality, tile)
    assert found.shape == (SIGNS,) and found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 20


@pytest.mark.parametrize("side", [8, 9])
def test_the_smallest_images_have_signs(side: int) -> None:
    assert np.isfinite(signs_of(np.ones((side, side), np.float32), Modality.PT)).all()
