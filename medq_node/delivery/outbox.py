"""The outbox: each delivery row is a durable workflow that tries until confirmed or dead."""

from __future__ import annotations

from pathlib import PurePosixPath

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from medq_node.config import Config
from medq_node.delivery.destinations import destination
from medq_node.delivery.parcel import Parcel
from medq_node.durable import Busy, broken_workflows, database_busy
from medq_node.errors import DeliveryError
from medq_node.layout import Layout
from medq_node.store.database import Sessions
from medq_node.store.states import Content, DeliveryState
from medq_node.store.tables import Delivery, Instance, Output, Quarantine, Revision, utc_now

_PROGRESS_EVERY = 25
"""Objects between two notes of progress; after a crash at most so many are sent twice."""

log = structlog.get_logger("delivery")


@DBOS.dbos_class()
class Outbox(DBOSConfiguredInstance):
    """Delivers what lies in the outbox."""

    def __init__(self, config: Config, sessions: Sessions, busy: Busy) -> None:
        super().__init__(config_name="outbox")
        self._busy = busy
        self._config = config
        self._sessions = sessions
        self._layout = Layout(config.node.data)
        self._started: set[int] = set()

    def register_queues(self, at_once: int) -> None:
        """A queue per destination, ``at_once`` deliveries each: a dead one delays nobody else."""
        for name in self._config.destinations:
            DBOS.register_queue(_queue(name), worker_concurrency=at_once, polling_interval_sec=0.1)

    def start_waiting(self) -> None:
        """Enqueue the workflow of every row that may go now; idempotent by workflow id."""
        with self._sessions() as session:
            rows = session.execute(
                select(Delivery.id, Delivery.destination).where(_may_go()).order_by(Delivery.id)
            ).all()
        for delivery_id, name in rows:
            if delivery_id in self._started:
                continue
            if name not in self._config.destinations:
                self._bury(delivery_id, f"no destination named {name!r} in the configuration")
                continue
            with SetWorkflowID(_workflow(delivery_id)):
                DBOS.enqueue_workflow(_queue(name), self.deliver, delivery_id)
            self._started.add(delivery_id)

    def bury_broken(self) -> None:
        """A workflow that ended in an error nobody foresaw makes its row a dead letter."""
        with self._sessions() as session:
            waiting = session.scalars(
                select(Delivery.id).where(
                    Delivery.state.in_((DeliveryState.PENDING, DeliveryState.RETRYING))
                )
            ).all()
        ids = {_workflow(delivery_id): delivery_id for delivery_id in waiting}
        for workflow_id, kind in broken_workflows(list(ids)).items():
            self._bury(ids[workflow_id], f"the workflow broke: {kind}")

    @DBOS.workflow(name="deliver", max_recovery_attempts=None)
    def deliver(self, delivery_id: int) -> None:
        """Try until every object is confirmed or the row is a dead letter."""
        pause_s = self._config.delivery.retry_initial_s
        while self.try_once(delivery_id) is DeliveryState.RETRYING:
            DBOS.sleep(pause_s)
            pause_s = min(2 * pause_s, self._config.delivery.retry_maximum_s)

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def try_once(self, delivery_id: int) -> DeliveryState:
        """Send what isn't confirmed yet over a new association."""
        with self._sessions.begin() as session:
            delivery = session.get_one(Delivery, delivery_id)
            if delivery.state in (DeliveryState.CONFIRMED, DeliveryState.DEAD):
                return delivery.state
            delivery.attempts += 1
            before, name = delivery.confirmed, delivery.destination

        def confirmed(count: int) -> None:
            if count % _PROGRESS_EVERY == 0:
                with self._sessions.begin() as session:
                    session.get_one(Delivery, delivery_id).confirmed = before + count

        try:
            with self._sessions() as session:
                parcels = self._parcels(session, session.get_one(Delivery, delivery_id))
            with self._busy:
                destination(self._config, name).send(parcels[before:], confirmed)
        except DeliveryError as error:
            return self._failed(delivery_id, error)
        with self._sessions.begin() as session:
            delivery = session.get_one(Delivery, delivery_id)
            delivery.confirmed = delivery.total = len(parcels)
            delivery.state = DeliveryState.CONFIRMED
            delivery.last_error = None
            delivery.confirmed_at = utc_now()
        log.info("confirmed", delivery=delivery_id, destination=name, objects=len(parcels))
        return DeliveryState.CONFIRMED

    def _failed(self, delivery_id: int, error: DeliveryError) -> DeliveryState:
        limits = self._config.delivery
        with self._sessions.begin() as session:
            delivery = session.get_one(Delivery, delivery_id)
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
        log.error("not delivered", delivery=delivery_id, error=reason)

    def _parcels(self, session: Session, delivery: Delivery) -> list[Parcel]:
        """The objects of a delivery in a fixed order, so that a count says which are confirmed."""
        if delivery.quarantine_id is not None:
            kept = session.get_one(Quarantine, delivery.quarantine_id)
            return [self._parcel(kept.path, kept.sop_instance_uid or kept.path, None)]
        revision = session.get_one(Revision, delivery.revision_id)
        if delivery.content is Content.OUTPUTS:
            outputs = session.scalars(
                select(Output).where(Output.revision_id == revision.id).order_by(Output.id)
            )
            return [self._parcel(o.path, o.sop_instance_uid, o.sha256) for o in outputs]
        originals = session.scalars(
            select(Instance)
            .where(
                Instance.series_id == revision.series_id,
                Instance.since_revision == revision.number,
            )
            .order_by(Instance.id)
        )
        return [self._parcel(i.path, i.sop_instance_uid, None) for i in originals]

    def _parcel(self, path: str | None, uid: str, sha256: str | None) -> Parcel:
        if path is None:
            raise DeliveryError(f"{uid}: removed by retention", permanent=True)
        name = PurePosixPath(*PurePosixPath(path).parts[1:])
        return Parcel(self._layout.absolute(path), uid, name, sha256)


def _workflow(delivery_id: int) -> str:
    return f"delivery-{delivery_id}"


def _queue(destination_name: str) -> str:
    return f"deliver-{destination_name}"


def _may_go() -> ColumnElement[bool]:
    """Not yet begun, and no original of the same revision still on its way to the same place."""
    original = aliased(Delivery)
    blocked = (
        select(original.id)
        .where(
            original.revision_id == Delivery.revision_id,
            original.destination == Delivery.destination,
            original.content == Content.ORIGINALS,
            original.state.in_((DeliveryState.PENDING, DeliveryState.RETRYING)),
        )
        .exists()
    )
    return (Delivery.state == DeliveryState.PENDING) & or_(
        Delivery.content == Content.ORIGINALS, ~blocked
    )
