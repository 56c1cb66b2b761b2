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
EXCHANGED_SHARE = 0.7
"""So many of them get the noise of another slice, turned over."""
SCALABLE = ("ct low dose",)
"""Tasks whose whole error is noise that adds."""
FLAT = 1.0
"""Noise is compared where the truth is within 100 HU of water, in the model's unit;"""
LEAST_FLAT = 500
"""in so many pixels at least."""
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
        self.modalities = [
            m for m in Modality.sectional() if m in self.buckets and shares.get(m, 0) > 0
        ]
        if not self.modalities:
            raise ValueError("no pair to train on: all are kept for validation or need nothing")
        self.partners: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number in numbers:
            one = bank.about[number]
            if one["task"] in SCALABLE:
                self.partners[one["rows"], one["columns"]].append(number)
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
        samples = [self.bank.sample(int(k)) for k in chosen]
        return batch_of([varied(one, rng, self._partner(one, rng)) for one in samples]), rng

    def _partner(self, sample: Sample, rng: np.random.Generator) -> Sample | None:
        """Another slice whose noise ``sample`` may get, at times; ``None`` for its own noise."""
        if sample.task not in SCALABLE or rng.random() >= EXCHANGED_SHARE:
            return None
        alike = self.partners[sample.image.shape[0], sample.image.shape[1]]
        return self.bank.sample(alike[int(rng.integers(len(alike)))])


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


def varied(sample: Sample, rng: np.random.Generator, other: Sample | None = None) -> Sample:
    """A sample turned over and, where its error is noise, with more or less of it, or ``other``'s.

    Noise of another slice is that of another kernel and dose, which the image then has.
    """
    if sample.task in SCALABLE:
        times, field = 1.0, None
        if other is not None:
            field = field_of(other, sample, bool(rng.random() < 0.5), bool(rng.random() < 0.5))
        if rng.random() < SCALED_SHARE:
            low, high = np.log(SCALES)
            times = float(np.exp(rng.uniform(low, high)))
        if times != 1.0 or field is not None:
            sample = rescaled(sample, times, field)
    return flipped(sample, bool(rng.random() < 0.5), bool(rng.random() < 0.5))


def field_of(other: Sample, sample: Sample, down: bool, across: bool) -> FloatArray | None:
    """The noise added to ``other``, turned over and as strong as ``sample``'s in its soft tissue.

    Noise is stronger in the middle of a body than at its rim, and bodies differ. ``None`` where the
    two don't fit: other sizes, other errors than noise, no noise, or no tissue to compare it in.
    """
    fits = other.task in SCALABLE and other.image.shape == sample.image.shape
    if other.number == sample.number or not fits or min(added(sample), added(other)) <= 0:
        return None
    turn = slice(None, None, -1 if down else 1), slice(None, None, -1 if across else 1)
    field, flat = (other.image - other.truth)[turn], np.abs(sample.truth) < FLAT
    if flat.sum() < LEAST_FLAT:
        return None
    mine, its = float((sample.image - sample.truth)[flat].std()), float(field[flat].std())
    return field * np.float32(mine / its) if its > 0 else None


def added(sample: Sample) -> float:
    """Standard deviation of the noise that was added to a sample."""
    return float(np.sqrt(max(sample.noise**2 - sample.own_noise**2, 0.0)))


def rescaled(sample: Sample, times: float, field: FloatArray | None = None) -> Sample:
    """The sample with so many times its added noise, and the words that are then true.

    ``field`` (rows, columns) is another noise of the same strength to take.
    """
    noise = float(np.hypot(sample.own_noise, times * added(sample)))
    row = cut_offs(sample.modality, Degradation.NOISE, sample.region)
    if row is None or noise <= 0:
        return sample
    if field is None:
        field = sample.image - sample.truth
    image = sample.truth + np.float32(times) * field
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
