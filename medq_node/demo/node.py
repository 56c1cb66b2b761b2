"""A node of its own for the demonstration: free loopback ports, embedded defaults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from medq_node.errors import MedqError

AE_TITLE = "MEDQ"
_STOP_S = 60.0


@contextmanager
def demo_node(settings: dict[str, Any], folder: Path) -> Iterator[Path]:
    """``medq-node serve`` in a process of its own; yields its configuration file.

    Raises:
        MedqError: it didn't come up; its log is ``folder/node.log``.
    """
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    log = folder / "node.log"
    # Settings of a real node in the environment must not reach this one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MEDQ_")}
    command = [sys.executable, "-m", "medq_node", "serve", "--config", str(config), "--json"]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment, start_new_session=True
        )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        if not first or json.loads(first).get("event") != "ready":
            last = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            raise MedqError(f"the node didn't start: {' '.join(last)} (log: {log})")
        yield config
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
