"""What became of each series, in words a person reads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.text import Text

from engines.quality import (
    Degradation,
    SentenceError,
    Severity,
    format_amount,
    parse_sentence,
)
from medq_node.console.lines import counted, tell, tell_path
from medq_node.layout import Layout
from medq_node.status import NodeStatus, SeriesStatus

RESEARCH = "Research use only. Not for diagnostic use."


def tell_batch(console: Console, status: NodeStatus, out: Path) -> None:
    """Every series of a ``run``: what was seen, what was done, where it lies."""
    for series in reversed(status.series):
        console.print()
        tell_heading(console, series)
        if series.sentence_before is None:
            tell(console, series.state, series.reason or "")
            continue
        tell_words(console, series)
        for delivery in series.deliveries:
            if delivery.state != "confirmed":
                tell(console, "not out", delivery.last_error or delivery.state)
        name = Layout(out).output_folder(series.series_instance_uid, series.revision).name
        tell_path(console, "in", out / name)
    if status.quarantine:
        console.print()
    # By reason only: names of files may name patients.
    for reason, count in Counter(kept.reason for kept in status.quarantine).items():
        tell(console, "not used", f"{counted(count, 'file')}: {reason}", indent=0)
    console.print()
    console.print(RESEARCH, style="dim")


def tell_heading(console: Console, series: SeriesStatus) -> None:
    """Which series this is."""
    heading = Text(f"{series.modality or '?'}, {counted(series.images, 'image')}", "bold")
    heading.append(f"  {series.series_instance_uid}", "dim not bold")
    console.print(heading, highlight=False, soft_wrap=True)


def tell_words(console: Console, series: SeriesStatus) -> None:
    """Quality before, what was done and why, quality after, and the noise in numbers."""
    tell(console, "before", series.sentence_before or "")
    tell(console, "done", done(series))
    for words in series.alarms:
        tell(console, "alarm", words, style="bold red")
    for words in series.overridden:
        tell(console, "by rule", words)
    if series.sentence_after:
        tell(console, "after", series.sentence_after)
    if noise := noise_line(series):
        tell(console, "noise", noise)


def done(series: SeriesStatus) -> str:
    """What was done and why."""
    reasons = "; ".join(reason.rstrip(".") for reason in series.taken_because)
    return f"{series.taken}: {reasons}"


def noise_line(series: SeriesStatus) -> str:
    """Such as ``45.6 HU before, 19.6 HU after``; empty where no noise was told."""
    before, after = _noise(series.sentence_before), _noise(series.sentence_after)
    if before == Severity.NONE:
        return ""
    if before and after:
        return f"{before} before, {after} after"
    return before


def _noise(sentence: str | None) -> str:
    try:
        description = parse_sentence(sentence or "")
    except SentenceError:
        return ""
    for kind in (Degradation.NOISE, Degradation.LOW_COUNT):
        finding = description.finding(kind)
        if finding is not None:
            # Where an engine tells no number its word says as much.
            return format_amount(finding.amounts[0]) if finding.amounts else finding.severity.value
    return ""
