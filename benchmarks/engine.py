"""Cost and effect of every engine on real series and on the phantom, side by side.

Usage: ``python benchmarks/engine.py [FOLDER] [--runtime NAME ...] [--slices N]`` where FOLDER holds
one folder of DICOM files per series; default ``MEDQ_TEST_DATA/dev``. Prints ms per slice (wall, and
CPU of all cores) of an assessment, of a restoration after it, and of one whose slices nobody has
looked at before; the noise before and after; then how cost grows with the number of slices.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from engines.base import (
    RUNTIMES,
    ArrayStack,
    Engine,
    EngineError,
    EngineOptions,
    StackInfo,
    load_engine,
)
from engines.classical.measure import noise_degradation
from engines.phantoms.low_dose import low_dose_series
from engines.quality import Modality, QualityDescription

MOST_SLICES = 64
SLAB = 16
ROUNDS = 3
COUNTS = (1, 4, 16, 64, 256)


def read(folder: Path) -> ArrayStack | None:
    """The single-frame files of a folder that share one size, as one stack."""
    found = []
    for path in sorted(folder.iterdir())[:MOST_SLICES]:
        try:
            found.append(pydicom.dcmread(path))
        except InvalidDicomError:
            return None
    if not found or found[0].get("Modality") not in Modality.sectional():
        return None
    first = found[0]
    values = [
        d.pixel_array * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0))
        for d in found
        if (d.Rows, d.Columns) == (first.Rows, first.Columns)
    ]
    stack = np.stack(values).astype(np.float32)
    modality = Modality(first.Modality)
    unit = {Modality.CT: "HU", Modality.MR: "signal", Modality.PT: "Bq/ml"}[modality]
    row_mm, column_mm = (float(mm) for mm in first.PixelSpacing)
    spacing = (float(first.SliceThickness), row_mm, column_mm)
    count, rows, columns = stack.shape
    info = StackInfo(modality, "unknown", unit, count, rows, columns, spacing, (-1e9, 1e9))
    return ArrayStack(info, stack, np.ones(stack.shape, bool))


def phantom(slices: int) -> ArrayStack:
    """The noisy phantom of a chest, no two slices alike."""
    noisy, _ = low_dose_series(min(slices, MOST_SLICES), 512)
    turns = -(-slices // len(noisy))
    values = np.concatenate([noisy + np.float32(turn / 16) for turn in range(turns)])[:slices]
    info = StackInfo(
        Modality.CT, "chest", "HU", slices, 512, 512, (5.0, 0.742, 0.742), (-1024.0, 3071.0)
    )
    return ArrayStack(info, values, np.ones(values.shape, bool))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of ``work``."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def noise(description: QualityDescription) -> str:
    """What is said of noise."""
    found = description.finding(noise_degradation(description.modality))
    if found is None:
        return "not assessed"
    return found.severity + ("" if found.amount is None else f" {found.amount:.3g} {found.unit}")


def restored(engine: Engine, stack: ArrayStack, said: QualityDescription) -> np.ndarray:
    """The whole stack restored in slabs, as the node does it."""
    starts = range(0, stack.info.slices, SLAB)
    slabs = [stack.slab(k, min(k + SLAB, stack.info.slices)) for k in starts]
    return np.concatenate([engine.restore(slab, stack.info, said) for slab in slabs])


def costs(stack: ArrayStack, said: QualityDescription, fresh: Callable[[], Engine]) -> list[float]:
    """Wall and CPU seconds of assessing, of restoring then, and of restoring alone."""
    one, other = fresh(), fresh()
    return [
        *timed(lambda: one.assess(stack)),
        *timed(lambda: restored(one, stack, said)),
        *timed(lambda: restored(other, stack, said)),
    ]


def report(name: str, stack: ArrayStack, fresh: Callable[[], Engine]) -> None:
    """One line: cost per slice, in the median of some rounds, and noise before and after."""
    count, engine = stack.info.slices, fresh()
    said = engine.assess(stack)
    rounds = ROUNDS if count <= MOST_SLICES else 1
    columns = zip(*(costs(stack, said, fresh) for _ in range(rounds)), strict=True)
    each = [1e3 * median(column) / count for column in columns]
    before = noise(said)
    after = noise(engine.assess(replace(stack, values=restored(engine, stack, said))))
    size = f"{count} x {stack.info.rows} x {stack.info.columns}"
    told = " ".join(f"{one:6.1f}" for one in each)
    print(
        f"{name[:26]:26s} {size:15s} {told}  {each[0] + each[2]:6.1f}  {before} -> {after}",
        flush=True,
    )


def engines(runtimes: list[str]) -> Iterator[tuple[str, Callable[[], Engine]]]:
    """What there is to measure: a name, and what makes an engine that remembers nothing."""
    yield "classical", lambda: load_engine("classical")
    for runtime in runtimes:
        options = EngineOptions(runtime)
        try:
            load_engine("medq-uni", options)
        except EngineError as error:
            print(f"medq-uni on {runtime}: {error}")
            continue
        yield f"medq-uni on {runtime}", lambda options=options: load_engine("medq-uni", options)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("MEDQ_TEST_DATA", ".")) / "dev"
    parser.add_argument("folder", type=Path, nargs="?", default=default)
    parser.add_argument("--runtime", action="append", choices=RUNTIMES)
    parser.add_argument("--slices", type=int, action="append", help="of the phantom")
    asked = parser.parse_args()
    stacks = [
        (folder.name, stack)
        for folder in (sorted(asked.folder.iterdir()) if asked.folder.is_dir() else [])
        if folder.is_dir() and (stack := read(folder)) is not None
    ]
    for name, fresh in engines(asked.runtime or ["cpu"]):
        print(f"{name} {fresh().version}: ms per slice, wall and CPU")
        print(f"{'':42s}    assess        restore       alone     in all   what is said of noise")
        for series, stack in stacks:
            report(series, stack, fresh)
        for count in asked.slices or COUNTS:
            report("phantom chest", phantom(count), fresh)


if __name__ == "__main__":
    main()
