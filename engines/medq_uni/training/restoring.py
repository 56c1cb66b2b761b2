"""The second stage: the restoration expert learns to obey the words.

First the residual experts by the words alone, then steered by the restoration tokens, which read
image and words. First images with one degradation, then mixtures too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engines.base import FloatArray
from engines.description import Modality
from engines.medq_uni import tokens
from engines.medq_uni.levels import EXPERTS
from engines.medq_uni.model import MedQUni, Seen
from engines.medq_uni.training.bank import LEAST_ERROR, Bank, Sample
from engines.medq_uni.training.batches import Batch, Batches, batch_of
from engines.medq_uni.training.machine import CPU, Machine
from engines.medq_uni.training.mending import crop_of, gain_db, mended, seen_by
from engines.medq_uni.training.pixel_loss import pixel_loss
from engines.medq_uni.training.wordings import (
    in_own_words,
    is_local,
    told_otherwise,
    told_wrong,
    wordless,
)

SMALL, LARGE = 128, 192
"""Side of a crop where the error is noise alone, and where it comes from far away."""
SMALL_CROPS, LARGE_CROPS = 2, 1
"""Crops of each sample."""
MARGIN_EVERY = 4
MARGIN = 0.15
MARGIN_WEIGHT = 0.5
"""Every so many steps wrong numbers must restore worse by this share of the loss."""
SHARES: dict[Modality, float] = {Modality.CT: 0.4, Modality.MR: 0.48, Modality.PT: 0.12}
"""How often each modality comes: MR has most that is learnt slowly."""
CHECKED = 160
"""Slices of a validation, about."""


@dataclass(frozen=True, slots=True)
class Course:
    """What of the restoration is trained when.

    ``alone`` is the step that the restoration tokens steer from, ``singles`` the step that mixtures
    come from; ``own_words`` the share of samples that are then told the model's own words.
    ``tasks`` are all, where none is named.
    """

    alone: int = 0
    singles: int = 0
    own_words: float = 0.0
    without_words: bool = False
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one step reads: a batch, what its samples are told, and ``crops`` crops of each.

    ``image`` and ``truth`` are (samples * crops, 1, rows, columns), ``error`` (samples * crops,)
    the RMS error of the samples. ``wrong`` are they with wrong words where the margin is due.
    """

    batch: Batch
    told: tuple[Sample, ...]
    own: tuple[bool, ...]
    wrong: tuple[Sample, ...]
    image: FloatArray
    truth: FloatArray
    error: FloatArray
    crops: int


