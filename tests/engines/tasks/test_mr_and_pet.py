"""Every task of MR and PET does what it says: the severity asked for, the truth untouched."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.draws import pair_of, sample
from engines.medq_uni.pair import compose
from engines.medq_uni.phantom_sources import kinds_of, phantom_source
from engines.medq_uni.tasks.table import TASKS
from engines.medq_uni.tasks.task import DEGREES
from engines.medq_uni.truth import pair_description
from engines.sentence import format_sentence, parse_sentence

SIZE = 96
OF = {
    modality: tuple(phantom_source(kind, 7, SIZE) for kind in kinds_of([modality]))
    for modality in (Modality.MR, Modality.PT)
}
SPOILING = tuple(t for t in TASKS.values() if t.modality in OF and t.degradation is not None)
MIXTURES = {
    "mr undersampling + noise": {Degradation.UNDERSAMPLING, Degradation.NOISE},
    "mr motion + undersampling": {Degradation.MOTION, Degradation.UNDERSAMPLING, Degradation.NOISE},
    "pet motion + low count": {Degradation.MOTION, Degradation.LOW_COUNT},
}


def made(task, source, severity, seed):
    variant = task.variants[seed % len(task.variants)]
    steps = task.steps(source, severity, variant, np.random.default_rng(seed))
    return compose(source, steps, seed)


@pytest.mark.parametrize("task", SPOILING, ids=lambda task: task.name)
@pytest.mark.parametrize("severity", DEGREES)
def test_the_severity_asked_for_is_the_one_that_is_said(task, severity):
    said = Counter()
    for number, source in enumerate(OF[task.modality]):
        pair = made(task, source, severity, number)
        finding = pair.finding(task.degradation)
        assert finding is not None
        said[finding.severity] += 1
        assert np.array_equal(pair.truth, source.values)
        assert pair.image.dtype == np.float32
        assert np.isfinite(pair.image).all()
        assert pair.image.min() >= 0
    # At so few lines patterns can't always be had; a line more or less is a step.
    wrong = sum(said.values()) - said[severity]
    assert wrong <= len(OF[task.modality]) // 5, said


@pytest.mark.parametrize("task", SPOILING, ids=lambda task: task.name)
def test_a_seed_makes_the_same_pair_bit_by_bit_and_another_seed_another(task):
    source = OF[task.modality][0]
    first, again, other = (made(task, source, Severity.SEVERE, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.image, again.image)
    assert first.findings == again.findings
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("task", SPOILING, ids=lambda task: task.name)
def test_what_was_done_can_be_said_and_read_again(task):
    for severity in DEGREES:
        description = pair_description(made(task, OF[task.modality][-1], severity, 5))
        assert parse_sentence(format_sentence(description)) == description


@pytest.mark.parametrize(("name", "kinds"), MIXTURES.items())
def test_a_mixture_is_one_scan_and_names_all_that_was_done(name, kinds):
    task = TASKS[name]
    pair = made(task, OF[task.modality][-1], Severity.SEVERE, 2)
    assert {finding.degradation for finding in pair.findings} == kinds


@pytest.mark.parametrize("modality", OF)
def test_a_clean_pair_is_its_source_and_said_to_need_nothing(modality):
    word = {Modality.MR: "mr", Modality.PT: "pet"}[modality]
    draws = sample(TASKS[f"{word} clean"], OF[modality], len(OF[modality]), 1)
    for draw in draws:
        found = pair_of(draw)
        assert found is not None
        pair = found[1]
        assert np.array_equal(pair.image, pair.source.values)
        severities = {f.severity for f in pair_description(pair).findings}
        assert severities == {Severity.NONE}


@pytest.mark.parametrize("task", [t for t in SPOILING if t.modality is Modality.MR][:1])
def test_all_contrasts_and_regions_are_dealt_evenly(task):
    draws = sample(task, OF[Modality.MR], 3 * len(OF[Modality.MR]), 0)
    dealt = Counter((d.source.region, d.source.contrast) for d in draws)
    assert set(dealt.values()) == {3}
