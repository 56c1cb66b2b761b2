"""The loop over steps: rate, gradient, running mean, validations, checkpoints.

A checkpoint holds all that the next step depends on, and a step's batch depends on its number, so
that a training which was killed and goes on has the parameters of one that never was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from engines.medq_uni.model import MedQUni, MedQUniConfig
from engines.medq_uni.training.ahead import drawn_ahead
from engines.medq_uni.training.assessing import Assessing
from engines.medq_uni.training.bank import Bank
from engines.medq_uni.training.checkpoint import (
    RunningMean,
    is_restoring,
    load,
    own_parameters,
    put,
    save,
)
from engines.medq_uni.training.curves import PICTURE, Recent, draw, write_line
from engines.medq_uni.training.machine import CPU, Machine
from engines.medq_uni.training.progress import Lines, spell, told_validation
from engines.medq_uni.training.restoring import Course, Restoring

D = TypeVar("D")
WARM_UP = 200
LAST_RATE = 0.02
CLIP = 1.0
DECAY = 0.999
"""Of the running mean, which is what is kept of a training."""
HOPELESS = 50
"""So many steps in a row without a finite gradient end the training."""


class Which(StrEnum):
    """The stages, in the order they are run in."""

    ASSESS = "assess"
    RESTORE = "restore"


class Stage(Protocol[D]):
    """What a training runs; ``D`` is what one step reads."""

    name: str

    def draw(self, step: int) -> D:
        """What step ``step`` reads, by numpy alone: it may be drawn in a thread."""
        ...

    def loss(self, step: int, drawn: D) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss of a step, and numbers for the curves."""
        ...

    def validate(self) -> dict[str, float]:
        """Numbers on what isn't trained on."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; ``steps`` of each stage in all, ``every`` steps a validation.

    ``alone`` and ``singles`` are shares of the restoration's steps: without steering, and without
    mixtures. ``ahead`` batches are drawn beforehand.
    """

    steps: dict[Which, int]
    seed: int = 0
    rate: float = 1e-3
    every: int = 1000
    ahead: int = 2
    alone: float = 0.4
    singles: float = 0.25
    own_words: float = 0.25
    without_words: bool = False
    sizes: dict[str, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()


class Stop:
    """Whether to stop: asked to by a signal, or out of time (``minutes``, 0 for never)."""

    def __init__(self, minutes: float = 0.0) -> None:
        self.asked = False
        self.end = time.monotonic() + 60 * minutes if minutes > 0 else math.inf

    def ask(self, *_: object) -> None:
        """Stop after the present step; a signal's handler."""
        self.asked = True

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self.end


def run(
    out: Path,
    which: Which,
    bank: Bank,
    settings: Settings,
    machine: Machine = CPU,
    stop: Stop | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Train one stage to its last step, going on from its checkpoint in ``out``.

    Raises:
        ValueError: the checkpoint is of other sizes or none, or the loss isn't finite any more.
        OSError: something can't be read or written.
    """
    stop = stop or Stop()
    torch.manual_seed(settings.seed)
    model = MedQUni(MedQUniConfig(**settings.sizes))
    model.standardise(*(bank.table[of][bank.training] for of in ("spectrum", "facts")))
    steps, path = settings.steps[which], out / f"{which}.pt"
    stage = _stage(out, which, model, bank, settings, machine, say)
    alone = settings.without_words
    mine = (
        dict(model.named_parameters()) if alone else own_parameters(model, which is Which.RESTORE)
    )
    state = load(path) if path.exists() else None
    if state is not None:
        put(model, state["parameters"])
    machine.place(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in mine)
    optimiser = torch.optim.AdamW(
        mine.values(), lr=settings.rate, weight_decay=0.01, betas=(0.9, 0.99)
    )
    mean, recent, start, before = RunningMean(mine, DECAY), Recent(), 0, 0.0
    options = _options(which, settings, out)
    if state is not None:
        optimiser.load_state_dict(state["optimiser"])
        mean.resume(state["mean"], state["mean_steps"])
        start, before = state["step"], state.get("seconds", 0.0)
        recent = Recent(state.get("recent"))
        before_this = {**options, **state.get("options", {})}
        del state
        said = "all are done" if start >= steps else "goes on from there"
        say(f"{which}: {start:,} of {steps:,} steps are done; {said}")
        for name in options:
            if start < steps and before_this[name] != options[name]:
                say(f"{which}: {name} is {options[name]} from here on, was {before_this[name]}")
    since, lines, lost = time.monotonic(), Lines(which, start, steps, say), 0
    for step, drawn in drawn_ahead(stage.draw, start, steps, settings.ahead):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * share(step, steps)
        loss, told = stage.loss(step, drawn)
        lost = 0 if _learn(loss, mine, optimiser) else lost + loss.requires_grad
        if lost >= HOPELESS:
            raise ValueError(f"{which}: no finite loss since step {step - lost}: lower --rate")
        mean.update(mine)
        recent.add(float(loss.detach()), told)
        done = step + 1
        lines.step(done, float(loss.detach()), optimiser.param_groups[0]["lr"])
        late, last = stop.late, done == steps
        if not (done % settings.every == 0 or last or late or stop.asked):
            continue
        kept = {name: p.detach().clone() for name, p in mine.items()}
        spent = before + time.monotonic() - since
        if not stop.asked:
            put(model, mean.values)
            found = stage.validate()
            put(model, kept)
            spent = before + time.monotonic() - since
            write_line(out, {"stage": which.value, "step": done, "seconds": spent,
                             **recent.take(), "validation": found})  # fmt: skip
            say(f"{which} {done:>6,} of {steps:,}  {told_validation(found)}")
        save(path, {"parameters": kept, "mean": mean.values, "mean_steps": mean.steps,
                    "optimiser": optimiser.state_dict(), "step": done, "seconds": spent,
                    "recent": recent.sums, "sizes": settings.sizes,
                    "options": options})  # fmt: skip
        if alone:
            half = {name: v for name, v in mean.values.items() if not is_restoring(name)}
            save(out / f"{Which.ASSESS}.pt", {"mean": half, "step": done})
        if not draw(out):
            say(f"{PICTURE} isn't drawn: matplotlib isn't installed")
        lines.again(done)
        if late or stop.asked:
            say(f"{which} stopped after step {done:,} and {spell(spent)}; run again to go on")
            break


def _options(which: Which, settings: Settings, out: Path) -> dict[str, Any]:
    """What else decides what a training becomes: told where it is not as it was."""
    found: dict[str, Any] = {"steps": settings.steps[which], "rate": settings.rate}
    if which is Which.RESTORE:
        assessed = out / f"{Which.ASSESS}.pt"
        found |= {
            "words alone": settings.alone,
            "singles": settings.singles,
            "own words": settings.own_words,
            "tasks": ", ".join(settings.tasks) or "all",
        }
        if not settings.without_words:
            found["assessment"] = load(assessed)["step"] if assessed.exists() else "none"
    return found


def _stage(
    out: Path,
    which: Which,
    model: MedQUni,
    bank: Bank,
    settings: Settings,
    machine: Machine,
    say: Callable[[str], None],
) -> Stage[Any]:
    if which is Which.ASSESS:
        return Assessing(model, bank, settings.seed, machine)
    steps = settings.steps[which]
    alone, assessed = round(settings.alone * steps), out / f"{Which.ASSESS}.pt"
    if settings.without_words:
        pass
    elif assessed.exists():
        put(model, load(assessed)["mean"])
    else:
        alone = steps
        say(f"{which}: by words alone, since there is no {assessed.name} to read images with yet")
    course = Course(
        alone, round(settings.singles * steps), settings.own_words, settings.without_words,
        settings.tasks,
    )  # fmt: skip
    return Restoring(model, bank, settings.seed + 1, course, machine)


def _learn(
    loss: torch.Tensor, mine: dict[str, nn.Parameter], optimiser: torch.optim.Optimizer
) -> bool:
    """One step of the optimiser; False, and none, where there is nothing to learn from."""
    optimiser.zero_grad(set_to_none=True)
    if not loss.requires_grad:
        return False
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(mine.values(), CLIP)
    if not torch.isfinite(norm):
        return False
    optimiser.step()
    return True


def share(step: int, steps: int) -> float:
    """Share of the highest rate: up over the first steps, then down as a cosine."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    along = min(1.0, step / steps)
    return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * along))
