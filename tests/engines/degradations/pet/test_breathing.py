"""Breathing while counts are gathered: a smear along the way, the middle where it was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.pet.breathing import (
    GRAIN_MM,
    Breathing,
    dwell,
    noise_left,
    smeared,
)
from engines.medq_uni.pair import Source, compose

SIZE, PIXEL_MM = 64, 4.0


def blob(sigma: float = 3.0) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    return np.exp(-(x**2 + y**2) / (2 * sigma**2)).astype(np.float32)


def source(**changed):
    given = {
        "name": "phantom a", "patient": "phantom a", "modality": Modality.PT,
        "region": "whole body", "unit": "SUV", "values": 5 * blob(), "pixel_mm": PIXEL_MM,
        "slice_mm": 3.0,
    }  # fmt: skip
    return Source(**{**given, **changed})


def spread(image, axis):
    """Centre and variance along an axis, in pixels."""
    profile = image.sum(axis=1 - axis).astype(float)
    place = np.arange(SIZE) - SIZE // 2
    middle = (profile * place).sum() / profile.sum()
    return middle, (profile * (place - middle) ** 2).sum() / profile.sum()


def test_a_breath_rests_at_its_end_and_has_its_middle_at_zero():
    places = dwell(10.0)
    assert places.mean() == pytest.approx(0, abs=1e-5)
    assert np.ptp(places) == pytest.approx(10, rel=0.01)
    assert np.mean(places < places.min() + 2) > 0.3


@pytest.mark.parametrize(("radians", "axis"), [(0.0, 0), (np.pi / 2, 1)])
def test_it_widens_along_its_way_alone_and_keeps_activity_and_middle(radians, axis):
    before, after = blob(), smeared(blob(), 6.0, radians)
    assert after.sum() == pytest.approx(before.sum(), rel=1e-3)
    (here, wide), (there, wider) = spread(before, axis), spread(after, axis)
    assert there == pytest.approx(here, abs=0.02)
    assert wider - wide == pytest.approx(float(dwell(6.0).var()), rel=0.03)
    across_before, across_after = spread(before, 1 - axis)[1], spread(after, 1 - axis)[1]
    assert across_after == pytest.approx(across_before, rel=0.01)


def test_inspiration_goes_the_way_that_is_asked_for():
    point = np.zeros((SIZE, SIZE), np.float32)
    point[SIZE // 2, SIZE // 2] = 1
    up = smeared(ndimage.gaussian_filter(point, 1.0), 8.0, np.pi).sum(axis=1)
    assert up.argmax() > SIZE // 2, "it rests below, at the end of expiration"
    assert up[SIZE // 2 - 6] > 3 * up[SIZE // 2 + 6], "and reaches far to the front"


def test_all_places_of_a_breath_are_what_the_smear_is_a_mean_of():
    image = ndimage.gaussian_filter(blob(1.5), 1.0)
    plain = np.mean([ndimage.shift(image, (d, 0), order=5) for d in dwell(5.0)], axis=0)
    assert smeared(image, 5.0, 0.0) == pytest.approx(plain, abs=2e-3 * float(image.max()))


@pytest.mark.parametrize("way", [0.0, 8.0, 25.0])
def test_a_sources_own_noise_is_smeared_with_it_and_said_to_be_less(way):
    rng = np.random.default_rng(1)
    white = rng.standard_normal((256, 256)).astype(np.float32)
    grain = ndimage.gaussian_filter(white, GRAIN_MM / 2.355 / PIXEL_MM * 2)  # on pixels of 2 mm
    after = smeared(grain, way / 2.0, 0.0)[40:-40, 40:-40]
    assert after.std() / grain[40:-40, 40:-40].std() == pytest.approx(noise_left(way), rel=0.08)
    pair = compose(source(noise=0.4), [Breathing(way)], 1)
    assert pair.noise == pytest.approx(0.4 * noise_left(way))


def test_no_movement_changes_nothing_and_is_said_as_none():
    pair = compose(source(), [Breathing(0.0)], 1)
    assert np.array_equal(pair.image, pair.truth)
    finding = pair.finding(Degradation.MOTION)
    assert finding is not None
    assert finding.severity is Severity.NONE


@pytest.mark.parametrize(
    ("way", "severity"), [(7, Severity.MILD), (12, Severity.MODERATE), (25, Severity.SEVERE)]
)
def test_the_way_decides_the_severity_and_the_truth_stays(way, severity):
    one = source()
    pair = compose(one, [Breathing(way)], 1)
    finding = pair.finding(Degradation.MOTION)
    assert finding is not None
    assert (finding.severity, finding.amount, finding.unit) == (severity, way, "mm")
    assert np.array_equal(pair.truth, one.values)
    assert pair.image.max() < pair.truth.max()
    assert pair.image.min() >= 0


@pytest.mark.parametrize(
    ("step", "changed", "named"),
    [
        (Breathing(-1.0), {}, "way_mm"),
        (Breathing(float("nan")), {}, "way_mm"),
        (Breathing(500.0), {}, "way_mm"),
        (Breathing(5.0, 99.0), {}, "radians"),
        (Breathing(5.0), {"modality": Modality.CT, "unit": "HU"}, "modality"),
        (Breathing(5.0), {"pixel_mm": 0.0}, "pixel_mm"),
        (Breathing(5.0), {"values": np.full((32, 32), np.nan, np.float32)}, "image"),
    ],
)
def test_what_cannot_be_is_refused_by_name(step, changed, named):
    with pytest.raises(ValueError, match=f"^{named}"):
        compose(source(**changed), [step], 1)
