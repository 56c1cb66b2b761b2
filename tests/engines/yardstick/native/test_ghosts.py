"""Ghosts of a known level are told as such, along the right axis, and noise is none."""

from __future__ import annotations

import numpy as np
import pytest

from engines.medq_uni.yardstick.native.ghosts import (
    COLUMNS,
    ROWS,
    air_beside,
    ghost_error,
    signal_ghosting,
)
from tests.engines.yardstick.native.shapes import disc, mr, rician

BODY = disc(38, 1000.0)


def with_ghost(share, axis):
    """The body and its ghost half a field away, as every second line off gives."""
    return BODY + np.float32(share) * np.roll(BODY, len(BODY) // 2, axis=axis)


@pytest.mark.parametrize(("phase_axis", "axis"), [(ROWS, 0), (COLUMNS, 1)])
@pytest.mark.parametrize("share", [0.02, 0.1])
def test_a_ghost_of_a_known_level_is_told_where_it_covers_the_air(phase_axis, axis, share):
    held = mr(BODY)
    air = air_beside(held, phase_axis)
    image = with_ghost(share, axis)
    ghost = image - BODY
    covered = float(ghost[air.phase].mean()) / 1000
    assert 0 < covered < share
    body = float(image[held.body].mean()) / 1000
    assert signal_ghosting(image, held, air) == pytest.approx(100 * covered / body, rel=1e-3)
    squares = float((ghost[air.phase].astype(float) ** 2).mean()) ** 0.5
    expected = 100 * squares / float(BODY[held.body].mean())
    assert ghost_error(image, held, air) == pytest.approx(expected, rel=1e-3)


def test_a_ghost_along_the_other_axis_is_below_zero_and_no_error_along_this_one():
    held = mr(BODY)
    air = air_beside(held, ROWS)
    image = with_ghost(0.1, 1)
    assert signal_ghosting(image, held, air) < -1
    assert ghost_error(image, held, air) == 0


def test_rician_noise_is_in_all_air_alike_and_is_no_ghost():
    held = mr(BODY)
    air = air_beside(held)
    image = rician(BODY, 50.0)
    assert signal_ghosting(image, held, air) == pytest.approx(0, abs=0.1)
    assert ghost_error(image, held, air) < 1.5
    noisy_ghost = rician(with_ghost(0.2, 0), 50.0)
    assert ghost_error(noisy_ghost, held, air) > 4


def test_who_halves_the_ghost_halves_the_figure():
    held = mr(BODY)
    air = air_beside(held)
    all_of_it, half = (ghost_error(with_ghost(s, 0), held, air) for s in (0.2, 0.1))
    assert half == pytest.approx(all_of_it / 2, rel=1e-6)


def test_a_body_that_fills_the_image_leaves_no_air_to_look_at():
    assert air_beside(mr(np.full((96, 96), 500, np.float32))) is None
    assert air_beside(mr(np.zeros((96, 96), np.float32))) is None


def test_an_axis_that_no_image_has_is_refused():
    with pytest.raises(ValueError, match="phase_axis must be rows or columns, not 'up'"):
        air_beside(mr(BODY), "up")
