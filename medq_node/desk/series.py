"""Held series and study notes: let them go on, or make nothing of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.desk.decided import Decided, not_waiting
from medq_node.desk.handles import Handle, Subject
from medq_node.errors import MedqError
from medq_node.layout import Layout
from medq_node.store.states import HoldKind, RevisionState
from medq_node.store.tables import Instance, Revision, StudyNote, utc_now

RELEASE_MEANS = {
    HoldKind.IDENTITY: "accept that it differs from its study, and work on it",
    HoldKind.ENGINE: "try again from the start",
    HoldKind.UNFIT: "remove what was made and make it anew; it is certified again",
    HoldKind.LOOP: "accept that it isn't our own work come back, and ask the rules",
    HoldKind.BROKEN: "start it anew",
}
DROP_MEANS = "make nothing of it; retention removes its files here"

_THEN = {
    HoldKind.IDENTITY: "accepted as it is; the node works on it now",
    HoldKind.ENGINE: "the node tries again now",
    HoldKind.UNFIT: "what was made is removed; the node makes it anew now",
    HoldKind.LOOP: "no work of ours; the node asks its rules now",
    HoldKind.BROKEN: "the node starts it anew now",
}

_FROM_THE_START = (HoldKind.ENGINE, HoldKind.UNFIT, HoldKind.BROKEN)
_REPLACES = (RevisionState.COMPLETE, RevisionState.PROCESSING, RevisionState.DONE)


def release_series(session: Session, layout: Layout, row_id: int, reason: str) -> Decided:
    """Let a held revision go on, under a new workflow; see ``RELEASE_MEANS``.

    So may one that the loop firewall ignored by mistake, though it is not listed as waiting.

    Raises:
        MedqError: it doesn't wait, a newer revision replaces it, or its images are gone.
    """
    revision = _releasable_series(session, row_id)
    _refuse_replaced_series(session, revision)
    if revision.hold is HoldKind.IDENTITY:
        revision.identity_accepted = True
    if revision.hold is HoldKind.LOOP:
        revision.loop_accepted = True
        if revision.decision is not None:
            session.delete(
                revision.decision
            )  # the rules are asked anew; the audit says what it was
    elif revision.decision is not None:
        revision.decision.refusal = None
    uid = revision.series.series_instance_uid
    return _let_go_on(revision, layout.output_folder(uid, revision.number))


def drop_series(session: Session, layout: Layout, row_id: int, reason: str) -> Decided:
    """Nothing is made of a held revision."""
    return _drop(_held_series(session, row_id), reason)


def release_study(session: Session, layout: Layout, row_id: int, reason: str) -> Decided:
    """Let a held study note go on, under a new workflow; see ``RELEASE_MEANS``.

    Raises:
        MedqError: it doesn't wait, or a newer note replaces it.
    """
    note = _held_study(session, row_id)
    _refuse_replaced_study(session, note)
    return _let_go_on(note, layout.study_folder(note.study_instance_uid, note.number))


def drop_study(session: Session, layout: Layout, row_id: int, reason: str) -> Decided:
    """A held study note isn't written."""
    return _drop(_held_study(session, row_id), reason)


def _held_series(session: Session, row_id: int) -> Revision:
    revision = session.get(Revision, row_id, with_for_update=True)
    if revision is None or revision.state is not RevisionState.HELD:
        raise not_waiting(Handle(Subject.SERIES, row_id), _standing(revision))
    return revision


def _releasable_series(session: Session, row_id: int) -> Revision:
    revision = session.get(Revision, row_id, with_for_update=True)
    caught = revision is not None and revision.hold is HoldKind.LOOP
    if revision is None or not caught or revision.state is not RevisionState.IGNORED:
        return _held_series(session, row_id)
    removed = select(Instance.id).where(
        Instance.series_id == revision.series_id,
        Instance.since_revision <= revision.number,
        Instance.path.is_(None),
    )
    if revision.cleaned_at is not None or session.scalar(removed.limit(1)) is not None:
        raise MedqError(
            f"{Handle(Subject.SERIES, row_id)}: retention has removed its images; send the whole "
            "series again as a new one"
        )
    return revision


def _refuse_replaced_series(session: Session, revision: Revision) -> None:
    newer = session.scalar(
        select(Revision.id)
        .where(
            Revision.series_id == revision.series_id,
            Revision.number > revision.number,
            Revision.state.in_(_REPLACES),
        )
        .order_by(Revision.number.desc())
        .limit(1)
    )
    if newer is not None:
        told = f"a newer revision, {Handle(Subject.SERIES, newer)}, replaces it"
        raise _replaced(Handle(Subject.SERIES, revision.id), told, revision.state)


def _refuse_replaced_study(session: Session, note: StudyNote) -> None:
    newer = session.scalar(
        select(StudyNote.id)
        .where(
            StudyNote.study_instance_uid == note.study_instance_uid,
            StudyNote.number > note.number,
            StudyNote.state.in_(_REPLACES),
        )
        .order_by(StudyNote.number.desc())
        .limit(1)
    )
    if newer is not None:
        told = f"a newer note, {Handle(Subject.STUDY, newer)}, replaces it"
        raise _replaced(Handle(Subject.STUDY, note.id), told, note.state)


def _replaced(handle: Handle, told: str, state: RevisionState) -> MedqError:
    # What is ignored waits for nobody: there is nothing to drop.
    return MedqError(f"{handle}: {told}" + ("; drop this one" * (state is RevisionState.HELD)))


def _held_study(session: Session, row_id: int) -> StudyNote:
    note = session.get(StudyNote, row_id, with_for_update=True)
    if note is None or note.state is not RevisionState.HELD:
        raise not_waiting(Handle(Subject.STUDY, row_id), _standing(note))
    return note


def _standing(row: Revision | StudyNote | None) -> str:
    return "" if row is None else f" (it is {row.state})"


def _let_go_on(row: Revision | StudyNote, folder: Path) -> Decided:
    before, hold = _before(row), row.hold or HoldKind.BROKEN
    files: Callable[[], None] | None = None
    if hold in _FROM_THE_START:
        # A finished folder would be adopted as it is. Nothing works on it while it is held.
        files = partial(_remove, folder)
    row.state = RevisionState.COMPLETE
    row.hold = row.reason = row.finished_at = None
    row.failures = 0
    row.releases += 1
    return Decided(before, _THEN[hold], files)


def _drop(row: Revision | StudyNote, reason: str) -> Decided:
    before = _before(row)
    row.state = RevisionState.DROPPED
    row.hold = None
    row.reason = f"dropped by a person: {reason}"
    row.finished_at = utc_now()
    return Decided(before, "nothing is made of it; retention removes its files here")


def _before(row: Revision | StudyNote) -> str:
    return f"{row.state} ({row.hold}): {row.reason}" if row.hold else f"{row.state}: {row.reason}"


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
