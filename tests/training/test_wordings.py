"""What samples are told: words that err, lack, contradict, are the model's own, or none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.description import Degradation, Modality, Severity
from engines.medq_uni import tokens
from engines.medq_uni.levels import EXPERTS, level_of, number_of
from engines.medq_uni.model import MedQUni, MedQUniConfig
from engines.medq_uni.spoken import Scene
from engines.medq_uni.training.bank import Bank, Sample
from engines.medq_uni.training.batches import batch_of
from engines.medq_uni.training.constrained import said_of
from engines.medq_uni.training.mending import seen_by
from engines.medq_uni.training.wordings import (
    in_own_words,
    told_otherwise,
    told_wrong,
    with_numbers,
    without_numbers,
    wordless,
)
from tests.training.made import SIZES

NOISE = EXPERTS.index(Degradation.NOISE)


def of_task(bank: Bank, task: str) -> Sample:
    return next(s for s in map(bank.sample, range(len(bank))) if s.task == task)


def test_another_number_brings_its_severity(bank: Bank) -> None:
    sample = of_task(bank, "ct low dose")
    for times, severity in ((0.6, Severity.MILD), (1.0, Severity.MODERATE), (2.0, Severity.SEVERE)):
        found = with_numbers(sample, times)
        assert found.amounts[NOISE] == pytest.approx(30 * times)
        assert tokens.severity_of_token(int(found.tokens[3])) is severity
        assert tokens.value_of_token(int(found.tokens[4])) == pytest.approx(30 * times, rel=0.03)
        assert found.gates[NOISE] == 1
        assert found.image is sample.image


def test_wrong_words_are_plainly_wrong(bank: Bank) -> None:
    sample = of_task(bank, "ct metal + low dose")
    found = set()
    for seed in range(8):
        wrong = told_wrong(sample, np.random.default_rng(seed))
        ratios = wrong.amounts[wrong.gates > 0] / sample.amounts[sample.gates > 0]
        found |= set(ratios.astype(np.float64).round(3).tolist())
    assert found == {0.45, 2.2}


def test_more_noise_is_fewer_counts(bank: Bank) -> None:
    sample = of_task(bank, "pet low count")
    found = with_numbers(sample, 2.0)
    numbers = [k for k, one in enumerate(tokens.slots(Modality.PT)) if one.what == tokens.NUMBER]
    before, after = (
        [tokens.value_of_token(int(one.tokens[k])) for k in numbers] for one in (sample, found)
    )
    assert before[0] is None and after[0] is None
    assert after[1:] == pytest.approx([2 * before[1], before[2] / 4], rel=0.05)


def test_without_numbers_the_severity_still_tells_how_much(bank: Bank) -> None:
    sample = of_task(bank, "ct low dose")
    found = without_numbers(sample)
    assert found.tokens[4] == tokens.NO_NUMBER
    assert found.tokens[3] == sample.tokens[3]
    assert 25 < found.amounts[NOISE] < 35


def test_words_err_a_little_or_lack_at_times(bank: Bank) -> None:
    sample = of_task(bank, "ct low dose")
    found = [told_otherwise(sample, np.random.default_rng(k)) for k in range(300)]
    lack = np.mean([s.tokens[4] == tokens.NO_NUMBER for s in found])
    same = np.mean([s is sample for s in found])
    assert 0.08 < lack < 0.22
    assert 0.45 < same < 0.65


def test_the_twin_without_words_is_told_nothing(bank: Bank) -> None:
    for task in ("ct low dose", "ct metal", "ct clean", "mr undersampling", "pet low count"):
        found = wordless(of_task(bank, task))
        spoken = {kind for kind, _ in tokens.SPOKEN[found.modality]}
        for which, kind in enumerate(EXPERTS):
            assert found.gates[which] == (kind in spoken)
            if kind in spoken:
                assert number_of(float(found.amounts[which]), kind) == 0
    one, other = (wordless(of_task(bank, task)) for task in ("ct low dose", "ct clean"))
    assert np.array_equal(one.amounts, other.amounts)
    assert level_of(float(one.amounts[NOISE]), Degradation.NOISE) == 0.25


def test_own_words_are_those_that_serving_would_say(bank: Bank) -> None:
    torch.manual_seed(8)
    model = MedQUni(MedQUniConfig(**SIZES))
    numbers = [k for k, one in enumerate(bank.about) if one["modality"] == "MR"][:3]
    samples = [bank.sample(k) for k in numbers]
    seen = seen_by(model, batch_of(samples))
    found = in_own_words(model, seen, samples, [True, False, True])
    said = said_of(model, seen, Scene(Modality.MR, "chest", 1.0))
    assert found[1] is samples[1]
    told = 0
    for k in (0, 2):
        if found[k] is samples[k]:
            continue
        told += 1
        states = [at for at, s in enumerate(tokens.slots(Modality.MR)) if s.what == tokens.STATE]
        assert [found[k].tokens[at] for at in states] == [said[k].tokens[at] for at in states]
        for at in states:
            kind = tokens.slots(Modality.MR)[at].kind
            severity = tokens.severity_of_token(int(found[k].tokens[at]))
            assert (found[k].gates[EXPERTS.index(kind)] > 0) == (severity is not Severity.NONE)
        assert found[k].image is samples[k].image
    assert told


def test_own_words_that_find_nothing_are_not_trained_on(bank: Bank) -> None:
    model = MedQUni(MedQUniConfig(**SIZES))
    sample = of_task(bank, "pet low count")
    none = [tokens.state_token(kind, Severity.NONE) for kind, _ in tokens.SPOKEN[Modality.PT]]
    seen = seen_by(model, batch_of([sample]))
    with torch.no_grad():
        direction = torch.randn(model.config.width)
        model.words[none] = 50 * direction
        model.norm_text.weight.zero_()
        model.norm_text.bias.copy_(direction)
    assert in_own_words(model, seen, [sample], [True])[0] is sample
