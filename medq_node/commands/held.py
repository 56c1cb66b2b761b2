"""``medq-node held``: what waits for a person, and what a person decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from medq_node.commands.common import (
    ConfigOption,
    JsonOption,
    as_json_text,
    plain_errors,
    settings_of,
    start_log,
)
from medq_node.commands.person import ByOption, ReasonOption, person

if TYPE_CHECKING:
    from medq_node.desk.decide import Decision

app = typer.Typer(
    help="What waits for a person, oldest first; release it, or drop it.",
    invoke_without_command=True,
)

Handles = Annotated[
    list[str], typer.Argument(help="As medq-node held lists them: series-12, delivery-5, ...")
]


@app.callback()
def held(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What waits for a person, oldest first; release it, or drop it.

    A release lets the node go on, a drop ends the matter; the list says what each would do to
    which. What was decided, by whom and why is kept: medq-node held log.
    """
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    with plain_errors():
        settings, _ = settings_of(config)

        from medq_node.console.desk import print_held
        from medq_node.desk.held import everything_held
        from medq_node.store.database import open_existing, plain_store_errors

        start_log(settings.log.format, "error", "held")
        url = settings.database_url
        with plain_store_errors(url), open_existing(url)() as session:
            found = everything_held(session)
        if as_json:
            print(as_json_text(found))
        else:
            print_held(Console(), found)


@app.command()
def release(
    context: typer.Context,
    handles: Handles,
    reason: ReasonOption,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the node go on with what it held: all of these, or none of them."""
    from medq_node.desk.decide import Decision

    _decide(Decision.RELEASE, handles, reason, by, config or context.obj, as_json)


@app.command()
def drop(
    context: typer.Context,
    handles: Handles,
    reason: ReasonOption,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the matter for good: nothing is made or sent of all of these, or of none of them."""
    from medq_node.desk.decide import Decision

    _decide(Decision.DROP, handles, reason, by, config or context.obj, as_json)


@app.command()
def log(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What was decided, newest first: who, when, about what, why, and what it was before."""
    with plain_errors():
        settings, _ = settings_of(config or context.obj)

        from medq_node.console.desk import print_trail
        from medq_node.desk.audit import trail
        from medq_node.store.database import open_existing, plain_store_errors

        start_log(settings.log.format, "error", "held")
        url = settings.database_url
        with plain_store_errors(url), open_existing(url)() as session:
            entries = trail(session, limit)
        if as_json:
            print(as_json_text(entries))
        else:
            print_trail(Console(), entries)


def _decide(
    decision: Decision,
    handles: list[str],
    reason: str,
    by: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    who = person(by)
    with plain_errors():
        settings, _ = settings_of(config)

        from medq_node.console.desk import print_outcomes
        from medq_node.desk.decide import decide
        from medq_node.layout import Layout
        from medq_node.store.database import open_existing, plain_store_errors

        start_log(settings.log.format, "error", "held")
        with plain_store_errors(settings.database_url):
            sessions = open_existing(settings.database_url)
            layout = Layout(settings.node.data)
            outcomes = decide(sessions, layout, decision, handles, reason, who)
        if as_json:
            print(as_json_text(outcomes))
        else:
            print_outcomes(Console(), outcomes)
