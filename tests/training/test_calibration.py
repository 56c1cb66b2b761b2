"""Confidence is what came true on patients kept for validation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from engines.description import Amount, Confidence, Degradation, Modality, Severity
from engines.medq_uni.export import TINY, random_model, trained_model
from engines.medq_uni.model import MedQUni
from engines.medq_uni.spoken import Scene, description_of
from engines.medq_uni.training.bank import Bank
from engines.medq_uni.training.calibration import calibrated, evenly, holds, outcomes, thresholds_of
from engines.medq_uni.training.folder import begin, sizes_of
from engines.severity import graded_finding
from tests.training.made import SIZES, TASKS


def drawn(claims: np.ndarray, rng: np.random.Generator) -> list[tuple[float, bool]]:
    return [(float(c), bool(rng.random() < c)) for c in claims]


def test_honest_claims_are_parted_where_the_words_say() -> None:
    rng = np.random.default_rng(0)
    found = thresholds_of(drawn(rng.uniform(0.2, 1.0, 4000), rng))
    assert 0 < found.medium < found.high <= 1


def test_what_always_fails_is_said_with_low_confidence() -> None:
    found = thresholds_of([(0.9 + 0.001 * k, False) for k in range(50)])
    assert found.high == 1.0
    assert found.medium > 0.948


def test_what_always_holds_is_said_with_high_confidence() -> None:
    found = thresholds_of([(0.5 + 0.001 * k, True) for k in range(50)])
    assert found.high <= 0.5


def test_words_hold_where_every_known_severity_is_said(bank: Bank) -> None:
    number = next(k for k in bank.training if bank.sample(k).task == "ct low dose")
    sample = bank.sample(number)
    scene = Scene(Modality.CT, sample.region, sample.pixel_mm)

    def words(severity: Severity):
        amount = {Severity.NONE: 1.0, Severity.MODERATE: 30.0, Severity.SEVERE: 200.0}[severity]
        one = graded_finding(
            Degradation.NOISE, [Amount(amount, "HU")], Modality.CT, sample.region, pixel_mm=1.0
        )
        return description_of([one], scene, Confidence.HIGH)

    assert not holds(words(Severity.NONE), sample)
    assert not holds(words(Severity.SEVERE), sample)
    assert holds(words(Severity.MODERATE), sample)


def test_a_model_is_asked_for_the_words_of_those_kept_aside(bank: Bank) -> None:
    model = MedQUni(random_model(1).config.__class__(**SIZES))
    told = outcomes(model, bank, bank.validation)
    assert sum(map(len, told.values())) == len(bank.validation)
    assert all(0 <= sure <= 1 for ones in told.values() for sure, _ in ones)
    found = calibrated(model, bank)
    assert set(found) == set(Modality.sectional())
    assert all(0 <= one.medium <= one.high <= 1 for one in found.values())


def test_every_task_counts_alike(bank: Bank) -> None:
    often = [k for k in bank.training if bank.about[k]["task"] == "ct metal"]
    found = evenly(bank, [*bank.training, *often, *often], 14)
    tasks = Counter(bank.about[k]["task"] for k in found)
    assert set(tasks.values()) == {2} and len(tasks) == len(TASKS)


def test_an_export_has_the_sizes_of_its_training(tmp_path: Path) -> None:
    assert sizes_of(tmp_path) == {}
    begin(tmp_path, 0, without_words=False, sizes=TINY)
    assert sizes_of(tmp_path)["width"] == TINY["width"]
    (tmp_path / "training.json").write_text("{}")
    with pytest.raises(ValueError, match=r"training\.json is damaged"):
        trained_model(tmp_path)
