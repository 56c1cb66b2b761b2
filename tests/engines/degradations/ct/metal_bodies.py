"""A body with metal in it, scanned without noise, for the tests of metal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.description import Degradation, Modality
from engines.medq_uni.degradations.ct.metal import Metal
from engines.medq_uni.degradations.ct.metal_scan import MetalScan
from engines.medq_uni.degradations.ct.metal_shapes import Rod, disc, draw
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.pair import Pair, Source
from tests.engines.degradations.ct.bodies import ellipse

SIZE, PIXEL = 192, 1.6
MIDDLE = SIZE // 2 * PIXEL
QUIET = Scan(photons=1e8, electronic=0)
"""So many photons that what is left is not noise."""


def body(hu: float = 40.0) -> NDArray[np.float32]:
    return ellipse(130, 95, SIZE, PIXEL, hu)


def pair(values: NDArray[np.float32] | None = None, noise: float = 0.0) -> Pair:
    values = body() if values is None else values
    return Pair.clean(
        Source("body", "phantom", Modality.CT, "pelvis", "HU", values, PIXEL, 3.0, noise)
    )


def two_balls(radius: float = 9.0, apart: float = 120.0) -> NDArray[np.float32]:
    """Two balls left and right of the middle."""
    left, right = (MIDDLE - apart / 2, MIDDLE), (MIDDLE + apart / 2, MIDDLE)
    return draw((disc(left, radius), disc(right, radius)), (SIZE, SIZE), PIXEL)


def rod(angle: float = 0.0, half: float = 30.0, radius: float = 3.0) -> NDArray[np.float32]:
    dx, dy = half * np.cos(angle), half * np.sin(angle)
    start, end = (MIDDLE - dx, MIDDLE - dy), (MIDDLE + dx, MIDDLE + dy)
    return draw((Rod(start, end, radius, radius),), (SIZE, SIZE), PIXEL)


def with_metal(
    fraction: NDArray[np.float32], seed: int = 0, before: Pair | None = None, **settings: Any
) -> Pair:
    scan = MetalScan(**({"counting": QUIET} | settings.pop("scan", {})))
    metal = Metal("clip", settings.pop("material", "steel"), scan=scan, **settings)
    return metal.insert(before or pair(), fraction, np.random.default_rng(seed))


def amount(made: Pair) -> float:
    finding = made.finding(Degradation.METAL)
    assert finding is not None and finding.amount is not None
    return finding.amount


def around(distance_mm: float, angle: float, of: NDArray[np.float32]) -> float:
    """Mean of 5 x 5 pixels at so many mm from the middle."""
    x = round((MIDDLE + distance_mm * np.cos(angle)) / PIXEL)
    y = round((MIDDLE + distance_mm * np.sin(angle)) / PIXEL)
    return float(of[y - 2 : y + 3, x - 2 : x + 3].mean())


def pair_with(**changes: Any) -> Pair:
    """The clean pair of a source with other fields."""
    return Pair.clean(replace(pair().source, **changes))
