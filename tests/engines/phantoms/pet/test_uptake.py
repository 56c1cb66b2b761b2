"""People's uptake lies where the literature says, in the order that any reader knows."""

from __future__ import annotations

import numpy as np
import pytest

from engines.phantoms.pet.uptake import random_brain_uptake, random_uptake

PEOPLE = [random_uptake(np.random.default_rng(k)) for k in range(300)]
BRAINS = [random_brain_uptake(np.random.default_rng(k)) for k in range(200)]


@pytest.mark.parametrize(
    ("organ", "low", "high"),
    [
        ("fat", 0.1, 0.4),
        ("lung", 0.4, 0.6),
        ("muscle", 0.5, 0.9),
        ("blood", 1.2, 2.2),
        ("liver", 1.8, 2.8),
        ("kidney", 1.8, 4.0),
        ("urine", 3.0, 25.0),
        ("bladder", 10.0, 60.0),
        ("myocardium", 1.0, 12.0),
    ],
)
def test_organs_lie_within_their_range_and_people_differ(organ, low, high):
    values = np.array([getattr(person, organ) for person in PEOPLE])
    assert low <= values.min() < values.max() <= high
    assert values.std() > 0.08 * values.mean()


def test_organs_are_in_order_in_everyone():
    for p in PEOPLE:
        assert p.fat < p.lung < p.blood < p.liver < p.kidney * 1.4
        assert p.fat < p.muscle < p.blood
        assert p.urine > p.kidney * 0.75
        assert p.bladder > 3 * p.liver


def test_marrow_and_spleen_are_below_the_liver_but_for_growth_factors():
    stimulated = np.array([p.marrow > 2.3 for p in PEOPLE])
    assert 0.02 < stimulated.mean() < 0.15
    for p in (p for p in PEOPLE if p.marrow <= 2.3):
        assert 1.5 <= p.spleen < p.liver
        assert p.marrow < 1.15 * p.liver


def test_some_hearts_are_hot_and_some_are_no_more_than_blood():
    ratio = np.array([p.myocardium / p.blood for p in PEOPLE])
    assert 0.25 < (ratio < 1.3).mean() < 0.55
    assert (ratio > 3).mean() > 0.2


def test_grey_matter_has_three_to_four_times_that_of_white():
    for b in BRAINS:
        assert 6 <= b.cortex <= 14
        assert 2.9 < b.cortex / b.white < 4.1
        assert b.fluid < b.white
        assert max(b.scalp, b.bone, b.fluid) < 0.3 * b.cortex
