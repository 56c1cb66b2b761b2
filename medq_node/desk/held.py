"""Everything that waits for a person, and what each decision would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, distinct, func, null, select
from sqlalchemy.orm import Session

from medq_node.console.lines import counted
from medq_node.desk import clash, deliveries, kept, series
from medq_node.desk.handles import Handle, Subject
from medq_node.store.states import DeliveryState, HoldKind, KeptKind, RevisionState
from medq_node.store.tables import Delivery, Instance, Quarantine, Revision, Series, StudyNote


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that waits: what it is, since when, why, and what a release or a drop would do.

    ``uid`` is that of the series, of the study for its note, of the object where it is in none.
    Nothing here names a patient.
    """

    handle: str
    subject: Subject
    since: datetime
    what: str
    uid: str | None
    why: str
    release: str
    drop: str


def everything_held(session: Session) -> tuple[Held, ...]:
    """All that waits for a person, oldest first."""
    found = [
        *_series(session),
        *_studies(session),
        *_dead_letters(session),
        *clashes(session),
        *_kept(session),
    ]
    return tuple(sorted(found, key=lambda held: held.since))


def clashes(session: Session) -> list[Held]:
    """Per series, what came under its images' SOP Instance UIDs with other content."""
    stray = Quarantine.series_instance_uid != Series.series_instance_uid
    rows = session.execute(
        select(
            Series,
            func.count(distinct(Quarantine.id)),
            func.count(distinct(Quarantine.sop_instance_uid)),
            func.min(Quarantine.arrived_at, type_=Quarantine.arrived_at.type),
            func.min(Quarantine.calling_ae_title),
            func.min(Quarantine.reason),
            # Not a sum of booleans, which PostgreSQL hasn't got.
            func.sum(case((stray, 1), else_=0)),
            func.count(distinct(case((stray, null()), else_=Quarantine.sop_instance_uid))),
        )
        .join(Instance, Instance.series_id == Series.id)
        .join(Quarantine, Quarantine.sop_instance_uid == Instance.sop_instance_uid)
        .where(Quarantine.kind == KeptKind.CLASH, Quarantine.dropped_at.is_(None))
        .group_by(Series.id)
    )
    found = []
    for row, objects, images, since, sender, why, strays, right in rows:
        what = (
            f"{row.modality or '?'}, {counted(images, 'image')} from {sender or 'a folder'} under "
            f"known SOP Instance {'UID' if images == 1 else 'UIDs'} with other content"
        )
        release = clash.RELEASE_MEANS
        if objects > images:
            what += f" ({objects} objects in all)"
        if objects - strays > right:
            release += "; where one came several times, the newest is taken"
        if strays == objects:
            release = f"not possible: {counted(strays, 'object')} of another series"
        elif strays:
            release += f"; {clash.stay_aside(strays)}"
        found.append(
            Held(
                handle=str(Handle(Subject.CLASH, row.id)),
                subject=Subject.CLASH,
                since=since,
                what=what,
                uid=row.series_instance_uid,
                why=why,
                release=release,
                drop=clash.DROP_MEANS,
            )
        )
    return found


def _series(session: Session) -> list[Held]:
    return [
        Held(
            handle=str(Handle(Subject.SERIES, revision.id)),
            subject=Subject.SERIES,
            since=revision.finished_at or revision.created_at,
            what=describe(revision),
            uid=revision.series.series_instance_uid,
            why=revision.reason or "",
            release=series.RELEASE_MEANS[revision.hold or HoldKind.BROKEN],
            drop=series.DROP_MEANS,
        )
        for revision in session.scalars(
            select(Revision).where(Revision.state == RevisionState.HELD)
        )
    ]


def _studies(session: Session) -> list[Held]:
    return [
        Held(
            handle=str(Handle(Subject.STUDY, note.id)),
            subject=Subject.STUDY,
            since=note.finished_at or note.created_at,
            what=f"note on a study of {len(note.revisions)} series",
            uid=note.study_instance_uid,
            why=note.reason or "",
            release=series.RELEASE_MEANS[note.hold or HoldKind.BROKEN],
            drop="the study gets no note; its series stay as they are",
        )
        for note in session.scalars(select(StudyNote).where(StudyNote.state == RevisionState.HELD))
    ]


def _dead_letters(session: Session) -> list[Held]:
    return [
        _dead_letter(session, delivery)
        for delivery in session.scalars(
            select(Delivery).where(Delivery.state == DeliveryState.DEAD)
        )
    ]


def _dead_letter(session: Session, delivery: Delivery) -> Held:
    revision, note = delivery.revision, delivery.study_note
    uid: str | None
    if revision is not None:
        of, uid = describe(revision), revision.series.series_instance_uid
    elif note is not None:
        of, uid = "a note on a study", note.study_instance_uid
    else:
        row = session.get(Quarantine, delivery.quarantine_id)
        of, uid = "an object that is in no series", row.sop_instance_uid if row else None
    return Held(
        handle=str(Handle(Subject.DELIVERY, delivery.id)),
        subject=Subject.DELIVERY,
        since=delivery.created_at,
        what=f"{delivery.content} to {delivery.destination}, {delivery.confirmed} of "
        f"{delivery.total} arrived: {of}",
        uid=uid,
        why=f"{delivery.last_error} ({counted(delivery.attempts, 'attempt')})",
        release=f"send {deliveries.missing(delivery)} at once",
        drop=deliveries.DROP_MEANS,
    )


def _kept(session: Session) -> list[Held]:
    """Objects in no series; one that clashes with an image waits with that image's series."""
    known = (
        select(Instance.id).where(Instance.sop_instance_uid == Quarantine.sop_instance_uid).exists()
    )
    rows = session.scalars(
        select(Quarantine).where(
            (Quarantine.kind == KeptKind.UNREADABLE)
            | ((Quarantine.kind == KeptKind.CLASH) & ~known),
            Quarantine.dropped_at.is_(None),
        )
    )
    return [
        Held(
            handle=str(Handle(Subject.KEPT, row.id)),
            subject=Subject.KEPT,
            since=row.arrived_at,
            what=f"an object from {row.calling_ae_title or 'an unknown sender'}",
            uid=row.sop_instance_uid,
            why=row.reason,
            release=kept.RELEASE_MEANS,
            drop=kept.DROP_MEANS,
        )
        for row in rows
    ]


def describe(revision: Revision) -> str:
    """Which series this is, without anything that names a patient."""
    sender = revision.series.calling_ae_title or "a folder"
    text = f"{revision.series.modality or '?'}, {counted(revision.images, 'image')} from {sender}"
    return f"{text}, revision {revision.number}" if revision.number > 1 else text
