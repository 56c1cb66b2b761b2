"""Cost and effect of the classical engine on real series and on the phantom.

Usage: ``python benchmarks/engine.py [FOLDER]`` where FOLDER holds one folder of DICOM files per
series; default ``MEDQ_TEST_DATA/dev``. Prints ms per slice (wall and CPU time) and the noise before
and after, then how cost grows with the number of slices.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from engines.base import ArrayStack, StackInfo
from engines.classical.engine import ClassicalEngine
from engines.classical.measure import noise_degradation
from engines.phantoms.low_dose import low_dose_series
from engines.quality import Modality, QualityDescription, Severity

ENGINE = ClassicalEngine()
MOST_SLICES = 64


def read(folder: Path) -> ArrayStack | None:
    """The single-frame files of a folder that share one size, as one stack."""
    found = []
    for path in sorted(folder.iterdir())[:MOST_SLICES]:
        try:
            found.append(pydicom.dcmread(path))
        except InvalidDicomError:
            return None
    if not found or found[0].Modality not in list(Modality):
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


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of ``work``."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def noise(description: QualityDescription) -> tuple[float, Severity] | None:
    """The noise finding's amount and severity."""
    found = description.finding(noise_degradation(description.modality))
    return None if found is None or found.amount is None else (found.amount, found.severity)


def report(name: str, stack: ArrayStack) -> None:
    """One line: cost per slice and noise before and after."""
    count = stack.info.slices
    slab = stack.slab(0, count)
    description = ENGINE.assess(stack)
    assess = timed(lambda: ENGINE.assess(stack))
    restore = timed(lambda: ENGINE.restore(slab, stack.info, description))
    restored = ENGINE.restore(slab, stack.info, description)
    before = noise(description)
    after = noise(ENGINE.assess(replace(stack, values=restored)))
    change = "no noise measured"
    if before and after:
        unit = "HU" if stack.info.modality is Modality.CT else "%"
        change = f"{before[1].value:8s} {before[0]:6.2f} -> {after[0]:6.2f} {unit}"
    size = f"{count} x {stack.info.rows} x {stack.info.columns}"
    costs = " ".join(f"{1e3 * s / count:6.1f}" for s in (*assess, *restore))
    print(f"{name:34s} {size:16s} {costs}  {change}")


def main() -> None:
    """Print the tables."""
    default = Path(os.environ.get("MEDQ_TEST_DATA", ".")) / "dev"
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    print("ms per slice:                                        assess        restore   noise")
    print(f"{'series':34s} {'size':16s}   wall    cpu   wall    cpu")
    for folder in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []:
        stack = read(folder)
        if stack is not None:
            report(folder.name, stack)
    making = timed(lambda: low_dose_series(20, 512))
    noisy, _ = low_dose_series(64, 512)
    info = StackInfo(
        Modality.CT, "chest", "HU", 64, 512, 512, (5.0, 0.742, 0.742), (-1024.0, 3071.0)
    )
    for count in (1, 4, 16, 64):
        part = noisy[:count]
        stack = ArrayStack(replace(info, slices=count), part, np.ones(part.shape, bool))
        report("phantom thorax", stack)
    print(f"making the phantom, 20 x 512 x 512: {making[0]:.1f} s wall, {making[1]:.1f} s CPU")


if __name__ == "__main__":
    main()
