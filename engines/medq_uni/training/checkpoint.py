"""Where a training stands: parameters, their running mean, optimiser, step, curves."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engines.medq_uni.pairs.shards import sync_folder

RESTORING = ("kinds", "norm_steer", "condition", "menders")
"""First parts of the names of what the restoration expert owns, besides its half of each block."""


def is_restoring(name: str) -> bool:
    """Whether a parameter is the restoration expert's."""
    parts = name.split(".")
    return parts[0] in RESTORING or (parts[0] == "blocks" and parts[2] == "restore")


def own_parameters(model: nn.Module, restoring: bool) -> dict[str, nn.Parameter]:
    """The parameters of one expert by name."""
    return {n: p for n, p in model.named_parameters() if is_restoring(n) is restoring}


class RunningMean:
    """Exponential mean of parameters; quicker in the beginning, so that it never lags behind."""

    def __init__(self, parameters: dict[str, nn.Parameter], decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.values = {name: p.detach().clone() for name, p in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: dict[str, nn.Parameter]) -> None:
        """Take in the parameters as they are now."""
        self.steps += 1
        weight = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        names = list(self.values)
        torch._foreach_lerp_(
            [self.values[n] for n in names], [parameters[n].detach() for n in names], weight
        )

    @torch.no_grad()
    def resume(self, values: dict[str, Tensor], steps: int) -> None:
        """Go on from a mean over ``steps`` that was kept."""
        for name, value in values.items():
            self.values[name].copy_(value)
        self.steps = steps


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that either the old or the new one is there, whatever happens."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        ValueError: the file is none.
        OSError: it can't be read.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path} is no checkpoint of a training, or cut short: remove it to begin anew"
        ) from error
    if not isinstance(state, dict) or "mean" not in state:
        raise ValueError(f"{path} is no checkpoint of a training: remove it to begin anew")
    return state


@torch.no_grad()
def put(model: nn.Module, values: dict[str, Tensor], names: Iterable[str] | None = None) -> None:
    """Set parameters of ``model`` by name.

    Raises:
        ValueError: the values are of a model of other sizes.
    """
    mine = dict(model.named_parameters())
    for name in names or values:
        if name not in mine or mine[name].shape != values[name].shape:
            raise ValueError(f"the checkpoint is of a model of other sizes ({name})")
        mine[name].copy_(values[name])
