"""How far a CT series is from a known truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medq_node.pixels.series import open_series

_BODY_HU = -900.0


def rmse_hu(files: Sequence[Path], truth_hu: NDArray[np.float32]) -> float:
    """Root mean square error in HU inside the body; ``truth_hu`` is (slices, rows, columns)."""
    stack = open_series(files)
    squares, count = 0.0, 0
    for index, truth in enumerate(truth_hu):
        body = truth > _BODY_HU
        error = stack.slab(index, index + 1).values[0][body] - truth[body]
        squares += float(np.sum(np.square(error, dtype=np.float64)))
        count += int(body.sum())
    return round(float(np.sqrt(squares / count)), 2)
