"""What is to be compiled for this machine; knows no library."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.runtime.base import Graph


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be compiled: graphs of a model in ``folder`` with its ``digest``, for a GPU.

    ``compiled`` is the folder that engines are kept in.
    """

    folder: Path
    digest: str
    graphs: tuple[Graph, ...]
    compiled: Path
    device: int = 0

    def text(self) -> str:
        """As one line, for another process."""
        return json.dumps({**asdict(self), "folder": str(self.folder),
                           "compiled": str(self.compiled)})  # fmt: skip


def order_from(text: str) -> Order:
    """What ``Order.text`` wrote."""
    told = json.loads(text)
    graphs = tuple(
        Graph(
            one["name"],
            tuple(one["inputs"]),
            tuple(one["outputs"]),
            {name: (low, usual, high) for name, (low, usual, high) in one["ranges"].items()},
        )
        for one in told["graphs"]
    )
    return Order(
        Path(told["folder"]), told["digest"], graphs, Path(told["compiled"]), told["device"]
    )
