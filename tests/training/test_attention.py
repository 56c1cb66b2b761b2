"""The twin blocks: one masked attention and the three steps are the same, and who sees whom."""

from __future__ import annotations

import pytest
import torch

from engines.medq_uni.nets.twin import TwinBlock, visible

IMAGES, TEXTS, RESTORATIONS, WIDTH = 7, 5, 3, 20


@pytest.fixture
def block() -> TwinBlock:
    torch.manual_seed(3)
    return TwinBlock(WIDTH, 2, 24).eval()


@pytest.fixture
def tokens() -> torch.Tensor:
    torch.manual_seed(4)
    return torch.randn(2, IMAGES + TEXTS + RESTORATIONS, WIDTH)


def parts(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return x.split([IMAGES, TEXTS, RESTORATIONS], 1)


def test_steps_are_one_masked_attention(block: TwinBlock, tokens: torch.Tensor) -> None:
    image, text, restoration = parts(tokens)
    seen_x, seen = block.see(image)
    said_x, said = block.say(text, seen)
    steered = block.steer(restoration, seen, said)
    at_once = block.all_at_once(tokens, IMAGES, TEXTS)
    torch.testing.assert_close(torch.cat([seen_x, said_x, steered], 1), at_once)


def test_the_mask_is_the_papers() -> None:
    mask = visible(2, 3, 2).int().tolist()
    assert mask == [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1, 1],
    ]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (range(IMAGES + TEXTS, IMAGES + TEXTS + RESTORATIONS), range(IMAGES + TEXTS)),
        (range(IMAGES + 2, IMAGES + TEXTS), range(IMAGES + 2)),
        (range(IMAGES, IMAGES + TEXTS), range(IMAGES)),
    ],
    ids=["restoration", "later text", "text"],
)
def test_nobody_sees_what_comes_later(
    block: TwinBlock, tokens: torch.Tensor, changed: range, same: range
) -> None:
    other = tokens.clone()
    other[:, list(changed)] = torch.randn(2, len(changed), WIDTH)
    one, two = (block.all_at_once(x, IMAGES, TEXTS) for x in (tokens, other))
    assert torch.equal(one[:, list(same)], two[:, list(same)])
    assert not torch.equal(one[:, list(changed)], two[:, list(changed)])


@pytest.mark.parametrize("changed", [0, IMAGES], ids=["image", "text"])
def test_restoration_sees_image_and_text(
    block: TwinBlock, tokens: torch.Tensor, changed: int
) -> None:
    other = tokens.clone()
    other[:, changed] = torch.randn(2, WIDTH)
    one, two = (block.all_at_once(x, IMAGES, TEXTS)[:, -RESTORATIONS:] for x in (tokens, other))
    assert (one != two).any(-1).all()


def test_experts_have_weights_of_their_own(block: TwinBlock, tokens: torch.Tensor) -> None:
    before = block.all_at_once(tokens, IMAGES, TEXTS)
    with torch.no_grad():
        block.restore.out.weight.add_(1)
    after = block.all_at_once(tokens, IMAGES, TEXTS)
    ends = IMAGES + TEXTS
    assert torch.equal(before[:, :ends], after[:, :ends])
    assert not torch.equal(before[:, ends:], after[:, ends:])
