"""Outlines, lumps and pipes cover the area that geometry says they do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.phantoms.canvas import Canvas
from engines.phantoms.contour import Contour, lump, superellipse
from engines.phantoms.vessels import path, tree


def canvas(size=128, pixel_mm=1.0, z=0.0):
    """An empty slice with straight coordinates."""
    axis = ((np.arange(size) + 0.5 - size / 2) * pixel_mm).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    values = np.zeros((size, size), np.float32)
    return Canvas(values, x, y, pixel_mm, z, (0.0, 0.0), 0.0, 0.0, 0.0, 0.0)


@given(
    st.floats(4, 30),
    st.floats(4, 30),
    st.floats(0, 3),
    st.floats(-20, 20),
    st.floats(-20, 20),
)
def test_an_ellipse_covers_its_area(half_x, half_y, angle, x, y):
    slice_ = canvas()
    radii = superellipse(half_x, half_y, angle).astype(np.float32)
    slice_.fill(Contour(x, y, radii), 1.0)
    assert slice_.values.sum() == pytest.approx(np.pi * half_x * half_y, rel=0.03)
    assert 0 <= slice_.values.min() <= slice_.values.max() <= 1


def test_a_grown_outline_is_wider_on_all_sides():
    circle = Contour(0, 0, superellipse(20, 20).astype(np.float32))
    slice_ = canvas()
    slice_.fill(circle.grown(5), 1.0)
    assert slice_.values.sum() == pytest.approx(np.pi * 25**2, rel=0.01)
    assert circle.point(0.0, inset_mm=2) == pytest.approx((18, 0))


def test_paint_keeps_within_bounds():
    slice_ = canvas()
    left = slice_.cover(-slice_.x)
    slice_.fill(Contour(0, 0, superellipse(20, 20).astype(np.float32)), 1.0, left)
    assert slice_.values[:, 70:].max() == 0
    assert slice_.values[64, 50] == 1


def test_a_shape_outside_the_field_paints_nothing():
    slice_ = canvas()
    slice_.fill(Contour(500, 0, superellipse(20, 20).astype(np.float32)), 1.0)
    slice_.tubes(path([(500, 0, -5), (500, 0, 5)], [3, 3]), 1.0)
    assert slice_.values.max() == 0


def test_a_bone_has_a_dense_rim_around_its_marrow():
    slice_ = canvas()
    slice_.bone(Contour(0, 0, superellipse(20, 20).astype(np.float32)), 900.0, 3.0, 150.0)
    row = slice_.values[64]
    assert row[64] == 150
    assert row[45:48].max() == pytest.approx(900, rel=0.02)


def test_a_pipe_across_the_slice_is_a_disc_and_one_along_it_a_bar():
    across, along = canvas(), canvas()
    across.tubes(path([(0, 0, -20), (0, 0, 20)], [6, 6]), 1.0)
    along.tubes(path([(-20, 0, 0), (20, 0, 0)], [6, 6]), 1.0)
    assert across.values.sum() == pytest.approx(np.pi * 36, rel=0.03)
    assert along.values.sum() == pytest.approx(np.pi * 36 + 40 * 12, rel=0.03)


def test_a_pipe_thinner_than_a_pixel_covers_its_share():
    slice_ = canvas(pixel_mm=2.0)
    slice_.tubes(path([(-30, 0.3, 0), (30, 0.3, 0)], [0.25, 0.25]), 1.0)
    area = slice_.values.sum() * 4
    assert area == pytest.approx(60 * 0.5, rel=0.6)


def test_a_lump_is_widest_in_its_middle_and_ends_where_it_ends():
    shape = lump(np.random.default_rng(0), (0, 0, 10), (20, 15, 30), rough=0.03)
    assert shape.at(41) is None
    assert shape.at(-21) is None
    assert float(shape.at(10).radii.mean()) > float(shape.at(32).radii.mean()) > 5


def test_branches_get_thinner_and_obey_their_bounds():
    def within(points):
        return points[:, 0] > -1

    segments = tree(np.random.default_rng(0), (0, 0, 0), (10, 0, 0), 4.0, 20.0, 8, within)
    assert segments.shape[1] == 8
    assert (segments[:, 7] <= segments[:, 6]).all()
    assert segments[0, 6] == 4
    assert len(segments) > 50
    assert segments[:, 0].min() > -1.01
