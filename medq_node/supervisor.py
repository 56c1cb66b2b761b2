"""One process per role, restarted when it dies; SIGTERM and Ctrl-C drain."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from medq_node.config import Config
from medq_node.errors import MedqError
from medq_node.layout import Layout
from medq_node.lock import only_one
from medq_node.ports import check_port
from medq_node.roles import RoleName
from medq_node.store.database import migrate, open_database
from medq_node.store.seed import seed

_DRAIN_S = 30.0
_READY_S = 60.0
_STEADY_S = 10.0
_LONGEST_PAUSE_S = 30.0

log = structlog.get_logger("supervisor")


@dataclass
class _Child:
    """One role process and how to start it again."""

    role: RoleName
    process: subprocess.Popen[bytes] | None = None
    ready: int = -1
    is_ready: bool = False
    started: float = 0.0
    pause_s: float = 0.0
    not_before: float = field(default=0.0)


class Supervisor:
    """Startup, main loop, shutdown of a node."""

    def __init__(self, config: Config, config_path: Path | None) -> None:
        self._config = config
        self._config_path = config_path
        self._stop = threading.Event()
        self._children = [
            *(_Child("receiver") for _ in range(config.receiver.processes)),
            _Child("intake"),
            _Child("worker"),
        ]

    def serve(self, on_ready: Callable[[], None]) -> None:
        """Run the node until SIGTERM or SIGINT, then drain.

        Raises:
            MedqError: the node can't start; says why and what to do.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        layout = Layout(self._config.node.data)
        layout.make()
        with only_one(layout.data / "node.lock", wait_s=0.0):
            _prepare_database(self._config)
            check_port(self._config.receiver.host, self._config.receiver.port)
            try:
                for child in self._children:
                    self._start(child)
                self._wait_ready()
                if not self._stop.is_set():
                    on_ready()
                while not self._stop.wait(0.2):
                    self._revive()
            finally:
                self._shutdown()

    def _start(self, child: _Child) -> None:
        read, write = os.pipe()
        command = [sys.executable, "-m", "medq_node.process", child.role, "--ready-fd", str(write)]
        if self._config_path is not None:
            command += ["--config", str(self._config_path)]
        # Its own session: Ctrl-C reaches the supervisor alone, which then drains in order.
        child.process = subprocess.Popen(
            command, pass_fds=[write], start_new_session=True, stdin=subprocess.DEVNULL
        )
        os.close(write)
        child.ready, child.is_ready, child.started = read, False, time.monotonic()
        log.info("started", process=child.role, pid=child.process.pid)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                selector.register(child.ready, selectors.EVENT_READ, child)
            while selector.get_map() and not self._stop.is_set():
                if time.monotonic() > deadline:
                    raise MedqError(f"a process was not ready within {_READY_S:g} s; see the log")
                for key, _ in selector.select(timeout=0.2):
                    child = key.data
                    selector.unregister(key.fd)
                    child.is_ready = bool(os.read(key.fd, 1))
                    os.close(key.fd)
                    child.ready = -1
                    if not child.is_ready:
                        self._start_again(child)
                        selector.register(child.ready, selectors.EVENT_READ, child)

    def _start_again(self, child: _Child) -> None:
        """A process that was killed before it was ready starts anew; one that gave up ends all."""
        assert child.process is not None
        if child.process.wait() >= 0:
            raise MedqError(f"the {child.role} process ended at its start; see the log")
        log.error("died", process=child.role, code=child.process.returncode, pause_s=0.0)
        self._start(child)

    def _revive(self) -> None:
        now = time.monotonic()
        for child in self._children:
            process = child.process
            if process is not None and process.poll() is not None:
                steady = now - child.started > _STEADY_S
                child.pause_s = 0.0 if steady else min(2 * child.pause_s + 0.5, _LONGEST_PAUSE_S)
                child.not_before = now + child.pause_s
                log.error(
                    "died", process=child.role, code=process.returncode, pause_s=child.pause_s
                )
                self._forget(child)
            if child.process is None and now >= child.not_before:
                self._start(child)

    def _forget(self, child: _Child) -> None:
        if child.ready >= 0:
            os.close(child.ready)
        child.process, child.ready = None, -1

    def _shutdown(self) -> None:
        """Receivers first, so that all they took in is seen by those behind them."""
        log.info("draining")
        deadline = time.monotonic() + _DRAIN_S
        for role in ("receiver", "intake", "worker"):
            running = [
                c.process for c in self._children if c.role == role and c.process is not None
            ]
            for process in running:
                process.terminate()
            for process in running:
                try:
                    process.wait(timeout=max(deadline - time.monotonic(), 0.1))
                except subprocess.TimeoutExpired:
                    log.warning("killed", process=role)
                    process.kill()
                    process.wait()
        log.info("stopped")


def _prepare_database(config: Config) -> None:
    migrate(config.database_url)
    with open_database(config.database_url).begin() as session:
        seed(session, config.rules.seed.read_text(encoding="utf-8"), str(config.rules.seed))
