"""The bank: pairs as they were, in the model's units, patients apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engines.description import Degradation, Modality, Severity
from engines.medq_uni import tokens
from engines.medq_uni.levels import EXPERTS
from engines.medq_uni.training.bank import ABOUT, IMAGES, TABLE, Bank, is_validation, make_bank
from tests.training.made import TASKS, write_pairs


def test_no_patient_is_on_both_sides(bank: Bank, pairs: Path) -> None:
    lines = (pairs / "shard-00000" / "manifest.jsonl").read_text().splitlines()
    patients = [json.loads(line)["medq_node"]["patient"] for line in lines]
    trained = {patients[k] for k in bank.training}
    checked = {patients[k] for k in bank.validation}
    assert trained
    assert checked
    assert not trained & checked
    assert all(is_validation(p) for p in checked)


def test_about_a_twelfth_of_many_patients_is_kept() -> None:
    kept = sum(is_validation(f"patient {k}") for k in range(5000))
    assert 0.06 < kept / 5000 < 0.10


def test_samples_are_the_pairs_in_units_of_their_tissue(bank: Bank, pairs: Path) -> None:
    for number, one in enumerate(bank.about):
        sample = bank.sample(number)
        image = np.load(pairs / f"shard-00000/{number:07}-input_img.npy")
        truth = np.load(pairs / f"shard-00000/{number:07}-output_img.npy")
        ratio = image[32, 32] / sample.image[32, 32]
        np.testing.assert_allclose(sample.truth * ratio, truth, rtol=2e-3, atol=2e-3 * ratio)
        if sample.modality is Modality.CT:
            assert ratio == pytest.approx(100, rel=1e-3)
        else:
            assert 0.5 < np.median(sample.truth[20:44, 20:44]) < 2
        assert one["task"] == sample.task


def test_gates_and_amounts_are_the_words(bank: Bank) -> None:
    noise, metal = EXPERTS.index(Degradation.NOISE), EXPERTS.index(Degradation.METAL)
    found = {bank.sample(k).task: bank.sample(k) for k in range(len(bank))}
    both = found["ct metal + low dose"]
    assert both.gates[[noise, metal]].tolist() == [1, 1]
    assert both.amounts[[noise, metal]].tolist() == [30, 50]
    assert not found["ct clean"].gates.any()
    assert found["ct clean"].said[3]
    assert tokens.severity_of_token(int(found["ct clean"].tokens[3])) is Severity.NONE
    assert both.error == pytest.approx(np.hypot(0.3, 0.5 / np.sqrt(2)), rel=0.1)


def test_no_pairs_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="make a data set first"):
        make_bank([tmp_path], tmp_path / "bank")


def test_a_bank_cut_short_is_told(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", 1, 0)
    assert make_bank([tmp_path / "pairs"], tmp_path / "bank") == len(TASKS)
    Bank(tmp_path / "bank")
    images = tmp_path / "bank" / IMAGES
    images.write_bytes(images.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is damaged: remove it"):
        Bank(tmp_path / "bank")
    (tmp_path / "bank" / ABOUT).unlink()
    with pytest.raises(OSError, match="about"):
        Bank(tmp_path / "bank")


def test_a_bank_of_other_code_is_told(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", 1, 0)
    make_bank([tmp_path / "pairs"], tmp_path / "bank")
    with np.load(tmp_path / "bank" / TABLE) as table:
        held = {name: table[name] for name in table.files}
    for other in ({**held, "vocabulary": np.array("another")}, without(held, "vocabulary")):
        np.savez(tmp_path / "bank" / TABLE, **other)
        with pytest.raises(ValueError, match="made by other code: remove it"):
            Bank(tmp_path / "bank")


def without(held: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {key: value for key, value in held.items() if key != name}
