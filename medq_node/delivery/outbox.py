"""The outbox: each delivery row is a durable workflow that tries until confirmed or dead."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import PurePosixPath

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID
from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session, aliased

from medq_node.config import Config
from medq_node.delivery.converter import Run, remove_leftovers, run_here
from medq_node.delivery.destinations import destination
from medq_node.delivery.parcel import Parcel
from medq_node.durable import POLL_S, Busy, broken_workflows, database_busy
from medq_node.errors import DeliveryError
from medq_node.layout import Layout
from medq_node.objects import OutputKind
from medq_node.store.database import Sessions
from medq_node.store.handover import outputs_for
from medq_node.store.states import OPEN_DELIVERY, Content, DeliveryState
from medq_node.store.tables import Delivery, Instance, Quarantine, Revision, StudyNote, utc_now

_PROGRESS_EVERY = 25
"""Objects between two notes of progress; after a crash at most so many are sent twice."""

_OPEN = OPEN_DELIVERY

log = structlog.get_logger("delivery")


@DBOS.dbos_class()
class Outbox(DBOSConfiguredInstance):
    """Delivers what lies in the outbox."""

    def __init__(self, config: Config, sessions: Sessions, busy: Busy, run: Run = run_here) -> None:
        """``run`` is where codecs work, such as in a child."""
        super().__init__(config_name="outbox")
        self._run = run
        self._busy = busy
        self._config = config
        self._sessions = sessions
        self._layout = Layout(config.node.data)
        self._started: dict[int, str] = {}
        remove_leftovers(self._layout.sending)

    def register_queues(self, at_once: int) -> None:
        """A queue per destination, ``at_once`` deliveries each: a dead one delays nobody else."""
        for name in self._config.destinations:
            DBOS.register_queue(
                _queue(name), worker_concurrency=at_once, polling_interval_sec=POLL_S
            )

    def start_waiting(self) -> None:
        """Enqueue the next try of every row that may go now; idempotent by workflow id.

        The pause between two tries lies in the row and not in a sleeping workflow, which would
        hold its place in the queue and keep healthy deliveries from it.
        """
        with self._sessions() as session:
            rows = session.execute(_next_tries(), {"now": utc_now()}).all()
        for delivery_id, attempts, name in rows:
            if name not in self._config.destinations:
                self._bury(delivery_id, f"no destination named {name!r} in the configuration")
                continue
            workflow_id = _workflow(delivery_id, attempts)
            if self._started.get(delivery_id) != workflow_id:
                with SetWorkflowID(workflow_id):
                    DBOS.enqueue_workflow(_queue(name), self.deliver, delivery_id, attempts)
                self._started[delivery_id] = workflow_id

    def bury_broken(self) -> None:
        """A workflow that ended in an error nobody foresaw makes its row a dead letter."""
        with self._sessions() as session:
            waiting = session.execute(
                select(Delivery.id, Delivery.attempts).where(Delivery.state.in_(_OPEN))
            ).all()
        ids = {_workflow(delivery_id, attempts): delivery_id for delivery_id, attempts in waiting}
        for workflow_id, kind in broken_workflows(list(ids)).items():
            self._bury(ids[workflow_id], f"the workflow broke: {kind}")

    @DBOS.workflow(name="deliver", max_recovery_attempts=None)
    def deliver(self, delivery_id: int, attempts: int) -> None:
        """One try, the one after ``attempts`` others."""
        self.try_once(delivery_id, attempts)

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def try_once(self, delivery_id: int, attempts: int) -> DeliveryState:
        """Send what isn't confirmed yet over a new association."""
        with self._sessions() as session:
            delivery = session.get_one(Delivery, delivery_id)
            if delivery.state not in _OPEN or delivery.attempts != attempts:
                # Killed between the rows' commit and the engine's note of it: this is done.
                return delivery.state
            before, left, name = delivery.confirmed, delivery.left, delivery.destination
        parcels: list[Parcel] = []
        arrived: set[str] = set()

        def confirmed(parcel: Parcel) -> None:
            leading = left is None and parcel is parcels[len(arrived)]
            arrived.add(parcel.sop_instance_uid)
            if leading and len(arrived) % _PROGRESS_EVERY == 0:
                with self._sessions.begin() as session:
                    session.get_one(Delivery, delivery_id).confirmed = before + len(arrived)

        try:
            with self._sessions() as session:
                everything = self._parcels(session, session.get_one(Delivery, delivery_id))
            parcels += [
                parcel
                for number, parcel in enumerate(everything)
                if (number >= before if left is None else parcel.sop_instance_uid in left)
            ]
            with self._busy:
                peer = destination(self._config, name, self._run)
                # What retires old objects goes only when all that replaces them is there.
                for last in (False, True):
                    if batch := [parcel for parcel in parcels if parcel.last is last]:
                        peer.send(batch, confirmed)
        except DeliveryError as error:
            missing = [p.sop_instance_uid for p in parcels if p.sop_instance_uid not in arrived]
            return self._failed(delivery_id, error, missing or left)
        with self._sessions.begin() as session:
            delivery = session.get_one(Delivery, delivery_id)
            delivery.confirmed = delivery.total = len(everything)
            delivery.state = DeliveryState.CONFIRMED
            delivery.attempts += 1
            delivery.left = delivery.last_error = delivery.next_try_at = None
            delivery.confirmed_at = utc_now()
        log.info("confirmed", delivery=delivery_id, destination=name, objects=len(everything))
        return DeliveryState.CONFIRMED

    def _failed(
        self, delivery_id: int, error: DeliveryError, left: list[str] | None
    ) -> DeliveryState:
        limits = self._config.delivery
        with self._sessions.begin() as session:
            delivery = session.get_one(Delivery, delivery_id)
            delivery.attempts += 1
            delivery.left = left
            if left is not None:
                delivery.total = max(delivery.total, len(left))
                delivery.confirmed = delivery.total - len(left)
            pause_s = limits.retry_initial_s * 2.0 ** min(delivery.attempts - 1, 30)
            delivery.next_try_at = utc_now() + timedelta(
                seconds=min(pause_s, limits.retry_maximum_s)
            )
            delivery.last_error = str(error)
            delivery.refusals += error.permanent
            tired = limits.retry_attempts is not None and delivery.attempts >= limits.retry_attempts
            dead = tired or delivery.refusals >= limits.refusal_attempts
            delivery.state = DeliveryState.DEAD if dead else DeliveryState.RETRYING
            log.warning(
                "not delivered",
                delivery=delivery_id,
                destination=delivery.destination,
                attempts=delivery.attempts,
                state=delivery.state,
                error=str(error),
            )
            return delivery.state

    def _bury(self, delivery_id: int, reason: str) -> None:
        with self._sessions.begin() as session:
            delivery = session.get_one(Delivery, delivery_id)
            delivery.state, delivery.last_error = DeliveryState.DEAD, reason
            # Released by a person, it has to run under another workflow id.
            delivery.attempts += 1
        log.error("not delivered", delivery=delivery_id, error=reason)

    def _parcels(self, session: Session, delivery: Delivery) -> list[Parcel]:
        """The objects of a delivery in a fixed order, so that a count says which are confirmed."""
        if delivery.quarantine_id is not None:
            kept = session.get_one(Quarantine, delivery.quarantine_id)
            return [self._parcel(kept.path, kept.sop_instance_uid or kept.path, None)]
        if delivery.content is Content.OUTPUTS:
            made = delivery.study_note or session.get_one(Revision, delivery.revision_id)
            named = self._config.destinations
            return [
                self._parcel(
                    o.path, o.sop_instance_uid, o.sha256, last=o.kind == OutputKind.KEY_OBJECT
                )
                for o in outputs_for(session, made, delivery.destination, named)
            ]
        revision = session.get_one(Revision, delivery.revision_id)
        originals = session.scalars(
            select(Instance)
            .where(
                Instance.series_id == revision.series_id,
                Instance.since_revision > _handed_over_before(session, delivery, revision),
                Instance.since_revision <= revision.number,
            )
            .order_by(Instance.id)
        )
        return [self._parcel(i.path, i.sop_instance_uid, None) for i in originals]

    def _parcel(
        self, path: str | None, uid: str, sha256: str | None, *, last: bool = False
    ) -> Parcel:
        if path is None:
            raise DeliveryError(f"{uid}: removed by retention", permanent=True)
        name = PurePosixPath(*PurePosixPath(path).parts[1:])
        return Parcel(self._layout.absolute(path), uid, name, sha256, last)


