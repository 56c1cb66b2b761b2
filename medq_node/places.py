"""Where each killable child works: its share of the cores, and its GPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable by which NVIDIA's driver shows a process some GPUs alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Cores by number, ``None`` for all; and a GPU by number, ``None`` for those that are there."""

    cores: frozenset[int] | None = None
    gpu: int | None = None

    def take(self) -> None:
        """Pin this process there; all that it starts stays there too."""
        if self.cores is not None:
            os.sched_setaffinity(0, self.cores)
        if self.gpu is not None:
            os.environ[VISIBLE] = str(self.gpu)


def places(workers: int, threads: int | None, devices: Sequence[int]) -> tuple[Place, ...]:
    """A place for each of so many ``workers``: ``threads`` cores, or an even share, and a GPU.

    Where more is asked for than there is, places overlap. One worker alone isn't pinned to cores
    unless ``threads`` are given.
    """
    cores = sorted(os.sched_getaffinity(0))
    each = min(threads or max(len(cores) // workers, 1), len(cores))
    alone = workers == 1 and threads is None
    return tuple(
        Place(
            None if alone else frozenset(cores[(n * each + k) % len(cores)] for k in range(each)),
            devices[n % len(devices)] if devices else None,
        )
        for n in range(workers)
    )
