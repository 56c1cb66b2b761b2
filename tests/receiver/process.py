"""A receiver as its own process, for tests that kill it or look into it."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from medq_node.log import configure_logging
from medq_node.receiver import ReceiverSettings, serve


def main() -> None:
    configure_logging("json", "warning", "receiver")
    values = json.loads(sys.argv[1])
    values["spool"] = Path(values["spool"])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    serve(ReceiverSettings(**values), stop, lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
