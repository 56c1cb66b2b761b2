"""The width of an edge is that of the Gaussian that blurred it, in noise as well."""

from __future__ import annotations

import numpy as np
import pytest

from engines.medq_uni.yardstick.native.edge_width import edge_width, edges_of
from tests.engines.yardstick.native.shapes import blurred, disc, mr, rician

TEN_TO_NINETY = 2.563
"""Of a Gaussian's integral, in standard deviations."""
SOFT = blurred(disc(30, 600.0) + disc(60, 400.0), 1.2)


@pytest.mark.parametrize("sigma", [1.0, 1.3, 1.6])
@pytest.mark.parametrize("pixel_mm", [0.8, 1.0])
def test_the_width_of_an_edge_is_that_of_its_blur_in_mm(sigma, pixel_mm):
    # The rim of a disc is a ramp of one pixel before it is blurred.
    truth = blurred(disc(40, 1000.0), sigma)
    found = edge_width(truth, edges_of(mr(truth, pixel_mm)))
    whole = (sigma**2 + 1 / 12) ** 0.5
    assert found == pytest.approx(TEN_TO_NINETY * whole * pixel_mm, rel=0.06)


def test_more_blur_makes_edges_wider_and_sharpening_narrower_at_the_truths_edges():
    edges = edges_of(mr(SOFT))
    widths = [edge_width(blurred(SOFT, s), edges) for s in (0.01, 0.6, 1.0, 1.5)]
    assert widths == sorted(widths)
    assert widths[-1] > 1.2 * widths[0]
    sharper = SOFT + (SOFT - blurred(SOFT, 1.0))
    assert edge_width(sharper, edges) < widths[0]


def test_noise_makes_no_edge_wider_or_narrower():
    edges = edges_of(mr(SOFT))
    found = edge_width(rician(SOFT, 40.0), edges)
    assert found == pytest.approx(edge_width(SOFT, edges), rel=0.06)


def test_a_body_seen_twice_has_wide_edges():
    edges = edges_of(mr(SOFT))
    twice = (SOFT + np.roll(SOFT, 3, axis=0)) / 2
    assert edge_width(twice, edges) > 1.15 * edge_width(SOFT, edges)


def test_the_scale_and_the_offset_of_the_signal_do_not_matter():
    edges = edges_of(mr(SOFT))
    assert edge_width(3 * SOFT + 100, edges) == pytest.approx(edge_width(SOFT, edges), rel=1e-4)


def test_where_nothing_is_left_of_the_edges_there_is_no_width():
    assert edge_width(np.full_like(SOFT, 300), edges_of(mr(SOFT))) is None


@pytest.mark.parametrize("size", [16, 64])
def test_images_without_edges_or_pixel_size_have_none(size):
    assert edges_of(mr(np.full((size, size), 300, np.float32))) is None
    assert edges_of(mr(np.zeros((size, size), np.float32))) is None
    assert edges_of(mr(SOFT, 0.0)) is None
