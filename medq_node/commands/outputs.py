"""``medq-node outputs``."""

from __future__ import annotations

from pathlib import Path
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

app = typer.Typer(help="Look at what the node has made.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Keep the command's name: an app of one command would take it away."""


@app.command()
def preview(
    study: Annotated[
        str,
        typer.Argument(
            help="UID of a study, a series (source or ours) or an object; or a handle such as "
            "series-12 or study-3. A series or a report shows that alone."
        ),
    ],
    html: Annotated[
        Path | None, typer.Option("--html", help="One HTML file with everything, for a browser.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a radiologist will read: the reports of a study, from the objects on disk."""
    with plain_errors():
        settings, _ = settings_of(config)

        from medq_node.layout import Layout
        from medq_node.preview.html import write_html
        from medq_node.preview.study import preview as preview_of
        from medq_node.preview.text import print_preview
        from medq_node.store.database import open_existing, plain_store_errors

        start_log(settings.log.format, "error", "outputs")
        with plain_store_errors(settings.database_url):
            sessions = open_existing(settings.database_url)
            found = preview_of(sessions, Layout(settings.node.data), study, settings.destinations)
        if html is not None:
            write_html(found, html)
        if as_json:
            print(as_json_text(found))
        elif html is not None:
            print(f"{html}: {len(found.reports)} of the study's reports; open it in a browser")
        else:
            print_preview(Console(), found)
