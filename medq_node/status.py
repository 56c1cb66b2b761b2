"""What the node knows about its series, for people and programs; reads rows, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, selectinload

from medq_node.layout import Layout
from medq_node.store.database import Sessions
from medq_node.store.states import DeliveryState, RevisionState
from medq_node.store.tables import Delivery, Instance, Quarantine, Revision, Series


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


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """One revision of a series, without anything that names a patient."""

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


@dataclass(frozen=True, slots=True)
class OpenSeries:
    """A series that is still arriving."""

    series_instance_uid: str
    modality: str | None
    images: int
    last_arrival: datetime


@dataclass(frozen=True, slots=True)
class QuarantineStatus:
    """A received object that is kept aside."""

    path: Path
    sop_instance_uid: str | None
    calling_ae_title: str | None
    reason: str
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Everything ``medq-node status`` shows.

    ``series``: first those that wait for a person, then the others; both newest first.
    ``quarantine`` may be cut short, ``quarantined`` counts all.
    """

    arriving: tuple[OpenSeries, ...]
    series: tuple[SeriesStatus, ...]
    quarantine: tuple[QuarantineStatus, ...]
    quarantined: int
    states: dict[str, int]
    deliveries: dict[str, int]


def node_status(sessions: Sessions, layout: Layout, limit: int | None = 50) -> NodeStatus:
    """All that waits for a person or is arriving, and the newest ``limit`` of everything else.

    Held series and those with a dead letter are always listed; ``limit`` holds for the other
    revisions and for what is kept aside. ``None`` lists all.
    """
    dead = select(Delivery.revision_id).where(
        # A NULL among them would make "not in" true for no row at all.
        Delivery.state == DeliveryState.DEAD,
        Delivery.revision_id.is_not(None),
    )
    waits = or_(Revision.state == RevisionState.HELD, Revision.id.in_(dead))
    newest = (
        select(Revision)
        .order_by(Revision.id.desc())
        .options(
            selectinload(Revision.series),
            selectinload(Revision.decision),
            selectinload(Revision.assessment),
            selectinload(Revision.outputs),
            selectinload(Revision.deliveries),
        )
    )
    with sessions() as session:
        revisions = [
            *session.scalars(newest.where(waits)),
            *session.scalars(newest.where(~waits).limit(limit)),
        ]
        return NodeStatus(
            arriving=_arriving(session),
            series=tuple(_series(revision, layout) for revision in revisions),
            quarantine=tuple(
                QuarantineStatus(
                    layout.absolute(q.path),
                    q.sop_instance_uid,
                    q.calling_ae_title,
                    q.reason,
                    q.arrived_at,
                )
                for q in session.scalars(
                    select(Quarantine)
                    .where(~Quarantine.again)
                    .order_by(Quarantine.id.desc())
                    .limit(limit)
                )
            ),
            quarantined=session.scalar(
                select(func.count()).select_from(Quarantine).where(~Quarantine.again)
            )
            or 0,
            states={
                str(state): count
                for state, count in session.execute(
                    select(Revision.state, func.count()).group_by(Revision.state)
                )
            },
            deliveries={
                str(state): count
                for state, count in session.execute(
                    select(Delivery.state, func.count()).group_by(Delivery.state)
                )
            },
        )


def settled(status: NodeStatus) -> bool:
    """Whether nothing is on its way any more."""
    return not status.arriving and all(
        series.state not in ("complete", "processing")
        and all(d.state in ("confirmed", "dead letter") for d in series.deliveries)
        for series in status.series
    )


def needs_a_person(status: NodeStatus) -> bool:
    """Whether anything waits for somebody's decision."""
    return bool(
        status.quarantined or status.states.get("held") or status.deliveries.get(DeliveryState.DEAD)
    )


def _arriving(session: Session) -> tuple[OpenSeries, ...]:
    rows = session.execute(
        select(Series, func.count(Instance.id))
        .join(Instance, Instance.series_id == Series.id)
        .where(Instance.since_revision.is_(None))
        .group_by(Series.id)
        .order_by(Series.last_arrival.desc())
    )
    return tuple(
        OpenSeries(series.series_instance_uid, series.modality, count, series.last_arrival)
        for series, count in rows
    )


def _series(revision: Revision, layout: Layout) -> SeriesStatus:
    series, decision, assessment = revision.series, revision.decision, revision.assessment
    return SeriesStatus(
        series_instance_uid=series.series_instance_uid,
        study_instance_uid=series.study_instance_uid,
        modality=series.modality,
        revision=revision.number,
        images=revision.images,
        calling_ae_title=series.calling_ae_title,
        state=revision.state,
        reason=revision.reason,
        rule=decision.rule if decision else None,
        action=decision.action if decision else None,
        explanation=decision.explanation if decision else None,
        sentence_before=assessment.sentence_before if assessment else None,
        sentence_after=assessment.sentence_after if assessment else None,
        taken=assessment.taken if assessment else None,
        taken_because=tuple(assessment.reasons) if assessment else (),
        outputs=len(revision.outputs),
        stages_s=revision.stages,
        deliveries=tuple(
            DeliveryStatus(
                d.destination, d.content, d.state, d.confirmed, d.total, d.attempts, d.last_error
            )
            for d in revision.deliveries
        ),
        page=layout.absolute(assessment.page) if assessment and assessment.page else None,
        complete_at=revision.created_at,
    )
