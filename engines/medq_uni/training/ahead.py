"""What the next steps read, drawn in a thread while the present one is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def drawn_ahead(
    draw: Callable[[int], T], start: int, stop: int, ahead: int
) -> Iterator[tuple[int, T]]:
    """Steps ``start`` to ``stop`` with what ``draw`` gives for each, ``ahead`` of them beforehand.

    One thread draws, in order; 0 ahead draws each when it is asked for. Since a draw depends on
    its step alone, both give the same.
    """
    if ahead < 1:
        for step in range(start, stop):
            yield step, draw(step)
        return
    waiting: deque[tuple[int, Future[T]]] = deque()
    pool = ThreadPoolExecutor(1, thread_name_prefix="draw")
    try:
        for step in range(start, stop + ahead):
            if step < stop:
                waiting.append((step, pool.submit(draw, step)))
            if step >= start + ahead:
                number, found = waiting.popleft()
                yield number, found.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
