"""The first stage: the assessment expert learns to say what is wrong."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni import tokens
from engines.medq_uni.look import PATCH, SPECTRUM
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
LOOKED_AT = (0.35, 1.0)
"""Share of an image's patches that is looked at: one patient isn't known again by a few."""
MOST_SHIFTED = PATCH
"""Images are shifted by less than so many pixels, so that patches begin anywhere in them."""
UNSURE = 0.15
"""Statistics are off by so much of their spread, for the same reason."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A batch, and which patches (batch, some) of its images are looked at."""

    batch: Batch
    patches: np.ndarray


class Assessing:
    """Image in, words out."""

    name = "assess"

    def __init__(
        self, model: MedQUni, bank: Bank, seed: int, machine: Machine = CPU, size: int = 6
    ) -> None:
        self.model, self.bank, self.machine = model, bank, machine
        self.batches = Batches(bank, bank.training, SHARES, seed, size)
        kinds = bank.table["facts"][:, :3].T > 0
        self.spread = np.stack(
            [
                bank.table["spectrum"][kind].std(0) if kind.any() else np.zeros(SPECTRUM)
                for kind in kinds
            ]
        )

    def draw(self, step: int) -> Glimpse:
        """The batch of a step, a glimpse of it."""
        batch, rng = self.batches.batch(step)
        count, _, rows, columns = batch.images.shape
        patches = (rows // PATCH) * (columns // PATCH)
        some = max(1, round(patches * float(rng.uniform(*LOOKED_AT))))
        chosen = np.stack([np.sort(rng.permutation(patches)[:some]) for _ in range(count)])
        down, across = rng.integers(MOST_SHIFTED, size=2).tolist()
        images = shifted(batch.images, down, across)
        off = UNSURE * rng.standard_normal(batch.spectrum.shape)
        spectrum = batch.spectrum + off * self.spread[batch.facts[:, :3].argmax(1)]
        spectrum = spectrum.astype(np.float32)
        return Glimpse(replace(batch, images=images, spectrum=spectrum), chosen)

    def loss(self, step: int, drawn: Glimpse) -> tuple[Tensor, dict[str, float]]:
        """Cross-entropy on the words of a batch, and its parts by what is said."""
        batch = drawn.batch
        modality = batch.samples[0].modality
        target, said = self.machine.tensor(batch.tokens), self.machine.tensor(batch.said)
        with self.machine.autocast():
            seen = seen_by(self.model, batch, self.machine, drawn.patches)
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


def shifted(images: FloatArray, down: int, across: int) -> FloatArray:
    """Images (batch, 1, rows, columns) without so many first rows and columns.

    The last ones are repeated instead.
    """
    rows, columns = images.shape[2:]
    at = np.minimum(np.arange(rows) + down, rows - 1)
    to = np.minimum(np.arange(columns) + across, columns - 1)
    return np.ascontiguousarray(images[:, :, at[:, None], to])
