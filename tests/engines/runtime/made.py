"""What the tests of runtimes share: the tiny model as runtimes see it, and inputs of its graphs."""

from __future__ import annotations

import numpy as np

from engines.medq_uni.graphs import GRAPHS, LOOK, SAY
from engines.medq_uni.look import FACTS, SPECTRUM, places_of
from engines.medq_uni.weights_file import read_weights
from engines.runtime.choose import Model
from tests.engines.medq_uni.made import TINY


def model() -> Model:
    def modules() -> object:
        from engines.medq_uni.modules import modules_in

        return modules_in(TINY)

    return Model(TINY, read_weights(TINY).digest, GRAPHS, (LOOK, SAY), modules)


def looked(seed: int = 0, rows: int = 64, columns: int = 96) -> list[np.ndarray]:
    """Arrays for ``LOOK``."""
    rng = np.random.default_rng(seed)
    return [
        rng.random((1, 1, rows, columns), np.float32),
        places_of(rows, columns)[None],
        rng.random((1, SPECTRUM), np.float32),
        rng.random((1, FACTS), np.float32),
    ]
