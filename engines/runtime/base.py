"""The seam: a graph by its name, arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.base import FloatArray

Range = tuple[int, int, int]
"""Least, usual and greatest length of a dimension."""


@dataclass(frozen=True, slots=True)
class Graph:
    """One graph of a model.

    ``name`` is its ONNX file beside the weights; ``inputs`` and ``outputs`` are in the order in
    which arrays are given and come back. ``ranges`` says, by the names that the file gives to
    dimensions, how long those without a fixed length may be.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ranges: Mapping[str, Range] = field(default_factory=dict, hash=False, compare=False)


class Runtime(Protocol):
    """A model's graphs on some library and device; calls may come from several threads."""

    @property
    def about(self) -> str:
        """Library, version, device and precision: all that may change a result, for digests."""
        ...

    @property
    def batch(self) -> int:
        """Images best run at once."""
        ...

    @property
    def workers(self) -> int:
        """Threads best calling at the same time."""
        ...

    def run(self, graph: Graph, arrays: Sequence[NDArray[Any]]) -> list[FloatArray]:
        """The outputs of ``graph``, float32, for ``arrays`` in the order of its inputs.

        Raises:
            EngineError: one line on what went wrong, such as memory of a GPU that is used up.
        """
        ...


def contiguous(graph: Graph, arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """``arrays`` by the names of the graph's inputs, in C order."""
    return {
        name: np.ascontiguousarray(array) for name, array in zip(graph.inputs, arrays, strict=True)
    }
