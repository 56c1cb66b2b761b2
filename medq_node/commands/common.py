"""What all commands share: options, settings, plain errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import TypeAdapter

from medq_node.config import Config, load_config
from medq_node.errors import ConfigError, MedqError
from medq_node.log import configure_logging, report_crashes

_DEFAULT_CONFIG = Path("config.yaml")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings; config.yaml here if there is one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]


def as_json_text(value: object) -> str:
    """``value`` as JSON for programs."""
    return TypeAdapter(type(value)).dump_json(value, indent=1).decode()


def start_log(format: Literal["auto", "console", "json"], level: str, role: str) -> None:
    """Log as ``role``; a crash is told in one line too."""
    configure_logging(format, level, role)
    report_crashes()


def settings_of(path: Path | None) -> tuple[Config, Path | None]:
    """The settings, and the file that they came from."""
    if path is None and _DEFAULT_CONFIG.exists():
        path = _DEFAULT_CONFIG
    return load_config(path), path.resolve() if path else None


@contextmanager
def plain_errors() -> Iterator[None]:
    """One clear line per problem and the right exit code, never a traceback."""
    try:
        yield
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    except MedqError as error:
        print(f"medq-node: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"medq-node: {where}{error.strerror or error}", file=sys.stderr)
        raise typer.Exit(1) from error
