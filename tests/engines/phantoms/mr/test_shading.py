"""Coil shading is smooth, bounded, and never changes sign."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.phantoms.mr.shading import STRENGTH, plan_shading

AXIS = np.linspace(-120, 120, 61, dtype=np.float32)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), z=st.floats(-50, 150))
def test_the_field_stays_within_its_strength_and_is_smooth(seed, z):
    shading = plan_shading(np.random.default_rng(seed), 80.0)
    field = shading.field(AXIS[None, :], AXIS[:, None], z)
    assert field.dtype == np.float32
    assert STRENGTH[0] <= shading.strength <= STRENGTH[1]
    assert np.abs(field - 1).max() <= shading.strength + 1e-5
    # 1.6 turns of a wave per reach at most: a radian of it takes 50 mm.
    assert np.abs(np.diff(field, axis=1)).max() <= shading.strength * 1.65 / 80 * 4


def test_shading_is_seen():
    spans = [
        np.ptp(
            plan_shading(np.random.default_rng(seed), 80.0).field(AXIS[None, :], AXIS[:, None], 40)
        )
        for seed in range(20)
    ]
    assert min(spans) > 0.03
    assert np.median(spans) > 0.1


def test_values_are_multiplied_in_place():
    shading = plan_shading(np.random.default_rng(3), 80.0)
    x, y = np.broadcast_arrays(AXIS[None, :], AXIS[:, None])
    values = np.full(x.shape, 200, np.float32)
    shading.apply(values, x, y, 10.0)
    assert values == pytest.approx(200 * shading.field(x, y, 10.0))
