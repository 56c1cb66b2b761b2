"""Batches: the same at the same step, places that move with the image, noise with its words."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from engines.description import Degradation, Modality, Severity
from engines.medq_uni import tokens
from engines.medq_uni.levels import EXPERTS
from engines.medq_uni.training.ahead import drawn_ahead
from engines.medq_uni.training.bank import Bank, Sample
from engines.medq_uni.training.batches import Batches, added, field_of, flipped, rescaled, varied
from engines.severity import cut_offs, severity_of

SHARES = {Modality.CT: 0.5, Modality.MR: 0.3, Modality.PT: 0.2}


def of_task(bank: Bank, task: str) -> Sample:
    return next(s for s in map(bank.sample, range(len(bank))) if s.task == task)


def said_of(sample: Sample, kind: Degradation) -> dict[str, int]:
    return {
        slot.what: int(sample.tokens[at])
        for at, slot in enumerate(tokens.slots(sample.modality))
        if slot.kind is kind
    }


def test_a_batch_hangs_on_its_step_alone(bank: Bank) -> None:
    one, two = (Batches(bank, bank.training, SHARES, 3, 4) for _ in range(2))
    two.batch(0)
    for step in (7, 2, 7):
        (a, rng_a), (b, rng_b) = one.batch(step), two.batch(step)
        assert np.array_equal(a.images, b.images)
        assert np.array_equal(a.tokens, b.tokens)
        assert rng_a.random() == rng_b.random()
    other = Batches(bank, bank.training, SHARES, 4, 4).batch(7)[0]
    assert other.images.shape != a.images.shape or not np.array_equal(other.images, a.images)


def test_drawn_ahead_is_what_is_drawn_in_time(bank: Bank) -> None:
    batches = Batches(bank, bank.training, SHARES, 3, 4)

    def draw(step: int) -> np.ndarray:
        return batches.batch(step)[0].images

    plain, ahead = (list(drawn_ahead(draw, 2, 9, count)) for count in (0, 3))
    assert [step for step, _ in plain] == [step for step, _ in ahead] == list(range(2, 9))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(plain, ahead, strict=True))


def test_what_goes_wrong_in_drawing_is_told() -> None:
    def draw(step: int) -> int:
        return 10 // (3 - step)

    with pytest.raises(ZeroDivisionError):
        list(drawn_ahead(draw, 0, 9, 2))


def test_modalities_come_as_often_as_asked(bank: Bank) -> None:
    batches = Batches(bank, bank.training, SHARES, 0, 2)
    count = Counter(batches.batch(step)[0].samples[0].modality for step in range(400))
    for modality, share in SHARES.items():
        assert count[modality] / 400 == pytest.approx(share, abs=0.08)


def test_only_what_is_to_be_trained_on_comes(bank: Bank) -> None:
    batches = Batches(bank, bank.training, SHARES, 0, 4)
    found = {s.number for step in range(60) for s in batches.batch(step)[0].samples}
    assert found == set(bank.training)


def test_nothing_to_train_on_is_told(bank: Bank) -> None:
    with pytest.raises(ValueError, match="no pair to train on"):
        Batches(bank, [], SHARES, 0, 4)


@pytest.mark.parametrize(
    ("down", "across", "place"),
    [(True, False, "lower left"), (False, True, "upper right"), (True, True, "lower right")],
)
def test_turned_over_the_place_is_another(bank: Bank, down: bool, across: bool, place: str) -> None:
    sample = of_task(bank, "ct metal")
    assert said_of(sample, Degradation.METAL)[tokens.PLACE] == tokens.place_token("upper left")
    turned = flipped(sample, down, across)
    assert said_of(turned, Degradation.METAL)[tokens.PLACE] == tokens.place_token(place)
    assert said_of(turned, Degradation.NOISE) == said_of(sample, Degradation.NOISE)
    back = turned.image[:: -1 if down else 1, :: -1 if across else 1]
    assert np.array_equal(back, sample.image)


def test_a_place_that_is_everywhere_stays(bank: Bank) -> None:
    sample = of_task(bank, "ct metal")
    said = sample.tokens.copy()
    said[said == tokens.place_token("upper left")] = tokens.place_token("throughout")
    turned = flipped(replace(sample, tokens=said), True, True)
    assert np.array_equal(turned.tokens, said)


@pytest.mark.parametrize("times", [0.35, 0.8, 1.5])
def test_other_noise_has_the_words_that_are_true_of_it(bank: Bank, times: float) -> None:
    sample = of_task(bank, "ct low dose")
    found = rescaled(sample, times)
    body = sample.truth > -5
    noise = 100 * float((found.image - found.truth)[body].std())
    assert noise == pytest.approx(30 * times, rel=0.05)
    said = said_of(found, Degradation.NOISE)
    row = cut_offs(Modality.CT, Degradation.NOISE, "chest")
    assert row is not None
    severity = severity_of(30 * times, row)
    assert said[tokens.STATE] == tokens.state_token(Degradation.NOISE, severity)
    assert tokens.value_of_token(said[tokens.NUMBER]) == pytest.approx(30 * times, rel=0.03)
    which = EXPERTS.index(Degradation.NOISE)
    assert found.gates[which] == (severity is not Severity.NONE)
    assert found.error == pytest.approx(sample.error * times)
    assert not np.array_equal(found.spectrum, sample.spectrum)


def test_noise_of_another_slice_is_as_strong_and_keeps_the_words(bank: Bank) -> None:
    sample = of_task(bank, "ct low dose")
    other = replace(sample, image=sample.truth + 2 * (sample.image - sample.truth)[::-1])
    noise = float(np.hypot(other.own_noise, 2 * added(sample)))
    other = replace(other, noise=noise, number=sample.number + 1)
    field = field_of(other, sample, True, False)
    assert field is not None
    np.testing.assert_allclose(field, sample.image - sample.truth, atol=1e-5)
    found = rescaled(sample, 1.0, field)
    assert np.array_equal(found.tokens, sample.tokens)
    np.testing.assert_allclose(found.image, sample.image, atol=1e-5)


def test_noise_of_another_body_is_as_strong_in_the_tissue_of_this_one(bank: Bank) -> None:
    sample = of_task(bank, "ct low dose")
    uneven = np.linspace(0.2, 3, sample.truth.shape[0], dtype=np.float32)[:, None]
    image = sample.truth + uneven * (sample.image - sample.truth)
    field = field_of(replace(sample, image=image, number=-1), sample, True, False)
    assert field is not None
    flat = np.abs(sample.truth) < 1
    assert field[flat].std() == pytest.approx((sample.image - sample.truth)[flat].std(), rel=1e-3)


def test_noise_is_taken_from_slices_of_the_same_size_whatever_is_in_the_batch(bank: Bank) -> None:
    batches = Batches(bank, bank.training, SHARES, 0, 2)
    sample = of_task(bank, "ct low dose")
    found = [batches._partner(sample, np.random.default_rng(k)) for k in range(100)]
    share = np.mean([one is not None for one in found])
    assert share == pytest.approx(0.7, abs=0.15)
    assert {one.task for one in found if one is not None} == {"ct low dose"}
    assert batches._partner(of_task(bank, "ct metal"), np.random.default_rng(0)) is None


def test_noise_is_only_taken_where_it_fits(bank: Bank) -> None:
    sample = of_task(bank, "ct low dose")
    small = replace(sample, image=sample.image[:-1], truth=sample.truth[:-1])
    small = replace(small, number=-1)
    quiet = replace(sample, noise=0.0, number=-1)
    for other in (sample, of_task(bank, "ct metal"), small, quiet):
        assert field_of(other, sample, False, False) is None
    metal = of_task(bank, "ct metal")
    for seed in range(4):
        found = varied(metal, np.random.default_rng(seed), sample)
        error = np.sort((found.image - found.truth).ravel())
        np.testing.assert_array_equal(error, np.sort((metal.image - metal.truth).ravel()))
