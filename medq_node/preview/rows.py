"""Which reports a name stands for: a study, a series or an object by its UID, or a handle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.desk.handles import Handle, Subject, parse_handle
from medq_node.errors import MedqError
from medq_node.objects import NOTES
from medq_node.preview.forms import leading
from medq_node.store.tables import Delivery, Instance, Output, Revision, Series, StudyNote


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for: a study; of it one series only; of that one report only."""

    study_instance_uid: str
    series_id: int | None = None
    output_id: int | None = None


def scope_of(session: Session, name: str) -> Scope:
    """What ``name`` stands for.

    Raises:
        MedqError: nothing here has this name, or it is neither a UID nor a handle.
    """
    uid = not name or name[0].isdecimal()
    found = _by_uid(session, name) if uid else _by_handle(session, parse_handle(name))
    if found is None:
        raise MedqError(
            f"nothing here is named {name[:80]!r}: medq-node status lists what there is; "
            "name a study, a series or a report by its UID"
        )
    return found


def _by_handle(session: Session, handle: Handle) -> Scope | None:
    if handle.subject is Subject.CLASH:
        series = session.get(Series, handle.id)
        return _of_series(series) if series else None
    row: Revision | StudyNote | None = None
    if handle.subject is Subject.STUDY:
        row = session.get(StudyNote, handle.id)
    elif handle.subject is Subject.SERIES:
        row = session.get(Revision, handle.id)
    elif handle.subject is Subject.DELIVERY and (sent := session.get(Delivery, handle.id)):
        row = sent.revision or sent.study_note
    if isinstance(row, StudyNote):
        return Scope(row.study_instance_uid)
    return _of_series(row.series) if row else None


def _by_uid(session: Session, uid: str) -> Scope | None:
    if session.scalar(select(Series.id).where(Series.study_instance_uid == uid).limit(1)):
        return Scope(uid)
    if series := session.scalar(select(Series).where(Series.series_instance_uid == uid)):
        return _of_series(series)
    if instance := session.scalar(select(Instance).where(Instance.sop_instance_uid == uid)):
        return _of_series(instance.series)
    if output := session.scalar(select(Output).where(Output.sop_instance_uid == uid)):
        scope = _of_output(output)
        if scope and output.kind in NOTES:
            lead = leading(maker(output).outputs)
            return Scope(scope.study_instance_uid, scope.series_id, lead.id if lead else None)
        return scope
    one_of = select(Output).where(Output.series_instance_uid == uid).limit(1)
    return _of_output(output) if (output := session.scalar(one_of)) else None


def _of_output(output: Output) -> Scope | None:
    if output.revision is not None:
        return _of_series(output.revision.series)
    return Scope(output.study_note.study_instance_uid) if output.study_note else None


def _of_series(series: Series) -> Scope:
    return Scope(series.study_instance_uid, series.id)


def reports_in(session: Session, scope: Scope) -> list[Output]:
    """The notes in ``scope``, on series and on the whole study, newest first; each by one form."""
    on_series = (
        select(Output)
        .join(Revision, Output.revision_id == Revision.id)
        .join(Series, Revision.series_id == Series.id)
        .where(Output.kind.in_(NOTES), Series.study_instance_uid == scope.study_instance_uid)
    )
    if scope.series_id is not None:
        on_series = on_series.where(Series.id == scope.series_id)
    on_study = (
        select(Output)
        .join(StudyNote, Output.study_note_id == StudyNote.id)
        .where(
            Output.kind.in_(NOTES),
            StudyNote.study_instance_uid == scope.study_instance_uid,
        )
    )
    every = [*session.scalars(on_series), *session.scalars(on_study)]
    found = [output for output in every if _leads(output)]
    if scope.series_id is not None:
        mine = {revision.id for revision in revisions_in(session, scope)}
        found = [o for o in found if o.study_note is None or mine & set(o.study_note.revisions)]
    if scope.output_id is not None:
        found = [output for output in found if output.id == scope.output_id]
    return sorted(found, key=lambda o: (maker(o).created_at, o.id), reverse=True)


def _leads(output: Output) -> bool:
    lead = leading(maker(output).outputs)
    return lead is not None and lead.id == output.id


def revisions_in(session: Session, scope: Scope) -> Sequence[Revision]:
    """Every revision of the series in ``scope``, newest first."""
    query = (
        select(Revision)
        .join(Series, Revision.series_id == Series.id)
        .where(Series.study_instance_uid == scope.study_instance_uid)
        .order_by(Revision.id.desc())
    )
    if scope.series_id is not None:
        query = query.where(Series.id == scope.series_id)
    return session.scalars(query).all()


def maker(output: Output) -> Revision | StudyNote:
    """The row whose work made ``output``."""
    made = output.revision or output.study_note
    assert made is not None, "an output belongs to a revision or to a study note"
    return made


def handle_of(row: Revision | StudyNote) -> str:
    """The short name that the command line gives to ``row``."""
    return str(Handle(Subject.STUDY if isinstance(row, StudyNote) else Subject.SERIES, row.id))
