"""What ``medq-node engine`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from medq_node.console.lines import tell

if TYPE_CHECKING:
    from engines.bench import Cost
    from medq_node.commands.engine import EngineInfo

_ROOM = 10


def print_info(console: Console, info: EngineInfo) -> None:
    """One engine: what it is, what it runs on, what else it could."""

    def row(label: str, text: str) -> None:
        tell(console, label, text, room=_ROOM, indent=0)

    row("engine", f"{info.name} {info.version}")
    row("digest", info.digest)
    row("restores", ", ".join(info.restores))
    row("runs on", info.runs_on)
    for note in info.notes:
        row("", note)
    for runtime, found in info.runtimes.items():
        row(f"  {runtime}", found)
    row("fallback", info.fallback or "none")


def print_costs(console: Console, costs: Sequence[Cost]) -> None:
    """A line for each engine, and what a person would rather know: seconds for 300 images."""
    first = costs[0]
    console.print(f"{first.slices} images {first.side}x{first.side}, milliseconds per image")
    table = Table(box=None, pad_edge=False)
    table.add_column("engine", no_wrap=True)
    for heading in ("assess", "restore", "both", "300 images"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("runs on")
    for one in costs:
        times = [f"{ms:.1f}" for ms in (one.assess_ms, one.restore_ms, one.both_ms)]
        table.add_row(one.engine, *times, f"{0.3 * one.both_ms:.1f} s", one.runtime)
    console.print(table)
