"""The family of kernels, from smooth to bare ramp."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.medq_uni.degradations.kernels import (
    BARE_RAMP,
    EDGE,
    KERNELS,
    SHARP,
    SMOOTH,
    STANDARD,
    Kernel,
    random_kernel,
)

LP_CM = np.linspace(0, 17, 400)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_slow_changes_pass_unchanged(kernel) -> None:
    assert kernel.response(np.zeros(1))[0] == 1
    assert kernel.response(np.array([0.05]))[0] == pytest.approx(1, abs=0.01)


def test_a_kernel_without_boost_has_half_height_where_it_says() -> None:
    assert SMOOTH.response(np.array([SMOOTH.half_lp_cm]))[0] == pytest.approx(0.5)


def test_the_bare_ramp_keeps_what_any_pixel_holds() -> None:
    np.testing.assert_allclose(BARE_RAMP.response(LP_CM), 1, atol=1e-9)


def test_the_order_is_from_smooth_to_sharp() -> None:
    means = []
    for kernel in (SMOOTH, STANDARD, SHARP, EDGE, BARE_RAMP):
        power = LP_CM * kernel.response(LP_CM) ** 2
        means.append((LP_CM * power).sum() / power.sum())
    assert means == sorted(means)


def test_only_a_boost_lifts_above_one() -> None:
    assert EDGE.response(LP_CM).max() > 1.3
    assert STANDARD.response(LP_CM).max() == 1


@given(st.integers(0, 2**32 - 1))
def test_random_kernels_are_within_the_family(seed) -> None:
    kernel = random_kernel(np.random.default_rng(seed))
    response = kernel.response(LP_CM)
    assert 2.5 <= kernel.half_lp_cm <= 30
    assert np.isfinite(response).all()
    assert response.min() >= 0
    assert kernel == random_kernel(np.random.default_rng(seed))


def test_random_kernels_reach_both_ends() -> None:
    rng = np.random.default_rng(0)
    halves = [random_kernel(rng).half_lp_cm for _ in range(300)]
    assert min(halves) < 3 and max(halves) > 25


@pytest.mark.parametrize(
    ("field", "value"), [("half_lp_cm", 0.5), ("steepness", 0.0), ("boost", float("nan"))]
)
def test_impossible_kernels_are_refused_by_name(field, value) -> None:
    with pytest.raises(ValueError, match=field):
        Kernel("wrong", **{"half_lp_cm": 5.0, field: value})
