"""``medq-node feedback``: what a person says of a quality note."""

from __future__ import annotations

from typing import Annotated

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
from medq_node.commands.person import ByOption, one_line_of_text, person
from medq_node.store.states import FeedbackVerdict


def feedback(
    series: Annotated[
        str,
        typer.Argument(
            help="Series Instance UID (of the source, or of what we made), SOP Instance UID of a "
            "report, or a handle: series-12, study-3."
        ),
    ],
    verdict: Annotated[FeedbackVerdict, typer.Argument(help="Whether the note is right.")],
    why: Annotated[
        str | None,
        typer.Option(
            "--why",
            callback=one_line_of_text,
            help="In one line; needed with 'wrong'. Kept for good: never name a patient in it.",
        ),
    ] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a quality note was right; kept with the note and shown in status."""
    who = person(by)
    if verdict is FeedbackVerdict.WRONG and why is None:
        raise typer.BadParameter("say with --why what is wrong with the note")
    with plain_errors():
        settings, _ = settings_of(config)

        from medq_node.desk.feedback import give_feedback
        from medq_node.store.database import open_existing, plain_store_errors

        start_log(settings.log.format, "error", "feedback")
        with plain_store_errors(settings.database_url):
            sessions = open_existing(settings.database_url)
            handles = give_feedback(sessions, series, verdict, why, who)
        if as_json:
            print(as_json_text(handles))
        else:
            Console().print(
                f"Thank you: kept with {', '.join(handles)}.", highlight=False, markup=False
            )
