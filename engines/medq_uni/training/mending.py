"""What the model sees of a batch, and what becomes of crops when its words are obeyed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engines.description import Modality
from engines.medq_uni.levels import EXPERTS, level_of, number_of
from engines.medq_uni.look import places_of, told_facts
from engines.medq_uni.model import MedQUni, Seen
from engines.medq_uni.training.bank import Sample
from engines.medq_uni.training.batches import Batch
from engines.medq_uni.training.machine import CPU, Machine

SHOWN = 2.4
"""Gains in CT are measured where the truth is within so many 100 HU of water,"""
BODY = 0.15
"""elsewhere where there is so much of the signal."""


def seen_by(
    model: MedQUni, batch: Batch, machine: Machine = CPU, patches: np.ndarray | None = None
) -> Seen:
    """What the model sees of a batch, or of some ``patches`` (batch, some) of it."""
    count, _, rows, columns = batch.images.shape
    places = machine.tensor(places_of(rows, columns)).expand(count, -1, -1)
    return model.see(
        machine.tensor(batch.images), places,
        machine.tensor(batch.spectrum), machine.tensor(batch.facts),
        None if patches is None else machine.tensor(patches),
    )  # fmt: skip


def mended(
    model: MedQUni, image: Tensor, samples: Sequence[Sample], steered: Tensor, crops: int
) -> Tensor:
    """``y = x + sum g_k R_k`` for ``crops`` crops of each sample, one after the other.

    ``image`` is (samples * crops, 1, rows, columns), ``steered`` (samples, experts, condition). All
    samples are of one modality.
    """
    found, device = image, image.device
    known = torch.from_numpy(np.stack([told_facts(s.facts) for s in samples]))
    for which, kind in enumerate(EXPERTS):
        at = [k for k, s in enumerate(samples) if s.gates[which] > 0]
        if not at:
            continue
        amounts = [float(samples[k].amounts[which]) for k in at]
        level = torch.tensor([level_of(a, kind) for a in amounts])
        number = torch.tensor([[number_of(a, kind)] for a in amounts])
        told = torch.cat([number, known[at]], 1)
        gate = torch.tensor([float(samples[k].gates[which]) for k in at])
        rows = torch.tensor([k * crops + c for k in at for c in range(crops)], device=device)

        def each(x: Tensor) -> Tensor:
            return x.to(device).repeat_interleave(crops, 0)

        part = image[rows].contiguous(memory_format=torch.channels_last)
        change = model.mend(kind, part, each(level), each(told), each(steered[at, which]))
        found = found.index_add(0, rows, each(gate)[:, None, None, None] * change.float())
    return found


def crop_of(sample: Sample, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Image and truth of a crop (``side``, ``side``) that holds some body."""
    image, truth = sample.image, sample.truth
    rows, columns = image.shape
    below, right = max(0, side - rows), max(0, side - columns)
    if below or right:
        image, truth = (np.pad(v, ((0, below), (0, right)), mode="edge") for v in (image, truth))
        rows, columns = image.shape
    air = -5.0 if sample.modality is Modality.CT else BODY
    for _ in range(6):
        top, left = int(rng.integers(rows - side + 1)), int(rng.integers(columns - side + 1))
        here = slice(top, top + side), slice(left, left + side)
        if (truth[here] > air).mean() > 0.3:
            break
    return np.ascontiguousarray(image[here]), np.ascontiguousarray(truth[here])


def gain_db(sample: Sample, found: Tensor) -> float:
    """By how much a mended slice (rows, columns) is nearer to the truth than it was, in dB."""
    truth = torch.from_numpy(np.array(sample.truth))
    before = torch.from_numpy(np.array(sample.image)) - truth
    after = found.float().cpu()[: truth.shape[0], : truth.shape[1]] - truth
    shown = truth.abs() < SHOWN if sample.modality is Modality.CT else truth > BODY
    if not shown.any():
        return 0.0
    ratio = before[shown].square().mean() / after[shown].square().mean().clamp(min=1e-12)
    return float(10 * torch.log10(ratio.clamp(min=1e-6)))
