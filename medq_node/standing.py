"""What may be said of the node's series, as data: for the terminal, for programs, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from medq_node.desk.held import Held
from medq_node.store.states import CLOSED_DELIVERY, DeliveryState, RevisionState

SETTLED_DELIVERY = (*CLOSED_DELIVERY, DeliveryState.DEAD)
"""Nothing happens any more before a person decides, if then."""

_AT_WORK = (RevisionState.COMPLETE, RevisionState.PROCESSING)


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """One delivery: how many of how many objects are confirmed, and the last error."""

    destination: str
    content: str
    state: str
    confirmed: int
    total: int
    attempts: int
    last_error: str | None
    handle: str


@dataclass(frozen=True, slots=True)
class FeedbackStatus:
    """What one person said of a note."""

    verdict: str
    why: str | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """One revision of a series, without anything that names a patient.

    ``handle`` is how a person names it to ``medq-node held`` and ``feedback``; ``repeats`` counts
    images of the series that came again after we had them; ``hold`` says why it is held;
    ``overridden`` is what its rule changed of the engine's words; ``alarms`` are about an engine
    that could not be used or is not trusted.
    """

    series_instance_uid: str
    study_instance_uid: str
    modality: str | None
    revision: int
    images: int
    calling_ae_title: str | None
    state: str
    reason: str | None
    rule: str | None
    action: str | None
    explanation: str | None
    sentence_before: str | None
    sentence_after: str | None
    taken: str | None
    taken_because: tuple[str, ...]
    outputs: int
    stages_s: dict[str, float]
    deliveries: tuple[DeliveryStatus, ...]
    page: Path | None
    complete_at: datetime
    handle: str
    hold: str | None
    repeats: int
    feedback: tuple[FeedbackStatus, ...]
    overridden: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """One note on a whole study; ``series`` are the handles of those it speaks of."""

    study_instance_uid: str
    handle: str
    number: int
    series: tuple[str, ...]
    state: str
    hold: str | None
    reason: str | None
    outputs: int
    deliveries: tuple[DeliveryStatus, ...]
    due_at: datetime


@dataclass(frozen=True, slots=True)
class OpenSeries:
    """A series that is still arriving."""

    series_instance_uid: str
    modality: str | None
    images: int
    last_arrival: datetime


@dataclass(frozen=True, slots=True)
class QuarantineStatus:
    """A received object that is kept aside; ``handle`` may name more objects of its series."""

    path: Path
    sop_instance_uid: str | None
    calling_ae_title: str | None
    reason: str
    arrived_at: datetime
    kind: str
    handle: str


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Everything ``medq-node status`` shows.

    ``series`` and ``studies``: first those that wait for a person, then the others; both newest
    first. ``quarantine`` may be cut short, ``quarantined`` counts all that waits, ``kept`` all that
    is kept by its kind, or as ``dropped``. ``clashes`` are the objects of kind clash, by series.
    ``feedback`` counts what people said of our notes.
    """

    arriving: tuple[OpenSeries, ...]
    series: tuple[SeriesStatus, ...]
    quarantine: tuple[QuarantineStatus, ...]
    quarantined: int
    states: dict[str, int]
    deliveries: dict[str, int]
    studies: tuple[StudyStatus, ...]
    clashes: tuple[Held, ...]
    kept: dict[str, int]
    feedback: dict[str, int]


def settled(status: NodeStatus) -> bool:
    """Whether nothing is on its way any more."""
    rows: list[SeriesStatus | StudyStatus] = [*status.series, *status.studies]
    return not status.arriving and all(
        row.state not in _AT_WORK and all(d.state in SETTLED_DELIVERY for d in row.deliveries)
        for row in rows
    )


def needs_a_person(status: NodeStatus) -> bool:
    """Whether anything waits for somebody's decision."""
    return bool(
        status.quarantined
        or status.states.get(RevisionState.HELD)
        or status.deliveries.get(DeliveryState.DEAD)
        or any(note.state == RevisionState.HELD for note in status.studies)
    )
