"""The durable execution engine (DBOS): launched once per worker process, never by web or CLI.

On SQLite exactly one process may launch it: a second one would run healthy steps again. The worker
holds a lock (``medq_node.lock``), so that a new one waits until the old one is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dbos import DBOS, DBOSConfig
from sqlalchemy.exc import OperationalError

_WORKFLOW_VERSION = "1"
"""Set by us and raised only when the steps of a workflow change their meaning, so that work begun
before an upgrade is resumed after it."""

POLL_S = 0.25
"""How often a queue is asked for work. Each asking takes 5 ms of a core, whether there is any."""


class Busy:
    """Counts the steps that run now, so that a stop can wait for them and not for sleepers."""

    def __init__(self) -> None:
        self._steps = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._steps += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._steps -= 1
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing runs, at most ``timeout_s`` seconds; whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: self._steps == 0, timeout_s)


@contextmanager
def durable_execution(url: str, executor_id: str) -> Iterator[None]:
    """DBOS on ``url`` while the block runs; what is unfinished is resumed at the next start."""
    config: DBOSConfig = {
        "name": "medq-node",
        "system_database_url": url,
        "application_version": _WORKFLOW_VERSION,
        "executor_id": executor_id,
        # Its own report of a broken workflow may quote an element, out of an error's message.
        "log_level": "CRITICAL",
        "enable_otlp": False,
        # Nothing here waits for notifications, but a stop waits for the next look at them.
        "notification_listener_polling_interval_sec": 0.1,
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


def broken_workflows(ids: Sequence[str]) -> dict[str, str]:
    """Which of these workflows ended in an error nobody foresaw: id -> kind of error.

    The engine never runs those again, so their rows must not wait for them.
    """
    if not ids:
        return {}
    broken = DBOS.list_workflows(workflow_ids=list(ids), status="ERROR", load_input=False)
    return {w.workflow_id: type(w.error).__name__ for w in broken}


def database_busy(error: BaseException) -> bool:
    """Whether a step should simply run again: the database was locked or away for a moment."""
    return isinstance(error, OperationalError)
