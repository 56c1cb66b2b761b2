"""Tissue is as bright in each contrast as physics has it, whoever the patient and the protocol."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.phantoms.mr.relaxation import FIELDS_T, TISSUES, person
from engines.phantoms.mr.sequences import (
    gradient_echo,
    inversion_recovery,
    mprage,
    nulling_time,
    spin_echo,
)
from engines.phantoms.mr.signal import BRIGHTEST, CONTRASTS, USUAL, tissue_signals

SEEDS = st.integers(0, 2**32 - 1)


def signals(contrast, seed, **more):
    return tissue_signals(contrast, np.random.default_rng(seed), **more)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_brain_is_ordered_as_every_contrast_has_it(seed):
    t1, t2, pd, flair = (signals(c, seed) for c in ("T1", "T2", "PD", "FLAIR"))
    assert t1["white"] > 0.99 * t1["deep_grey"] > t1["csf"]
    assert t1["white"] > t1["grey"] > 1.3 * t1["csf"]
    assert t2["csf"] > 1.4 * t2["grey"] > 1.6 * t2["white"]
    assert pd["grey"] >= 0.99 * pd["white"]
    assert flair["csf"] < 0.4 * flair["white"] < 0.44 * flair["grey"]
    for lesion in ("lesion", "plaque", "oedema", "stroke"):
        assert t2[lesion] > t2["grey"]
        assert flair[lesion] > flair["grey"]
        assert t1[lesion] < t1["white"]


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, contrast=st.sampled_from(CONTRASTS))
def test_signals_are_those_of_a_scanner(seed, contrast):
    found = signals(contrast, seed)
    assert set(found) == set(TISSUES)
    assert all(math.isfinite(value) and value >= 0 for value in found.values())
    brightest = max(found[name] for name in USUAL)
    assert BRIGHTEST[0] <= brightest * 1.0001 <= BRIGHTEST[1] * 1.001
    assert found["gas"] == 0
    assert found["bone"] < 0.06 * brightest


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, weighting=st.sampled_from(("T1", "T2", "PD")))
def test_fat_saturation_takes_fat_and_leaves_water(seed, weighting):
    plain, saturated = (
        signals(c, seed, mprage_share=0.0) for c in (weighting, f"{weighting} fat sat")
    )
    assert saturated["fat"] / saturated["muscle"] < 0.25 * plain["fat"] / plain["muscle"]
    assert weighting == "T1" or saturated["fluid"] > saturated["fat"]


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_fat_and_liver_lead_in_t1_and_fluid_in_t2_of_the_body(seed):
    t1, t2 = (signals(c, seed, mprage_share=0.0) for c in ("T1", "T2"))
    assert t1["fat"] > t1["liver"] > t1["spleen"] > t1["fluid"]
    assert t2["fluid"] > t2["spleen"] > t2["liver"]
    assert t2["muscle"] < 0.5 * t2["fat"]


def test_blood_is_void_in_spin_echoes_and_flows_in_bright_in_mprage():
    for seed in range(8):
        echo = signals("T2", seed)
        assert echo["vessel"] < 0.2 * echo["white"]
        train = signals("T1", seed, mprage_share=1.0)
        assert train["vessel"] > 0.6 * train["white"]


def test_gadolinium_brightens_a_tumour_and_not_healthy_brain():
    for seed in range(8):
        plain, given_ = (signals("T1", seed, medium_share=share) for share in (0.0, 1.0))
        assert given_["tumour"] / given_["white"] > 1.2 * plain["tumour"] / plain["white"]
        assert given_["grey"] / given_["white"] == pytest.approx(plain["grey"] / plain["white"])


def test_one_seed_is_one_person_in_all_contrasts():
    """The person is drawn before the protocol, and takes as many numbers at either field."""
    people = [person(np.random.default_rng(7), field) for field in range(len(FIELDS_T))]
    ratios = [
        {name: one[name].t1[0] / TISSUES[name].t1[field] for name in TISSUES}
        for field, one in enumerate(people)
    ]
    assert ratios[0] == pytest.approx(ratios[1])
    assert all(abs(math.log(ratio)) < 0.07 for ratio in ratios[0].values())


@pytest.mark.parametrize(
    ("contrast", "more", "word"),
    [
        ("T3", {}, "contrast must be"),
        ("", {}, "contrast must be"),
        ("T1", {"mprage_share": 1.5}, "mprage_share must be"),
        ("T1", {"medium_share": math.nan}, "medium_share must be"),
    ],
)
def test_what_makes_no_sense_is_refused(contrast, more, word):
    with pytest.raises(ValueError, match=word):
        signals(contrast, 1, **more)


def test_spin_echo_has_its_limits():
    assert spin_echo(0.8, 1000, 80, 1e9, 0) == pytest.approx(0.8)
    assert spin_echo(1, 1000, 80, 1000 * math.log(2), 80) == pytest.approx(0.5 / math.e)


def test_inversion_at_the_nulling_time_leaves_nothing():
    for t1, tr in ((4200, 9000), (250, 5000), (900, 2000)):
        assert inversion_recovery(1, t1, 1e9, tr, 0, nulling_time(t1, tr)) == pytest.approx(
            0, abs=1e-12
        )


def test_gradient_echo_is_brightest_at_the_ernst_angle():
    ernst = math.acos(math.exp(-10 / 800))
    best = gradient_echo(1, 800, 50, 10, 3, ernst)
    assert best > gradient_echo(1, 800, 50, 10, 3, 1.15 * ernst)
    assert best > gradient_echo(1, 800, 50, 10, 3, 0.85 * ernst)


def test_mprage_is_the_steady_state_of_the_bloch_equations():
    """Pulse by pulse until nothing changes any more."""
    t1, tr, ti, flip, pulses, spacing = 1300.0, 2300.0, 900.0, math.radians(9), 160, 7.0
    half, along = pulses // 2, 1.0

    def wait(m, time):
        return 1 + (m - 1) * math.exp(-time / t1)

    seen = 0.0
    for _ in range(12):
        along = wait(-along, ti - half * spacing)
        for _ in range(half):
            along = wait(along * math.cos(flip), spacing)
        seen = along
        for _ in range(half):
            along = wait(along * math.cos(flip), spacing)
        along = wait(along, tr - ti - half * spacing)
    made = mprage(1, t1, 1e12, tr, 3, ti, flip, pulses, spacing)
    assert made == pytest.approx(abs(seen) * math.sin(flip), rel=1e-6)
