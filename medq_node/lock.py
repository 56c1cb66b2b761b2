"""Locks between processes: the system frees one when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medq_node.errors import MedqError


@contextmanager
def only_one(lock: Path, wait_s: float) -> Iterator[None]:
    """Hold ``lock`` while the block runs.

    The system frees it when a process dies, however it dies.

    Raises:
        MedqError: another process still holds it after ``wait_s`` seconds.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise MedqError(
                    f"{lock.parent} is in use by another node: stop that one, or set node.data"
                )
            time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
