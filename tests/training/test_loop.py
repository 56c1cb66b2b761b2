"""The loop: cut off and going on changes no bit, it learns, and it does what is due when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.medq_uni.model import MedQUni, MedQUniConfig
from engines.medq_uni.training import loop, restoring
from engines.medq_uni.training.bank import Bank, make_bank
from engines.medq_uni.training.checkpoint import is_restoring, load, put, save
from engines.medq_uni.training.curves import CURVES, PICTURE, draw, read_lines
from engines.medq_uni.training.loop import Settings, Stop, Which, run
from engines.medq_uni.training.restoring import Course, Restoring
from tests.training.made import SIDE, SIZES, write_pairs

SETTINGS = Settings(
    {Which.ASSESS: 9, Which.RESTORE: 9}, every=4, sizes=SIZES, rate=3e-3, own_words=0.6
)
"""Steering begins with step 4, mixtures come with step 2."""


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Crops as small as the pairs, and no pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring, "SMALL", SIDE)
        patch.setattr(restoring, "LARGE", SIDE)
        patch.setattr(loop, "draw", lambda folder: True)
        yield


class Killed(BaseException):
    """What no training catches."""


class StopAfter(Stop):
    """Asks to stop once so many steps were taken."""

    def __init__(self, steps: int, how: str) -> None:
        super().__init__()
        self.left, self.how = steps, how

    @property
    def late(self) -> bool:
        self.left -= 1
        if self.left == 0 and self.how == "killed":
            raise Killed
        if self.left == 0 and self.how == "asked":
            self.asked = True
        return self.left == 0 and self.how == "late"


def train(out: Path, bank: Bank, settings: Settings = SETTINGS, stages=tuple(Which)) -> Path:
    out.mkdir(exist_ok=True)
    for which in stages:
        run(out, which, bank, settings)
    return out


@pytest.fixture(scope="module")
def whole(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing disturbed."""
    return train(tmp_path_factory.mktemp("whole"), bank)


def same(one: Path, two: Path, which: Which) -> bool:
    a, b = (load(folder / f"{which}.pt") for folder in (one, two))
    assert a["step"] == b["step"]
    return all(
        torch.equal(a[part][name], b[part][name])
        for part in ("parameters", "mean")
        for name in a[part]
    )


@pytest.mark.parametrize("how", ["killed", "asked", "late"])
@pytest.mark.parametrize("which", list(Which))
def test_cut_off_and_gone_on_it_is_the_same(
    how: str, which: Which, whole: Path, bank: Bank, tmp_path: Path
) -> None:
    if which is Which.RESTORE:
        (tmp_path / "assess.pt").write_bytes((whole / "assess.pt").read_bytes())
    for steps in (6, 1):
        try:
            run(tmp_path, which, bank, SETTINGS, stop=StopAfter(steps, how))
        except Killed:
            assert how == "killed"
        assert load(tmp_path / f"{which}.pt")["step"] < 9
    run(tmp_path, which, bank, SETTINGS)
    assert same(whole, tmp_path, which)
    lines = {line["step"]: line for line in read_lines(tmp_path)}
    wanted = {line["step"]: line for line in read_lines(whole) if line["stage"] == which}
    assert wanted.keys() == {4, 8, 9}
    assert wanted.keys() <= lines.keys()
    if how != "late":  # which takes the curves' means of what it has, when it stops
        for step, line in wanted.items():
            assert lines[step]["parts"] == pytest.approx(line["parts"])
            assert lines[step]["validation"] == line["validation"]


def test_batches_drawn_ahead_change_nothing(whole: Path, bank: Bank, tmp_path: Path) -> None:
    train(tmp_path, bank, replace(SETTINGS, ahead=0))
    assert all(same(whole, tmp_path, which) for which in Which)


def test_another_seed_is_another_training(whole: Path, bank: Bank, tmp_path: Path) -> None:
    train(tmp_path, bank, replace(SETTINGS, seed=1), (Which.ASSESS,))
    assert not same(whole, tmp_path, Which.ASSESS)


