"""Killable children: each in its place, and a new one where an engine or a process failed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from engines.base import EngineError
from medq_node.alive import sign_of_life
from medq_node.children import Children
from medq_node.errors import EngineFailure
from medq_node.places import VISIBLE, Place


def where() -> tuple[int, set[int], str | None]:
    """Process, cores, GPU."""
    return os.getpid(), os.sched_getaffinity(0), os.environ.get(VISIBLE)


def out_of_memory() -> None:
    raise EngineError("mend_noise.onnx failed: CUDA error: out of memory")


def die() -> None:
    os._exit(139)


def hang() -> None:
    time.sleep(60)


def work_on(seconds: float) -> str:
    for _ in range(int(seconds / 0.1)):
        time.sleep(0.1)
        sign_of_life()
    return "done"


@pytest.fixture
def children() -> Iterator[Children]:
    core = min(os.sched_getaffinity(0))
    one = Children([Place(frozenset({core}), 3)], 5.0)
    yield one
    one.kill()


def test_a_child_works_in_its_place_and_so_does_the_one_after_it(children: Children) -> None:
    first, cores, gpu = children.run(where)
    assert (cores, gpu) == ({min(os.sched_getaffinity(0))}, "3")
    assert children.run(where)[0] == first, "it stays warm"
    with pytest.raises(EngineFailure, match=r"died \(exit code 139\)"):
        children.run(die)
    second, *place = children.run(where)
    assert second != first
    assert place == [cores, gpu]


def test_an_engine_that_failed_leaves_nothing_to_the_next_task(children: Children) -> None:
    """A GPU that fell off the bus stays lost for the process that used it."""
    first, *_ = children.run(where)
    with pytest.raises(EngineError, match="out of memory"):
        children.run(out_of_memory)
    assert children.run(where)[0] != first


def test_a_child_that_hangs_is_killed_and_costs_one_try() -> None:
    children = Children([Place()], 1.0)
    try:
        first, *_ = children.run(where)
        with pytest.raises(EngineFailure, match="gave no sign of life for 1 s and was killed"):
            children.run(hang)
        assert children.run(where)[0] != first
    finally:
        children.kill()


def test_long_work_is_never_taken_for_a_hang() -> None:
    """5,000 slices once took longer than what a step was given, three times over."""
    children = Children([Place()], 1.0)
    try:
        assert children.run(work_on, 3.0) == "done"
    finally:
        children.kill()
