"""What an engine costs on this machine, by a series that is made for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from engines.base import ArrayStack, Engine, StackInfo
from engines.phantoms.low_dose import SLICE_MM, low_dose_series
from engines.phantoms.thorax import FIELD_MM
from engines.quality import Modality

SLAB = 16


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds per slice, by the clock, of words, of pixels made after them, and of both."""

    engine: str
    runtime: str
    slices: int
    side: int
    assess_ms: float
    restore_ms: float
    both_ms: float


def series_of(slices: int, side: int) -> ArrayStack:
    """A noisy chest of ``slices`` images, ``side`` x ``side``, that no engine has seen yet."""
    values, _ = low_dose_series(slices, side)
    mm = FIELD_MM / side
    info = StackInfo(
        Modality.CT, "chest", "HU", slices, side, side, (SLICE_MM, mm, mm), (-1024.0, 3071.0)
    )
    return ArrayStack(info, values, np.ones(values.shape, bool))


def cost(engine: Engine, runtime: str, stack: ArrayStack) -> Cost:
    """What one assessment and one restoration of ``stack`` take, after a first slice for warmth.

    Raises:
        EngineError: the engine failed.
    """
    first = replace(stack, info=replace(stack.info, slices=1), values=stack.values[:1] + 1)
    engine.restore(first.slab(0, 1), first.info, engine.assess(first))
    start = time.perf_counter()
    words = engine.assess(stack)
    assess_s = time.perf_counter() - start
    start = time.perf_counter()
    for k in range(0, stack.info.slices, SLAB):
        engine.restore(stack.slab(k, k + SLAB), stack.info, words)
    restore_s = time.perf_counter() - start
    each = 1000 / stack.info.slices
    return Cost(
        engine.name,
        runtime,
        stack.info.slices,
        stack.info.columns,
        assess_s * each,
        restore_s * each,
        (assess_s + restore_s) * each,
    )
