"""What the demonstration prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from medq_node.console.lines import counted, tell, tell_path
from medq_node.console.overview import delivery_words
from medq_node.console.story import RESEARCH, tell_heading, tell_words
from medq_node.demo.found import Found
from medq_node.status import SeriesStatus

if TYPE_CHECKING:
    from medq_node.demo.story import Told


def tell_start(console: Console, port: int, destination: dict[str, Any]) -> None:
    """Who stands where."""
    pacs = f"{destination['ae_title']}@{destination['host']}:{destination['port']}"
    tell(console, "route", f"scanner -> MEDQ@127.0.0.1:{port} -> PACS {pacs}", indent=0)


def tell_result(console: Console, told: Told) -> None:
    """Decision, words, numbers, times and places, for every series."""
    for series, found in reversed(list(zip(told.series, told.found, strict=True))):
        console.print()
        tell_heading(console, series)
        if series.sentence_before is None:
            tell(console, series.state, series.reason or series.explanation or "")
            continue
        tell(console, "rule", series.explanation or "")
        tell_words(console, series)
        if told.rmse_before_hu is not None and told.rmse_after_hu is not None:
            tell(
                console,
                "error",
                f"RMSE against the known truth {told.rmse_before_hu:.1f} HU before, "
                f"{told.rmse_after_hu:.1f} HU after",
            )
        for delivery in series.deliveries:
            tell(console, "sent", delivery_words(delivery))
        tell(console, "times", _times(series))
        _tell_places(console, found)
    console.print()
    for reason, count in told.kept_aside.items():
        tell(console, "not used", f"{counted(count, 'object')}: {reason}", indent=0)
    if not any(series.outputs for series in told.series):
        words = "nothing was made, for the reasons above"
        tell(console, "failed", words, indent=0, style="bold red")
    tell(console, "in all", f"{told.total_s:.1f} s, of which sending {told.sent_s:.1f} s")
    console.print()
    console.print(RESEARCH, style="dim")


def _times(series: SeriesStatus) -> str:
    return ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in series.stages_s.items())


def _tell_places(console: Console, found: Found) -> None:
    if found.restored:
        images = counted(len(found.restored), "image")
        tell_path(console, "restored", found.restored[0].parent, images)
    if found.report:
        tell_path(console, "report", found.report)
    if found.picture:
        tell_path(console, "picture", found.picture)
