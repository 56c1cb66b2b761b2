"""Contact sheets of the made world of CT: phantoms, low dose, metal; to be looked at by eye.

Usage: ``python benchmarks/sheets.py -o docs [--size 512]``. Only phantoms are shown, so that sheets
can be passed on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines.base import FloatArray
from engines.description import Degradation, Modality
from engines.medq_uni.degradations.ct.low_dose import LowDose
from engines.medq_uni.degradations.ct.metal import Metal
from engines.medq_uni.degradations.ct.metal_scan import MetalScan
from engines.medq_uni.degradations.kernels import KERNELS
from engines.medq_uni.pair import Degrade, Source, compose
from engines.phantoms.anatomy import Phantom, random_phantom

mpl.use("Agg")
from matplotlib import pyplot as plt

Window = tuple[float, float]
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
GREYS = 48
"""Levels of grey kept in the files: enough for the eye, and small."""
Tile = tuple[FloatArray, Window, str]


def sheet(tiles: Sequence[Sequence[Tile]], title: str, path: Path) -> None:
    """Rows of images with a caption each, in one PNG."""
    rows, columns = len(tiles), max(map(len, tiles))
    tall, wide = tiles[0][0][0].shape
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.5 * columns, (2.5 * tall / wide + 0.35) * rows + 0.4),
        squeeze=False, layout="constrained", facecolor="#11151a",
    )  # fmt: skip
    figure.suptitle(title, color="white", fontsize=12)
    for row, shown in zip(axes, tiles, strict=True):
        for axis in row:
            axis.set_axis_off()
        for axis, (image, (low, high), caption) in zip(row, shown, strict=False):
            axis.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="antialiased")
            axis.set_title(caption, color="0.85", fontsize=8)
    figure.savefig(path, dpi=90, facecolor=figure.get_facecolor())
    plt.close(figure)
    with Image.open(path) as drawn:
        few = drawn.convert("L").quantize(GREYS)
    few.save(path, optimize=True)


def source(phantom: Phantom) -> Source:
    """The middle slice of a phantom as something to degrade."""
    name = f"{phantom.region} {phantom.seed}"
    values = phantom.values[len(phantom.values) // 2]
    return Source(
        name, name, Modality.CT, phantom.region, "HU", values, phantom.pixel_mm, phantom.slice_mm
    )


def phantoms(size: int) -> list[list[Tile]]:
    """Six people per region."""
    return [
        [
            (random_phantom(region, seed, size).values[0], window, f"{region}, seed {seed}")
            for seed in range(6)
        ]
        for region, window in WINDOWS.items()
    ]


def low_dose(size: int) -> list[list[Tile]]:
    """One abdomen, four levels of noise through every kernel."""
    clean = source(random_phantom("abdomen", 2, size))
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
        clean = source(random_phantom(region, seed, size))
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


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description="Contact sheets of phantoms, low dose and metal.")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    sheet(phantoms(given.size), "Random phantoms: no patients", given.out / "ct-phantoms.png")
    title = "Low dose on a phantom: noise added in soft tissue, by kernel"
    sheet(low_dose(given.size), title, given.out / "ct-low-dose.png")
    sheet(
        metal(given.size), "Metal in phantoms, more of it to the right", given.out / "ct-metal.png"
    )


if __name__ == "__main__":
    main()
