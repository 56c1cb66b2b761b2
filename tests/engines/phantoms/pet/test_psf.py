"""The point spread has the width that it says, along and across, and makes nothing negative."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.phantoms.contour import Contour, superellipse
from engines.phantoms.pet.psf import (
    FWHM_MM,
    FWHM_OF_SD,
    Resolution,
    blur,
    discrete_gaussian,
    random_resolution,
    thickened,
)
from tests.engines.phantoms.pet.drawing import blank


@given(st.floats(0, 40))
def test_the_kernel_has_exactly_its_variance_and_nothing_negative(variance):
    kernel = discrete_gaussian(variance)
    place = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1)
    assert (kernel >= 0).all()
    assert (kernel * place**2).sum() == pytest.approx(variance, rel=2e-3, abs=1e-9)
    assert np.allclose(kernel, kernel[::-1])


@pytest.mark.parametrize("fwhm_mm", [4.0, 6.0, 8.0])
@pytest.mark.parametrize("pixel_mm", [1.0, 2.0, 3.75, 4.6875])
def test_a_drawn_edge_has_the_stated_width(fwhm_mm, pixel_mm):
    """A slanted edge, so that pixels meet it at all their phases."""
    canvas = blank(96 * pixel_mm, 96)
    away = np.float32(np.cos(0.1)) * canvas.x + np.float32(np.sin(0.1)) * canvas.y
    canvas.lay((slice(None), slice(None)), canvas.cover(-away), 10.0)
    blur(canvas, Resolution(fwhm_mm, fwhm_mm))
    middle = slice(20, 76)
    far, values = away[middle, middle].ravel(), canvas.values[middle, middle].ravel()
    order = np.argsort(far)
    place = np.arange(-40, 40, 0.25)
    spread = -np.diff(np.interp(place, far[order], values[order]))
    sd = np.sqrt((spread * (place[1:] - 0.125) ** 2).sum() / spread.sum())
    assert FWHM_OF_SD * sd == pytest.approx(fwhm_mm, rel=0.03)


def test_width_at_half_height_is_the_same_as_the_one_by_variance():
    canvas = blank(100, 400, edge_mm=0.0)
    canvas.lay((slice(None), slice(None)), canvas.cover(-canvas.x), 10.0)
    blur(canvas, Resolution(6.0, 6.0))
    spread = -np.diff(canvas.values[200])
    above = np.flatnonzero(spread >= spread.max() / 2)
    assert (above[-1] - above[0] + 1) * 0.25 == pytest.approx(6.0, abs=0.4)


def test_blur_keeps_activity_and_lowers_peaks():
    canvas = blank(200, 100)
    canvas.fill(Contour(0, 0, superellipse(8, 8).astype(np.float32)), 12.0)
    before = canvas.values.copy()
    blur(canvas, Resolution(8.0, 8.0))
    assert canvas.values.sum() == pytest.approx(before.sum(), rel=1e-4)
    assert 0 < canvas.values.max() < before.max()
    assert canvas.values.min() >= 0


def test_a_flat_image_stays_flat_to_the_rim():
    canvas = blank(200, 64)
    canvas.values[...] = 3.0
    blur(canvas, Resolution(7.0, 7.0))
    assert np.allclose(canvas.values, 3.0, atol=1e-5)


def test_the_thicker_slice_has_the_variance_of_slice_and_point_spread():
    canvas = blank(200, 32, slice_mm=3.0)
    thick = thickened(canvas, Resolution(6.0, 5.0))
    wanted = 3.0**2 / 12 + (5.0 / FWHM_OF_SD) ** 2
    assert thick.slice_mm**2 / 12 == pytest.approx(wanted)
    assert thick.values is canvas.values


def test_scanners_differ_within_what_is_in_use():
    found = [random_resolution(np.random.default_rng(k)) for k in range(100)]
    widths = np.array([[r.fwhm_mm, r.axial_mm] for r in found])
    assert FWHM_MM[0] <= widths.min() < widths.max() <= FWHM_MM[1]
    assert widths[:, 0].std() > 0.4
