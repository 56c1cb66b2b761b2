"""Pictures are as sharp as their pixels, however fine those are."""

import numpy as np
import pytest

from engines.phantoms.canvas import Canvas
from engines.phantoms.mr.acquisition import BLUR_PIXELS, plan_acquisition
from engines.phantoms.mr.plans import PLANS

SIDE = 65


def canvas(pixel_mm: float) -> Canvas:
    axis = ((np.arange(SIDE) - SIDE // 2) * pixel_mm).astype(np.float32)
    x, y = np.broadcast_arrays(axis[None, :], axis[:, None])
    values = np.zeros((SIDE, SIDE), np.float32)
    return Canvas(values, x, y, pixel_mm, 0.0, (0.0, 0.0), 0.0, 0.0, 1.2, 3.0)


@pytest.mark.parametrize("pixel_mm", [0.2, 0.7, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_point_is_spread_over_about_a_pixel_of_any_size(pixel_mm, seed) -> None:
    plan = plan_acquisition(np.random.default_rng(seed), 80.0)
    made = canvas(pixel_mm)
    made.values[32, 32] = 1000
    plan.picture(made)
    profile = made.values.sum(axis=0)
    off = np.arange(SIDE) - 32
    spread = np.sqrt(np.average(off**2, weights=profile))
    # A Gaussian of half a pixel, sampled, is a little narrower than it is said.
    assert plan.blur_pixels - 0.1 < spread < plan.blur_pixels + 0.01
    assert made.values[32, 32] > 0.3 * made.values.sum()


@pytest.mark.parametrize("pixel_mm", [0.2, 0.7, 2.0])
def test_edges_are_as_wide_as_a_pixel(pixel_mm) -> None:
    made = canvas(pixel_mm)
    plan_acquisition(np.random.default_rng(0), 80.0).prepare(made)
    share = made.cover(made.x)[0]
    assert np.count_nonzero((share > 0) & (share < 1)) <= 1
    assert share[0] == 0 and share[-1] == 1


@pytest.mark.parametrize("kind", PLANS, ids=" ".join)
def test_every_plan_has_a_point_spread_of_about_half_a_pixel(kind) -> None:
    found = [PLANS[kind](np.random.default_rng(seed)).acquisition.blur_pixels for seed in range(4)]
    assert all(BLUR_PIXELS[0] <= blur <= BLUR_PIXELS[1] for blur in found)
    assert len(set(found)) == 4
