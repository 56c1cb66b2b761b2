"""The graphs as torch modules: what is exported, and what runs where torch serves.

Their inputs and outputs are those of ``engines.medq_uni.graphs``, by the same names and order.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from engines.base import EngineError
from engines.description import Degradation
from engines.medq_uni import tokens, weights_file
from engines.medq_uni.levels import EXPERTS
from engines.medq_uni.model import HUMPS, MedQUni
from engines.medq_uni.nets.twin import KeysValues


def modules_of(model: MedQUni) -> dict[str, nn.Module]:
    """The module of every graph, by the graph's file name."""
    found: dict[str, nn.Module] = {
        weights_file.LOOK: Look(model),
        weights_file.SAY: Say(model),
        weights_file.STEER: Steer(model),
    }
    for kind in EXPERTS:
        found[weights_file.mender_file(kind)] = Mend(model, kind)
    return found


def modules_in(folder: Path) -> dict[str, nn.Module]:
    """The modules of the weights in a folder, in FP32.

    Raises:
        EngineError: transformers can't read the folder.
    """
    try:
        model = MedQUni.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise EngineError(f"weights of medq-uni: {folder} can't be read: {first}") from error
    return modules_of(model.eval())


class Look(nn.Module):
    """Image and statistics -> keys and values of all that is seen."""

    def __init__(self, model: MedQUni) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, image: Tensor, places: Tensor, spectrum: Tensor, facts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Keys and values, each (layers, batch, heads, tokens, width of a head)."""
        seen = self.model.see(image, places, spectrum, facts)
        keys, values = zip(*seen.blocks, strict=True)
        return torch.stack(keys), torch.stack(values)


class Humps(nn.Module):
    """``MedQUni.humps`` computed from two short scales, so that no graph need hold the table."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("at", torch.linspace(0, 1, tokens.NUMBERS)[:, None])
        self.register_buffer("middle", torch.linspace(0, 1, HUMPS))

    def forward(self) -> Tensor:
        """Gaussian bumps along the scale of numbers: (numbers, ``HUMPS``)."""
        return torch.exp(-0.5 * ((self.at - self.middle) * (HUMPS - 1) / 0.9) ** 2)


class _Speaking(nn.Module):
    def __init__(self, model: MedQUni) -> None:
        super().__init__()
        self.model, self.humps = model, Humps()

    def said(
        self, table: Tensor, said: Tensor, at: Tensor, kept: list[KeysValues], hidden: Tensor
    ) -> tuple[Tensor, list[KeysValues]]:
        positions = at + torch.arange(said.shape[1], device=said.device)
        x = table[said] + self.model.position[positions]
        found = []
        for block, before in zip(self.model.blocks, kept, strict=True):
            x, one = block.say_next(x, before, hidden)
            found.append(one)
        return x, found

    def table(self) -> Tensor:
        return torch.cat([self.model.words, self.humps() @ self.model.numbers])


class Say(_Speaking):
    """Tokens and what is kept -> logits of the token after the last, and what is kept of these."""

    def forward(
        self, said: Tensor, at: Tensor, keys: Tensor, values: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """``at`` (1,) is the position of the first of ``said`` (batch, tokens)."""
        table = self.table()
        x, found = self.said(table, said, at, _blocks(keys, values), hidden)
        logits = self.model.norm_text(x[:, -1]) @ table.T
        new_keys, new_values = zip(*found, strict=True)
        return logits, torch.stack(new_keys), torch.stack(new_values)


class Steer(_Speaking):
    """A whole sentence and what was seen -> ``c_k`` of every expert."""

    def forward(self, said: Tensor, keys: Tensor, values: Tensor, hidden: Tensor) -> Tensor:
        """``said`` (batch, tokens) from ``<start>`` on; the result (batch, experts, condition)."""
        at = torch.zeros(1, dtype=torch.long, device=said.device)
        kept = _blocks(keys, values)
        _, spoken = self.said(self.table(), said, at, kept, hidden)
        x = self.model.kinds.expand(said.shape[0], -1, -1)
        for block, before, text in zip(self.model.blocks, kept, spoken, strict=True):
            x = block.steer_next(x, before, hidden, text)
        found: Tensor = self.model.condition(self.model.norm_steer(x))
        return found


class Mend(nn.Module):
    """The change of one expert."""

    def __init__(self, model: MedQUni, kind: Degradation) -> None:
        super().__init__()
        self.model, self.kind = model, kind

    def forward(self, image: Tensor, level: Tensor, told: Tensor, steered: Tensor) -> Tensor:
        """As ``MedQUni.mend``."""
        return self.model.mend(self.kind, image, level, told, steered)


def _blocks(keys: Tensor, values: Tensor) -> list[KeysValues]:
    return list(zip(keys.unbind(0), values.unbind(0), strict=True))
