"""Contact sheets of CT: phantoms, low dose, metal."""

from __future__ import annotations

import numpy as np

from benchmarks.sheet import Tile, Window
from engines.description import Degradation, Modality
from engines.medq_uni.degradations.ct.low_dose import LowDose
from engines.medq_uni.degradations.ct.metal import Metal
from engines.medq_uni.degradations.ct.metal_scan import MetalScan
from engines.medq_uni.degradations.kernels import KERNELS
from engines.medq_uni.pair import Degrade, Source, compose
from engines.medq_uni.phantom_sources import phantom_source
from engines.phantoms.anatomy import Kind

SOFT: Window = (-160, 240)
WINDOWS: dict[str, Window] = {
    "head": (0, 80), "chest": (-1350, 150), "abdomen": SOFT, "pelvis": SOFT,
}  # fmt: skip
LEVELS_HU = (12.0, 20.0, 30.0, 50.0)
"""Noise that is none, mild, moderate and severe in a body."""
METALS: tuple[tuple[str, int, str, str], ...] = (
    ("pelvis", 8, "two hips", "titanium"),
    ("pelvis", 0, "hip", "cobalt-chrome"),
    ("abdomen", 1, "pedicle screws", "titanium"),
    ("abdomen", 4, "clip", "steel"),
    ("head", 3, "plate", "titanium"),
    ("head", 0, "coil", "platinum"),
)
"""Region and seed of a phantom, and what is put into it."""
SHARES = (0.1, 0.3, 1.0)
"""Shares of the slice that the metal fills, from slight to full streaks."""


def source(region: str, seed: int, size: int) -> Source:
    """A phantom as something to degrade."""
    return phantom_source(Kind(Modality.CT, region), seed, size)


def phantoms(size: int) -> list[list[Tile]]:
    """Six people per region."""
    return [
        [(source(region, seed, size).values, window, f"{region}, seed {seed}") for seed in range(6)]
        for region, window in WINDOWS.items()
    ]


def low_dose(size: int) -> list[list[Tile]]:
    """One abdomen, four levels of noise through every kernel."""
    clean = source("abdomen", 2, size)
    tiles = []
    for level in LEVELS_HU:
        row: list[Tile] = []
        for kernel in KERNELS:
            pair = compose(clean, [LowDose(noise_hu=level, kernel=kernel)], seed=1)
            found = pair.finding(Degradation.NOISE)
            word = found.severity if found else "none"
            part = pair.image[size // 4 : -size // 3, size // 4 : -size // 4]
            row.append((part, SOFT, f"{kernel.name}, {level:.0f} HU: {word}"))
        tiles.append(row)
    return tiles


def metal(size: int) -> list[list[Tile]]:
    """Implants from slight to full streaks, their truth beside them."""
    tiles = []
    for region, seed, kind, material in METALS:
        clean = source(region, seed, size)
        row: list[Tile] = []
        for share in SHARES:
            step: Degrade = Metal(kind, material, scan=MetalScan(share=share))
            pair = compose(clean, [step], seed=3)
            found = pair.finding(Degradation.METAL)
            said = f"{found.amount:.0f} HU: {found.severity}" if found and found.amount else "none"
            row.append((pair.image, SOFT, f"{kind}, {material}\n{said}"))
        row.append((pair.truth, SOFT, "truth"))
        error = np.asarray(pair.image - pair.truth, np.float32)
        row.append((error, (-200, 200), "error, -200 to 200 HU"))
        tiles.append(row)
    return tiles
