"""What became of each series, in words a person reads."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from medq_node.layout import Layout
from medq_node.status import NodeStatus, SeriesStatus


def tell_batch(console: Console, status: NodeStatus, out: Path) -> None:
    """Every series of a ``run``: what was seen, what was done, where it lies."""
    for series in reversed(status.series):
        console.print()
        console.print(
            f"[bold]{series.modality or '?'}, {series.images} images[/] "
            f"[dim]{series.series_instance_uid}[/]",
            highlight=False,
        )
        if series.sentence_before is None:
            console.print(f"  {series.state}: {series.reason}", highlight=False)
            continue
        tell_words(console, series)
        name = Layout(out).output_folder(series.series_instance_uid, series.revision).name
        console.print(f"  [bold]in[/]      {out / name}", highlight=False, soft_wrap=True)
    for kept in status.quarantine:
        console.print(f"[yellow]not used[/]  one file: {kept.reason}", highlight=False)
    console.print("\nResearch use only. Not for diagnostic use.", style="dim")


def tell_words(console: Console, series: SeriesStatus) -> None:
    """Quality before, what was done and why, quality after."""
    console.print(f"  [bold]before[/]  {series.sentence_before}", highlight=False)
    because = "; ".join(series.taken_because)
    console.print(f"  [bold]done[/]    {series.taken}: {because}", highlight=False)
    if series.sentence_after:
        console.print(f"  [bold]after[/]   {series.sentence_after}", highlight=False)
