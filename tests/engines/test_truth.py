"""The true words on a pair: what its maker knows is said, all else isn't assessed."""

from __future__ import annotations

import numpy as np
import pytest

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.truth import pair_description

IMAGE = np.zeros((96, 96), np.float32)
IMAGE[16:80, 16:80] = 100


def source(modality, patient, noise):
    unit = {Modality.CT: "HU", Modality.MR: "signal", Modality.PT: "SUV"}[modality]
    return Source("a", patient, modality, "head", unit, IMAGE, 1.0, 3.0, noise)


def said(modality, patient="person", noise=0.0):
    description = pair_description(Pair.clean(source(modality, patient, noise)))
    return {finding.degradation: finding.severity for finding in description.findings}


@pytest.mark.parametrize(
    ("modality", "kind"), [(Modality.MR, Degradation.MOTION), (Modality.PT, Degradation.MOTION),
                           (Modality.MR, Degradation.UNDERSAMPLING)],
)  # fmt: skip
def test_how_still_a_person_lay_is_known_of_phantoms_alone(modality, kind):
    assert said(modality, "phantom mr head 1")[kind] is Severity.NONE
    assert kind not in said(modality)


@pytest.mark.parametrize("modality", Modality.sectional())
def test_noise_that_nobody_measured_is_not_said_to_be_none(modality):
    noise = Degradation.LOW_COUNT if modality is Modality.PT else Degradation.NOISE
    assert noise not in said(modality, noise=None)
    assert said(modality)[noise] is Severity.NONE


@pytest.mark.parametrize(
    ("modality", "level", "severity"),
    [
        (Modality.CT, 7.0, Severity.MILD),
        (Modality.MR, 15.0, Severity.MODERATE),
        (Modality.PT, 30.0, Severity.SEVERE),
    ],
)
def test_noise_of_the_source_is_graded_in_the_unit_of_the_words(modality, level, severity):
    noise = Degradation.LOW_COUNT if modality is Modality.PT else Degradation.NOISE
    assert said(modality, noise=level)[noise] is severity, "of a signal of 100"
