"""How wide an edge between two slices is: profiles whose width is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, special

from engines.medq_uni.yardstick.physicist.through_plane import UNTOUCHED_SLICES, rise

STEP = np.repeat([0.0, 1.0], 8)


def test_an_untouched_edge_is_as_wide_as_the_line_between_two_slices() -> None:
    assert rise(STEP) == pytest.approx(UNTOUCHED_SLICES)


@given(st.floats(0.15, 2), st.floats(-500, 500))
def test_neither_contrast_nor_level_make_an_edge_wider(contrast: float, level: float) -> None:
    assert rise(level + contrast * STEP) == pytest.approx(UNTOUCHED_SLICES)


def test_the_mean_of_three_slices_and_a_gaussian_have_the_width_they_have() -> None:
    assert rise(ndimage.uniform_filter1d(STEP, 3)) == pytest.approx(2.4)
    along = np.arange(16) - 7.5
    assert rise(special.ndtr(along / 1.5)) == pytest.approx(2 * 1.2816 * 1.5, rel=0.06)


def test_noise_on_the_plateaus_does_not_widen_it() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 16)
    noise[[2, 13]] = 0.2, -0.2
    assert rise(STEP + noise) == pytest.approx(UNTOUCHED_SLICES, abs=0.15)


@pytest.mark.parametrize("profile", [0.05 * STEP, 0 * STEP, 1 - STEP, STEP[7:9]])
def test_without_an_edge_there_is_no_width(profile: np.ndarray) -> None:
    assert rise(profile) is None
