"""Logs: one line per event, UIDs but never a patient's name, id, birth date or free text."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import Literal

import structlog

_QUOTING = ("pydicom", "highdicom", "pynetdicom.transport")
"""Libraries whose records never pass: they quote data elements, or say what we say ourselves."""


def configure_logging(
    format: Literal["auto", "console", "json"] = "auto", level: str = "INFO", role: str = "node"
) -> None:
    """Set up structlog on standard error; ``auto`` is for people on a terminal, else JSON."""
    for_people = format == "console" or (format == "auto" and sys.stderr.isatty())

    def with_role(
        _: object, __: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return {"role": role, **event}

    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if for_people
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            with_role,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log data elements and addresses at lower levels: only their warnings pass.
    handler = logging.StreamHandler(sys.stderr)
    # A filter, as pydicom sets its logger's level anew when it is imported.
    handler.addFilter(_quotes_nothing)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format="%(name)s: %(message)s")
    for name in ("pynetdicom", "dbos", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # pydicom's warnings quote the values that they are about.
    warnings.filterwarnings("ignore", category=UserWarning)


def report_crashes() -> None:
    """Say of an error nobody foresaw only its kind and place: its message may quote an element.

    In the main thread it ends the process at once, whatever threads of libraries still wait for.
    """

    def report(kind: type[BaseException], trace: TracebackType | None) -> None:
        frames = traceback.extract_tb(trace)
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
        structlog.get_logger().critical("crashed", error=kind.__name__, at=place)

    def end(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
        report(kind, trace)
        sys.stderr.flush()
        os._exit(1)

    sys.excepthook = end
    threading.excepthook = lambda args: report(args.exc_type, args.exc_traceback)


def loggable(uid: str | None) -> str:
    """``uid`` where it has a UID's characters; text in its place may be a patient's."""
    return uid if uid and uid.replace(".", "").isdigit() else "a malformed UID"


def _quotes_nothing(record: logging.LogRecord) -> bool:
    return not any(record.name == name or record.name.startswith(name + ".") for name in _QUOTING)
