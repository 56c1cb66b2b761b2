"""Several processes make shards at once; which one makes what changes nothing in the pairs.

Each is a fresh interpreter with one thread, since threads that add up in any order would change
last bits. A worker ends when its parent does, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from engines.medq_uni.pairs.plan import Material, Plan
from engines.medq_uni.pairs.shards import write_shard
from engines.medq_uni.pairs.stored import Stored

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_POLL_S = 0.2
_MADE, _FAILED, _DONE = "made", "failed", "done"


class WorkerError(Exception):
    """A worker couldn't go on; the message says why in one line."""


class _Counter(Protocol):
    """Where the next shard to make is counted, for all workers."""

    value: int

    def get_lock(self) -> threading.Lock: ...


class _Messages(Protocol):
    """What workers say to the parent."""

    def put(self, message: tuple[str, str], /) -> None: ...
    def get(self, block: bool = True, timeout: float | None = None, /) -> tuple[str, str]: ...


@dataclass(frozen=True, slots=True)
class Job:
    """All that a worker has to know: tasks by name, as functions don't travel.

    Real slices are in ``real`` and not in ``material``, so that workers share them.
    """

    out: Path
    material: Material
    tasks: tuple[str, ...]
    seed: int
    count: int
    shard: int
    real: Stored | None = None

    @property
    def shards(self) -> int:
        """How many shards the data set has."""
        return -(-self.count // self.shard)


def make_shards(
    job: Job, indices: Sequence[int], workers: int, made: Callable[[], None] = lambda: None
) -> None:
    """Make these shards in ``workers`` processes; ``made()`` is called after each pair.

    Raises:
        WorkerError: one couldn't go on, or died; all are stopped, whole shards stay.
        ValueError: workers under 1.
    """
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, not {workers}")
    if not indices:
        return
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    messages = context.Queue()
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    processes: list[BaseProcess] = []
    try:
        for _ in range(min(workers, len(indices))):
            process: BaseProcess = context.Process(
                target=_work, args=(job, tuple(indices), counter, messages), daemon=True
            )
            process.start()
            processes.append(process)
        _listen(messages, processes, made)
    finally:
        for one in processes:
            one.terminate()
        for one in processes:
            one.join()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _listen(
    messages: _Messages, processes: Sequence[BaseProcess], made: Callable[[], None]
) -> None:
    """Until every worker has said that it is done."""
    done = 0
    while done < len(processes):
        # Looked at before the queue is: what a worker said before it ended is heard first.
        dead = [p for p in processes if p.exitcode not in (None, 0)]
        try:
            kind, text = messages.get(True, _POLL_S)
        except queue.Empty:
            if dead:
                raise WorkerError(
                    f"a worker ended with code {dead[0].exitcode} (out of memory?); "
                    "the same command goes on with what is missing"
                ) from None
            continue
        if kind == _FAILED:
            raise WorkerError(text)
        if kind == _DONE:
            done += 1
        else:
            made()


def _work(job: Job, indices: tuple[int, ...], counter: _Counter, messages: _Messages) -> None:
    """Make one shard after the other until none is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from engines.medq_uni.tasks.table import TASKS

    try:
        material = job.material
        if job.real is not None:
            material = replace(material, real=job.real.sources())
        plan = Plan(material, [TASKS[name] for name in job.tasks], job.seed)
        while True:
            with counter.get_lock():
                k = counter.value
                counter.value = k + 1
            if k >= len(indices):
                break
            write_shard(
                job.out, plan, indices[k], job.shard, job.count, lambda: messages.put((_MADE, ""))
            )
    except (ValueError, MemoryError) as error:
        messages.put((_FAILED, str(error) or "out of memory"))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else f"{job.out}: "
        messages.put((_FAILED, f"{where}{error.strerror or error}"))
    else:
        messages.put((_DONE, ""))


def _stop(number: int, frame: object) -> None:
    """Leave by an exception, so that what is half made is removed."""
    raise SystemExit(128 + number)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        # A shard that is half written is swept up by the next run.
        os._exit(1)


def usual_workers() -> int:
    """As many as there are processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
