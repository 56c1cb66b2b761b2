"""The sample of cases: even, fixed by its seed, dealt over patients; and its words."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.description import Action, Degradation, Modality, Severity, Verdict
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.draws import origin, sample
from engines.medq_uni.pair import Pair
from engines.medq_uni.phantom_sources import FIRST_PHANTOM, PHANTOMS
from engines.medq_uni.tasks.table import TASKS
from engines.medq_uni.tasks.task import DEGREES, level_of
from engines.medq_uni.truth import pair_description
from engines.medq_uni.yardstick.restoration.cases import make_cases
from engines.medq_uni.yardstick.restoration.wordings import (
    no_words,
    none_words,
    wrong_severity,
)
from engines.sentence import format_sentence, parse_sentence
from engines.severity import cut_offs, severity_of
from tests.engines.yardstick.made import CLEAN, WHITE, WhiteNoise, ct_phantoms, source

SOURCES = tuple(
    source(f"{kind} {region} {k}", region, number, size=32)
    for kind in ("phantom", "person")
    for region in ("chest", "abdomen")
    for k in range(5)
    for number in range(2)
)

ONE = SOURCES[0]


def even(counts, names=None):
    found = [counts[name] for name in names or counts]
    return max(found) - min(found) <= 1


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_severities_regions_origins_and_kernels_come_equally_often(count, seed):
    draws = sample(WHITE, SOURCES, count, seed)
    assert len(draws) == count
    assert even(Counter(d.severity for d in draws), DEGREES)
    groups = {(s.region, origin(s)) for s in SOURCES}
    assert even(Counter((d.source.region, origin(d.source)) for d in draws), groups)
    for severity in DEGREES:
        own = [d for d in draws if d.severity is severity]
        assert even(Counter((d.source.region, origin(d.source)) for d in own), groups)
    kernels = Counter(d.variant.name for d in draws)
    assert abs(kernels["smooth"] - kernels["sharp"]) <= len(DEGREES) * 2


def test_a_full_turn_of_the_deck_has_every_combination_equally_often():
    draws = sample(WHITE, SOURCES, 3 * 4 * 2, 7)
    combined = Counter((d.severity, d.source.region, origin(d.source), d.variant) for d in draws)
    assert len(combined) == 3 * 4 * 2
    assert set(combined.values()) == {1}


def test_any_first_part_is_nearly_even_over_severities():
    draws = sample(WHITE, SOURCES, 30, 0)
    for stop in range(1, 31):
        assert even(Counter(d.severity for d in draws[:stop]), DEGREES)


def test_the_same_seed_gives_the_same_sample_and_another_seed_another():
    first, again, other = (sample(WHITE, SOURCES, 12, seed) for seed in (1, 1, 2))
    assert [(d.source.name, d.variant, d.seed) for d in first] == [
        (d.source.name, d.variant, d.seed) for d in again
    ]
    assert [d.source.name for d in first] != [d.source.name for d in other]


def test_the_order_of_the_sources_does_not_matter_much_but_their_names_do():
    first = sample(WHITE, SOURCES, 12, 1)
    turned = sample(WHITE, SOURCES[::-1], 12, 1)
    assert [d.source.patient for d in first] == [d.source.patient for d in turned]


def test_no_patient_comes_twice_before_all_of_its_region_have_come():
    draws = sample(WHITE, SOURCES, 4 * 5, 3)
    assert set(Counter(d.source.patient for d in draws).values()) == {1}
    more = sample(WHITE, SOURCES, 2 * 4 * 5, 3)
    assert set(Counter(d.source.name for d in more).values()) == {1}


def test_two_seeds_of_an_evaluation_share_no_phantom_and_none_with_training():
    first, second = (ct_phantoms(1, 64, seed) for seed in (0, 1))
    patients = [{s.patient for s in sources} for sources in (first, second)]
    assert not patients[0] & patients[1]
    assert all(int(p.split()[-1]) >= FIRST_PHANTOM for p in patients[0])
    assert all(int(p.split()[-1]) >= FIRST_PHANTOM + PHANTOMS for p in patients[1])
    assert {origin(s) for s in first} == {"phantom"}


@pytest.mark.parametrize(("count", "seed", "named"), [(0, 0, "count"), (1, -1, "seed")])
def test_impossible_numbers_of_phantoms_are_refused(count, seed, named):
    with pytest.raises(ValueError, match=named):
        ct_phantoms(count, 64, seed)


def test_a_task_without_sources_or_cases_is_refused():
    with pytest.raises(ValueError, match="count"):
        sample(WHITE, SOURCES, 0, 0)
    with pytest.raises(ValueError, match="MR images"):
        sample(replace(WHITE, modality=Modality.MR), SOURCES, 1, 0)


def test_cases_are_made_again_bit_by_bit_and_have_the_severity_asked_for():
    draws = [sample(WHITE, SOURCES, 6, 0)]
    first, again = make_cases(draws), make_cases(draws)
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.pair.image, other.pair.image)
        finding = one.words.finding(Degradation.NOISE)
        assert finding is not None
        assert finding.severity is one.draw.severity


def test_wrong_words_differ_by_the_severity_of_the_tasks_degradation_and_what_follows_alone():
    cases = make_cases([sample(CLEAN, SOURCES, 3, 0), sample(WHITE, SOURCES, 9, 0)])
    for case in cases:
        true, wrong = case.words, case.other_words
        assert wrong is not None
        said, meant = wrong.finding(Degradation.NOISE), true.finding(Degradation.NOISE)
        assert said is not None
        assert meant is not None
        assert said.severity not in (meant.severity, Severity.NONE)
        row = cut_offs(Modality.CT, Degradation.NOISE, wrong.region)
        assert row is not None
        assert said.amount is not None
        assert severity_of(said.amount, row) is said.severity
        assert (wrong.region, wrong.modality) == (true.region, true.modality)
        assert wrong.finding(Degradation.METAL) == true.finding(Degradation.METAL)
        assert parse_sentence(format_sentence(wrong)) == wrong
    assert len({case.other_words for case in cases}) > 3


def test_a_severity_that_nobody_said_cannot_be_said_wrongly():
    words = no_words(Pair.clean(source("phantom a")))
    assert wrong_severity(words, Degradation.NOISE, 1.0, 0) is None


def test_words_that_say_none_name_every_known_degradation_and_plan_nothing():
    words = none_words(Pair.clean(source("phantom a")))
    assert {f.degradation for f in words.findings} == {Degradation.NOISE, Degradation.METAL}
    assert {f.severity for f in words.findings} == {Severity.NONE}
    assert not words.restores
    assert parse_sentence(format_sentence(words)) == words


@dataclass(frozen=True, slots=True)
class NoPlaceIn:
    """White noise that refuses some sources, as implants do."""

    refused: frozenset[str]

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        if pair.source.name in self.refused:
            raise NoPlaceError("no bone")
        return WhiteNoise(30.0).apply(pair, rng)


def refusing(names):
    refused = frozenset(names)
    return replace(WHITE, steps=lambda *_: (NoPlaceIn(refused),))


def test_a_source_without_a_place_is_passed_over_for_one_of_its_kind_and_a_line_says_so():
    (draw,) = sample(refusing([]), SOURCES, 1, 0)
    lines: list[str] = []
    (case,) = make_cases([sample(refusing([draw.source.name]), SOURCES, 1, 0)], say=lines.append)
    assert case.pair.source.name != draw.source.name
    assert case.draw.source is case.pair.source
    assert (case.pair.source.region, case.origin) == (draw.source.region, origin(draw.source))
    assert lines == [f"ct white noise 001: {draw.source.name} is passed over: no bone"]


def test_a_case_that_no_source_has_a_place_for_is_left_out_and_the_run_goes_on():
    lines: list[str] = []
    none = refusing(s.name for s in SOURCES)
    cases = make_cases(
        [sample(none, SOURCES, 2, 0), sample(WHITE, SOURCES, 1, 0)], say=lines.append
    )
    assert [case.name for case in cases] == ["ct white noise 001"]
    assert sum("is left out" in line for line in lines) == 2


def test_what_was_added_is_all_noise_but_the_sources_own():
    (case,) = make_cases([sample(WHITE, [replace(ONE, noise=12.0)], 1, 0)])
    assert case.pair.noise == 20
    assert case.added_noise == pytest.approx(16)


def test_a_case_is_a_series_of_one_slice_with_its_spacing():
    (case,) = make_cases([sample(WHITE, SOURCES, 1, 0)])
    stack = case.stack
    assert stack.values.shape == (1, 32, 32)
    assert np.array_equal(stack.values[0], case.pair.image)
    assert stack.info.spacing_mm[1] == pytest.approx(380 / 32)
    assert stack.info.region == case.pair.source.region


def test_true_words_name_the_noise_and_what_is_not_there_and_can_be_said():
    pair = WhiteNoise(50.0).apply(Pair.clean(source("phantom a")), np.random.default_rng(0))
    words = pair_description(pair)
    noise, metal = words.finding(Degradation.NOISE), words.finding(Degradation.METAL)
    assert noise is not None
    assert metal is not None
    assert (noise.severity, noise.amount) == (Severity.SEVERE, 50)
    assert metal.severity is Severity.NONE
    assert words.verdict is Verdict.USABLE
    assert words.actions == (Action.REDUCE_NOISE,)
    assert parse_sentence(format_sentence(words)) == words


def test_true_words_on_a_clean_real_slice_tell_its_own_noise():
    words = pair_description(Pair.clean(replace(source("person a"), noise=9.0)))
    noise = words.finding(Degradation.NOISE)
    assert noise is not None
    assert (noise.severity, noise.amount) == (Severity.NONE, 9)
    assert (words.verdict, words.actions) == (Verdict.GOOD, (Action.KEEP,))


def test_no_words_assess_nothing_and_can_be_said():
    words = no_words(Pair.clean(source("phantom a")))
    assert not words.findings
    assert Degradation.NOISE in words.not_assessed
    assert parse_sentence(format_sentence(words)) == words


@given(st.sampled_from(DEGREES), st.sampled_from(["chest", "head"]), st.integers(0, 99))
def test_a_level_of_noise_has_the_severity_that_it_was_drawn_for(severity, region, seed):
    one = replace(ONE, region=region)
    row = cut_offs(Modality.CT, Degradation.NOISE, region)
    assert row is not None
    level = level_of(one, Degradation.NOISE, severity, 1.8, np.random.default_rng(seed))
    assert severity_of(level, row) is severity


def test_no_noise_has_no_level():
    with pytest.raises(ValueError, match="severity"):
        level_of(
            source("phantom a", size=32),
            Degradation.NOISE,
            Severity.NONE,
            1.8,
            np.random.default_rng(0),
        )


@pytest.mark.parametrize(("name", "count"), [("ct low dose", 3), ("ct metal + low dose", 1)])
def test_tasks_of_noise_reach_the_severity_on_phantoms_and_on_noisy_sources(name, count):
    task = TASKS[name]
    phantoms = [s for s in ct_phantoms(1, 96, 5) if s.region != "head"]
    sources = tuple(
        replace(s, noise=own) for own, s in zip(itertools.cycle((0.0, 8.0)), phantoms, strict=False)
    )
    for case in make_cases([sample(task, sources, count, 0)]):
        finding = case.pair.finding(Degradation.NOISE)
        assert finding is not None
        assert finding.severity is case.draw.severity
