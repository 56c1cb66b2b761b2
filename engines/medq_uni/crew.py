"""Slices side by side: one on each core, or batches for a GPU with cores to feed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")

SLICES_FOR_EACH = 4
"""Slices in memory for each thread: enough that none waits long for the slowest."""


class Crew:
    """Threads over slices; results come in the order of what was given.

    ``threads`` cores work on single slices, ``callers`` of them at once on groups of ``batch``.
    """

    def __init__(self, threads: int, callers: int, batch: int) -> None:
        self._batch = batch
        self._groups = ThreadPoolExecutor(callers)
        # A group of one is its caller's own work; threads that wait for threads could all wait.
        self._single = ThreadPoolExecutor(threads) if batch > 1 else None
        self.slices = max(batch * callers, SLICES_FOR_EACH * threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pool in (self._groups, self._single):
            if pool is not None:
                pool.shutdown(cancel_futures=True)

    def each(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """``function`` of every item, on all threads."""
        if self._single is not None:
            return list(self._single.map(function, items))
        if len(items) == 1:
            return [function(items[0])]
        return list(self._groups.map(function, items))

    def grouped(self, function: Callable[[Sequence[T]], R], items: Sequence[T]) -> Iterator[R]:
        """``function`` of every group of items; in it ``each`` may be asked of the group."""
        groups = [items[k : k + self._batch] for k in range(0, len(items), self._batch)]
        return self._groups.map(function, groups)
