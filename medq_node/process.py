"""One process of a node: ``python -m medq_node.process ROLE``, started by the supervisor."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

import structlog

from medq_node.children import die_with_parent
from medq_node.config import load_config
from medq_node.errors import MedqError
from medq_node.log import configure_logging, report_crashes
from medq_node.roles import ROLES, run_role


def main() -> int:
    """Run one role until SIGTERM or until the supervisor is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--ready-fd", type=int, required=True)
    arguments = parser.parse_args()
    die_with_parent(os.getppid())
    config = load_config(arguments.config)
    configure_logging(config.log.format, config.log.level, arguments.role)
    report_crashes()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def ready() -> None:
        os.write(arguments.ready_fd, b"1")

    try:
        run_role(arguments.role, config, stop, ready)
    except MedqError as error:
        structlog.get_logger(arguments.role).error("stopped", error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # Threads of libraries may still sleep; all that matters is on disk.
    os._exit(code)
