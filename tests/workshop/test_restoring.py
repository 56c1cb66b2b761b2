"""Slabs that are read, restored and written at once come to the same end as in a plain loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from engines.base import ArrayStack, FloatArray, Slab, StackInfo
from engines.quality import Modality
from medq_node.errors import OutputError, Unprocessable
from medq_node.workshop.restoring import SLABS_AT_ONCE, restore_slabs

SLICES = 23
SLAB = 4


class Stack:
    """Counts the slabs that were read; the one that begins at ``broken`` can't be."""

    def __init__(self, info: StackInfo, values: FloatArray) -> None:
        self.info = info
        self.read = 0
        self.broken: int | None = None
        self._array = ArrayStack(info, values, np.ones(values.shape, np.bool_))

    def slab(self, start: int, stop: int) -> Slab:
        if start == self.broken:
            raise Unprocessable(f"slab {start}")
        self.read += 1
        return self._array.slab(start, stop)


@pytest.fixture
def stack() -> Stack:
    values = np.random.default_rng(1).normal(0, 10, (SLICES, 6, 5)).astype(np.float32)
    info = StackInfo(Modality.CT, "chest", "HU", SLICES, 6, 5, (1.0, 1.0, 1.0), (-1024.0, 3071.0))
    return Stack(info, values)


@pytest.fixture(autouse=True)
def no_thread_left() -> Callable[[], None]:
    """Function: fails where a thread of the restoration is left."""

    def check() -> None:
        assert not [t for t in threading.enumerate() if t.name.startswith(("read", "write"))]

    return check


def halved(slab: Slab) -> FloatArray:
    return slab.values / np.float32(2)


def kept(index: int, image: FloatArray) -> tuple[int, bytes]:
    return index, image.tobytes()


@pytest.mark.parametrize("slab_slices", [1, 4, 23, 100])
def test_every_slice_is_written_once_in_order_and_with_its_own_values(
    stack: Stack, slab_slices: int, no_thread_left: Callable[[], None]
) -> None:
    written, changed = restore_slabs(stack, slab_slices, halved, kept)
    plain = [kept(i, halved(stack.slab(i, i + 1))[0]) for i in range(SLICES)]
    assert written == plain
    assert changed
    no_thread_left()


def test_an_engine_that_works_in_place_has_changed_something(stack: Stack) -> None:
    def in_place(slab: Slab) -> FloatArray:
        if slab.first == SLAB:
            slab.values[1, 2, 3] += 1
        return slab.values

    assert restore_slabs(stack, SLAB, in_place, kept)[1]
    assert not restore_slabs(stack, SLAB, lambda slab: slab.values, kept)[1]


@pytest.mark.parametrize("broken", [0, SLAB, 2 * SLAB, 20])
def test_whatever_fails_first_in_a_plain_loop_is_told(
    stack: Stack, broken: int, no_thread_left: Callable[[], None]
) -> None:
    """The stages fail in slabs beside each other, the later ones at once and the first one late."""

    def engine(slab: Slab) -> FloatArray:
        if slab.first >= broken:
            raise ValueError(f"engine {slab.first}")
        return slab.values

    with pytest.raises(ValueError, match=f"engine {broken}"):
        restore_slabs(stack, SLAB, engine, kept)
    no_thread_left()

    def writer(index: int, image: FloatArray) -> int:
        if index >= broken + 2:
            time.sleep(0.02)
            raise OutputError(f"image {index}")
        return index

    stack.broken = broken + SLAB
    with pytest.raises(OutputError, match=f"^image {broken + 2}$"):
        restore_slabs(stack, SLAB, lambda slab: slab.values, writer)
    no_thread_left()

    stack.broken = broken
    with pytest.raises(Unprocessable, match=f"^slab {broken}$"):
        restore_slabs(stack, SLAB, halved, kept)
    no_thread_left()


def test_only_a_few_slabs_are_in_memory_however_slow_the_writer(stack: Stack) -> None:
    most, written = 0, 0
    lock = threading.Lock()

    def slow(index: int, image: FloatArray) -> None:
        nonlocal most, written
        time.sleep(0.005)
        with lock:
            most = max(most, stack.read - written)
            written += 1

    restore_slabs(stack, 1, halved, slow)
    assert 1 < most <= SLABS_AT_ONCE + 1, "the slab that was just written counts too"
