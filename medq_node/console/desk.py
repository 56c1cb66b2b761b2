"""What ``medq-node held`` prints: a block for each thing that waits, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from medq_node.console.lines import counted, tell
from medq_node.desk.audit import Entry
from medq_node.desk.decide import Outcome
from medq_node.desk.held import Held

_ROOM = 8


def print_held(console: Console, found: Sequence[Held]) -> None:
    """One block each, oldest first, and how to decide."""
    if not found:
        console.print("Nothing waits for a decision.")
        return
    waits = "waits" if len(found) == 1 else "wait"
    tell(console, f"{counted(len(found), 'thing')} {waits} for your decision", "", indent=0)
    for held in found:
        console.print()
        heading = Text(held.handle, "bold red")
        heading.append(f"  since {held.since.astimezone():%Y-%m-%d %H:%M}", "dim not bold")
        _whole(console, heading)
        tell(console, "what", held.what, room=_ROOM)
        if held.uid:
            _whole(console, Text(" " * (_ROOM + 3) + held.uid, "dim"))
        if held.why:
            tell(console, "why", held.why, room=_ROOM)
        tell(console, "release", held.release, room=_ROOM)
        tell(console, "drop", held.drop, room=_ROOM)
    console.print()
    for decision in ("release", "drop"):
        _whole(console, Text(f"medq-node held {decision} {found[0].handle} --reason '...'"))


def print_outcomes(console: Console, outcomes: Sequence[Outcome]) -> None:
    """What happens next to each handle."""
    room = max(len(outcome.handle) for outcome in outcomes) + 1
    for outcome in outcomes:
        tell(console, outcome.handle, outcome.then, room=room, indent=0)


def print_trail(console: Console, entries: Sequence[Entry]) -> None:
    """What people decided, newest first."""
    if not entries:
        console.print("Nobody has decided anything yet.")
    for number, entry in enumerate(entries):
        if number:
            console.print()
        heading = Text(f"{entry.at.astimezone():%Y-%m-%d %H:%M}  ", "dim")
        heading.append(f"{entry.what} {entry.subject}", "bold not dim")
        heading.append(f"  by {entry.by}", "not dim")
        _whole(console, heading)
        tell(console, "before", entry.before, room=_ROOM)
        if entry.reason:
            tell(console, "reason", entry.reason, room=_ROOM)


def _whole(console: Console, line: Text) -> None:
    """However narrow the terminal: handles and UIDs can be copied."""
    console.print(line, highlight=False, soft_wrap=True)
