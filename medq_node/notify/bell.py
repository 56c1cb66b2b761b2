"""The bell: each notice is told to its target as soon as its row is there, until it gets through.

A try is a durable workflow of its own, so that a crash between telling and noting it repeats that
try alone, with the same id. Notices wait in a queue per target: neither series nor deliveries wait
for them, nor does one target for another.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID
from sqlalchemy import ColumnElement, or_, select

from medq_node.config import Config
from medq_node.durable import POLL_S, Busy, broken_workflows, database_busy
from medq_node.errors import NoticeError
from medq_node.notify.message import message_of
from medq_node.notify.targets import target
from medq_node.store.database import Sessions
from medq_node.store.seed import node_uid
from medq_node.store.states import OPEN_DELIVERY, DeliveryState
from medq_node.store.tables import Notice, utc_now

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0

log = structlog.get_logger("notify")


@DBOS.dbos_class()
class Bell(DBOSConfiguredInstance):
    """Tells people what the notices say."""

    def __init__(self, config: Config, sessions: Sessions, busy: Busy) -> None:
        super().__init__(config_name="bell")
        self._busy = busy
        self._config = config
        self._sessions = sessions
        self._give_up_after = timedelta(seconds=config.notifications.give_up_after_s)
        self._started: dict[int, str] = {}

    def register_queues(self, at_once: int) -> None:
        """A queue per target, ``at_once`` notices each: one that hangs delays nobody else."""
        for name in self._config.notifications.targets:
            DBOS.register_queue(
                _queue(name), worker_concurrency=at_once, polling_interval_sec=POLL_S
            )

    def start_waiting(self) -> None:
        """Enqueue the next try of every notice that may go now; idempotent by workflow id."""
        now = utc_now()
        with self._sessions() as session:
            rows = session.execute(
                select(
                    Notice.id, Notice.attempts, Notice.target, Notice.created_at, Notice.last_error
                )
                .where(self._may_go(now))
                .order_by(Notice.id)
            ).all()
        started: dict[int, str] = {}
        for notice_id, attempts, name, created_at, last_error in rows:
            workflow_id = _workflow(notice_id, attempts)
            if self._started.get(notice_id) == workflow_id:
                started[notice_id] = workflow_id  # it waits or runs, and ends by itself
            elif name not in self._config.notifications.targets:
                self._give_up(notice_id, f"no target named {name!r} in the configuration")
            elif self._too_old(created_at):
                self._give_up(notice_id, last_error or "the node wasn't running in time")
            else:
                with SetWorkflowID(workflow_id):
                    DBOS.enqueue_workflow(_queue(name), self.ring, notice_id, attempts)
                started[notice_id] = workflow_id
        self._started = started

    def bury_broken(self) -> None:
        """A workflow that ended in an error nobody foresaw gives its notice up."""
        with self._sessions() as session:
            waiting = session.execute(
                select(Notice.id, Notice.attempts).where(Notice.state.in_(OPEN_DELIVERY))
            ).all()
        ids = {_workflow(notice_id, attempts): notice_id for notice_id, attempts in waiting}
        for workflow_id, kind in broken_workflows(list(ids)).items():
            self._give_up(ids[workflow_id], f"the workflow broke: {kind}")

    @DBOS.workflow(name="ring", max_recovery_attempts=None)
    def ring(self, notice_id: int, attempts: int) -> None:
        """One try, the one after ``attempts`` others."""
        self.try_once(notice_id, attempts)

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def try_once(self, notice_id: int, attempts: int) -> DeliveryState:
        """Tell the target; told or not, the row says so."""
        with self._sessions() as session:
            notice = session.get_one(Notice, notice_id)
            if notice.state not in OPEN_DELIVERY or notice.attempts != attempts:
                # Killed between the row's commit and the engine's note of it: this is done.
                return notice.state
            name, created_at, last_error = notice.target, notice.created_at, notice.last_error
            message = message_of(notice, node_uid(session), self._config.node.ae_title)
        if self._too_old(created_at):
            return self._give_up(notice_id, last_error or "its turn didn't come in time")
        try:
            with self._busy:
                remark = target(self._config, name).tell(message)
        except NoticeError as error:
            return self._failed(notice_id, str(error))
        with self._sessions.begin() as session:
            notice = session.get_one(Notice, notice_id)
            notice.state = DeliveryState.CONFIRMED
            notice.attempts += 1
            notice.next_try_at, notice.last_error = None, remark
            notice.confirmed_at = utc_now()
        log.info("told", notice=notice_id, target=name, handle=message.handle, remark=remark)
        return DeliveryState.CONFIRMED

    def _failed(self, notice_id: int, error: str) -> DeliveryState:
        with self._sessions.begin() as session:
            notice = session.get_one(Notice, notice_id)
            notice.attempts += 1
            pause_s = _FIRST_PAUSE_S * 2.0 ** min(notice.attempts - 1, 30)
            notice.next_try_at = utc_now() + timedelta(seconds=min(pause_s, _LONGEST_PAUSE_S))
            notice.last_error = error
            notice.state = DeliveryState.RETRYING
            log.warning(
                "not told",
                notice=notice_id,
                target=notice.target,
                attempts=notice.attempts,
                error=error,
            )
            return notice.state

    def _give_up(self, notice_id: int, reason: str) -> DeliveryState:
        with self._sessions.begin() as session:
            notice = session.get_one(Notice, notice_id)
            notice.state, notice.last_error = DeliveryState.DEAD, reason
            notice.next_try_at = None
            log.error(
                "nobody told",
                notice=notice_id,
                target=notice.target,
                attempts=notice.attempts,
                error=reason,
            )
            return notice.state

    def _too_old(self, created_at: datetime) -> bool:
        return created_at <= utc_now() - self._give_up_after

    def _may_go(self, now: datetime) -> ColumnElement[bool]:
        """Still open, and its pause is over or its time is up."""
        due = or_(
            Notice.next_try_at.is_(None),
            Notice.next_try_at <= now,
            Notice.created_at <= now - self._give_up_after,
        )
        return Notice.state.in_(OPEN_DELIVERY) & due


def _workflow(notice_id: int, attempts: int) -> str:
    return f"notice-{notice_id}-{attempts}"


def _queue(target_name: str) -> str:
    return f"notify-{target_name}"
