"""The first stage: the assessment expert learns to say what is wrong."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from torch import Tensor

from engines.description import Modality
from engines.medq_uni import tokens
from engines.medq_uni.model import MedQUni
from engines.medq_uni.training.bank import Bank
from engines.medq_uni.training.batches import Batch, Batches, batch_of
from engines.medq_uni.training.machine import CPU, Machine
from engines.medq_uni.training.mending import seen_by
from engines.medq_uni.training.words_loss import SHUT, WEIGHTS, open_at, words_loss

SHARES: dict[Modality, float] = {Modality.CT: 0.4, Modality.MR: 0.4, Modality.PT: 0.2}
"""How often each modality comes."""
CHECKED = 300
"""Slices of a validation, about."""


class Assessing:
    """Image in, words out."""

    name = "assess"

    def __init__(
        self, model: MedQUni, bank: Bank, seed: int, machine: Machine = CPU, size: int = 6
    ) -> None:
        self.model, self.bank, self.machine = model, bank, machine
        self.batches = Batches(bank, bank.training, SHARES, seed, size)

    def draw(self, step: int) -> Batch:
        """The batch of a step."""
        return self.batches.batch(step)[0]

    def loss(self, step: int, drawn: Batch) -> tuple[Tensor, dict[str, float]]:
        """Cross-entropy on the words of a batch, and its parts by what is said."""
        modality = drawn.samples[0].modality
        target, said = self.machine.tensor(drawn.tokens), self.machine.tensor(drawn.said)
        with self.machine.autocast():
            seen = seen_by(self.model, drawn, self.machine)
            logits, _ = self.model.say(target[:, : len(tokens.slots(modality))], seen)
        parts = words_loss(logits, target, said, modality)
        loss = sum(
            (WEIGHTS[what] * part for what, part in parts.items()),
            torch.zeros((), device=self.machine.device),
        )
        return loss, {f"{modality} {what}": float(part.detach()) for what, part in parts.items()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """How often each severity is right, and how far numbers are off in the middle."""
        right: dict[str, list[float]] = defaultdict(list)
        for number in self.bank.validation[:: max(1, len(self.bank.validation) // CHECKED)]:
            sample = self.bank.sample(number)
            slots = tokens.slots(sample.modality)
            batch = batch_of([sample])
            target = self.machine.tensor(batch.tokens)[:, : len(slots)]
            with self.machine.autocast():
                logits, _ = self.model.say(target, seen_by(self.model, batch, self.machine))
            open_ = open_at(sample.modality)[1:].to(logits.device)
            best = logits[0, :-1].float().masked_fill(~open_, SHUT).argmax(-1).tolist()
            for at, slot in enumerate(slots[1:]):
                if not sample.said[at + 1]:
                    continue
                truth, found = int(sample.tokens[at + 1]), int(best[at])
                if slot.what == tokens.STATE:
                    right[f"{sample.modality} {slot.kind} severity"].append(truth == found)
                elif slot.what == tokens.NUMBER and truth != tokens.NO_NUMBER:
                    right[f"{sample.modality} {slot.kind} {slot.unit} off"].append(
                        abs(found - truth) * tokens.STEP
                    )
        return {
            name: float(np.median(v) if name.endswith("off") else np.mean(v))
            for name, v in right.items()
        }
