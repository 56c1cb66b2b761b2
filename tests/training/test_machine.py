"""Device and precision: the best that is there, and bfloat16 that harms no image."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pytest
import torch

from engines.medq_uni.model import MedQUni, MedQUniConfig
from engines.medq_uni.tokens import slots
from engines.medq_uni.training import machine as machines
from engines.medq_uni.training.assessing import Assessing
from engines.medq_uni.training.bank import Bank
from engines.medq_uni.training.machine import Device, Machine, Precision, machine
from engines.medq_uni.training.mending import seen_by
from engines.medq_uni.training.pixel_loss import pixel_loss
from engines.medq_uni.training.restoring import Course, Restoring
from engines.medq_uni.training.words_loss import SHUT, open_at
from tests.training.made import SIZES


@pytest.mark.parametrize("able", [False, True])
def test_precision_is_the_hardwares(able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": able})
    assert machine(Device.CPU, Precision.AUTO).bf16 is able
    assert machine(Device.CPU, Precision.FP32).bf16 is False
    assert machine(Device.CPU, Precision.BF16).bf16 is True


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(machines, "quick_bf16", lambda on_cuda: on_cuda)
    assert machine(Device.AUTO, Precision.AUTO) == Machine(torch.device("cuda"), True)
    assert machine(Device.CPU, Precision.AUTO) == Machine(torch.device("cpu"), False)


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert machine(Device.AUTO, Precision.FP32).device.type == "cpu"
    with pytest.raises(ValueError, match="ask for --device cpu"):
        machine(Device.CUDA, Precision.AUTO)


def test_it_says_what_it_runs_on() -> None:
    assert str(Machine(torch.device("cpu"))) == "processor, float32"
    assert "bfloat16" in str(Machine(torch.device("cpu"), True))


class Elsewhere(Machine):
    """A device whose tensors can't be mixed with the processor's, as a GPU's can't."""

    def autocast(self) -> AbstractContextManager[None]:
        return nullcontext()


@pytest.mark.parametrize("without_words", [False, True])
def test_nothing_is_left_on_the_processor(bank: Bank, without_words: bool) -> None:
    there = Elsewhere(torch.device("meta"))
    model = MedQUni(MedQUniConfig(**SIZES))
    there.place(model)
    restoring = Restoring(model, bank, 1, Course(without_words=without_words), there)
    for step in range(6):
        drawn = restoring.draw(step)
        image, truth, error = map(there.tensor, (drawn.image, drawn.truth, drawn.error))
        found = restoring.mended(image, drawn.told, restoring._seen(drawn.batch))
        loss = pixel_loss(found, truth, error, drawn.told[0].modality).mean()
        assert loss.device.type == "meta"
        loss.backward()
        glimpse = Assessing(model, bank, 1, there).draw(step)
        batch = glimpse.batch
        modality = batch.samples[0].modality
        target = there.tensor(batch.tokens)[:, : len(slots(modality))]
        logits, _ = model.say(target, seen_by(model, batch, there, glimpse.patches))
        ahead = logits[:, :-1].masked_fill(~open_at(modality)[1:].to(logits.device), SHUT)
        assert ahead.device.type == "meta"


def test_bfloat16_is_near_and_reads_the_image_exactly(bank: Bank) -> None:
    found = []
    for bf16 in (False, True):
        torch.manual_seed(0)
        model = MedQUni(MedQUniConfig(**SIZES))
        with torch.no_grad():
            for mender in model.menders.values():
                mender.outlet.weight.normal_(std=0.05)
        where = Machine(torch.device("cpu"), bf16)
        where.place(model)
        seen: list[torch.dtype] = []
        for name, layer in model.named_modules():
            if name.endswith(machines.EXACT):
                layer.register_forward_hook(lambda m, i, o, seen=seen: seen.append(o.dtype))
        stage = Restoring(model, bank, 1, Course(), where)
        loss, _ = stage.loss(1, stage.draw(1))
        loss.backward()
        assert loss.dtype is torch.float32
        assert seen
        assert set(seen) == {torch.float32}
        assert all(p.grad.dtype is torch.float32 for p in model.parameters() if p.grad is not None)
        found.append(float(loss.detach()))
    assert found[0] != found[1], "nothing ran in bfloat16"
    assert found[1] == pytest.approx(found[0], rel=0.02)