def test_the_restoration_leaves_the_assessment(whole: Path) -> None:
    assess, restore = (load(whole / f"{which}.pt")["mean"] for which in Which)
    assert not any(map(is_restoring, assess))
    assert all(map(is_restoring, restore))
    model = MedQUni(MedQUniConfig(**SIZES))
    assert assess.keys() | restore.keys() == dict(model.named_parameters()).keys()


def test_what_is_trained_is_written_and_drawn(whole: Path) -> None:
    lines = [json.loads(line) for line in (whole / CURVES).read_text().splitlines()]
    assert [(line["stage"], line["step"]) for line in lines] == [
        (which, step) for which in Which for step in (4, 8, 9)
    ]
    assert "CT noise severity" in lines[0]["validation"]
    assert "ct low dose dB" in lines[-1]["validation"]
    assert draw(whole)
    assert (whole / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_a_checkpoint_from_before_courses_goes_on(whole: Path, bank: Bank, tmp_path: Path) -> None:
    state = load(whole / "assess.pt")
    kept = ("parameters", "mean", "mean_steps", "optimiser", "step")
    save(tmp_path / "assess.pt", {name: state[name] for name in kept} | {"step": 7})
    run(tmp_path, Which.ASSESS, bank, SETTINGS)
    assert load(tmp_path / "assess.pt")["step"] == 9


def test_it_learns_eight_pairs_by_heart(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", 1, 1)
    make_bank([tmp_path / "pairs"], tmp_path / "bank")
    steps = {Which.ASSESS: 120, Which.RESTORE: 120}
    settings = replace(SETTINGS, steps=steps, every=20, rate=1e-2, own_words=0.0)
    train(tmp_path, Bank(tmp_path / "bank"), settings)
    lines = read_lines(tmp_path)
    for which in Which:
        losses = [line["loss"] for line in lines if line["stage"] == which]
        assert losses[-1] < losses[0] / 2, (which, losses)
    gains = lines[-1]["validation"]
    assert gains["mr undersampling dB"] > 1, gains


def course(bank: Bank, **options: object) -> Restoring:
    torch.manual_seed(0)
    return Restoring(MedQUni(MedQUniConfig(**SIZES)), bank, 1, Course(**options))


@torch.no_grad()
def heed_tokens(model: MedQUni) -> None:
    """Make the menders heed the restoration tokens, which they only learn to."""
    for mender in model.menders.values():
        mender.outlet.weight.normal_(std=0.1)
        for block in mender.down_blocks:
            block.film.weight.normal_(std=0.1)


def test_mixtures_come_later(bank: Bank) -> None:
    stage = course(bank, singles=40)
    tasks = [{s.task for s in stage.draw(step).batch.samples} for step in range(80)]
    assert "ct metal + low dose" not in set.union(*tasks[:40])
    assert "ct metal + low dose" in set.union(*tasks[40:])
    assert "ct clean" not in set.union(*tasks)


def test_steering_and_own_words_come_later(bank: Bank) -> None:
    stage = course(bank, alone=20, own_words=0.5)
    own = [stage.draw(step).own for step in range(60)]
    assert not np.any(own[:20])
    assert 0.35 < np.mean(own[20:]) < 0.65
    for step, steered in ((19, False), (20, True)):
        loss, _ = stage.loss(step, stage.draw(step))
        stage.model.zero_grad(set_to_none=True)
        heed_tokens(stage.model)
        loss, _ = stage.loss(step, stage.draw(step))
        loss.backward()
        assert (stage.model.kinds.grad is not None) == steered
        assert stage.model.stem.token.weight.grad is None


def test_wrong_words_are_charged_for_at_times(bank: Bank) -> None:
    stage = course(bank)
    told = [stage.loss(step, stage.draw(step))[1] for step in range(8)]
    assert ["margin" in one for one in told] == [True, False, False, False] * 2


def test_wrong_words_that_restore_as_well_are_what_costs(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = course(bank)
    drawn = stage.draw(0)
    drawn = replace(drawn, image=drawn.truth)
    off = {True: torch.tensor(0.05), False: torch.tensor(0.02)}
    for one in off.values():
        one.requires_grad_()

    def mended(image: torch.Tensor, samples: object, seen: object) -> torch.Tensor:
        return image + off[samples is drawn.told]

    monkeypatch.setattr(stage, "mended", mended)
    loss, told = stage.loss(0, drawn)
    loss.backward()
    assert told["margin"] > 0
    right, wrong = off[True].grad, off[False].grad
    assert right is not None and right > 0
    assert wrong is not None and wrong < 0


def test_nothing_to_mend_is_no_step(bank: Bank) -> None:
    stage = course(bank)
    drawn = stage.draw(0)
    nothing = tuple(replace(s, gates=np.zeros_like(s.gates)) for s in drawn.told)
    loss, _ = stage.loss(0, replace(drawn, told=nothing, wrong=()))
    assert not loss.requires_grad
    optimiser = torch.optim.AdamW(stage.model.parameters())
    assert not loop._learn(loss, dict(stage.model.named_parameters()), optimiser)


def test_the_twin_without_words(bank: Bank, tmp_path: Path) -> None:
    settings = replace(SETTINGS, without_words=True)
    train(tmp_path, bank, settings, (Which.RESTORE,))
    state = load(tmp_path / "restore.pt")
    model = MedQUni(MedQUniConfig(**SIZES))
    assert state["mean"].keys() == dict(model.named_parameters()).keys()
    assert not any(map(is_restoring, load(tmp_path / "assess.pt")["mean"]))
    put(model, state["mean"])
    stage = Restoring(model, bank, 1, Course(without_words=True))
    tasks = {s.task for step in range(60) for s in stage.draw(step).batch.samples}
    assert {"ct clean", "mr clean"} <= tasks
    drawn = stage.draw(4)
    assert all((one.gates > 0).sum() >= 2 for one in drawn.told)
    assert drawn.wrong == ()
    heed_tokens(model)
    before, _ = stage.loss(4, drawn)
    other = tuple(replace(s, tokens=s.tokens[::-1].copy()) for s in drawn.told)
    for sample, true in zip(other, drawn.told, strict=True):
        sample.tokens[:3] = true.tokens[:3]
    after, _ = stage.loss(4, replace(drawn, told=other))
    assert torch.equal(before, after), "the twin reads words"


def test_a_loss_that_is_not_finite_ends_with_a_line(bank: Bank, tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps={Which.ASSESS: 500}, rate=1e30, every=1000)
    with pytest.raises(ValueError, match=r"no finite loss since step .*: lower --rate"):
        run(tmp_path, Which.ASSESS, bank, settings)


def test_other_sizes_are_refused(whole: Path, bank: Bank, tmp_path: Path) -> None:
    (tmp_path / "assess.pt").write_bytes((whole / "assess.pt").read_bytes())
    settings = replace(SETTINGS, sizes={**SIZES, "width": 40})
    with pytest.raises(ValueError, match="model of other sizes"):
        run(tmp_path, Which.ASSESS, bank, settings)


@pytest.mark.parametrize("damage", ["cut", "text", "other"])
def test_a_damaged_checkpoint_is_told(whole: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "assess.pt"
    held = (whole / "assess.pt").read_bytes()
    if damage == "other":
        torch.save([1, 2], path)
    else:
        path.write_bytes(held[: len(held) // 2] if damage == "cut" else b"no checkpoint\n")
    with pytest.raises(ValueError, match="no checkpoint of a training"):
        load(path)


def test_a_new_model_starts_from_what_is_usual_in_its_bank(bank: Bank, tmp_path: Path) -> None:
    """Else statistics of different modalities hide what differs within one."""
    settings = replace(SETTINGS, steps={Which.ASSESS: 1, Which.RESTORE: 1}, rate=1e-9)
    run(tmp_path, Which.ASSESS, bank, settings)
    usual = load(tmp_path / "assess.pt")["parameters"]["usual"].numpy()
    of_ct = bank.table["facts"][bank.training, 0] > 0
    expected = bank.table["spectrum"][bank.training][of_ct].mean(0)
    assert np.allclose(usual[0], expected, atol=1e-5)


def test_only_what_is_asked_for_is_restored(bank: Bank) -> None:
    model = MedQUni(MedQUniConfig(**SIZES))
    stage = Restoring(model, bank, 1, Course(alone=99, tasks=("ct metal",)))
    assert {s.task for step in range(6) for s in stage.draw(step).batch.samples} == {"ct metal"}
    assert set(stage.validate()) == {"ct metal dB"}
