"""Tables for ``medq-node status``."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from medq_node.status import NodeStatus, SeriesStatus

_COLOURS = {
    "complete": "cyan",
    "processing": "cyan",
    "ignored": "dim",
    "refused": "yellow",
    "held": "bold red",
    "done": "green",
    "dead letter": "bold red",
    "retrying": "yellow",
    "confirmed": "green",
}


def print_status(console: Console, status: NodeStatus) -> None:
    """The node at a glance; nothing that names a patient."""
    for arriving in status.arriving:
        console.print(
            f"arriving  {arriving.modality or '?'}  {arriving.images} images so far  "
            f"{arriving.series_instance_uid}"
        )
    if status.series:
        console.print(_series_table(status))
    elif not status.arriving:
        console.print("No series yet. Send one, or try: medq-node demo")
    for kept in status.quarantine:
        console.print(
            f"[bold red]kept aside[/]  {kept.sop_instance_uid or 'unknown object'} "
            f"from {kept.calling_ae_title or 'unknown'}: {kept.reason}\n            {kept.path}"
        )


def _series_table(status: NodeStatus) -> Table:
    table = Table(expand=True, show_lines=True, header_style="bold")
    table.add_column("series", ratio=3, overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("why and what", ratio=6)
    table.add_column("delivery", ratio=2)
    for series in status.series:
        table.add_row(
            f"{series.modality or '?'}, {series.images} images, "
            f"from {series.calling_ae_title or 'a folder'}\n{series.series_instance_uid}"
            + (f"\nrevision {series.revision}" if series.revision > 1 else ""),
            Text(series.state, _COLOURS.get(series.state, "")),
            _story(series),
            _deliveries(series),
        )
    return table


def _story(series: SeriesStatus) -> Text:
    lines = [series.reason or series.explanation or "waits for the pipeline"]
    if series.sentence_before:
        lines.append(series.sentence_before)
    if series.taken:
        lines.append(f"{series.taken}: {'; '.join(series.taken_because)}")
    return Text("\n".join(lines))


def _deliveries(series: SeriesStatus) -> Text:
    text = Text()
    for delivery in series.deliveries:
        text.append(f"{delivery.content} to {delivery.destination}\n")
        text.append(
            f"{delivery.state} {delivery.confirmed}/{delivery.total}\n",
            _COLOURS.get(delivery.state, ""),
        )
        if delivery.last_error:
            text.append(f"{delivery.last_error}\n", "dim")
    return text
