"""Peak memory of a node's processes, read from /proc while it works."""

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
_MODULE = b"medq_node.process"
_WORKER = "worker"


class PeakMemory:
    """Watches while the block runs; ``mib`` is the largest resident memory seen, in MiB.

    Summed over everything that the workers among this process' descendants have started: engine
    children and the judges they ask. Pages that two of them share count twice. ``roles`` has the
    largest single process of each other role.
    """

    def __init__(self) -> None:
        self.mib = 0.0
        self.roles: dict[str, float] = {}
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
            children = _children()
            started: set[int] = set()
            for pid in _below(os.getpid(), children):
                role = _role(pid)
                if role == _WORKER:
                    started |= set(_below(pid, children))
                elif role:
                    self.roles[role] = max(self.roles.get(role, 0.0), _resident_mib(pid))
            self.mib = max(self.mib, sum(map(_resident_mib, started)))


def _children() -> defaultdict[int, list[int]]:
    """Of every process: those that it started."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The name in brackets may hold spaces; the parent comes second after it.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children[int(fields[1])].append(int(entry.name))
    return children


def _role(pid: int) -> str:
    """What a process of the node is for; empty for any other process."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return words[words.index(_MODULE) + 1].decode() if _MODULE in words[:-1] else ""


def _resident_mib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * _PAGE / _MIB


def _below(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    for child in children.get(pid, ()):
        yield child
        yield from _below(child, children)
