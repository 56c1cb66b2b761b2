"""``python -m engines.runtime.tensorrt ORDER``: what ``building.start_building`` starts."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from engines.base import EngineError
from engines.runtime.order import order_from
from engines.runtime.tensorrt.building import build_all

NICENESS = 15


def main(text: str) -> int:
    """Compile what the order names; lines go to standard output. 0, or 1 where it failed."""
    os.nice(NICENESS)
    try:
        # Who started it may still hold the lock.
        build_all(order_from(text), _tell, wait=True)
    except EngineError as error:
        _tell(str(error))
        return 1
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
