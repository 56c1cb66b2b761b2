"""How quickly pairs are made: by task, and low-dose CT in full and from a bank of noise.

Usage: ``python benchmarks/pairs.py [--quick]``. Prints Markdown tables: pairs per second of every
task from one phantom of usual size, and what the phantom itself costs; then low dose by way and
size, CPU time (which other work on the machine disturbs less) and its ratio to the full simulation
with a fan, and how the cost grows with the image. ``--quick`` makes fewer of each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines.description import Modality
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct.low_dose import LowDose, Scan
from engines.medq_uni.degradations.ct.noise_bank import Crop, NoiseBank, StarvedError
from engines.medq_uni.degradations.kernels import random_kernel
from engines.medq_uni.pair import Source, compose
from engines.medq_uni.phantom_sources import SIZES, kinds_of, phantom_source
from engines.medq_uni.tasks.table import TASKS
from engines.medq_uni.tasks.task import Task
from engines.medq_uni.truth import pair_description
from engines.phantoms.ellipses import draw
from engines.phantoms.thorax import FIELD_MM, thorax_ellipses

SECONDS = 3.0
"""Each way is timed for at least so long."""
LEVELS_HU = (4.0, 90.0)
"""Noise is log-uniform between these, as in training."""


def thorax(size: int) -> Source:
    """A slice of the phantom."""
    image = draw(thorax_ellipses(0.3), size) - np.float32(1000)
    return Source(f"thorax {size}", "phantom", Modality.CT, "chest", "HU", image,
                  FIELD_MM / size, 3.0)  # fmt: skip


def timed(make: Callable[[np.random.Generator], object], least: float) -> tuple[float, float]:
    """Seconds of wall and of CPU that ``make`` takes; once beforehand to fill its tables."""
    rng = np.random.default_rng(0)
    make(rng)
    count, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < least or count < 3:
        make(rng)
        count += 1
    return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count


def level(rng: np.random.Generator) -> float:
    """A noise level in HU."""
    return float(np.exp(rng.uniform(*np.log(LEVELS_HU))))


def in_full(source: Source, fan: bool) -> Callable[[np.random.Generator], object]:
    """A pair by ``LowDose``."""

    def make(rng: np.random.Generator) -> object:
        step = LowDose(kernel=random_kernel(rng), noise_hu=level(rng), scan=Scan(fan=fan))
        return compose(source, [step], int(rng.integers(2**31)))

    return make


def of_bank(bank: NoiseBank, side: int | None) -> Callable[[np.random.Generator], object]:
    """A pair of the whole slice, or of a crop of ``side`` pixels somewhere in it.

    A level for which rays would starve is drawn anew.
    """
    room = len(bank.source.values) - (side or 0)

    def make(rng: np.random.Generator) -> object:
        crop = None
        if side is not None:
            top, left = (int(n) for n in rng.integers(0, room + 1, 2))
            crop = Crop(top, left, side, side)
        while True:
            try:
                return bank.pair(random_kernel(rng), rng, noise_hu=level(rng), crop=crop)
            except StarvedError:
                continue

    return make


def of_task(task: Task[Any], source: Source) -> Callable[[np.random.Generator], object]:
    """A pair of a task, severities and variants by chance; its truth in words is part of it.

    Where there is no place for an implant another is tried.
    """

    def make(rng: np.random.Generator) -> object:
        for _ in range(100):
            severity = task.severities[int(rng.integers(len(task.severities)))]
            variant = task.variants[int(rng.integers(len(task.variants)))]
            try:
                steps = task.steps(source, severity, variant, rng)
                return pair_description(compose(source, steps, int(rng.integers(2**31))))
            except NoPlaceError:
                continue
        raise ValueError(f"{task.name}: no place in {source.name}")

    return make


def by_task(least: float) -> None:
    """Print the table of tasks."""
    print("| task | side | pairs/s | CPU ms | of the phantom, CPU ms |\n|---|---:|---:|---:|---:|")
    shown = {
        modality: max(
            kinds_of([modality]), key=lambda kind: kind.region in ("abdomen", "whole body")
        )
        for modality in Modality.sectional()
    }
    for task in TASKS.values():
        kind, side = shown[task.modality], SIZES[task.modality]
        source = phantom_source(kind, 1, side)
        drawn = timed(lambda rng: phantom_source(kind, int(rng.integers(2**31)), side), least)[1]  # noqa: B023
        wall, cpu = timed(of_task(task, source), least)
        print(f"| {task.name} | {side} | {1 / wall:.1f} | {1e3 * cpu:.0f} | {1e3 * drawn:.0f} |")
    print()


def main() -> None:
    """Print the tables."""
    least = 0.5 if "--quick" in sys.argv else SECONDS
    by_task(least)
    source = thorax(512)
    start = time.perf_counter()
    bank = NoiseBank.build(source, fields=4)
    built = time.perf_counter() - start
    ways = {
        "full simulation, fan": in_full(source, True),
        "full simulation, parallel": in_full(source, False),
        "bank, 512 x 512": of_bank(bank, None),
        "bank, crops of 256": of_bank(bank, 256),
        "bank, crops of 128": of_bank(bank, 128),
    }
    costs = {name: timed(make, least) for name, make in ways.items()}
    slowest = costs["full simulation, fan"][1]
    print("| pairs of a 512 x 512 slice | pairs/s | CPU ms | to the full fan |")
    print("|---|---:|---:|---:|")
    for name, (wall, cpu) in costs.items():
        print(f"| {name} | {1 / wall:.1f} | {1e3 * cpu:.1f} | {slowest / cpu:.1f} |")
    print(f"\nBank of 4 fields: {built:.1f} s, {bank.nbytes / 2**20:.0f} MiB.\n")
    print("| size | full, CPU s | us/pixel | bank, CPU s | us/pixel |\n|---:|---:|---:|---:|---:|")
    for size in (128, 256, 512, 1024):
        source = thorax(size)
        full = timed(in_full(source, True), least)[1]
        quick = timed(of_bank(NoiseBank.build(source, fields=2), None), least)[1]
        each = 1e6 / size**2
        print(f"| {size} | {full:.3f} | {full * each:.2f} | {quick:.4f} | {quick * each:.3f} |")


if __name__ == "__main__":
    main()
