"""Peak memory of a node's engine child and of what it starts, read from /proc while it works."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

_POLL_S = 0.1
_MIB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_WORKER = b"medq_node.process\0worker"


class PeakMemory:
    """Watches while the block runs; ``mib`` is the largest resident memory seen, in MiB.

    Summed over everything that the workers among this process' descendants have started: engine
    children and the judges they ask. Pages that two of them share count twice.
    """

    def __init__(self) -> None:
        self.mib = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_POLL_S):
            self.mib = max(self.mib, resident_mib())


def resident_mib() -> float:
    """Resident memory now of what the workers below this process have started, in MiB."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The name in brackets may hold spaces; the parent comes second after it.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children[int(fields[1])].append(int(entry.name))
    started: set[int] = set()
    for pid in _below(os.getpid(), children):
        with suppress(OSError):
            if _WORKER in Path(f"/proc/{pid}/cmdline").read_bytes():
                started |= set(_below(pid, children))
    total = 0
    for pid in started:
        with suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return total / _MIB


def _below(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    for child in children.get(pid, ()):
        yield child
        yield from _below(child, children)
