"""Cleaning: files go only when every delivery is confirmed and retention has passed.

Rows stay: they are the record, and the ledger of the loop firewall. What a person must still
decide on (held, dead letter, quarantine) stays whole; what a person dropped goes with the rest.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from medq_node.config import Config
from medq_node.desk.transaction import deciding
from medq_node.layout import Layout
from medq_node.store.database import Sessions
from medq_node.store.states import CLOSED_DELIVERY, KeptKind, RevisionState
from medq_node.store.tables import (
    Delivery,
    Instance,
    Output,
    Quarantine,
    Revision,
    Series,
    StudyNote,
    utc_now,
)

_SETTLED = (
    RevisionState.DONE,
    RevisionState.IGNORED,
    RevisionState.REFUSED,
    RevisionState.DROPPED,
)
_NOTE_COMES_WITHIN = timedelta(days=7)
"""A series that its study's note shall speak of is kept so long if that note doesn't come."""

log = structlog.get_logger("retention")


@dataclass(frozen=True, slots=True)
class Retention:
    """Removes the files of settled series, of settled study notes, and of dropped objects."""

    config: Config
    sessions: Sessions

    def clean(self) -> int:
        """Remove what may go now; returns how many series, notes and objects went."""
        until = utc_now() - timedelta(hours=self.config.retention.keep_done_h)
        with self.sessions() as session:
            revisions = _revisions_that_may_go(session, until)
            notes = _notes_that_may_go(session, until)
        tasks: list[Callable[[], None]] = [
            *(partial(self._clean, revision) for revision in revisions),
            *(partial(self._clean_note, note) for note in notes),
        ]
        cleaned = 0
        for task in tasks:
            try:
                task()
            except OSError as error:
                # A disk that won't let go of a file must not stop the work on other series.
                log.error("not cleaned", path=error.filename, reason=error.strerror)
            else:
                cleaned += 1
        return cleaned + self._remove_kept(Quarantine.dropped_at < until)

    def clean_passed_on(self) -> int:
        """Remove what was sent or read again and has been passed on; returns how many objects."""
        return self._remove_kept(Quarantine.kind == KeptKind.AGAIN)

    def _remove_kept(self, which: ColumnElement[bool]) -> int:
        layout = Layout(self.config.node.data)
        with self.sessions() as session:
            going = session.scalars(
                select(Quarantine).where(
                    which, ~_undelivered(Delivery.quarantine_id, Quarantine.id)
                )
            ).all()
        removed = 0
        for kept in going:
            try:
                # The file first: killed in between, the row is found again.
                layout.absolute(kept.path).unlink(missing_ok=True)
            except OSError as error:
                log.error("not cleaned", path=kept.path, reason=error.strerror)
                continue
            with self.sessions.begin() as session:
                session.execute(delete(Delivery).where(Delivery.quarantine_id == kept.id))
                session.execute(delete(Quarantine).where(Quarantine.id == kept.id))
            removed += 1
        return removed

    def _clean(self, revision_id: int) -> None:
        """Rows lose their paths, then files go, then the mark is set: a crash repeats the rest."""
        layout = Layout(self.config.node.data)
        with deciding(self.sessions) as session:
            revision = session.get_one(Revision, revision_id, with_for_update=True)
            if revision.state not in _SETTLED:
                return  # released by a person since it was listed
            _forget(revision.outputs)
            if revision.assessment:
                revision.assessment.page = None
            uid, number = revision.series.series_instance_uid, revision.number
            if _last(session, revision):
                for instance in revision.series.instances:
                    instance.path = None
                session.execute(
                    delete(Quarantine).where(
                        Quarantine.kind == KeptKind.REPLACED, Quarantine.series_instance_uid == uid
                    )
                )
        shutil.rmtree(layout.output_folder(uid, number), ignore_errors=True)
        with deciding(self.sessions) as session:
            # Nobody may be giving a released object its place in the folder meanwhile.
            revision = session.get_one(Revision, revision_id)
            session.get_one(Series, revision.series_id, with_for_update=True)
            _remove_nameless(session, layout, layout.series_folder(uid), uid)
            revision.cleaned_at = utc_now()
        log.info("cleaned", series_instance_uid=uid, revision=number)

    def _clean_note(self, note_id: int) -> None:
        """As ``_clean``, for what was made of a study."""
        layout = Layout(self.config.node.data)
        with self.sessions.begin() as session:
            note = session.get_one(StudyNote, note_id)
            _forget(note.outputs)
            study, number = note.study_instance_uid, note.number
        shutil.rmtree(layout.study_folder(study, number), ignore_errors=True)
        with self.sessions.begin() as session:
            session.get_one(StudyNote, note_id).cleaned_at = utc_now()
        log.info("cleaned", study_instance_uid=study, number=number)


def _revisions_that_may_go(session: Session, until: datetime) -> list[int]:
    """Settled before ``until``, all delivered, and no note on their study still needs them."""
    spoken_of = {
        revision_id
        for ids in session.scalars(
            select(StudyNote.revisions).where(StudyNote.state.not_in(_SETTLED))
        )
        for revision_id in ids
    }
    overdue = min(until, utc_now() - _NOTE_COMES_WITHIN)
    settled = session.scalars(
        select(Revision.id).where(
            Revision.state.in_(_SETTLED),
            Revision.finished_at < until,
            Revision.cleaned_at.is_(None),
            ~Revision.awaits_note | (Revision.finished_at < overdue),
            ~_undelivered(Delivery.revision_id, Revision.id),
        )
    )
    return [revision_id for revision_id in settled if revision_id not in spoken_of]


def _notes_that_may_go(session: Session, until: datetime) -> list[int]:
    return list(
        session.scalars(
            select(StudyNote.id).where(
                StudyNote.state.in_(_SETTLED),
                StudyNote.finished_at < until,
                StudyNote.cleaned_at.is_(None),
                ~_undelivered(Delivery.study_note_id, StudyNote.id),
            )
        )
    )


def _undelivered(
    of: InstrumentedAttribute[int | None], row: InstrumentedAttribute[int]
) -> ColumnElement[bool]:
    """Whether a delivery of this row is still to be made, or to be decided on."""
    return select(Delivery.id).where(of == row, Delivery.state.not_in(CLOSED_DELIVERY)).exists()


def _last(session: Session, revision: Revision) -> bool:
    """Whether no other revision of the series needs the originals, which all of them share."""
    newer = select(Revision.id).where(
        Revision.series_id == revision.series_id,
        Revision.cleaned_at.is_(None),
        Revision.id != revision.id,
    )
    arriving = select(Instance.id).where(
        Instance.series_id == revision.series_id, Instance.since_revision.is_(None)
    )
    return session.scalar(newer) is None and session.scalar(arriving.limit(1)) is None


def _forget(outputs: Iterable[Output]) -> None:
    for output in outputs:
        output.path = None


def _remove_nameless(session: Session, layout: Layout, folder: Path, uid: str) -> None:
    """Remove the files of a series that no row names; rows are written before files are moved.

    Listed before the rows are read: a late image that comes between has its row by then.
    """
    files = list(folder.iterdir()) if folder.exists() else []
    instances = select(Instance.path).join(Series).where(Series.series_instance_uid == uid)
    replaced = select(Quarantine.path).where(Quarantine.series_instance_uid == uid)
    named = {*session.scalars(instances), *session.scalars(replaced)}
    for file in files:
        if layout.relative(file) not in named:
            file.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