def _workflow(delivery_id: int, attempts: int) -> str:
    return f"delivery-{delivery_id}-{attempts}"


def _queue(destination_name: str) -> str:
    return f"deliver-{destination_name}"


def _handed_over_before(session: Session, delivery: Delivery, revision: Revision) -> int:
    """Newest earlier revision whose originals go to the same destination; 0 where none does."""
    return (
        session.scalar(
            select(func.max(Revision.number))
            .join(Delivery, Delivery.revision_id == Revision.id)
            .where(
                Revision.series_id == revision.series_id,
                Revision.number < revision.number,
                Delivery.destination == delivery.destination,
                Delivery.content == Content.ORIGINALS,
            )
        )
        or 0
    )


@cache
def _next_tries() -> Select[int, int, str]:
    """Put together once: that takes longer than asking, several times a second."""
    return (
        select(Delivery.id, Delivery.attempts, Delivery.destination)
        .where(_may_go(bindparam("now", type_=Delivery.next_try_at.type)))
        .order_by(Delivery.id)
    )


def _may_go(now: ColumnElement[datetime | None]) -> ColumnElement[bool]:
    """Its pause is over, and nothing that has to be there first is on its way to the same place."""
    original = aliased(Delivery)
    blocked = (
        select(original.id)
        .where(
            original.revision_id == Delivery.revision_id,
            original.destination == Delivery.destination,
            original.content == Content.ORIGINALS,
            original.state.in_(_OPEN),
        )
        .exists()
    )
    outdated = aliased(Delivery)
    of_old, of_new = aliased(Revision), aliased(Revision)
    old_note, new_note = aliased(StudyNote), aliased(StudyNote)
    # What is older goes first: else an old result would come after the new one, as if current.
    overtakes = or_(
        select(outdated.id)
        .join(of_old, outdated.revision_id == of_old.id)
        .join(of_new, (of_new.series_id == of_old.series_id) & (of_new.number > of_old.number))
        .where(
            of_new.id == Delivery.revision_id,
            outdated.destination == Delivery.destination,
            outdated.content == Content.OUTPUTS,
            outdated.state.in_(_OPEN),
        )
        .exists(),
        select(outdated.id)
        .join(old_note, outdated.study_note_id == old_note.id)
        .join(
            new_note,
            (new_note.study_instance_uid == old_note.study_instance_uid)
            & (new_note.number > old_note.number),
        )
        .where(
            new_note.id == Delivery.study_note_id,
            outdated.destination == Delivery.destination,
            outdated.state.in_(_OPEN),
        )
        .exists(),
    )
    due = or_(Delivery.next_try_at.is_(None), Delivery.next_try_at <= now)
    free = or_(Delivery.content == Content.ORIGINALS, ~blocked & ~overtakes)
    return Delivery.state.in_(_OPEN) & due & free
