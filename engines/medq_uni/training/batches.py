"""Batches: samples of one modality and size, turned over, made noisier or quieter, cut to crops.

Batch number ``step`` depends on the seed and ``step`` only, so that a training that was cut off
goes on with the very batches that it would have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.base import FloatArray
from engines.description import PLACES, Degradation, Finding, Modality
from engines.medq_uni import tokens
from engines.medq_uni.levels import EXPERTS
from engines.medq_uni.look import PATCH, padded, spectrum_of
from engines.medq_uni.training.bank import Bank, Sample, gates_told
from engines.severity import cut_offs, severity_of

SCALED_SHARE = 0.6
"""So many pairs of noise alone get another strength of it,"""
SCALES = (0.3, 2.0)
"""between these times what it was."""
SCALABLE = ("ct low dose",)
"""Tasks whose whole error is noise that adds."""
_GRID = np.arange(9).reshape(3, 3)


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one modality, all of one size; ``images`` (batch, 1, rows, columns) are padded."""

    samples: tuple[Sample, ...]
    images: FloatArray
    spectrum: FloatArray
    facts: FloatArray
    tokens: np.ndarray
    said: np.ndarray


class Batches:
    """All batches of a bank.

    ``shares`` says how often each modality comes. Within one, samples are taken by size and by
    ``kinds`` (one for each sample of the bank), so that each comes as often as it has samples.

    Raises:
        ValueError: there is no sample to take.
    """

    def __init__(
        self,
        bank: Bank,
        numbers: list[int],
        shares: Mapping[Modality, float],
        seed: int,
        size: int,
        kinds: Sequence[object] | None = None,
    ) -> None:
        self.bank, self.seed, self.size = bank, seed, size
        self.buckets: dict[Modality, list[np.ndarray]] = {}
        sizes: dict[Modality, dict[tuple[object, ...], list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for number in numbers:
            one = bank.about[number]
            side: tuple[object, ...] = (-(-one["rows"] // PATCH), -(-one["columns"] // PATCH))
            side += (kinds[number],) if kinds else ()
            sizes[Modality(one["modality"])][side].append(number)
        for modality, by_side in sizes.items():
            self.buckets[modality] = [np.array(v) for v in by_side.values()]
        self.modalities = [m for m in Modality if m in self.buckets and shares.get(m, 0) > 0]
        if not self.modalities:
            raise ValueError("no pair to train on: all are kept for validation or need nothing")
        weights = np.array([shares[m] for m in self.modalities], float)
        self.weights = weights / weights.sum()

    def batch(self, step: int) -> tuple[Batch, np.random.Generator]:
        """Batch ``step``, and the generator to go on with."""
        rng = np.random.default_rng([self.seed, step])
        modality = self.modalities[int(rng.choice(len(self.modalities), p=self.weights))]
        buckets = self.buckets[modality]
        sizes = np.array([len(b) for b in buckets], float)
        bucket = buckets[int(rng.choice(len(buckets), p=sizes / sizes.sum()))]
        chosen = rng.choice(bucket, self.size, replace=len(bucket) < self.size)
        samples = [varied(self.bank.sample(int(k)), rng) for k in chosen]
        return batch_of(samples), rng


def batch_of(samples: list[Sample]) -> Batch:
    """Samples of one padded size as a batch."""
    return Batch(
        tuple(samples),
        np.stack([padded(s.image) for s in samples])[:, None],
        np.stack([s.spectrum for s in samples]),
        np.stack([s.facts for s in samples]),
        np.stack([s.tokens for s in samples]),
        np.stack([s.said for s in samples]),
    )


def varied(sample: Sample, rng: np.random.Generator) -> Sample:
    """A sample turned over and, where its error is noise, with more or less of it."""
    if sample.task in SCALABLE and rng.random() < SCALED_SHARE:
        low, high = np.log(SCALES)
        sample = rescaled(sample, float(np.exp(rng.uniform(low, high))))
    return flipped(sample, bool(rng.random() < 0.5), bool(rng.random() < 0.5))


def rescaled(sample: Sample, times: float) -> Sample:
    """The sample with so many times its added noise, and the words that are then true."""
    added = max(sample.noise**2 - sample.own_noise**2, 0.0)
    noise = float(np.sqrt(sample.own_noise**2 + times**2 * added))
    row = cut_offs(sample.modality, Degradation.NOISE, sample.region)
    if row is None or noise <= 0:
        return sample
    image = sample.truth + np.float32(times) * (sample.image - sample.truth)
    finding = Finding(Degradation.NOISE, severity_of(100 * noise, row), 100 * noise, row.unit)
    said = sample.tokens.copy()
    at = next(
        k
        for k, slot in enumerate(tokens.slots(sample.modality))
        if slot.kind is Degradation.NOISE and slot.what == tokens.STATE
    )
    said[at] = tokens.state_token(Degradation.NOISE, finding.severity)
    said[at + 1] = tokens.number_token(finding.amount)
    amounts = sample.amounts.copy()
    which = EXPERTS.index(Degradation.NOISE)
    amounts[which] = (finding.amount or 0.0) if finding.severity.rank else 0.0
    return replace(
        sample, image=image, noise=noise, error=sample.error * times, tokens=said,
        gates=gates_told(said, sample.modality), amounts=amounts,
        spectrum=spectrum_of(image, sample.modality),
    )  # fmt: skip


def flipped(sample: Sample, down: bool, across: bool) -> Sample:
    """The sample turned over, its places with it."""
    if not down and not across:
        return sample
    grid = _GRID[:: -1 if down else 1, :: -1 if across else 1].ravel()
    rows, columns = slice(None, None, -1 if down else 1), slice(None, None, -1 if across else 1)
    said = sample.tokens.copy()
    for at, slot in enumerate(tokens.slots(sample.modality)):
        if slot.what == tokens.PLACE:
            place = tokens.place_of_token(int(said[at]))
            if place is not None and PLACES.index(place) < 9:
                said[at] = tokens.place_token(PLACES[int(grid[PLACES.index(place)])])
    return replace(
        sample, image=sample.image[rows, columns], truth=sample.truth[rows, columns], tokens=said
    )
