"""The model: what it says hangs on, what it leaves alone, how it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.description import Degradation, Modality, Severity
from engines.medq_uni import look, tokens
from engines.medq_uni.levels import EXPERTS, GATES
from engines.medq_uni.look import places_of
from engines.medq_uni.model import MedQUni, MedQUniConfig
from engines.medq_uni.spoken import Scene
from engines.medq_uni.training.bank import Bank
from engines.medq_uni.training.batches import Batch, batch_of
from engines.medq_uni.training.constrained import generated, said_of
from engines.medq_uni.training.machine import CPU
from engines.medq_uni.training.mending import mended, seen_by
from tests.training.made import SIZES


@pytest.fixture
def model() -> MedQUni:
    """A model whose menders mend something."""
    torch.manual_seed(1)
    found = MedQUni(MedQUniConfig(**SIZES)).eval()
    with torch.no_grad():
        for mender in found.menders.values():
            mender.outlet.weight.normal_(std=0.3)
    return found


def batch(bank: Bank, modality: Modality, count: int = 2) -> Batch:
    """Samples with gates and amounts of their own, to be changed at will."""
    numbers = [k for k, one in enumerate(bank.about) if one["modality"] == modality]
    samples = [bank.sample(k) for k in numbers[:count]]
    return batch_of([replace(s, gates=s.gates.copy(), amounts=s.amounts.copy()) for s in samples])


def logits(model: MedQUni, of: Batch) -> torch.Tensor:
    count = len(tokens.slots(of.samples[0].modality))
    return model.say(torch.from_numpy(of.tokens[:, :count]), seen_by(model, of))[0]


def test_restoration_tokens_change_no_word(model: MedQUni, bank: Bank) -> None:
    of = batch(bank, Modality.MR)
    before = logits(model, of)
    with torch.no_grad():
        model.kinds.add_(1)
        for block in model.blocks:
            for parameter in block.restore.parameters():
                parameter.add_(0.1)
    assert torch.equal(before, logits(model, of))


def test_a_word_hangs_on_those_before_it_alone(model: MedQUni, bank: Bank) -> None:
    of = batch(bank, Modality.CT)
    before = logits(model, of)
    of.tokens[:, 5] += 1
    after = logits(model, of)
    assert torch.equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] != after[:, 5:]).any(-1).all()


@torch.no_grad()
def crops_of(model: MedQUni, of: Batch) -> torch.Tensor:
    size = len(of.samples), len(EXPERTS), model.config.condition
    return mended(model, torch.from_numpy(of.images), of.samples, torch.zeros(size), 1)


def test_no_gate_leaves_every_bit(model: MedQUni, bank: Bank) -> None:
    of = batch(bank, Modality.CT)
    assert not torch.equal(crops_of(model, of), torch.from_numpy(of.images))
    for sample in of.samples:
        sample.gates[:] = 0
    assert torch.equal(crops_of(model, of), torch.from_numpy(of.images))


def test_the_gate_of_one_sample_is_not_anothers(model: MedQUni, bank: Bank) -> None:
    of = batch(bank, Modality.CT)
    of.samples[0].gates[:] = 0
    found = crops_of(model, of)
    assert torch.equal(found[0], torch.from_numpy(of.images[0]))
    assert not torch.equal(found[1], torch.from_numpy(of.images[1]))


def test_gates_are_zero_at_none_and_never_fall() -> None:
    gates = [GATES[severity] for severity in Severity]
    assert gates[0] == 0
    assert gates == sorted(gates)


def test_a_worse_noise_told_changes_more(model: MedQUni, bank: Bank) -> None:
    sample = batch(bank, Modality.PT, 1).samples[0]
    which = EXPERTS.index(Degradation.LOW_COUNT)
    changes = []
    for amount in (10.0, 20.0, 40.0):
        sample.amounts[which] = amount
        of = batch_of([sample])
        changes.append(float((crops_of(model, of) - torch.from_numpy(of.images)).square().mean()))
    assert changes == sorted(changes)
    assert changes[0] < changes[-1]


def test_denoising_in_ct_keeps_the_mean(model: MedQUni, bank: Bank) -> None:
    of = batch(bank, Modality.CT, 1)
    image = torch.from_numpy(of.images).repeat(1, 1, 3, 3)
    told = torch.tensor([[0.0, 1, 0, 0, 1, 0]])
    change = model.mend(Degradation.NOISE, image, torch.tensor([0.3]), told, torch.zeros(1, 8))
    assert change.abs().mean() > 20 * change[..., 36:-36, 36:-36].mean().abs()


def test_denoising_lets_bone_and_air_be_sharp_in_ct_and_a_faint_edge_be_mended(
    model: MedQUni,
) -> None:
    grain = 0.25 * torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 96, 192)))
    told = torch.tensor([[0.0, 1, 0, 0, 1, 0]])
    at_edge = {}
    for height in (0.5, 10.0):
        image = grain.float()
        image[..., 96:] += height
        change = model.mend(Degradation.NOISE, image, torch.tensor([0.25]), told, torch.zeros(1, 8))
        image[..., 96:] -= height
        at_edge[height] = change[..., 95:97].abs().mean() / change[..., 30:60].abs().mean()
    assert at_edge[10.0] < 0.3 < at_edge[0.5]


def test_any_size_that_is_whole_patches(model: MedQUni) -> None:
    image = torch.zeros(1, 1, 32, 96)
    places = torch.from_numpy(places_of(32, 96))[None]
    seen = model.see(image, places, torch.zeros(1, look.SPECTRUM), torch.zeros(1, look.FACTS))
    assert seen.blocks[0][0].shape[2] == 1 + look.SPECTRUM // look.BINS + 3


def test_saved_and_loaded_it_is_the_same(model: MedQUni, bank: Bank, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    loaded = MedQUni.from_pretrained(tmp_path).eval()
    mine, theirs = dict(model.named_buffers()), dict(loaded.named_buffers())
    mine |= model.state_dict()
    theirs |= loaded.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    of = batch(bank, Modality.MR)
    assert torch.equal(logits(model, of), logits(loaded, of))
    assert torch.equal(crops_of(model, of), crops_of(loaded, of))


@pytest.mark.parametrize("modality", Modality.sectional())
def test_generate_says_what_serving_says(model: MedQUni, bank: Bank, modality: Modality) -> None:
    of = batch(bank, modality)
    scene = Scene(modality, "chest", 1.0)
    places = torch.from_numpy(places_of(*of.images.shape[2:])).expand(len(of.samples), -1, -1)
    spectrum, facts = (CPU.tensor(v) for v in (of.spectrum, of.facts))
    found = generated(model, scene, CPU.tensor(of.images), places, spectrum, facts)
    said = said_of(model, seen_by(model, of), scene)
    assert found.tolist() == [list(one.tokens) for one in said]
    assert found.shape[1] == len(tokens.slots(modality))


def test_the_constraint_is_what_keeps_the_grammar(model: MedQUni, bank: Bank) -> None:
    of = batch(bank, Modality.CT)
    free = logits(model, of).argmax(-1)
    severities = range(
        tokens.state_token(Degradation.NOISE, Severity.NONE),
        tokens.state_token(Degradation.NOISE, Severity.SEVERE) + 1,
    )
    assert not np.isin(free[:, 2].numpy(), severities).all()
    scene = Scene(Modality.CT, "chest", 1.0)
    for one in said_of(model, seen_by(model, of), scene):
        assert one.tokens[3] in severities
