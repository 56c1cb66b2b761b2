"""What a restoration costs: milliseconds a slice and memory, each contestant in a process alone.

Started as ``python -m engines.medq_uni.yardstick.restoration.cost NAME SIZE SLICES MODALITY``, it
prints one line of JSON. Memory is the peak of the resident set less what it was before the engine
was loaded, so that the interpreter and this yardstick's libraries are not counted, but the engine's
own and its weights are. On Linux it is ``VmHWM`` of the process, as ``ru_maxrss`` would start at
the peak of the one that started it; elsewhere it is ``ru_maxrss``.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from engines.base import ArrayStack, Engine, StackInfo, load_engine
from engines.description import Modality
from engines.medq_uni.yardstick.contestant import with_words
from engines.medq_uni.yardstick.restoration import bm3d, filters
from engines.medq_uni.yardstick.restoration.cases import SATURATION
from engines.medq_uni.yardstick.table import Table
from engines.phantoms.ellipses import draw
from engines.phantoms.thorax import AIR_HU, FIELD_MM, thorax_ellipses

NOISE_HU = 40.0
PERCENT = {Modality.MR: 15.0, Modality.PT: 40.0}
"""Noise in MR and PET in % of tissue's signal."""
TISSUE = {Modality.MR: 500.0, Modality.PT: 2.0}
"""Signal of soft tissue in MR, and its uptake in PET."""
UNITS = {Modality.CT: "HU", Modality.MR: "signal", Modality.PT: "SUV"}
SMOOTHING = 1.2
"""Of PET's noise, in pixels."""
SMALL = 64
TIMEOUT_S = 600.0
FORGET_PEAK = "5"
"""What ``clear_refs`` takes to let ``VmHWM`` start again."""
ASSESS, RESTORE = "assess", "restore"


@dataclass(frozen=True, slots=True)
class Cost:
    """Median wall time of a slice in ms, and in MiB peak memory on top of the yardstick's own."""

    name: str
    ms: float
    memory_mib: float
    modality: Modality = Modality.CT
    size: int = 512


@dataclass(frozen=True, slots=True)
class Failure:
    """What couldn't be measured, and why in one line."""

    name: str
    why: str
    modality: Modality = Modality.CT
    size: int = 512


def noisy_stack(size: int, modality: Modality = Modality.CT) -> ArrayStack:
    """One slice of a phantom chest with noise: white in CT, Rician in MR, coarse in PET.

    What MR and PET show of it is no anatomy of theirs, but as large and as noisy as theirs.
    """
    rng = np.random.default_rng(0)
    chest = np.maximum(draw(thorax_ellipses(0.5), size) + AIR_HU, -1024)
    image = chest + rng.normal(0, NOISE_HU, chest.shape)
    low, high = SATURATION[modality]
    if modality is not Modality.CT:
        clean = TISSUE[modality] * np.maximum(chest + 1000, 0) / 1000
        level = noise_level(modality)
        if modality is Modality.MR:
            parts = rng.normal(0, level, (2, *chest.shape))
            image = np.hypot(clean + parts[0], parts[1])
        else:
            coarse = ndimage.gaussian_filter(rng.normal(0, 1, chest.shape), SMOOTHING)
            spread = level / float(coarse.std()) * np.sqrt(clean / TISSUE[modality])
            image = np.maximum(clean + spread * coarse, 0)
    mm = FIELD_MM / size
    info = StackInfo(modality, "chest", UNITS[modality], 1, size, size, (3.0, mm, mm), (low, high))
    return ArrayStack(info, image.astype(np.float32)[None], np.ones((1, size, size), bool))


def noise_level(modality: Modality) -> float:
    """The noise in soft tissue of ``noisy_stack``, in its unit."""
    if modality is Modality.CT:
        return NOISE_HU
    return PERCENT[modality] / 100 * TISSUE[modality]


def work_of(name: str, modality: Modality = Modality.CT) -> Callable[[ArrayStack], object]:
    """What is timed under ``name``: a filter, or ``ENGINE: assess`` and ``ENGINE: restore``.

    Raises:
        EngineError: no such engine.
    """
    known = {c.name: c for c in (*filters.filters(), bm3d.BM3D)}
    if name in known:
        return lambda stack: known[name].restore(stack, noise_level(modality))
    engine_name, _, part = name.partition(": ")
    engine = load_engine(engine_name)
    return _engine_work(engine, part, modality)


def _engine_work(engine: Engine, part: str, modality: Modality) -> Callable[[ArrayStack], object]:
    if part == ASSESS:
        return engine.assess
    words = engine.assess(noisy_stack(256, modality))
    return lambda stack: with_words(engine, stack, words)


def measure(name: str, size: int, slices: int, modality: Modality = Modality.CT) -> Cost:
    """The cost of ``name`` on ``slices`` slices of ``size`` pixels squared, here and now.

    Raises:
        EngineError: no such engine.
    """
    stack, small = noisy_stack(size, modality), noisy_stack(SMALL, modality)
    before = held_mib()
    work = work_of(name, modality)
    work(small)
    # What it took to get the words that a restoration is told is not the restoration's.
    forget_peak()
    taken = []
    for _ in range(slices):
        start = time.perf_counter()
        work(stack)
        taken.append(1000 * (time.perf_counter() - start))
    return Cost(name, float(np.median(taken)), peak_mib() - before, modality, size)


def held_mib() -> float:
    """Memory that this process holds now, in MiB; the peak so far where the system doesn't tell."""
    return _told_mib("VmRSS")


def peak_mib() -> float:
    """Most memory that this process has held, in MiB, since the peak was forgotten if ever."""
    return _told_mib("VmHWM")


def _told_mib(field: str) -> float:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(s for s in status.read_text().splitlines() if s.startswith(field))
        return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def forget_peak() -> None:
    """Let the peak be what is held now, where the system can (Linux, proc(5) ``clear_refs``)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(FORGET_PEAK)


def measure_apart(
    name: str,
    size: int,
    slices: int,
    modality: Modality = Modality.CT,
    timeout_s: float = TIMEOUT_S,
) -> Cost | Failure:
    """``measure`` in a process of its own, or why that failed."""
    command = [sys.executable, "-m", __name__, name, str(size), str(slices), modality.value]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return Failure(name, f"not done after {timeout_s:g} s", modality, size)
    if ended.returncode != 0:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if said else f"exit code {ended.returncode}"
        return Failure(name, why, modality, size)
    told = json.loads(ended.stdout.splitlines()[-1])
    return Cost(**told | {"modality": Modality(told["modality"])})


def cost_table(costs: Sequence[Cost | Failure]) -> Table:
    """Cost of all contestants in one table."""
    note = (
        f"One slice on {os.cpu_count()} processors, wall time, median; memory is the peak in a "
        "process of its own, on top of the interpreter and what filters need; an engine's own "
        "libraries and weights count."
    )
    rows = []
    for c in costs:
        found = (c.ms, c.memory_mib) if isinstance(c, Cost) else (f"failed: {c.why}", None)
        rows.append((c.name, f"{c.modality.value} {c.size} x {c.size}", *found))
    columns = ("contestant", "slice", "ms per slice", "memory (MiB)")
    return Table("cost", "What it costs", columns, tuple(rows), note)


if __name__ == "__main__":
    found = measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Modality(sys.argv[4]))
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
