"""The preview in a terminal: what a radiologist reads first, then where it comes from and went."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from medq_node.console.lines import counted, tell
from medq_node.console.story import RESEARCH
from medq_node.preview.content import Group, Item, ReportSeen, algorithm_words
from medq_node.preview.found import ReportPreview, Standing, StudyPreview
from medq_node.preview.words import (
    NO_DELIVERY,
    facts,
    flag_words,
    form_words,
    heading_words,
    missing_words,
    sending_words,
    standing_words,
    tone,
)

_NAMES = 39
_DEEPEST = 8
_ROOM = 9

_STYLES = {"good": "green", "fair": "", "warn": "yellow", "bad": "bold red", "quiet": "dim"}
_STANDING_STYLES = {Standing.SUPERSEDED: "yellow", Standing.NOT_SENT: "bold red"}


def print_preview(console: Console, found: StudyPreview) -> None:
    """Every report in full, newest first; nothing that names a patient."""
    for number, one in enumerate(found.reports):
        if number:
            console.print()
            console.rule(style="dim", characters="-")
        _report(console, one)
    if found.without:
        console.print()
    for without in found.without:
        _tell(console, "no note", str(without).removeprefix("no note "), style="yellow")
    if found.others:
        console.print()
        more = "has another report" if found.others == 1 else f"has {found.others} more reports"
        _tell(console, "", f"The study {more}: medq-node outputs preview")
        _tell(console, "", found.study_instance_uid)
    console.print()
    console.print(RESEARCH, style="bold yellow")


def _report(console: Console, one: ReportPreview) -> None:
    seen = one.report
    title = seen.description or seen.title if seen else "Quality report, without its file"
    _line(console, title, "bold underline")
    if words := standing_words(one):
        _line(console, words, _STANDING_STYLES.get(one.standing, ""))
    if seen is not None:
        _line(console, flag_words(seen), "dim")
        for group in seen.groups:
            _group(console, seen, group)
        _items(console, "Also in the report", seen.further)
    else:
        console.print()
        _tell(console, "", f"{missing_words(one)}", style="yellow")
        for sentence in one.kept:
            _tell(console, "kept", sentence)
    console.print()
    for label, value in facts(one):
        _tell(console, label, value, style="dim")
    if seen is not None and seen.image_library:
        words = f"{counted(len(seen.image_library), 'line')} on the images; --html shows them"
        _tell(console, "library", words, "dim")
    if not one.sendings:
        _tell(console, "to", NO_DELIVERY, "dim")
    for sending in one.sendings:
        _tell(console, "to", sending_words(sending), style="dim" if sending.there else "yellow")
    if one.forms:
        _tell(console, "forms", "of the same note; --html shows them", style="dim")
    for form in one.forms:
        _tell(console, "", form_words(form), style="yellow" if form.missing else "dim")


def _group(console: Console, seen: ReportSeen, group: Group) -> None:
    console.print()
    _line(console, heading_words(group), "bold")
    for sentence in group.sentences:
        _tell(console, None, sentence)
    console.print()
    if group.about:
        _row(console, "About", Text(group.about))
    for number in group.numbers:
        where = seen.where(number.images)
        measured = f"{number.value} {number.unit}".strip()
        _row(console, number.name, Text(f"{measured}  ({where})" if where else measured))
        _details(console, number.details)
    for answer in group.evaluations:
        value = Text(answer.value, _STYLES[tone(answer)])
        if where := seen.where(answer.images):
            value.append(f"  ({where})", "not bold default")
        _row(console, answer.name, value)
        _details(console, answer.details)
    if group.images:
        _row(console, "Look at", Text(seen.where(group.images), "bold"))
    if group.algorithm and not seen.algorithm:
        _row(console, "By", Text(algorithm_words(group)))
    _items(console, "Also in this part", group.further)


def _row(console: Console, name: str, value: Text) -> None:
    """A row of a group's table; a name too long for its column stands on a line of its own."""
    if len(name) > _NAMES:
        _tell(console, None, name)
        name = ""
    tell(console, name, value, room=_NAMES, indent=2, style="none")


def _items(console: Console, title: str, items: Sequence[Item]) -> None:
    if items:
        console.print()
        console.print(Text(title, "bold dim"))
        _details(console, items)


def _details(console: Console, items: Sequence[Item]) -> None:
    for item in items:
        text = f"{item.name}: {item.value}" if item.value else item.name
        tell(console, "", text, room=0, indent=1 + 2 * min(item.depth, _DEEPEST))


def _line(console: Console, text: str, style: str) -> None:
    """``text`` from the left edge."""
    tell(console, "", Text(text, style), room=-1, indent=0)


def _tell(console: Console, label: str | None, text: str, style: str = "") -> None:
    """A line with a label before it; without one it stands as far left as a group's rows."""
    if label is None:
        tell(console, "", text, room=0, indent=1)
    else:
        tell(console, label, text, room=_ROOM, indent=0, style=style)
