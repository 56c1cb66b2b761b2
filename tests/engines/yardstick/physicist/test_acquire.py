"""The phantom on the scanner: the noise is what was asked for, and the same for everyone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engines.medq_uni.degradations.kernels import SHARP, SMOOTH, STANDARD
from engines.medq_uni.yardstick.contestant import UNTREATED, Contestant
from engines.medq_uni.yardstick.physicist.acquire import (
    FULL,
    MEASURED_WITHIN_MM,
    QUICK,
    Acquisition,
    Protocol,
    acquire,
    restored,
    within_mm,
)

SMALL = Protocol(128, 1.65, 2, 4, (1.0, 0.25), (STANDARD,))
TINY = Protocol(128, 1.65, 1, 1, (1.0,), (STANDARD,))


@pytest.fixture(scope="module")
def series() -> Acquisition:
    return acquire(SMALL, 0.25, STANDARD)


def test_a_series_holds_every_section_as_often_as_planned(series: Acquisition) -> None:
    values = series.stack.values
    assert values.shape == (SMALL.slices, 128, 128)
    assert values.dtype == np.float32
    assert series.stack.valid.all()
    counts = {name: len(series.of(values, name)) for name in series.sections}
    assert counts == {"inserts": 2, "observer": 4, "uniform": 4, "steps": 4}
    assert series.stack.info.slices == SMALL.slices
    assert series.stack.info.spacing_mm[1:] == (1.65, 1.65)
    low, high = series.stack.info.saturation
    assert low < values.min()
    assert values.max() < high


def test_the_noise_told_is_the_noise_there(series: Acquisition) -> None:
    noise = series.of(series.stack.values, "uniform") - series.sharp["uniform"]
    inside = within_mm(128, 1.65, MEASURED_WITHIN_MM)
    assert noise[:, inside].std() == pytest.approx(series.noise, rel=0.01)
    assert abs(noise[:, inside].mean()) < 0.05 * series.noise


def test_observer_and_uniform_section_differ_by_the_discs_alone(series: Acquisition) -> None:
    values = series.stack.values
    difference = series.of(values, "observer") - series.of(values, "uniform")
    discs = series.sharp["observer"] - series.sharp["uniform"]
    assert np.abs(difference - discs).max() < 0.01
    assert discs.max() > 15


def test_steps_begin_in_the_middle_of_their_slices(series: Acquisition) -> None:
    values = series.stack.values
    difference = series.of(values, "steps") - series.of(values, "uniform")
    discs = series.sharp["steps"] - series.sharp["uniform"]
    assert not difference[:2].any()
    assert np.abs(difference[2:] - discs).max() < 0.01
    assert discs.max() > 900


def test_who_mixes_slices_does_not_see_the_section_next_door(series: Acquisition) -> None:
    mixed = Contestant(
        "mixed", lambda stack, _: ndimage.uniform_filter1d(stack.values, 3, axis=0, mode="nearest")
    )
    found = series.of(restored(series, mixed), "inserts").mean(axis=0)
    assert found == pytest.approx(series.of(series.stack.values, "inserts").mean(axis=0), abs=0.01)


def test_realisations_have_noise_of_their_own(series: Acquisition) -> None:
    noise = series.of(series.stack.values, "uniform") - series.sharp["uniform"]
    inside = within_mm(128, 1.65, MEASURED_WITHIN_MM)
    pairs = np.corrcoef(noise[:, inside])[np.triu_indices(len(noise), 1)]
    assert np.abs(pairs).max() < 0.1


def test_noise_goes_with_dose_and_kernel_as_on_scanners() -> None:
    one = acquire(TINY, 1.0, STANDARD).noise
    assert acquire(TINY, 0.25, STANDARD).noise == pytest.approx(2 * one, rel=0.08)
    assert acquire(TINY, 1.0, SMOOTH).noise < one < acquire(TINY, 1.0, SHARP).noise


def test_the_same_arguments_give_the_same_series_and_another_seed_another() -> None:
    one, again, other = (acquire(TINY, 0.25, STANDARD, seed).stack.values for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_what_nobody_touched_comes_back_as_it_was(series: Acquisition) -> None:
    assert np.array_equal(restored(series, UNTREATED), series.stack.values)


@pytest.mark.parametrize("spoiled", ["shape", "NaN"])
def test_a_result_that_cannot_be_measured_is_refused(series: Acquisition, spoiled: str) -> None:
    values = series.stack.values
    wrong = values[1:] if spoiled == "shape" else np.full_like(values, np.nan)
    with pytest.raises(ValueError, match="clumsy: not a finite value"):
        restored(series, Contestant("clumsy", lambda stack, noise: wrong))


def test_the_full_protocol_resolves_the_sharp_kernel_and_the_quick_one_is_smaller() -> None:
    assert 5 / FULL.pixel_mm * 2 > SHARP.half_lp_cm
    assert QUICK.slices * QUICK.size**2 < FULL.slices * FULL.size**2 / 5
    assert set(QUICK.doses) <= set(FULL.doses)
