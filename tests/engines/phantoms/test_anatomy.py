"""Random phantoms are one patient each: made again by their seed, and unlike each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engines.description import REGIONS, Modality
from engines.phantoms.anatomy import PLANS, Kind, random_phantom

SIZE = 112
FOUR = tuple(kind.region for kind in PLANS if kind.modality is Modality.CT)


@pytest.fixture(scope="module")
def crowd():
    """Eight patients of each region, one slice each."""
    return {r: [random_phantom(r, seed, SIZE) for seed in range(8)] for r in FOUR}


def body_of(values):
    """Largest connected part denser than air, its holes filled."""
    dense = ndimage.binary_opening(values > -300, iterations=2)
    labels, count = ndimage.label(dense)
    assert count > 0
    largest = 1 + np.argmax(ndimage.sum(dense, labels, range(1, count + 1)))
    return ndimage.binary_fill_holes(labels == largest)


def test_the_four_regions_are_words_of_the_description():
    assert set(FOUR) == {"head", "chest", "abdomen", "pelvis"} <= set(REGIONS)


@pytest.mark.parametrize("region", FOUR)
def test_the_same_seed_makes_the_same_patient_and_another_seed_another(region):
    first, again, other = (random_phantom(region, seed, 64) for seed in (5, 5, 6))
    assert np.array_equal(first.values, again.values)
    assert first.pixel_mm == again.pixel_mm
    assert np.abs(first.values - other.values).mean() > 20


@pytest.mark.parametrize("region", FOUR)
def test_a_phantom_says_what_it_is(region):
    phantom = random_phantom(region, 3, 48, slices=2, slice_mm=1.5)
    assert phantom.values.shape == (2, 48, 48)
    assert phantom.values.dtype == np.float32
    assert (phantom.region, phantom.slice_mm, phantom.seed) == (region, 1.5, 3)
    assert 200 <= phantom.pixel_mm * 48 <= 500


def test_values_are_finite_and_those_of_a_scanner(crowd):
    for phantom in (p for group in crowd.values() for p in group):
        assert np.isfinite(phantom.values).all()
        assert phantom.values.min() == -1000
        assert phantom.values.max() < 3071


def test_air_around_the_patient_is_exactly_air(crowd):
    for region in FOUR:
        for phantom in crowd[region]:
            air = phantom.values[0] == -1000
            assert air.mean() > 0.05
            far = ~ndimage.binary_dilation(phantom.values[0] > -999.9, iterations=3)
            assert (phantom.values[0][far] == -1000).all()


def test_patients_differ_in_breadth_as_people_do(crowd):
    for region, least in (("head", 4.0), ("chest", 15.0), ("abdomen", 15.0), ("pelvis", 15.0)):
        widths = [body_of(p.values[0]).any(axis=0).sum() * p.pixel_mm for p in crowd[region]]
        assert np.std(widths) > least
        low, high = (60, 200) if region == "head" else (170, 500)
        assert low < min(widths) <= max(widths) < high


def test_livers_differ_in_value_as_contrast_medium_and_fat_make_them(crowd):
    values = []
    for seed in range(12):
        plan = PLANS[Kind(Modality.CT, "abdomen")](np.random.default_rng(seed))
        values.append(plan.organs.contrast.liver)
    assert np.std(values) > 10
    assert 20 <= min(values) < max(values) <= 140


def share(phantom, low, high):
    """Share of the body's pixels within bounds, in HU."""
    values = phantom.values[0]
    inside = values[body_of(values)]
    return float(((inside >= low) & (inside < high)).mean())


def test_each_region_has_the_tissues_it_should(crowd):
    def typical(region, low, high):
        return float(np.median([share(p, low, high) for p in crowd[region]]))

    assert 0.2 < typical("chest", -1000, -500) < 0.55  # lung
    assert typical("abdomen", -1000, -500) < 0.15
    assert 0.15 < typical("abdomen", -150, -40) < 0.65  # fat
    assert 0.25 < typical("pelvis", 20, 130) < 0.75  # muscle and bowel
    assert 0.4 < typical("head", 0, 60) < 0.8  # brain
    for region, least in (("head", 0.10), ("chest", 0.03), ("abdomen", 0.02), ("pelvis", 0.02)):
        assert least < typical(region, 250, 3000) < 0.35  # bone


def test_edges_are_a_pixel_or_two_wide():
    phantom = random_phantom("abdomen", 2, 256)
    row = phantom.values[0][128]
    first = int(np.argmax(row > -999))
    inside = int(np.argmax(row > -200))
    assert 0 <= inside - first <= 3


@pytest.mark.parametrize("region", FOUR)
def test_neighbouring_slices_resemble_each_other_more_than_distant_ones(region):
    values = random_phantom(region, 4, SIZE, slices=16, slice_mm=3.0).values
    near = np.abs(np.diff(values, axis=0)).mean()
    far = np.abs(values[12:] - values[:4]).mean()
    assert near < 0.7 * far
    steps = np.abs(np.diff(values, axis=0)).mean(axis=(1, 2))
    assert steps.max() < 4 * np.median(steps)


@pytest.mark.parametrize("region", FOUR)
def test_thin_slices_change_in_proportion(region):
    thick = random_phantom(region, 7, 96, slices=2, slice_mm=4.0).values
    thin = random_phantom(region, 7, 96, slices=2, slice_mm=0.25).values
    assert np.abs(thin[1] - thin[0]).mean() < 0.4 * np.abs(thick[1] - thick[0]).mean()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"region": "knee", "seed": 0}, "region"),
        ({"region": "whole body", "seed": 0}, "region"),
        ({"region": "head", "seed": -1}, "seed"),
        ({"region": "head", "seed": 1.5}, "seed"),
        ({"region": "head", "seed": True}, "seed"),
        ({"region": "head", "seed": 0, "size": 31}, "size"),
        ({"region": "head", "seed": 0, "size": 5000}, "size"),
        ({"region": "head", "seed": 0, "size": 64.0}, "size"),
        ({"region": "head", "seed": 0, "slices": 0}, "slices"),
        ({"region": "head", "seed": 0, "slices": 200}, "slices"),
        ({"region": "head", "seed": 0, "slice_mm": 0.0}, "slice_mm"),
        ({"region": "head", "seed": 0, "slice_mm": float("nan")}, "slice_mm"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}"):
        random_phantom(**arguments)


@pytest.mark.parametrize("size", [32, 75, 130])
def test_sizes_that_no_scanner_uses_work(size):
    assert random_phantom("abdomen", 1, size).values.shape == (1, size, size)
