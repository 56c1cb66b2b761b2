"""What a preview holds: reports, how far each came, and what has none. Frozen; names nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from medq_node.preview.content import ReportSeen


class Standing(StrEnum):
    """Whether a report still holds."""

    CURRENT = "current"
    SUPERSEDED = "superseded"  # a later one on the same images has left the node
    NOT_SENT = "not sent"  # it was made, and hasn't left the node


@dataclass(frozen=True, slots=True)
class Sending:
    """A report's way to one destination; ``there`` says whether the report itself has arrived."""

    destination: str
    state: str
    there: bool
    confirmed: int
    total: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class FormPreview:
    """One more form of the note, an object of its own; ``kind`` is that of ``OutputKind``.

    ``said`` is what a text report or a key object says. ``file`` is the object on disk, None where
    ``missing`` says why it can't be shown. ``there`` names the destinations that have it, and
    ``awaited`` those that don't have it yet.
    """

    kind: str
    sop_instance_uid: str
    file: Path | None
    missing: str | None
    said: ReportSeen | None
    there: tuple[str, ...]
    awaited: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportPreview:
    """One report. ``missing`` says why it can't be shown; ``kept`` are then the database's words.

    ``reason`` is why it wasn't sent. ``pictures`` are pages of the node on the same series; they
    are no part of the report and aren't sent. ``forms`` are the other forms of the same note.
    """

    handle: str
    number: int
    sop_instance_uid: str
    made_at: datetime
    standing: Standing
    reason: str | None
    report: ReportSeen | None
    missing: str | None
    kept: tuple[str, ...]
    sendings: tuple[Sending, ...]
    pictures: tuple[Path, ...]
    forms: tuple[FormPreview, ...] = ()


@dataclass(frozen=True, slots=True)
class WithoutReport:
    """A series, or a note on the study, of which the newest revision has no report, and why."""

    handle: str
    series_instance_uid: str | None
    state: str
    reason: str

    def __str__(self) -> str:
        what = f"series {self.series_instance_uid}" if self.series_instance_uid else "the study"
        return f"no note on {what} ({self.handle}), {self.state}: {self.reason}"


@dataclass(frozen=True, slots=True)
class StudyPreview:
    """All that was asked for, newest first; ``others`` counts reports of the study beside it."""

    study_instance_uid: str
    reports: tuple[ReportPreview, ...]
    without: tuple[WithoutReport, ...]
    others: int
