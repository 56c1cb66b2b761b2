"""The model's graphs as calls: arrays in, arrays out, on whatever runtime there is; no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.base import EngineOptions, FloatArray
from engines.description import Degradation
from engines.medq_uni import weights_file
from engines.medq_uni.levels import EXPERTS
from engines.medq_uni.look import BINS, PATCH, SPECTRUM, places_of
from engines.medq_uni.tokens import LONGEST
from engines.medq_uni.weights_file import Weights
from engines.runtime.base import Graph, Range, Runtime
from engines.runtime.choose import Choice, Model, open_runtime

_BATCH: Range = (1, 8, 16)
_SIDE: Range = (PATCH, 512, 1024)
"""Of what is looked at (``viewing.LARGEST_SIDE``) and of a tile (``mending.TILE``)."""
_STATISTICS = 1 + SPECTRUM // BINS
"""Tokens of what is seen that are no patches."""
_PATCHES: Range = tuple(  # type: ignore[assignment]
    (side // PATCH) ** 2 for side in _SIDE
)
_KEPT: Range = tuple(patches + _STATISTICS + LONGEST for patches in _PATCHES)  # type: ignore[assignment]
_SAID: Range = (1, 1, LONGEST)
_LOOKED: Mapping[str, Range] = {
    "batch": _BATCH, "rows": _SIDE, "columns": _SIDE, "patches": _PATCHES,
}  # fmt: skip
_SPOKEN: Mapping[str, Range] = {"batch": _BATCH, "said": _SAID, "kept": _KEPT}
_MENDED: Mapping[str, Range] = {"batch": _BATCH, "rows": _SIDE, "columns": _SIDE}

LOOK = Graph(
    weights_file.LOOK, ("image", "places", "spectrum", "facts"), ("keys", "values"), _LOOKED
)
SAY = Graph(
    weights_file.SAY,
    ("tokens", "at", "keys", "values", "hidden"),
    ("logits", "said_keys", "said_values"),
    _SPOKEN,
)
STEER = Graph(weights_file.STEER, ("tokens", "keys", "values", "hidden"), ("steered",), _SPOKEN)
MENDERS: Mapping[Degradation, Graph] = {
    kind: Graph(
        weights_file.mender_file(kind), ("image", "level", "told", "steered"), ("change",), _MENDED
    )
    for kind in EXPERTS
}
GRAPHS: tuple[Graph, ...] = (LOOK, SAY, STEER, *MENDERS.values())
HIDDEN = -1e9
"""Added to the score of a place that holds no word yet."""


@dataclass(slots=True)
class Kept:
    """Keys and values of all that was looked at, with room for a sentence behind them.

    Both are (layers, batch, heads, ``seen`` + ``tokens.LONGEST``, width of a head); ``said`` words
    are kept so far.
    """

    keys: FloatArray
    values: FloatArray
    seen: int
    said: int = 0

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes."""
        return self.keys.nbytes + self.values.nbytes

    def of(self, k: int) -> Kept:
        """That of one image of the batch."""
        if self.keys.shape[1] == 1:
            return self
        one = slice(k, k + 1)
        return Kept(self.keys[:, one].copy(), self.values[:, one].copy(), self.seen, self.said)

    def hidden(self, said: int) -> FloatArray:
        """What to add to scores so that no more than the first ``said`` words are seen."""
        found = np.zeros(self.seen + LONGEST, np.float32)
        found[self.seen + said :] = HIDDEN
        return found


def joined(several: Sequence[Kept]) -> Kept:
    """What was kept of several images of one size, as one batch."""
    first = several[0]
    if len(several) == 1:
        return first
    return Kept(
        np.concatenate([one.keys for one in several], 1),
        np.concatenate([one.values for one in several], 1),
        first.seen,
        first.said,
    )


class Graphs:
    """The calls; all arrays are as ``engines.medq_uni.modules`` takes them.

    Every call may raise an ``EngineError`` that says in one line what went wrong.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def look(self, images: FloatArray, spectrum: FloatArray, facts: FloatArray) -> Kept:
        """Look at images (batch, 1, rows, columns), multiples of 32, with their statistics."""
        count, _, rows, columns = images.shape
        places = np.tile(places_of(rows, columns), (count, 1, 1))
        keys, values = self._run(LOOK, images, places, spectrum, facts)
        room = (*keys.shape[:3], LONGEST, keys.shape[4])
        none = np.zeros(room, np.float32)
        return Kept(
            np.concatenate([keys, none], 3), np.concatenate([values, none], 3), keys.shape[3]
        )

    def say(self, said: NDArray[np.int64], kept: Kept) -> FloatArray:
        """Logits of the word after ``said`` (batch, tokens): (batch, vocabulary).

        Of ``said`` only what ``kept`` doesn't hold yet is worked on, and kept then.
        """
        at, stop = kept.said, said.shape[1]
        logits, keys, values = self._run(
            SAY,
            said[:, at:],
            np.array([at], np.int64),
            kept.keys,
            kept.values,
            kept.hidden(at),
        )
        kept.keys[:, :, :, kept.seen + at : kept.seen + stop] = keys
        kept.values[:, :, :, kept.seen + at : kept.seen + stop] = values
        kept.said = stop
        return logits

    def steer(self, said: NDArray[np.int64], kept: Kept) -> FloatArray:
        """``c_k`` of every expert for whole sentences: (batch, experts, condition).

        What was said before to ``kept`` plays no part.
        """
        return self._run(STEER, said, kept.keys, kept.values, kept.hidden(0))[0]

    def mend(
        self,
        kind: Degradation,
        images: FloatArray,
        level: FloatArray,
        told: FloatArray,
        steered: FloatArray,
    ) -> FloatArray:
        """The change of one expert for images (batch, 1, rows, columns), multiples of 32."""
        return self._run(MENDERS[kind], images, level, told, steered)[0]

    def _run(self, graph: Graph, *arrays: NDArray[Any]) -> list[FloatArray]:
        return self.runtime.run(graph, arrays)


def model_of(weights: Weights) -> Model:
    """A checked folder of weights as runtimes see it."""
    return Model(weights.folder, weights.digest, GRAPHS, (LOOK, SAY), lambda: _modules(weights))


def open_graphs(weights: Weights, options: EngineOptions) -> Choice:
    """The runtime of a checked folder of weights.

    Raises:
        EngineError: the runtime that was asked for can't be had, or a graph can't be opened.
    """
    return open_runtime(model_of(weights), options)


def _modules(weights: Weights) -> object:
    # torch, only where it is asked for.
    from engines.medq_uni.modules import modules_in

    return modules_in(weights.folder)
