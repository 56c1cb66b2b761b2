"""What a restoration costs: milliseconds a slice and memory, each contestant in a process alone.

Started as ``python -m engines.medq_uni.yardstick.restoration.cost NAME SIZE SLICES``, it prints one
line of JSON. Memory is the peak of the resident set less what it was before the engine was loaded,
so that the interpreter and this yardstick's libraries are not counted, but the engine's own and its
weights are. On Linux it is ``VmHWM`` of the process, as ``ru_maxrss`` would start at the peak of
the one that started it; elsewhere it is ``ru_maxrss``.
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

from engines.base import ArrayStack, Engine, StackInfo, load_engine
from engines.description import Modality
from engines.medq_uni.yardstick.contestant import with_words
from engines.medq_uni.yardstick.restoration import bm3d, filters
from engines.medq_uni.yardstick.table import Table
from engines.phantoms.ellipses import draw
from engines.phantoms.thorax import AIR_HU, FIELD_MM, thorax_ellipses

NOISE_HU = 40.0
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


@dataclass(frozen=True, slots=True)
class Failure:
    """What couldn't be measured, and why in one line."""

    name: str
    why: str


def noisy_stack(size: int) -> ArrayStack:
    """One slice of a phantom chest with 40 HU of white noise."""
    noise = np.random.default_rng(0).normal(0, NOISE_HU, (size, size))
    image = np.maximum(draw(thorax_ellipses(0.5), size) + AIR_HU, -1024) + noise
    mm = FIELD_MM / size
    info = StackInfo(Modality.CT, "chest", "HU", 1, size, size, (3.0, mm, mm), (-1024.0, 3071.0))
    return ArrayStack(info, image.astype(np.float32)[None], np.ones((1, size, size), bool))


def work_of(name: str) -> Callable[[ArrayStack], object]:
    """What is timed under ``name``: a filter, or ``ENGINE: assess`` and ``ENGINE: restore``.

    Raises:
        EngineError: no such engine.
    """
    known = {c.name: c for c in (*filters.filters(), bm3d.BM3D)}
    if name in known:
        return lambda stack: known[name].restore(stack, NOISE_HU)
    engine_name, _, part = name.partition(": ")
    engine = load_engine(engine_name)
    return _engine_work(engine, part)


def _engine_work(engine: Engine, part: str) -> Callable[[ArrayStack], object]:
    if part == ASSESS:
        return engine.assess
    words = engine.assess(noisy_stack(256))
    return lambda stack: with_words(engine, stack, words)


def measure(name: str, size: int, slices: int) -> Cost:
    """The cost of ``name`` on ``slices`` slices of ``size`` pixels squared, here and now.

    Raises:
        EngineError: no such engine.
    """
    stack, small = noisy_stack(size), noisy_stack(SMALL)
    before = held_mib()
    work = work_of(name)
    work(small)
    # What it took to get the words that a restoration is told is not the restoration's.
    forget_peak()
    taken = []
    for _ in range(slices):
        start = time.perf_counter()
        work(stack)
        taken.append(1000 * (time.perf_counter() - start))
    return Cost(name, float(np.median(taken)), peak_mib() - before)


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
    name: str, size: int, slices: int, timeout_s: float = TIMEOUT_S
) -> Cost | Failure:
    """``measure`` in a process of its own, or why that failed."""
    command = [sys.executable, "-m", __name__, name, str(size), str(slices)]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return Failure(name, f"not done after {timeout_s:g} s")
    if ended.returncode != 0:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        return Failure(name, said[-1] if said else f"exit code {ended.returncode}")
    return Cost(**json.loads(ended.stdout.splitlines()[-1]))


def cost_table(costs: Sequence[Cost | Failure], size: int) -> Table:
    """Cost of all contestants in one table."""
    note = (
        f"One slice of {size} x {size} on {os.cpu_count()} processors, wall time, median; memory "
        "is the peak in a process of its own, on top of the interpreter and what filters need; an "
        "engine's own libraries and weights count."
    )
    rows = tuple(
        (c.name, c.ms, c.memory_mib) if isinstance(c, Cost) else (c.name, f"failed: {c.why}", None)
        for c in costs
    )
    columns = ("contestant", "ms per slice", "memory (MiB)")
    return Table("cost", "What it costs", columns, rows, note)


if __name__ == "__main__":
    found = measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
