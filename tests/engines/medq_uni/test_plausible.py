"""Words that the image contradicts are put right, and no others are touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.description import Amount, Degradation, Finding, Modality, Severity
from engines.medq_uni import tokens
from engines.medq_uni.plausible import (
    BEYOND_HU,
    LEAST_METAL_HU,
    MOST_NOISE,
    Evidence,
    obeyed,
    words_of,
)
from engines.medq_uni.series import claimed
from engines.medq_uni.spoken import Scene, say
from engines.severity import graded_finding
from tests.engines.medq_uni.made import words
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


def right(values, usable, of, *findings):
    return told(*Evidence(values, usable, of).put_right(findings))


def test_noise_is_said_to_be_no_more_than_is_measured():
    values, usable, of = slice_of()
    found = right(values, usable, of, noise(60))[Degradation.NOISE]
    assert found.amount == pytest.approx(MOST_NOISE * SIGMA, rel=0.1)
    assert found.severity.rank < noise(60).severity.rank
    assert found.place == "throughout"


@pytest.mark.parametrize("hu", [10, 20, 24])
def test_noise_that_can_be_so_stays_as_it_was_said(hu):
    values, usable, of = slice_of()
    said = noise(hu)
    assert right(values, usable, of, said)[Degradation.NOISE] is said


@pytest.mark.parametrize(
    ("densest", "severity"),
    [(None, Severity.NONE), (LEAST_METAL_HU - 1, Severity.NONE), (3000, Severity.SEVERE)],
)
def test_streaks_of_metal_need_metal(densest, severity):
    values, usable, of = slice_of(metal=densest)
    assert right(values, usable, of, STREAKS)[Degradation.METAL].severity is severity


def test_metal_under_padding_is_none():
    values, usable, of = slice_of(metal=3000)
    usable[60:64, 60:64] = False
    found = right(values, usable, of, STREAKS)
    assert found == told(Finding(Degradation.METAL, Severity.NONE))


def test_other_modalities_and_empty_slices_are_not_judged():
    low = Finding(Degradation.LOW_COUNT, Severity.SEVERE, 90.0, "% of signal")
    values, usable, of = slice_of(Modality.PT)
    assert right(values, usable, of, low) == told(low)
    values, usable, of = slice_of()
    assert right(values, ~usable, of, noise(60)) == told(noise(60))


def test_a_severity_alone_is_held_to_what_is_measured_too():
    values, usable, of = slice_of()
    severe = Finding(Degradation.NOISE, Severity.SEVERE)
    found = right(values, usable, of, severe)[Degradation.NOISE]
    assert found.amount == pytest.approx(MOST_NOISE * SIGMA, rel=0.1)


def test_a_milder_word_than_the_number_stays_and_the_number_does_not():
    values, usable, of = slice_of()
    mild = Finding(Degradation.NOISE, Severity.MILD, 60.0, "HU")
    found = right(values, usable, of, mild)[Degradation.NOISE]
    assert found.severity is Severity.MILD
    assert found.amount == pytest.approx(MOST_NOISE * SIGMA, rel=0.1)


def test_what_is_known_of_the_noise_is_not_measured_again():
    values, usable, of = slice_of()
    (found,) = Evidence(values, usable, of, sigma=10.0).put_right([noise(60)])
    assert found.amount == pytest.approx(MOST_NOISE * 10.0)


@pytest.mark.parametrize("said", [noise(10), noise(60), Finding(Degradation.NOISE, Severity.NONE)])
def test_noise_beyond_all_that_was_learnt_from_is_said_as_it_is_measured(said):
    values, usable, of = slice_of()
    beyond = Evidence(values, usable, of, sigma=BEYOND_HU + 40)
    (found,) = beyond.spoken_up([said])
    assert found == replace(noise(BEYOND_HU + 40), place=said.place)


def test_noise_that_was_learnt_from_is_said_as_the_model_says():
    values, usable, of = slice_of()
    for sigma, said in ((BEYOND_HU, noise(10)), (BEYOND_HU + 40, noise(BEYOND_HU + 60))):
        (found,) = Evidence(values, usable, of, sigma=sigma).spoken_up([said])
        assert found is said


def test_nobody_else_is_corrected_upwards():
    """A person who writes "mild" over hopeless noise is obeyed; so are other words and PET."""
    values, usable, of = slice_of()
    beyond = Evidence(values, usable, of, sigma=150.0)
    said = words(Modality.CT, noise(10), STREAKS)
    assert obeyed(said, beyond).finding(Degradation.NOISE) == noise(10)
    assert beyond.spoken_up([STREAKS]) == (STREAKS,)
    low = Finding(Degradation.LOW_COUNT, Severity.MILD, 9.0, "% of signal")
    values, usable, of = slice_of(Modality.PT)
    assert Evidence(values, usable, of).spoken_up([low]) == (low,)


def test_what_is_put_right_is_no_surer_than_the_model_was():
    scene = Scene(Modality.CT, "abdomen", 0.7)
    (said,) = say(lambda so_far: np.zeros((1, len(tokens.VOCABULARY)), np.float32), scene, 1)
    values, usable, of = slice_of()
    found = words_of(0, said, Evidence(values, usable, of), scene)
    assert found.findings[Degradation.METAL].severity is Severity.NONE
    assert claimed(found) == pytest.approx(0.25**2)


def test_what_is_true_of_a_series_is_not_obeyed_on_a_slice_that_contradicts_it():
    values, usable, of = slice_of()
    series = words(Modality.CT, noise(20), STREAKS)
    found = obeyed(series, Evidence(values, usable, of))
    assert found.finding(Degradation.METAL).severity is Severity.NONE
    assert found.finding(Degradation.NOISE) == noise(20)
