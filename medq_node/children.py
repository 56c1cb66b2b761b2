"""Killable children: decoding and inference run where a segfault or a hang costs one try.

One warm process per worker; it dies with its parent, is killed when it gives no sign of life and is
replaced when it died. However long a series, as long as it is worked on nobody stops it. Built on
Pebble, a pool of one for each process: what a dying process leaves behind (a lock it held, half a
message) then harms nobody else.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import re
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from engines.base import EngineError
from medq_node.alive import Signs, give_signs_to, new_signs
from medq_node.errors import EngineFailure, MedqError
from medq_node.log import configure_logging
from medq_node.places import Place

P = ParamSpec("P")
T = TypeVar("T")

_FRAME = re.compile(r'File ".*?([^/"]+)", line (\d+)')
_TASKS_PER_CHILD = 100
_START_S = 60.0
_MOST_STARTS = 3


class Children:
    """A killable process in each of ``places``.

    ``timeout_s`` is how many seconds a task may go without a sign of life; ``warm_up`` runs in each
    child before its first task; after ``tasks`` of them a child is replaced, so that a leak in a
    codec stays small.
    """

    def __init__(
        self,
        places: Sequence[Place],
        timeout_s: float,
        log_level: str = "info",
        warm_up: Callable[[], None] | None = None,
        tasks: int = _TASKS_PER_CHILD,
    ) -> None:
        self._timeout_s = timeout_s
        self._log_level = log_level
        self._warm_up = warm_up
        self._tasks = tasks
        # The one used last is the warmest.
        self._idle: queue.LifoQueue[ProcessPool] = queue.LifoQueue()
        self._ending = False
        self._starting = threading.Lock()
        self._signs: dict[ProcessPool, Signs] = {}
        self._pools = {self._new_pool(place): place for place in places}
        for pool in self._pools:
            self._idle.put(pool)

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function`` in a child and wait for its result.

        A child that died before it took the task, idle or starting, costs the task nothing.

        Raises:
            EngineFailure: the child died, hung, or met an error that it didn't foresee.
            MedqError, EngineError: raised by the function on purpose.
        """
        pool = self._idle.get()
        try:
            for _ in range(_MOST_STARTS):
                try:
                    future = pool.schedule(function, args=list(args), kwargs=dict(kwargs))
                    error = _outcome(future, self._signs[pool], self._timeout_s)
                except RuntimeError as refused:  # so Pebble says that its pool is broken
                    error = BrokenProcessPool(str(refused))
                # An engine that failed may leave its library or its GPU unusable in that process.
                if isinstance(error, (BrokenProcessPool, ProcessExpired, TookTooLong, EngineError)):
                    with self._starting:
                        if self._ending:
                            raise EngineFailure("was stopped")
                        pool = self._replace(pool)
                if not isinstance(error, BrokenProcessPool):
                    break
        finally:
            self._idle.put(pool)
        if error is None:
            result: T = future.result()
            return result
        if isinstance(error, (MedqError, EngineError)):
            raise error
        if isinstance(error, BrokenProcessPool):
            raise EngineFailure(f"its process did not start in {_MOST_STARTS} tries") from error
        if isinstance(error, TookTooLong):
            raise EngineFailure(
                f"gave no sign of life for {self._timeout_s:g} s and was killed"
            ) from error
        if isinstance(error, ProcessExpired):
            raise EngineFailure(f"its process died (exit code {error.exitcode})") from error
        # The message of an unforeseen error may quote a data element: its kind and place go on.
        kind = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise EngineFailure(f"{kind} {_place(error)}".strip()) from error

    def kill(self) -> None:
        """End all children at once; no other takes their place, and their tasks fail."""
        with self._starting:
            self._ending = True
        for pool in self._pools:
            _end(pool)

    def _new_pool(self, place: Place) -> ProcessPool:
        signs = new_signs()
        pool = ProcessPool(
            max_workers=1,
            max_tasks=self._tasks,
            initializer=_start_child,
            initargs=(os.getpid(), self._log_level, place, signs),
            context=multiprocessing.get_context("spawn"),
        )
        self._signs[pool] = signs
        if self._warm_up is not None:
            # Nobody waits for it: the pool starts its process now and not at the first series.
            pool.schedule(self._warm_up)
        return pool

    def _replace(self, pool: ProcessPool) -> ProcessPool:
        place = self._pools[pool]
        new = self._new_pool(place)
        self._pools = {one: there for one, there in self._pools.items() if one is not pool}
        self._pools[new] = place
        del self._signs[pool]
        # Its threads may wait for ever for the rest of a message.
        threading.Thread(target=_end, args=[pool], name="old-pool", daemon=True).start()
        return new


def _outcome(future: Future[T], signs: Signs, timeout_s: float) -> BaseException | None:
    """Wait for the end of a task; what went wrong, if anything.

    A child that dies in the instant in which it takes a task leaves it waiting for ever.
    """
    seen, since, running = signs.value, time.monotonic(), False
    while True:
        try:
            return future.exception(timeout=min(1.0, timeout_s))
        except TookTooLong as silence:
            silent_s = time.monotonic() - since
            if future.done():
                continue
            if not future.running():
                if silent_s > _START_S:
                    return BrokenProcessPool("no process took the task")
            elif signs.value != seen or not running:
                seen, since = signs.value, time.monotonic()
            elif silent_s > timeout_s:
                return silence
            running = future.running()


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]  # Pebble's, untyped
    pool.join()


def _place(error: BaseException) -> str:
    """File and line where an error in a child came from, out of the traceback sent along."""
    frames = _FRAME.findall(str(error.__cause__))
    return "at {} line {}".format(*frames[-1]) if frames else ""


def _start_child(parent: int, log_level: str, place: Place, signs: Signs) -> None:
    give_signs_to(signs)
    configure_logging(level=log_level, role="engine")
    place.take()
    # Deaf to Ctrl-C where its parent is, it still has to hear the parent.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    # Out of memory, the kernel should take this process and not the one with the workflows.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")
    die_with_parent(parent)


def die_with_parent(parent: int, poll_s: float = 0.2) -> None:
    """End this process as soon as its parent is gone, so that a restart never meets an orphan."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(poll_s)
        os._exit(1)

    threading.Thread(target=watch, name="die-with-parent", daemon=True).start()
