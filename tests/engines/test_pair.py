"""Pairs: what degradations do one after the other, said in findings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.description import Degradation, Finding, Modality, Severity
from engines.medq_uni.pair import Pair, Source, compose


@dataclass(frozen=True, slots=True)
class Grain:
    """Stands in for a degradation: white noise of ``sigma`` HU."""

    sigma: float

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        image = pair.image + rng.normal(0, self.sigma, pair.image.shape).astype(np.float32)
        noise = float(np.hypot(pair.noise, self.sigma))
        finding = Finding(Degradation.NOISE, Severity.SEVERE, noise, "HU")
        made = pair.with_finding(finding, sigma=self.sigma)
        return Pair(made.source, image, made.truth, noise, made.findings, made.recipe)


def source() -> Source:
    values = np.full((32, 32), 40, np.float32)
    return Source("disc", "phantom 1", Modality.CT, "abdomen", "HU", values, 0.7, 3.0, noise=5.0)


def test_the_same_seed_makes_the_same_pair_and_another_seed_another() -> None:
    first, again, other = (compose(source(), [Grain(20)], seed) for seed in (1, 1, 2))
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)


def test_truth_stays_what_the_source_was() -> None:
    clean = source()
    pair = compose(clean, [Grain(20), Grain(10)], 0)
    assert np.array_equal(pair.truth, clean.values)
    assert not np.array_equal(pair.image, pair.truth)


def test_a_later_finding_of_a_kind_replaces_the_earlier_and_every_parameter_is_kept() -> None:
    pair = compose(source(), [Grain(20), Grain(10)], 0)
    assert len(pair.findings) == 1
    finding = pair.finding(Degradation.NOISE)
    assert finding is not None
    assert finding.amount == round((5**2 + 20**2 + 10**2) ** 0.5, 1)
    assert pair.recipe == (("sigma", 20), ("sigma", 10))


def test_nothing_done_leaves_no_finding() -> None:
    pair = Pair.clean(source())
    assert pair.finding(Degradation.NOISE) is None
    assert np.array_equal(pair.image, pair.truth)
    assert pair.noise == 5.0
