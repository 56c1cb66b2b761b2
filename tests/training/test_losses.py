"""The losses: nothing for what is right, and only for what is known."""

from __future__ import annotations

import pytest
import torch

from engines.description import Modality
from engines.medq_uni import tokens
from engines.medq_uni.training.pixel_loss import pixel_loss, weights_of
from engines.medq_uni.training.words_loss import open_at, words_loss

RIGHT = {Modality.CT: -0.2, Modality.MR: 1.0, Modality.PT: 1.0}


@pytest.fixture(params=Modality.sectional())
def truth(request: pytest.FixtureRequest) -> tuple[torch.Tensor, Modality]:
    torch.manual_seed(2)
    return RIGHT[request.param] + 0.1 * torch.randn(2, 1, 64, 64), request.param


def test_a_perfect_image_costs_nothing(truth: tuple[torch.Tensor, Modality]) -> None:
    image, modality = truth
    loss = pixel_loss(image, image, torch.tensor([0.1, 0.2]), modality)
    torch.testing.assert_close(loss, torch.zeros(2), atol=1e-6, rtol=0)


def test_a_larger_error_costs_more(truth: tuple[torch.Tensor, Modality]) -> None:
    image, modality = truth
    noise = torch.randn_like(image)
    error = torch.tensor([0.1, 0.1])
    costs = [pixel_loss(image + s * noise, image, error, modality) for s in (0.02, 0.05, 0.2)]
    assert (costs[0] < costs[1]).all()
    assert (costs[1] < costs[2]).all()


def test_errors_are_counted_in_the_inputs(truth: tuple[torch.Tensor, Modality]) -> None:
    image, modality = truth
    loss = pixel_loss(image + 0.1, image, torch.tensor([0.1, 0.4]), modality)
    assert loss[0] > 2 * loss[1]


def test_shading_costs_more_than_noise_of_its_size(truth: tuple[torch.Tensor, Modality]) -> None:
    image, modality = truth
    sign = torch.randint(0, 2, image.shape) * 2 - 1
    error = torch.tensor([0.1, 0.1])
    shaded, noisy = (pixel_loss(image + d, image, error, modality) for d in (0.05, 0.05 * sign))
    assert (shaded > noisy).all()


def test_soft_tissue_counts_most_in_ct() -> None:
    truth = torch.tensor([0.5, 20.0, -8.0, -10.0]).reshape(1, 1, 1, 4)
    assert weights_of(truth, Modality.CT).flatten().tolist() == pytest.approx([1.0, 0.6, 0.3, 0.1])


def sentence(modality: Modality) -> torch.Tensor:
    """Tokens that may stand where they do."""
    target = open_at(modality).int().argmax(1)
    target[:3] = torch.tensor(tokens.prefix(modality, "chest"))
    numbers = [k for k, slot in enumerate(tokens.slots(modality)) if slot.what == tokens.NUMBER]
    target[numbers] = tokens.FIRST_NUMBER + 150
    return target[None]


def sure_of(target: torch.Tensor) -> torch.Tensor:
    """Logits that say the next of ``target``."""
    found = torch.full((*target.shape, len(tokens.VOCABULARY)), -20.0)
    ahead = target.roll(-1, 1)
    return found.scatter(2, ahead[..., None], 20.0)


@pytest.mark.parametrize("modality", Modality.sectional())
def test_right_words_cost_nothing(modality: Modality) -> None:
    target = sentence(modality)
    parts = words_loss(sure_of(target), target, torch.ones_like(target).bool(), modality)
    assert parts.keys() == {tokens.STATE, tokens.NUMBER, tokens.PLACE}
    assert parts[tokens.STATE] < 1e-6
    assert parts[tokens.PLACE] < 1e-6


def test_near_numbers_cost_less_than_far_ones() -> None:
    target = sentence(Modality.CT)
    said = torch.ones_like(target).bool()
    costs = []
    for off in (0, 1, 5):
        logits = torch.zeros(*target.shape, len(tokens.VOCABULARY))
        at = tokens.FIRST_NUMBER + 150 + off
        logits[..., at - 1 : at + 2] = 8.0
        costs.append(float(words_loss(logits, target, said, Modality.CT)[tokens.NUMBER]))
    assert costs == sorted(costs)
    assert costs[0] < costs[2] - 1


@pytest.mark.parametrize("modality", Modality.sectional())
def test_what_is_not_said_is_not_learnt(modality: Modality) -> None:
    target = sentence(modality)
    said = torch.ones_like(target).bool()
    said[:, 3] = False
    logits = torch.randn(*target.shape, len(tokens.VOCABULARY), requires_grad=True)
    sum(words_loss(logits, target, said, modality).values()).backward()
    assert logits.grad is not None
    assert not logits.grad[:, 2].any()
    assert logits.grad[:, 3].any()
    none_said = torch.zeros_like(said)
    assert words_loss(logits, target, none_said, modality) == {}


def test_words_that_cannot_stand_there_take_no_share() -> None:
    target = sentence(Modality.CT)
    said = torch.ones_like(target).bool()
    logits = torch.zeros(*target.shape, len(tokens.VOCABULARY))
    shut = ~open_at(Modality.CT)[1:]
    louder = logits.clone()
    louder[0, :-1][shut] = 50.0
    one, two = (words_loss(v, target, said, Modality.CT) for v in (logits, louder))
    assert {k: float(v) for k, v in one.items()} == {k: float(v) for k, v in two.items()}
