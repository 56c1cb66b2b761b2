"""Cross-entropy on words, each position among the words that may stand there."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from engines.description import Modality, Severity
from engines.medq_uni import tokens

BLURRED = 1.0
"""A number's neighbours are right in part: standard deviation in tokens of 4 %."""
WEIGHTS = {tokens.STATE: 1.0, tokens.NUMBER: 0.6, tokens.PLACE: 0.3}
SHUT = -1e4


@lru_cache
def open_at(modality: Modality) -> Tensor:
    """What may stand at each position: bool (positions, vocabulary)."""
    slots = tokens.slots(modality)
    found = torch.zeros(len(slots), len(tokens.VOCABULARY), dtype=torch.bool)
    for at, slot in enumerate(slots):
        if slot.what == tokens.STATE and slot.kind is not None:
            first = tokens.state_token(slot.kind, Severity.NONE)
            found[at, first : first + len(Severity)] = True
        elif slot.what == tokens.NUMBER:
            found[at, tokens.NO_NUMBER :] = True
        elif slot.what == tokens.PLACE:
            found[at, tokens.NO_PLACE : tokens.NO_NUMBER] = True
    return found


@lru_cache
def _soft() -> Tensor:
    """Target distribution of every token (vocabulary, vocabulary)."""
    size, first = len(tokens.VOCABULARY), tokens.FIRST_NUMBER
    found = torch.eye(size)
    at = torch.arange(tokens.NUMBERS, dtype=torch.float32)
    soft = torch.exp(-0.5 * ((at[:, None] - at) / BLURRED) ** 2)
    found[first:, first:] = soft / soft.sum(1, keepdim=True)
    return found


def words_loss(
    logits: Tensor, target: Tensor, said: Tensor, modality: Modality
) -> dict[str, Tensor]:
    """Mean loss by what stands at a position, of what is really said.

    ``logits`` (batch, positions, vocabulary) are of the token after each of ``target``'s
    (batch, positions).
    """
    slots = tokens.slots(modality)
    count = len(slots)
    ahead = logits[:, : count - 1].masked_fill(~open_at(modality)[1:].to(logits.device), SHUT)
    logs = F.log_softmax(ahead.float(), -1)
    wanted = _soft().to(logits.device)[target[:, 1:count]]
    losses = -(wanted * logs).sum(-1)
    known = said[:, 1:count]
    found = {}
    for what in WEIGHTS:
        of_kind = torch.tensor([slot.what == what for slot in slots[1:]], device=logits.device)
        mask = known & of_kind
        if mask.any():
            found[what] = losses[mask].mean()
    return found
