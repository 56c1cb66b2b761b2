"""Where received objects become durable.

The order is the promise: data written, ``fdatasync``, rename into ``incoming/``, ``fsync`` of the
folder; only then may the sender hear Success. A reader of ``incoming/`` sees whole files only. Temp
files lie in ``incoming/.part/`` under a token of their process, which holds a lock as long as it
lives: the next start removes the temp files whose lock is free.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import secrets
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from medq_node.errors import ConfigError, SpoolError

log = structlog.get_logger("receiver")

_CHECKPOINT_BYTES = 64 * 1024**2
"""Long objects are synced, and free space looked at, each time this much has been written."""


class SpoolFullError(SpoolError):
    """Less free space than the margin; the peer gets 0xA700 before the disk is full."""


class Spool:
    """``incoming/`` of one data folder, as one process writes to it.

    Raises:
        ConfigError: the folder can't be made or written to.
    """

    def __init__(self, folder: Path, minimum_free_bytes: int) -> None:
        self.incoming = folder / "incoming"
        self.part = self.incoming / ".part"
        self.minimum_free_bytes = minimum_free_bytes
        try:
            self.part.mkdir(parents=True, exist_ok=True)
            for made in (self.incoming, folder, folder.absolute().parent):
                _sync_folder(made)
            _remove_stale(self.part)
            self.token, self._lock_fd = _lock_new_token(self.part)
        except OSError as error:
            raise ConfigError(
                f"the receiver can't write to {folder} ({error.strerror}): "
                "give it to the service's user, or set another data folder"
            ) from error
        self._folder_fd = os.open(self.incoming, os.O_RDONLY | os.O_DIRECTORY)
        self._numbers = itertools.count(1)
        self._arrival_lock = threading.Lock()
        self._last_arrival_us = 0

    def close(self) -> None:
        """Give the token back; no object may be in work."""
        (self.part / f"{self.token}.lock").unlink(missing_ok=True)
        os.close(self._lock_fd)
        os.close(self._folder_fd)

    def begin(self, head: bytes) -> IncomingFile:
        """A new temp file that starts with ``head``.

        Raises:
            SpoolFullError: not enough space is left.
            OSError: the disk refused.
        """
        self.check_space()
        path = f"{self.part}/{self.token}-{next(self._numbers)}.part"
        return IncomingFile(self, path, head)

    def check_space(self) -> None:
        """Raise SpoolFullError when less than the margin is free."""
        disk = os.fstatvfs(self._folder_fd)
        free_bytes = disk.f_bavail * disk.f_frsize
        if free_bytes < self.minimum_free_bytes:
            raise SpoolFullError(
                f"{free_bytes} bytes are free on the disk of {self.incoming}, "
                f"{self.minimum_free_bytes} must stay free: make room"
            )

    def arrival_name(self) -> str:
        """File name that sorts by arrival and that no other process or restart gives again."""
        with self._arrival_lock:
            arrival_us = max(time.time_ns() // 1000, self._last_arrival_us + 1)
            self._last_arrival_us = arrival_us
        seconds, microseconds = divmod(arrival_us, 1_000_000)
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S")
        return f"{moment}.{microseconds:06d}Z-{self.token}.dcm"

    def sync_incoming(self) -> None:
        """Make the names in ``incoming/`` durable; concurrent calls share one journal commit."""
        os.fsync(self._folder_fd)


class IncomingFile:
    """One object on its way to the disk; ends with ``commit`` or ``discard``."""

    def __init__(self, spool: Spool, path: str, head: bytes) -> None:
        self._spool = spool
        self._path = path
        self._head = head
        self._unsynced_bytes = 0
        self.size_bytes = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``.

        Raises:
            SpoolFullError: the disk fell below its margin.
            OSError: the disk refused.
        """
        if self._head:
            head, self._head = self._head, b""
            written = os.writev(self._fd, (head, data))
            if written != len(head) + len(data):
                if written < len(head):
                    _write_all(self._fd, head[written:])
                    written = len(head)
                _write_all(self._fd, memoryview(data)[written - len(head) :])
        else:
            _write_all(self._fd, data)
        self.size_bytes += len(data)
        self._unsynced_bytes += len(data)
        if self._unsynced_bytes >= _CHECKPOINT_BYTES:
            self._unsynced_bytes = 0
            os.fdatasync(self._fd)
            self._spool.check_space()

    def commit(self) -> str:
        """Make the object durable and visible; returns its path.

        Raises:
            OSError: the disk refused; nothing is left behind.
        """
        try:
            if self._head:
                self.write(b"")
            os.fdatasync(self._fd)
            target = f"{self._spool.incoming}/{self._spool.arrival_name()}"
            os.rename(self._path, target)  # noqa: PTH104 (a Path costs more than the system call)
            self._path = target
            self._spool.sync_incoming()
        except OSError:
            self.discard()
            raise
        self._close()
        return target

    def discard(self) -> None:
        """Remove the file; may be called again."""
        self._close()
        with suppress(FileNotFoundError):
            os.unlink(self._path)  # noqa: PTH108

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _write_all(fd: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while len(rest):
        rest = rest[os.write(fd, rest) :]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _lock_new_token(part: Path) -> tuple[str, int]:
    """A token of our own and its lock, held until the process ends, however it ends."""
    while True:
        token = secrets.token_hex(4)
        path = part / f"{token}.lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A process that started in the same moment may have found the file before we had
            # locked it, and removed it as stale.
            if os.fstat(fd).st_nlink:
                return token, fd
        except BlockingIOError:
            pass
        os.close(fd)


def _remove_stale(part: Path) -> None:
    """Remove the temp files of processes that are dead: those whose lock nobody holds."""
    removed = 0
    for lock in part.glob("*.lock"):
        try:
            fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for stale in part.glob(f"{lock.stem}-*.part"):
                stale.unlink(missing_ok=True)
                removed += 1
            lock.unlink(missing_ok=True)
        except BlockingIOError:
            continue
        finally:
            os.close(fd)
    for orphan in part.glob("*.part"):
        if not (part / f"{orphan.name.split('-')[0]}.lock").exists():
            orphan.unlink(missing_ok=True)
            removed += 1
    if removed:
        log.info("removed unfinished objects", count=removed)
