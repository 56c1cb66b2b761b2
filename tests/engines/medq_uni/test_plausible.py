"""Words that the image contradicts are put right, and no others are touched."""

from __future__ import annotations

import numpy as np
import pytest

from engines.description import Amount, Degradation, Finding, Modality, Severity
from engines.medq_uni.plausible import LEAST_METAL_HU, MOST_NOISE, put_right
from engines.severity import graded_finding
from tests.engines.stacks import info

SIGMA = 20.0


def slice_of(modality=Modality.CT, metal=None):
    rng = np.random.default_rng(0)
    values = rng.normal(50, SIGMA, (128, 128)).astype(np.float32)
    if metal is not None:
        values[60:64, 60:64] = metal
    return values, np.ones(values.shape, bool), info(modality, (1, 128, 128), 0.7, "abdomen")


def noise(hu):
    return graded_finding(
        Degradation.NOISE, [Amount(hu, "HU")], Modality.CT, "abdomen", place="throughout"
    )


STREAKS = Finding(Degradation.METAL, Severity.SEVERE, 90.0, "HU", place="centre")


def told(*findings):
    return {finding.degradation: finding for finding in findings}


def test_noise_is_said_to_be_no_more_than_is_measured():
    values, usable, of = slice_of()
    found = put_right(told(noise(60)), values, usable, of, 0.7)[Degradation.NOISE]
    assert found.amount == pytest.approx(MOST_NOISE * SIGMA, rel=0.1)
    assert found.severity.rank < noise(60).severity.rank
    assert found.place == "throughout"


@pytest.mark.parametrize("hu", [10, 20, 24])
def test_noise_that_can_be_so_stays_as_it_was_said(hu):
    values, usable, of = slice_of()
    said = noise(hu)
    assert put_right(told(said), values, usable, of, 0.7)[Degradation.NOISE] is said


@pytest.mark.parametrize(
    ("densest", "severity"),
    [(None, Severity.NONE), (LEAST_METAL_HU - 1, Severity.NONE), (3000, Severity.SEVERE)],
)
def test_streaks_of_metal_need_metal(densest, severity):
    values, usable, of = slice_of(metal=densest)
    assert put_right(told(STREAKS), values, usable, of, 0.7)[Degradation.METAL].severity is severity


def test_metal_under_padding_is_none():
    values, usable, of = slice_of(metal=3000)
    usable[60:64, 60:64] = False
    found = put_right(told(STREAKS), values, usable, of, 0.7)
    assert found == told(Finding(Degradation.METAL, Severity.NONE))


def test_other_modalities_and_empty_slices_are_not_judged():
    low = Finding(Degradation.LOW_COUNT, Severity.SEVERE, 90.0, "% of signal")
    values, usable, of = slice_of(Modality.PT)
    assert put_right(told(low), values, usable, of, 4.0) == told(low)
    values, usable, of = slice_of()
    assert put_right(told(noise(60)), values, ~usable, of, 0.7) == told(noise(60))