class Restoring:
    """Image and words in, a better image out."""

    name = "restore"

    def __init__(
        self,
        model: MedQUni,
        bank: Bank,
        seed: int,
        course: Course,
        machine: Machine = CPU,
        size: int = 4,
    ) -> None:
        self.model, self.bank, self.course, self.machine = model, bank, course, machine
        gates = bank.table["gates"]
        wanted = [
            k
            for k in bank.training
            if (course.without_words or gates[k].any()) and self._is_asked_for(k)
        ]
        single = [k for k in wanted if (gates[k] > 0).sum() <= 1]
        local = [is_local(gates[k]) for k in range(len(bank))]
        self.all = Batches(bank, wanted, SHARES, seed, size, local)
        self.singles = Batches(bank, single, SHARES, seed, size, local) if single else self.all
        self.steered = course.alone == 0

    def _is_asked_for(self, number: int) -> bool:
        tasks = self.course.tasks
        return not tasks or self.bank.about[number]["task"] in tasks

    def draw(self, step: int) -> Drawn:
        """The batch of a step, its words and crops."""
        course = self.course
        batches = self.singles if step < course.singles else self.all
        batch, rng = batches.batch(step)
        local = is_local(batch.samples[0].gates)
        side, count = (SMALL, SMALL_CROPS) if local else (LARGE, LARGE_CROPS)
        own = np.zeros(len(batch.samples), bool)
        wrong: list[Sample] = []
        if course.without_words:
            told = [wordless(s) for s in batch.samples]
        else:
            told = [told_otherwise(s, rng) for s in batch.samples]
            if step >= course.alone:
                own = rng.random(len(told)) < course.own_words
            if step % MARGIN_EVERY == 0:
                wrong = [told_wrong(s, rng) for s in batch.samples]
        crops = [crop_of(s, side, rng) for s in batch.samples for _ in range(count)]
        error = np.array([max(s.error, LEAST_ERROR) for s in batch.samples], np.float32)
        return Drawn(
            batch, tuple(told), tuple(own.tolist()), tuple(wrong),
            np.stack([c[0] for c in crops])[:, None], np.stack([c[1] for c in crops])[:, None],
            np.repeat(error, count), count,
        )  # fmt: skip

    def loss(self, step: int, drawn: Drawn) -> tuple[Tensor, dict[str, float]]:
        """Loss on pixels; at times wrong words beside those told.

        It has no gradient where nothing is told to be mended in any sample.
        """
        self.steered = step >= self.course.alone
        modality = drawn.batch.samples[0].modality
        image, truth = self.machine.tensor(drawn.image), self.machine.tensor(drawn.truth)
        error = self.machine.tensor(drawn.error)
        seen = self._seen(drawn.batch)
        samples: Sequence[Sample] = drawn.told
        if seen is not None and any(drawn.own):
            with self.machine.autocast():
                samples = in_own_words(self.model, seen, drawn.told, drawn.own)
        losses = pixel_loss(self.mended(image, samples, seen), truth, error, modality)
        loss = losses.mean()
        told: dict[str, list[float]] = defaultdict(list)
        for k, value in enumerate(losses.tolist()):
            told[drawn.batch.samples[k // drawn.crops].task].append(value)
        if drawn.wrong:
            worse = pixel_loss(self.mended(image, drawn.wrong, seen), truth, error, modality)
            short = ((1 + MARGIN) * losses.detach() - worse).clamp(min=0).mean()
            loss = loss + MARGIN_WEIGHT * short
            told["margin"].append(float(short.detach()))
        return loss, {name: float(np.mean(v)) for name, v in told.items()}

    def mended(self, image: Tensor, samples: Sequence[Sample], seen: Seen | None) -> Tensor:
        """Crops (batch, 1, rows, columns) of ``samples`` after their words are obeyed."""
        with self.machine.autocast():
            if seen is None:
                size = len(samples), len(EXPERTS), self.model.config.condition
                steered = torch.zeros(size, device=image.device)
            else:
                steered = self._steer(samples, seen)
            return mended(self.model, image, samples, steered, image.shape[0] // len(samples))

    def _seen(self, batch: Batch) -> Seen | None:
        """What the model sees; the assessment stays as it is but where there are no words."""
        if not self.steered:
            return None
        with self._assessing(), self.machine.autocast():
            return seen_by(self.model, batch, self.machine)

    def _steer(self, samples: Sequence[Sample], seen: Seen) -> Tensor:
        count = len(tokens.slots(samples[0].modality))
        if self.course.without_words:
            count = len(tokens.prefix(samples[0].modality, samples[0].region))
        with self._assessing():
            said = self.machine.tensor(np.stack([s.tokens[:count] for s in samples]))
            kept = self.model.say(said, seen)[1]
        return self.model.steer(seen, kept)

    def _assessing(self) -> AbstractContextManager[object]:
        """The twin without words learns to look by the pixels, having nothing else to."""
        return nullcontext() if self.course.without_words else torch.no_grad()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Gain in dB of each task with true words, over whole slices."""
        gains: dict[str, list[float]] = defaultdict(list)
        gates = self.bank.table["gates"]
        wanted = [k for k in self.bank.validation if gates[k].any() and self._is_asked_for(k)]
        for number in wanted[:: max(1, len(wanted) // CHECKED)]:
            sample = self.bank.sample(number)
            batch = batch_of([sample])
            told = wordless(sample) if self.course.without_words else sample
            image = self.machine.tensor(batch.images)
            found = self.mended(image, [told], self._seen(batch))[0, 0]
            gains[sample.task].append(gain_db(sample, found))
        return {f"{task} dB": float(np.mean(v)) for task, v in gains.items()}
