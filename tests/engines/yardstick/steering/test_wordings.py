"""Words that differ in one thing, and in nothing else."""

from __future__ import annotations

from engines.description import (
    Action,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Verdict,
)
from engines.medq_uni.draws import sample
from engines.medq_uni.yardstick.restoration.cases import make_cases
from engines.medq_uni.yardstick.steering.wordings import (
    Ablated,
    only_noise,
    scaled,
    shifted,
    swapped,
    with_noise,
)
from tests.engines.yardstick.made import CLEAN, WHITE, source
from tests.engines.yardstick.steering.obedient import OBEDIENT
from tests.engines.yardstick.words.said import MILD, MODERATE, NONE, SEVERE, metal, noise, say

SOURCES = tuple(source(f"phantom {k}", r, size=48) for k, r in enumerate(["chest", "head"] * 4))
WORDS = say(noise(MODERATE, 30.0), metal(NONE))


def test_a_severity_goes_one_step_and_its_number_stays():
    up, down = shifted(WORDS, 1), shifted(WORDS, -1)
    assert up.finding(Degradation.NOISE) == noise(SEVERE, 30.0)
    assert down.finding(Degradation.NOISE) == noise(MILD, 30.0)
    assert up.finding(Degradation.METAL) == metal(NONE)


def test_no_severity_leaves_mild_to_severe_and_words_that_do_not_change_are_the_same():
    worst = say(noise(SEVERE, 50.0))
    assert shifted(worst, 1) is worst
    assert shifted(say(noise(MILD, 20.0)), -1).finding(Degradation.NOISE).severity is MILD
    assert shifted(say(noise(NONE)), 1).finding(Degradation.NOISE).severity is NONE


def test_verdict_and_plan_follow_the_shifted_severity():
    down = shifted(WORDS, -1)
    assert (WORDS.verdict, down.verdict) == (Verdict.USABLE, Verdict.GOOD)
    assert down.actions == (Action.KEEP,)


def test_a_number_is_scaled_and_its_severity_stays():
    twice = scaled(WORDS, 2.0).finding(Degradation.NOISE)
    assert (twice.severity, twice.amount) == (MODERATE, 60.0)
    without = say(noise(MODERATE))
    assert scaled(without, 2.0) is without


def test_twice_the_noise_of_pet_goes_with_a_quarter_of_the_counts():
    low = Finding(
        Degradation.LOW_COUNT, SEVERE, 20.0, "% of signal", more=(Amount(40.0, "% of counts"),)
    )
    pet = QualityDescription(Modality.PT, "chest", (low,), (), Verdict.USABLE,
                             (Action.RECOVER_COUNTS,), Confidence.HIGH)  # fmt: skip
    twice, half = (scaled(pet, factor).findings[0] for factor in (2.0, 0.5))
    assert (twice.amount, twice.amount_in("% of counts")) == (40.0, 10.0)
    assert (half.amount, half.amount_in("% of counts")) == (10.0, 100.0)


def test_what_nothing_mends_is_left_as_it_was_said():
    blurred = say(Finding(Degradation.BLUR, MODERATE, 3.0, "mm FWHM"))
    assert shifted(blurred, 1) is blurred
    assert scaled(blurred, 2.0) is blurred


def test_noise_is_said_with_its_number_or_with_one_that_goes_with_it_or_not_at_all():
    kept = with_noise(WORDS, SEVERE, keep=True).finding(Degradation.NOISE)
    goes = with_noise(WORDS, MILD, keep=False).finding(Degradation.NOISE)
    off = with_noise(WORDS, NONE, keep=False)
    assert (kept.severity, kept.amount) == (SEVERE, 30.0)
    assert (goes.severity, goes.amount) == (MILD, 20.0)
    assert off.finding(Degradation.NOISE) == Finding(Degradation.NOISE, NONE)
    assert off.verdict is Verdict.GOOD
    assert with_noise(say(metal(SEVERE)), MILD, keep=True) is None


def test_only_noise_means_that_nothing_else_is_wrong():
    assert only_noise(WORDS)
    assert not only_noise(say(noise(MODERATE, 30.0), metal(MILD)))
    assert not only_noise(say(noise(NONE)))


def test_swapped_words_are_given_once_to_somebody_else_and_the_region_stays():
    cases = make_cases([sample(WHITE, SOURCES, 5, 0), sample(CLEAN, SOURCES, 3, 0)])
    stated = {
        c.name: say(noise(MODERATE, 20.0 + k), region=c.pair.source.region)
        for k, c in enumerate(cases)
    }
    given = swapped(cases, stated, 1)
    numbers = {name: words.findings[0].amount for name, words in given.items()}
    own = {name: words.findings[0].amount for name, words in stated.items()}
    assert sorted(numbers.values()) == sorted(own.values())
    assert all(numbers[name] != own[name] for name in own)
    assert all(given[c.name].region == c.pair.source.region for c in cases)
    assert given == swapped(cases, stated, 1)
    assert given != swapped(cases, stated, 2)
    assert swapped(cases[:1], stated, 1) == {}


def test_an_engine_that_offers_to_do_without_steering_is_known_by_it():
    from engines.classical.engine import ClassicalEngine

    assert isinstance(OBEDIENT, Ablated)
    assert not isinstance(ClassicalEngine(), Ablated)
