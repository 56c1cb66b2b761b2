"""What people say of our quality notes: stored with the revision and the decision behind it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.desk.audit import record
from medq_node.desk.handles import Handle, Subject, parse_handle
from medq_node.desk.transaction import deciding
from medq_node.errors import MedqError
from medq_node.objects import NOTES
from medq_node.store.database import Sessions
from medq_node.store.states import FeedbackVerdict, RevisionState
from medq_node.store.tables import Feedback, Output, Revision, Series, StudyNote


def give_feedback(
    sessions: Sessions, named: str, verdict: FeedbackVerdict, why: str | None, by: str
) -> tuple[str, ...]:
    """Add what ``by`` says of the note on ``named``; returns the handles it was stored with.

    ``named`` is a handle of a series or a study note, the Series Instance UID of a source (its
    newest note is meant) or of what we made, or the SOP Instance UID of a report. Of a study note
    it is said of every series that the note speaks of.

    Raises:
        MedqError: nothing of that name is known, or it has no note yet.
    """
    with deciding(sessions) as session:
        handles = []
        for revision in _noted(session, named.strip()):
            handles.append(str(Handle(Subject.SERIES, revision.id)))
            session.add(
                Feedback(
                    revision_id=revision.id,
                    decision_id=revision.decision.id if revision.decision else None,
                    verdict=verdict,
                    why=why,
                    by=by,
                )
            )
            record(
                session,
                by=by,
                what=f"feedback: {verdict}",
                subject=handles[-1],
                before=str(revision.state),
                reason=why or "",
            )
    return tuple(handles)


def _noted(session: Session, named: str) -> Sequence[Revision]:
    if named[:1].isdigit():
        return _by_uid(session, named)
    handle = parse_handle(named)
    if handle.subject is Subject.SERIES:
        revision = session.get(Revision, handle.id)
        if revision is None:
            raise MedqError(f"{handle}: no such series; medq-node status lists them")
        if not _has_note(session, revision):
            raise MedqError(f"{handle} has no note yet (it is {revision.state})")
        return [revision]
    if handle.subject is Subject.STUDY:
        note = session.get(StudyNote, handle.id)
        if note is None:
            raise MedqError(f"{handle}: no such note on a study; medq-node status lists them")
        return _of_study(session, note)
    raise MedqError(f"{handle} is no note: name a series, a study note, or a UID")


def _by_uid(session: Session, uid: str) -> Sequence[Revision]:
    revisions = session.scalars(
        select(Revision)
        .join(Series)
        .where(Series.series_instance_uid == uid)
        .order_by(Revision.number.desc())
    ).all()
    for revision in revisions:
        if _has_note(session, revision):
            return [revision]
    made = session.scalar(
        select(Output)
        .where((Output.series_instance_uid == uid) | (Output.sop_instance_uid == uid))
        .limit(1)
    )
    if made is not None and made.study_note is not None:
        return _of_study(session, made.study_note)
    if made is not None and made.revision is not None and _has_note(session, made.revision):
        return [made.revision]
    if revisions or made is not None:
        raise MedqError(f"{uid} has no note yet; medq-node status says where it stands")
    raise MedqError(f"{uid}: no series and no report of that UID is known here")


def _of_study(session: Session, note: StudyNote) -> Sequence[Revision]:
    if note.state is not RevisionState.DONE:
        handle = Handle(Subject.STUDY, note.id)
        raise MedqError(f"{handle} isn't written yet (it is {note.state})")
    return [session.get_one(Revision, revision_id) for revision_id in note.revisions]


def _has_note(session: Session, revision: Revision) -> bool:
    """A report of its own has left, or one on its study that speaks of it."""
    if revision.state is not RevisionState.DONE:
        return False
    if any(output.kind in NOTES for output in revision.outputs):
        return True
    notes = select(StudyNote.revisions).where(
        StudyNote.study_instance_uid == revision.series.study_instance_uid,
        StudyNote.state == RevisionState.DONE,
    )
    return any(revision.id in spoken_of for spoken_of in session.scalars(notes))
