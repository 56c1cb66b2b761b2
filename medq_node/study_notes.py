"""One note for a whole study, where a rule asks for it: written once its series have gone quiet.

``StudyNotes.write_note`` is a durable workflow over one ``StudyNote`` row, as
``Pipeline.process_series`` is over a revision. A late or revised series makes the next note, which
names the one before as its predecessor.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from medq_node.children import Children
from medq_node.config import Config
from medq_node.durable import POLL_S, Busy, broken_workflows, database_busy
from medq_node.errors import EngineFailure, OutputError, Unprocessable
from medq_node.layout import Layout
from medq_node.orders import note_before, study_order
from medq_node.records import (
    record_hold,
    record_outputs,
    record_refusal,
)
from medq_node.steps import Next, in_order, still_mine
from medq_node.store.database import Sessions
from medq_node.store.handover import goes_to, hand_over_study_note, outputs_for
from medq_node.store.states import HoldKind, RevisionState
from medq_node.store.tables import DecisionRow, Instance, Revision, Series, StudyNote, utc_now
from medq_node.workshop.order import StudyOrder
from medq_node.workshop.tasks import certify_study_note, write_study_note
from rules.model import NoteScope

_QUEUE = "study-notes"
_UNSETTLED = (RevisionState.COMPLETE, RevisionState.PROCESSING)

log = structlog.get_logger("study-notes")


@DBOS.dbos_class()
class StudyNotes(DBOSConfiguredInstance):
    """Finds studies whose note is due, and writes it."""

    def __init__(self, config: Config, sessions: Sessions, children: Children, busy: Busy) -> None:
        super().__init__(config_name="study-notes")
        self._busy = busy
        self._started: set[str] = set()
        self._config = config
        self._sessions = sessions
        self._children = children
        self._layout = Layout(config.node.data)

    @DBOS.workflow(name="write_study_note", max_recovery_attempts=None)
    def write_note(self, note_id: int, release: int) -> None:
        """The way of one note on a study through the node, since its ``release``-th release."""
        steps = (self.write, self.certify, self.hand_over)
        in_order(steps, note_id, release, self._config.pipeline.retry_s)

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def write(self, note_id: int, release: int) -> Next:
        """The report in a killable child; three failures hold the note."""
        order = self._order(note_id, release)
        if order is None:
            return Next.STOP
        try:
            with self._busy:
                outputs = self._children.run(write_study_note, order)
        except Unprocessable as refusal:
            return self._stop(note_id, release, None, str(refusal))
        except (EngineFailure, OutputError) as failure:
            return self._failed(note_id, release, str(failure))
        with self._sessions.begin() as session:
            note = session.get_one(StudyNote, note_id)
            if not still_mine(note, release):
                return Next.STOP
            note.state = RevisionState.PROCESSING
            note.revisions = [series.revision_id for series in order.series]
            record_outputs(session, note, outputs, self._layout)
        return Next.ON

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def certify(self, note_id: int, release: int) -> Next:
        """Nothing leaves that is not a valid object."""
        order = self._order(note_id, release)
        if order is None:
            return Next.STOP
        try:
            with self._busy:
                unfit = self._children.run(certify_study_note, order)
        except EngineFailure as failure:
            return self._failed(note_id, release, str(failure))
        except (Unprocessable, OutputError) as problem:
            unfit = (str(problem),)
        if unfit:
            return self._stop(
                note_id, release, HoldKind.UNFIT, f"unfit to leave: {' '.join(unfit)}"
            )
        return Next.ON

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def hand_over(self, note_id: int, release: int) -> Next:
        """One delivery row per destination."""
        with self._sessions.begin() as session:
            note = session.get_one(StudyNote, note_id)
            if not still_mine(note, release):
                return Next.STOP
            for name in goes_to(session, note):
                objects = outputs_for(session, note, name, self._config.destinations)
                hand_over_study_note(session, note, name, len(objects))
            note.state = RevisionState.DONE
            note.finished_at = utc_now()
            log.info("done", study_note=note_id, series=len(note.revisions))
        return Next.ON

    def register_queue(self) -> None:
        """Notes wait in a queue of their own: they are short, and series are not."""
        DBOS.register_queue(_QUEUE, worker_concurrency=1, polling_interval_sec=POLL_S)

    def start_waiting(self) -> None:
        """Open the notes that are due and enqueue the workflow of each; idempotent."""
        with self._sessions() as session:
            studies = session.scalars(
                select(Series.study_instance_uid)
                .join(Revision)
                .where(Revision.awaits_note)
                .distinct()
            ).all()
        for study in studies:
            with self._sessions.begin() as session:
                self._open(session, study, utc_now())
        with self._sessions() as session:
            waiting = session.execute(
                select(StudyNote.id, StudyNote.releases)
                .where(StudyNote.state == RevisionState.COMPLETE)
                .order_by(StudyNote.id)
            ).all()
        for note_id, releases in waiting:
            workflow_id = _workflow(note_id, releases)
            if workflow_id not in self._started:
                with SetWorkflowID(workflow_id):
                    DBOS.enqueue_workflow(_QUEUE, self.write_note, note_id, releases)
                self._started.add(workflow_id)

    def hold_broken(self) -> None:
        """A workflow that ended in an error nobody foresaw holds its note for a person."""
        with self._sessions() as session:
            unsettled = session.execute(
                select(StudyNote.id, StudyNote.releases).where(StudyNote.state.in_(_UNSETTLED))
            ).all()
        ids = {_workflow(note_id, releases): (note_id, releases) for note_id, releases in unsettled}
        for workflow_id, kind in broken_workflows(list(ids)).items():
            note_id, release = ids[workflow_id]
            self._stop(note_id, release, HoldKind.BROKEN, f"the workflow broke: {kind}")

    def _open(self, session: Session, study: str, now: datetime) -> None:
        """A note on ``study``, unless its images still come or its series are being worked on."""
        if not _quiet(session, study, now - timedelta(seconds=self._config.intake.study_quiet_s)):
            return
        speaking: dict[tuple[str, ...], list[Revision]] = defaultdict(list)
        for revision in _newest_done(session, study):
            assert revision.decision is not None
            speaking[tuple(sorted(set(revision.decision.destinations)))].append(revision)
        before = session.scalar(
            select(StudyNote)
            .where(StudyNote.study_instance_uid == study)
            .order_by(StudyNote.number.desc())
            .limit(1)
        )
        number = before.number if before else 0
        # What a rule sends to one place doesn't go to another because of a neighbouring series.
        for destinations, revisions in speaking.items():
            if not any(revision.awaits_note for revision in revisions):
                continue
            number += 1
            earlier = note_before(session, study, number, destinations)
            note = StudyNote(
                study_instance_uid=study,
                number=number,
                predecessor_id=earlier.id if earlier else None,
                revisions=[revision.id for revision in revisions],
                destinations=list(destinations),
                state=RevisionState.COMPLETE,
            )
            session.add(note)
            log.info("due", study_instance_uid=study, number=number, series=len(revisions))
        for revision in session.scalars(_done(study).where(Revision.awaits_note)):
            revision.awaits_note = False

    def _order(self, note_id: int, release: int) -> StudyOrder | None:
        with self._sessions() as session:
            note = session.get_one(StudyNote, note_id)
            if not still_mine(note, release):
                return None
            return study_order(session, note, self._config, self._layout)

    def _failed(self, note_id: int, release: int, problem: str) -> Next:
        with self._sessions.begin() as session:
            note = session.get_one(StudyNote, note_id)
            if not still_mine(note, release):
                return Next.STOP
            note.failures += 1
            failures = note.failures
        log.warning("failed", study_note=note_id, failures=failures, problem=problem)
        if failures < self._config.pipeline.attempts:
            return Next.AGAIN
        reason = f"failed {failures} times, last: {problem}"
        return self._stop(note_id, release, HoldKind.ENGINE, reason)

    def _stop(self, note_id: int, release: int, hold: HoldKind | None, reason: str) -> Next:
        """Hold the note for a person, or refuse it where there is nothing to decide."""
        with self._sessions.begin() as session:
            note = session.get_one(StudyNote, note_id)
            if not still_mine(note, release):
                return Next.STOP
            if hold is None:
                record_refusal(note, RevisionState.REFUSED, reason)
            else:
                record_hold(note, hold, reason)
        log.warning("stopped", study_note=note_id, reason=reason)
        return Next.STOP


def _workflow(note_id: int, releases: int) -> str:
    return f"study-{note_id}" + (f"-{releases}" if releases else "")


def _quiet(session: Session, study: str, since: datetime) -> bool:
    """Whether no image of the study came after ``since`` and nothing of it is being worked on."""
    of_study = Series.study_instance_uid == study
    newest = session.scalar(select(func.max(Series.last_arrival)).where(of_study))
    arriving = select(Instance.id).join(Series).where(of_study, Instance.since_revision.is_(None))
    working = select(Revision.id).join(Series).where(of_study, Revision.state.in_(_UNSETTLED))
    return (
        newest is not None
        and newest <= since
        and session.scalar(arriving.limit(1)) is None
        and session.scalar(working.limit(1)) is None
    )


def _newest_done(session: Session, study: str) -> list[Revision]:
    """Of every series whose rule asks for a note on the study, the newest revision that is done."""
    newest: dict[int, Revision] = {}
    for revision in session.scalars(_done(study)):
        newest[revision.series_id] = revision
    return sorted(newest.values(), key=lambda revision: revision.id)


def _done(study: str) -> Select[Revision]:
    return (
        select(Revision)
        .join(Series)
        .join(DecisionRow)
        .where(
            Series.study_instance_uid == study,
            Revision.state == RevisionState.DONE,
            DecisionRow.note == NoteScope.STUDY,
        )
        .order_by(Revision.number)
    )
