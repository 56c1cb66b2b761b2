"""What ``medq-node status`` and ``check`` print: a summary, then one thing after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from medq_node.console.lines import counted, tell, tell_path
from medq_node.console.story import done, noise_line
from medq_node.status import (
    DeliveryStatus,
    NodeStatus,
    SeriesStatus,
    StudyStatus,
    needs_a_person,
)

if TYPE_CHECKING:
    from medq_node.checkup import Finding

_ROOM = 10
_COLOURS = {
    "complete": "cyan",
    "processing": "cyan",
    "ignored": "dim",
    "refused": "yellow",
    "dropped": "dim",
    "held": "bold red",
    "done": "green",
    "dead letter": "bold red",
    "retrying": "yellow",
    "confirmed": "green",
}
_KINDS = {
    "unreadable": "unreadable",
    "clash": "in a clash",
    "replaced": "replaced",
    "again": "on their way",
    "dropped": "dropped",
}


def print_status(console: Console, status: NodeStatus) -> None:
    """The node at a glance; nothing that names a patient."""
    if not (status.series or status.arriving or status.quarantined or status.kept):
        console.print("No series yet. Send one, or try: medq-node demo", soft_wrap=True)
        return
    _summary(console, status)
    for arriving in status.arriving:
        console.print()
        what = f"{arriving.modality or '?'}, {counted(arriving.images, 'image')} so far"
        _row(console, "arriving", what)
        _row(console, "", arriving.series_instance_uid)
    for series in status.series:
        console.print()
        _series(console, series)
    for note in status.studies:
        console.print()
        _study(console, note)
    _kept_aside(console, status)


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """One line per thing looked at, what needs mending marked."""
    for finding in findings:
        mark, style = ("ok", "green") if finding.fine else ("no", "bold red")
        words = f"{finding.what}: {finding.found}"
        tell(console, mark, words, room=3, indent=0, style=style)


def _summary(console: Console, status: NodeStatus) -> None:
    parts = [
        f"{title}: {', '.join(f'{count} {state}' for state, count in sorted(counts.items()))}"
        for title, counts in (("series", status.states), ("deliveries", status.deliveries))
        if counts
    ]
    if status.studies:
        notes = Counter(note.state for note in status.studies)
        parts.append(f"study notes: {', '.join(f'{n} {state}' for state, n in notes.items())}")
    if status.kept:
        kinds = sorted(status.kept.items())
        parts.append(f"kept aside: {', '.join(f'{n} {_KINDS[kind]}' for kind, n in kinds)}")
    if status.feedback:
        said = sorted(status.feedback.items())
        parts.append(f"feedback: {', '.join(f'{n} {verdict}' for verdict, n in said)}")
    tell(console, "in all", "; ".join(parts) or "nothing complete yet", room=_ROOM, indent=0)
    if needs_a_person(status):
        words = Text("something waits for your decision: medq-node held", "bold red")
        tell(console, "", words, room=_ROOM, indent=0)


def _series(console: Console, series: SeriesStatus) -> None:
    when = series.complete_at.astimezone()
    what = (
        f"{series.handle}: {series.modality or '?'}, {counted(series.images, 'image')} from "
        f"{series.calling_ae_title or 'a folder'}, complete {when:%Y-%m-%d %H:%M}"
    )
    if series.revision > 1:
        what += f", revision {series.revision}"
    _row(console, series.state, what, _COLOURS.get(series.state, ""))
    _row(console, "", series.series_instance_uid)
    if series.reason or series.explanation:
        _row(console, "", series.reason or series.explanation or "")
    if series.sentence_before:
        _row(console, "", series.sentence_before)
    if series.taken:
        _row(console, "", done(series))
    for words in series.alarms:
        _row(console, "alarm", words, "bold red")
    for words in series.overridden:
        _row(console, "", words)
    if noise := noise_line(series):
        _row(console, "", f"Noise {noise}.")
    if series.repeats:
        _row(console, "", f"Sent again: {counted(series.repeats, 'image')}.")
    for said in series.feedback:
        why = f": {said.why}" if said.why else ""
        _row(console, "", f"Feedback of {said.by}: {said.verdict}{why}")
    _decisions(console, series)


def _study(console: Console, note: StudyStatus) -> None:
    what = f"{note.handle}: one note on {', '.join(note.series)}"
    if note.number > 1:
        what += f", number {note.number}"
    _row(console, note.state, what, _COLOURS.get(note.state, ""))
    _row(console, "", note.study_instance_uid)
    if note.reason:
        _row(console, "", note.reason)
    _decisions(console, note)


def _decisions(console: Console, row: SeriesStatus | StudyStatus) -> None:
    """How far its deliveries are, and what to type where a person is needed."""
    if row.state == "held":
        _release(console, row.handle)
    for delivery in row.deliveries:
        tell(console, "", delivery_words(delivery), room=_ROOM, indent=0)
        if delivery.state == "dead letter":
            _release(console, delivery.handle)


def _kept_aside(console: Console, status: NodeStatus) -> None:
    """Objects outside every series; those that clash with a series as one."""
    for clash in status.clashes:
        console.print()
        _row(console, "kept aside", f"{clash.handle}: {clash.what}", "bold red")
        _row(console, "", str(clash.uid))
        _row(console, "", clash.why)
        _release(console, clash.handle)
    unreadable = [kept for kept in status.quarantine if kept.handle.startswith("kept-")]
    for kept in unreadable:
        console.print()
        what = kept.sop_instance_uid or "an object without a UID"
        sender = kept.calling_ae_title or "unknown"
        _row(console, "kept aside", f"{kept.handle}: {what} from {sender}", "bold red")
        _row(console, "", kept.reason)
        tell_path(console, "", kept.path, room=_ROOM, indent=0)
    if status.quarantined > len(status.quarantine):
        console.print()
        _row(console, "kept aside", "more; medq-node held lists all", "bold red")


def _release(console: Console, handle: str) -> None:
    line = Text(" " * (_ROOM + 1) + f"medq-node held release {handle} --reason '...'", "red")
    console.print(line, highlight=False, soft_wrap=True)


def delivery_words(delivery: DeliveryStatus) -> Text:
    """How far one delivery has come, and what stopped it."""
    text = Text(f"{delivery.content} to {delivery.destination}: ")
    text.append(delivery.state, _COLOURS.get(delivery.state, ""))
    text.append(f", {delivery.confirmed} of {delivery.total}")
    if delivery.last_error:
        text.append(f", {counted(delivery.attempts, 'attempt')}, last: {delivery.last_error}")
    return text


def _row(console: Console, label: str, text: str, style: str = "") -> None:
    """One line of a series; the label is its state, in its colour."""
    tell(console, label, text, room=_ROOM, indent=0, style=style)
