"""What the demonstration prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from medq_node.console.story import tell_words
from medq_node.status import SeriesStatus

if TYPE_CHECKING:
    from medq_node.demo.story import Told


def tell_start(console: Console, port: int, destination: dict[str, Any]) -> None:
    """Who stands where."""
    pacs = f"{destination['ae_title']}@{destination['host']}:{destination['port']}"
    console.print(
        f"[bold]Scanner[/]  ->  [bold]MEDQ[/] on 127.0.0.1:{port}  ->  [bold]PACS[/] {pacs}",
        highlight=False,
    )


def tell_result(console: Console, told: Told) -> None:
    """Route, words, numbers, times and places, for every series."""
    for series in reversed(told.series):
        console.print()
        console.rule(f"{series.modality or '?'}, {series.images} images", align="left")
        console.print(f"  [bold]route[/]   {series.explanation}", highlight=False)
        if series.sentence_before is None:
            console.print(f"  {series.state}: {series.reason}", highlight=False)
            continue
        tell_words(console, series)
        for delivery in series.deliveries:
            console.print(
                f"  [bold]sent[/]    {delivery.confirmed} of {delivery.total} objects "
                f"{delivery.state} at {delivery.destination}"
                + (f": {delivery.last_error}" if delivery.last_error else ""),
                highlight=False,
            )
        console.print(f"  [bold]times[/]   {_times(series)}", highlight=False)
    console.print()
    console.print(_places(told))
    console.print("Research use only. Not for diagnostic use.", style="dim")


def _times(series: SeriesStatus) -> str:
    return ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in series.stages_s.items())


def _places(told: Told) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    if told.rmse_before_hu is not None and told.rmse_after_hu is not None:
        table.add_row(
            "error against truth",
            f"RMSE {told.rmse_before_hu:.1f} HU before, {told.rmse_after_hu:.1f} HU after",
        )
    for folder, count in _folders(told.restored).items():
        table.add_row("restored series", f"{_shown(folder)}  ({count} images)")
    for path in told.reports:
        table.add_row("structured report", _shown(path))
    for path in told.pictures:
        table.add_row("before/after", _shown(path))
    table.add_row("in all", f"{told.total_s:.1f} s, of which sending {told.sent_s:.1f} s")
    return table


def _folders(files: tuple[Path, ...]) -> dict[Path, int]:
    counts: dict[Path, int] = {}
    for file in files:
        counts[file.parent] = counts.get(file.parent, 0) + 1
    return counts


def _shown(path: Path) -> str:
    """Relative to here where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
