"""Logs: one line per event, UIDs but never a patient's name, id, birth date or free text."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog


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
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    for name in ("pydicom", "pynetdicom", "highdicom", "dbos", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
