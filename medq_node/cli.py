"""The command ``medq-node``. Exit codes: 0 done, 1 it didn't work out, 2 wrong use or settings.

Settings are read before anything heavy is imported: a slip in them is told at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.console import Console

from engines.base import EngineError, load_engine
from medq_node import __version__
from medq_node.commands import engine as engine_commands
from medq_node.commands import held, outputs
from medq_node.commands.common import (
    ConfigOption,
    JsonOption,
    as_json_text,
    plain_errors,
    settings_of,
    start_log,
)
from medq_node.commands.feedback import feedback
from medq_node.config import Config
from medq_node.config_problems import unknown_word
from medq_node.errors import ConfigError, MedqError, StoreError

app = typer.Typer(
    help="A DICOM node that says what is wrong with an image series and restores what it safely "
    "can. Research use only, not for diagnostic use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Restore(StrEnum):
    """When ``run`` and ``demo`` restore."""

    WHEN_NEEDED = "when_needed"
    ALWAYS = "always"
    NEVER = "never"


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        print(f"medq-node {__version__}")
        raise typer.Exit


@app.command()
def serve(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Run the node until stopped; Ctrl-C drains and exits 0."""
    with plain_errors():
        settings, path = settings_of(config)

        from medq_node.checkup import check_rules
        from medq_node.supervisor import Supervisor

        if _first_start(settings) and not (rules := check_rules(settings)).fine:
            raise ConfigError(rules.found)
        start_log(settings.log.format, settings.log.level, "supervisor")

        def ready() -> None:
            where = f"{settings.receiver.host}:{settings.receiver.port}"
            if as_json:
                print(json.dumps({"event": "ready", "listening": where}), flush=True)
            else:
                print(
                    f"{settings.node.ae_title} listens on {where} ({settings.node.topology}); "
                    f"data in {settings.node.data}. Stop with Ctrl-C.",
                    flush=True,
                )

        Supervisor(settings, path).serve(ready)


@app.command()
def demo(
    input_folder: Annotated[
        Path | None, typer.Option("--input", help="Your own images instead of the sample.")
    ] = None,
    pacs: Annotated[
        str | None, typer.Option(help="Your own PACS, AE@host:port, instead of the built-in one.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where everything lands.")] = Path(
        "demo-output"
    ),
    restore: Annotated[Restore, typer.Option(help="When to restore.")] = Restore.WHEN_NEEDED,
    as_json: JsonOption = False,
) -> None:
    """The main job once through: a scanner pushes, a PACS gets the results."""
    from medq_node.demo.story import run_demo

    with plain_errors():
        start_log("auto", "error", "demo")
        # Stopped from outside, the node that the demonstration started has to end too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        told = run_demo(input_folder, pacs, out, restore.value, Console(stderr=as_json))
        if as_json:
            print(TypeAdapter(type(told)).dump_json(told, indent=1).decode())
        raise typer.Exit(0 if told.worked else 1)


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(help="Images, or folders of them; only read.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the results go.")],
    engine: Annotated[str | None, typer.Option(help="Which engine; see config.yaml.")] = None,
    restore: Annotated[Restore, typer.Option(help="When to restore.")] = Restore.WHEN_NEEDED,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The same pipeline on a folder, without a network."""
    with plain_errors():
        settings, _ = settings_of(config)
        # What is refused or kept aside is told at the end, series by series.
        start_log(settings.log.format, "critical", "run")
        if not folder.exists():
            raise MedqError(f"{folder}: no such file or folder")
        try:
            load_engine(engine or settings.engine.default, settings.engine_options)
        except EngineError as error:
            # Who names an engine wants that one; the default has one that works in its place.
            if engine is not None or settings.engine.fallback is None:
                raise ConfigError(str(error)) from error
            print(f"medq-node: {error}", file=sys.stderr)

        from medq_node.batch import run_folder
        from medq_node.console.progress import Progress

        console = Console(stderr=as_json)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # Stopped at once, children can't give their semaphores back; the system does.
        os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
        with Progress(console) as progress:

            def stopped() -> None:
                progress.stop()
                print("medq-node: stopped; what was finished lies in --out", file=sys.stderr)
                sys.stderr.flush()
                # Threads of libraries may still sleep, and would keep the process.
                os._exit(130)

            status = run_folder(
                settings, folder, out, engine, restore.value, progress.show, stopped
            )
        if as_json:
            print(as_json_text(status))
        else:
            from medq_node.console.story import tell_batch

            tell_batch(console, status, out)
        made = any(series.outputs for series in status.series)
        stuck = any(
            series.state == "held" or any(d.state != "confirmed" for d in series.deliveries)
            for series in status.series
        )
        raise typer.Exit(0 if made and not stuck else 1)


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look over settings, rules, engine, disk, port and destinations; change nothing."""
    with plain_errors():
        settings, _ = settings_of(config)

        from medq_node.checkup import checkup

        start_log(settings.log.format, "error", "check")
        findings = checkup(settings)
        if as_json:
            print(as_json_text(findings))
        else:
            from medq_node.console.overview import print_findings

            print_findings(Console(), findings)
        raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


@app.command()
def echo(
    destination: Annotated[str, typer.Argument(help="Its name in the settings.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a destination whether it is there (C-ECHO)."""
    with plain_errors():
        settings, _ = settings_of(config)

        if destination not in settings.destinations:
            raise ConfigError(unknown_word("destination", destination, settings.destinations))

        from medq_node.delivery.destinations import destination as named

        start_log(settings.log.format, "error", "echo")
        seconds = named(settings, destination).echo()
        if as_json:
            print(json.dumps({"destination": destination, "answered_in_s": round(seconds, 4)}))
        else:
            print(f"{destination} answered in {1000 * seconds:.0f} ms")


@app.command()
def status(
    config: ConfigOption = None,
    limit: Annotated[
        int, typer.Option(min=1, help="At most so many, besides what waits for a person.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """What became of each series, and why; what waits for a person."""
    with plain_errors():
        settings, _ = settings_of(config)

        from medq_node.console.overview import print_status
        from medq_node.layout import Layout
        from medq_node.status import node_status
        from medq_node.store.database import open_existing, plain_store_errors

        start_log(settings.log.format, "error", "status")
        layout = Layout(settings.node.data)
        with plain_store_errors(settings.database_url):
            found = node_status(open_existing(settings.database_url), layout, limit)
        if as_json:
            print(as_json_text(found))
        else:
            print_status(Console(), found)


# Behind the commands of the node itself in the help.
app.add_typer(held.app, name="held")
app.add_typer(outputs.app, name="outputs")
app.add_typer(engine_commands.app, name="engine")
app.command()(feedback)


def _first_start(settings: Config) -> bool:
    """Whether the rules are still those of the file: from then on the database has them."""
    from medq_node.store.database import open_existing

    try:
        open_existing(settings.database_url)
    except StoreError:
        raise
    except MedqError:
        return True
    return False
