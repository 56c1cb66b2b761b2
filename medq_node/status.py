"""What the node knows about its series, for people and programs; reads rows, changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from medq_node.desk.handles import Handle, Subject
from medq_node.desk.held import clashes
from medq_node.layout import Layout
from medq_node.standing import (
    SETTLED_DELIVERY,
    DeliveryStatus,
    FeedbackStatus,
    NodeStatus,
    OpenSeries,
    QuarantineStatus,
    SeriesStatus,
    StudyStatus,
    needs_a_person,
    settled,
)
from medq_node.store.database import Sessions
from medq_node.store.states import DeliveryState, HoldKind, KeptKind, RevisionState
from medq_node.store.tables import (
    Delivery,
    Feedback,
    Instance,
    Quarantine,
    Revision,
    Series,
    StudyNote,
)

__all__ = [
    "SETTLED_DELIVERY",
    "DeliveryStatus",
    "FeedbackStatus",
    "NodeStatus",
    "OpenSeries",
    "QuarantineStatus",
    "SeriesStatus",
    "StudyStatus",
    "needs_a_person",
    "node_status",
    "settled",
]

_WAITS = (Quarantine.kind.in_((KeptKind.UNREADABLE, KeptKind.CLASH))) & (
    Quarantine.dropped_at.is_(None)
)


def node_status(sessions: Sessions, layout: Layout, limit: int | None = 50) -> NodeStatus:
    """All that waits for a person or is arriving, and the newest ``limit`` of everything else.

    Held series and those with a dead letter are always listed; ``limit`` holds for the other
    revisions and for what is kept aside. ``None`` lists all.
    """
    with sessions() as session:
        return NodeStatus(
            arriving=_arriving(session),
            series=tuple(_series(revision, layout) for revision in _revisions(session, limit)),
            quarantine=tuple(_kept_aside(session, layout, limit)),
            quarantined=session.scalar(select(func.count()).select_from(Quarantine).where(_WAITS))
            or 0,
            states=_counts(session, Revision.state),
            deliveries=_counts(session, Delivery.state),
            studies=tuple(_study(note) for note in _notes(session, limit)),
            clashes=tuple(clashes(session)),
            kept=_kept(session),
            feedback=_counts(session, Feedback.verdict),
        )


def _counts(session: Session, column: InstrumentedAttribute[Any]) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).group_by(column))
    return {str(value): count for value, count in rows}


def _kept(session: Session) -> dict[str, int]:
    """Objects outside every series by kind; those that may go as ``dropped``, whatever kind."""
    dropped = Quarantine.dropped_at.is_not(None)
    rows = session.execute(
        select(Quarantine.kind, dropped, func.count()).group_by(Quarantine.kind, dropped)
    )
    counts: Counter[str] = Counter()
    for kind, gone, count in rows:
        counts["dropped" if gone else str(kind)] += count
    return dict(counts)


def _revisions(session: Session, limit: int | None) -> list[Revision]:
    """All that wait for a person, and the newest ``limit`` of the others."""
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
            selectinload(Revision.feedback),
        )
    )
    return [
        *session.scalars(newest.where(waits)),
        *session.scalars(newest.where(~waits).limit(limit)),
    ]


def _notes(session: Session, limit: int | None) -> list[StudyNote]:
    """All that wait for a person, and the newest ``limit`` of the others."""
    dead = select(Delivery.study_note_id).where(
        Delivery.state == DeliveryState.DEAD, Delivery.study_note_id.is_not(None)
    )
    waits = or_(StudyNote.state == RevisionState.HELD, StudyNote.id.in_(dead))
    newest = select(StudyNote).order_by(StudyNote.id.desc())
    newest = newest.options(selectinload(StudyNote.outputs), selectinload(StudyNote.deliveries))
    return [
        *session.scalars(newest.where(waits)),
        *session.scalars(newest.where(~waits).limit(limit)),
    ]


def _kept_aside(session: Session, layout: Layout, limit: int | None) -> Iterator[QuarantineStatus]:
    rows = session.execute(
        select(Quarantine, Instance.series_id)
        .outerjoin(Instance, Instance.sop_instance_uid == Quarantine.sop_instance_uid)
        .where(_WAITS)
        .order_by(Quarantine.id.desc())
        .limit(limit)
    )
    for kept, series_id in rows:
        clashing = kept.kind is KeptKind.CLASH and series_id is not None
        yield QuarantineStatus(
            layout.absolute(kept.path),
            kept.sop_instance_uid,
            kept.calling_ae_title,
            kept.reason,
            kept.arrived_at,
            kept.kind,
            str(Handle(Subject.CLASH, series_id) if clashing else Handle(Subject.KEPT, kept.id)),
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
        reason=_reason(revision),
        rule=decision.rule if decision else None,
        action=decision.action if decision else None,
        explanation=decision.explanation if decision else None,
        sentence_before=assessment.sentence_before if assessment else None,
        sentence_after=assessment.sentence_after if assessment else None,
        taken=assessment.taken if assessment else None,
        taken_because=tuple(assessment.reasons) if assessment else (),
        outputs=len(revision.outputs),
        stages_s=revision.stages,
        deliveries=_deliveries(revision),
        page=layout.absolute(assessment.page) if assessment and assessment.page else None,
        complete_at=revision.created_at,
        handle=str(Handle(Subject.SERIES, revision.id)),
        hold=revision.hold,
        repeats=series.repeats,
        feedback=tuple(
            FeedbackStatus(said.verdict, said.why, said.by, said.at) for said in revision.feedback
        ),
        overridden=tuple(assessment.overridden) if assessment else (),
        alarms=tuple(assessment.alarms) if assessment else (),
    )


def _reason(revision: Revision) -> str | None:
    """Of what the loop firewall ignored and a person may release, also how."""
    caught = revision.state is RevisionState.IGNORED and revision.hold is HoldKind.LOOP
    if not caught or revision.cleaned_at is not None:
        return revision.reason
    handle = Handle(Subject.SERIES, revision.id)
    how = f"medq-node held release {handle} --reason '...'"
    return f"{revision.reason}; if this one is right: {how}"


def _study(note: StudyNote) -> StudyStatus:
    return StudyStatus(
        study_instance_uid=note.study_instance_uid,
        handle=str(Handle(Subject.STUDY, note.id)),
        number=note.number,
        series=tuple(str(Handle(Subject.SERIES, revision)) for revision in note.revisions),
        state=note.state,
        hold=note.hold,
        reason=note.reason,
        outputs=len(note.outputs),
        deliveries=_deliveries(note),
        due_at=note.created_at,
    )


def _deliveries(of: Revision | StudyNote) -> tuple[DeliveryStatus, ...]:
    return tuple(
        DeliveryStatus(
            d.destination,
            d.content,
            d.state,
            d.confirmed,
            d.total,
            d.attempts,
            d.last_error,
            str(Handle(Subject.DELIVERY, d.id)),
        )
        for d in of.deliveries
    )
