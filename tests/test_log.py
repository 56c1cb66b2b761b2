"""What goes into the logs, and what never does."""

from __future__ import annotations

import json
import subprocess
import sys

SECRET = "Doe^Jane"


def said(code: str) -> str:
    """Standard error of a process that logs as a role does and then runs ``code``."""
    start = (
        "import warnings, logging, threading, structlog\n"
        "from medq_node.log import configure_logging, report_crashes\n"
        "configure_logging('json', 'info', 'worker'); report_crashes()\n"
        f"SECRET = {SECRET!r}\n"
    )
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True)
    return done.stderr


def test_one_line_of_json_per_event_with_its_role() -> None:
    (line,) = said("structlog.get_logger().info('stored', n=1)").splitlines()
    event = json.loads(line)
    assert (event["event"], event["role"], event["n"]) == ("stored", "worker", 1)


def test_a_crash_names_its_kind_and_place_but_not_its_message() -> None:
    text = said("raise ValueError(f'bad value {SECRET}')")
    assert SECRET not in text
    assert json.loads(text)["error"] == "ValueError"


def test_a_crash_in_a_thread_keeps_the_secret_too() -> None:
    code = "t = threading.Thread(target=lambda: int(SECRET)); t.start(); t.join()"
    assert SECRET not in said(code)
    assert "ValueError" in said(code)


def test_libraries_that_quote_elements_are_not_heard() -> None:
    code = (
        "import pydicom\n"
        "ds = pydicom.Dataset(); ds.PatientBirthDate = SECRET\n"
        "logging.getLogger('pydicom').error(SECRET)\n"
        "logging.getLogger('highdicom.sr').warning(SECRET)\n"
    )
    assert SECRET not in said(code)
