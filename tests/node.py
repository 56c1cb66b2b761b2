"""A real node in processes of its own, for the stories."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from medq_node.layout import Layout
from medq_node.ports import free_port
from medq_node.status import NodeStatus, node_status, settled
from medq_node.store.database import Sessions, open_existing

PATIENCE_S = 150.0
_POLL_S = 0.2

RULES_ALWAYS = """
rules:
  - name: restore all
    when:
      - Modality: {one_of: [CT, MR, PT]}
      - ImageType: {not_equals: LOCALIZER}
    then: {action: restore, restore: always, destinations: [pacs]}
  - name: the rest
    then: {action: ignore}
"""


@dataclass
class Node:
    """One node: its folder, its processes, what it says of itself."""

    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    _sessions: Sessions | None = None

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def layout(self) -> Layout:
        return Layout(self.folder / "data")

    def start(self, wait: bool = True) -> None:
        """``medq-node serve``; returns once it says that it is ready."""
        log = (self.folder / "node.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "medq_node", "serve", "-c", str(self.config), "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **self.environment},
        )
        assert self.process.stdout is not None
        if wait:
            line = self.process.stdout.readline()
            assert '"ready"' in line, f"{line!r}; log:\n{self.log()[-3000:]}"

    def stop(self) -> int:
        """SIGTERM, as an administrator would; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=90)

    def kill(self) -> None:
        """SIGKILL of the supervisor; its processes notice and go."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        wait_for(lambda: not self.pids(), 20)

    def pids(self, role: str = "") -> list[int]:
        """Processes of this node that run ``role``; of any role by default."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes().decode().split("\0")
                except OSError:
                    continue
                ours = "medq_node.process" in command and str(self.config) in command
                if ours and (not role or role in command):
                    found.append(int(entry.name))
        return found

    def status(self) -> NodeStatus:
        if self._sessions is None:
            # Kept: stories ask several times a second, and the node needs the cores.
            url = f"sqlite:///{self.folder / 'data' / 'medq.sqlite'}"
            self._sessions = open_existing(url)
        return node_status(self._sessions, self.layout, limit=1000)

    def log(self) -> str:
        return (self.folder / "node.log").read_text(encoding="utf-8", errors="replace")

    def events(self) -> list[dict[str, Any]]:
        """Log lines, parsed."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def wait_settled(self, series: int, patience_s: float = PATIENCE_S) -> NodeStatus:
        """Until so many series have been settled and delivered."""

        def all_settled() -> bool:
            status = self.status()
            return len(status.series) >= series and settled(status)

        wait_for(all_settled, patience_s, lambda: f"{self.status().states}\n{self.log()[-3000:]}")
        return self.status()


def wait_for(
    condition: Callable[[], bool], patience_s: float, why: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"not true within {patience_s} s {why()}"
        time.sleep(_POLL_S)


@contextmanager
def running_node(
    folder: Path,
    settings: dict[str, Any],
    rules: str = RULES_ALWAYS,
    environment: dict[str, str] | None = None,
    start: bool = True,
) -> Iterator[Node]:
    """A node with ``settings`` over quick defaults, stopped at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    node = Node(folder, free_port(), environment or {})
    (folder / "rules.yaml").write_text(rules)
    base: dict[str, Any] = {
        "node": {"ae_title": "MEDQ", "data": "data"},
        # Most stories push over one association at a time; stories of processes ask for two.
        "receiver": {"port": node.port, "processes": 1},
        "intake": {"quiet_minimum_s": 1.0},
        "delivery": {"retry_initial_s": 0.5, "retry_maximum_s": 2.0},
        "rules": {"seed": "rules.yaml"},
        # PixelMed alone takes 10 s for a report; stories about judges ask for them.
        "certify": {"judges": []},
        "log": {"format": "json"},
    }
    for section, values in settings.items():
        base[section] = {**base.get(section, {}), **values}
    node.config.write_text(yaml.safe_dump(base, sort_keys=False))
    try:
        if start:
            node.start()
        yield node
    finally:
        if node.process is not None and node.process.poll() is None:
            node.stop()
