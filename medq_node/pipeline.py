"""What happens to one series, in order: decide, produce, certify, hand over.

``Pipeline.process_series`` is a durable workflow: killed anywhere, it goes on where it was. Its
steps may run twice and are written so that the second time changes nothing. It knows rules,
engines (through killable children) and rows; it talks to no network: deliveries are rows.
"""

from __future__ import annotations

from functools import cache

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, aliased

from engines.base import EngineError
from engines.quality import Verdict
from medq_node.children import Children
from medq_node.config import Config
from medq_node.durable import Busy, broken_workflows, database_busy
from medq_node.errors import EngineFailure, OutputError, Unprocessable
from medq_node.firewall import left_alone, why_ours
from medq_node.fresh import worth_telling
from medq_node.identity import identity_conflict
from medq_node.layout import Layout
from medq_node.orders import has_fallback, work_order
from medq_node.records import (
    record_decision,
    record_hold,
    record_refusal,
    record_result,
    series_facts,
)
from medq_node.restoring import VOCABULARY
from medq_node.steps import Next, in_order, still_mine
from medq_node.store.database import Sessions
from medq_node.store.handover import (
    goes_to,
    hand_over_notices,
    hand_over_revision,
    outputs_for,
)
from medq_node.store.seed import current_rules
from medq_node.store.states import Content, HoldKind, RevisionState
from medq_node.store.tables import Revision, utc_now
from medq_node.workshop.order import WorkOrder
from medq_node.workshop.stopwatch import Stopwatch
from medq_node.workshop.tasks import certify, produce
from rules.evaluate import decide
from rules.model import Action, NoteScope, load_rules

_QUEUE = "series"
_WORKFLOW = "series"
_MOST_SHOWN = 3

log = structlog.get_logger("pipeline")


@DBOS.dbos_class()
class Pipeline(DBOSConfiguredInstance):
    """The durable workflow over one node's rows and files."""

    def __init__(self, config: Config, sessions: Sessions, children: Children, busy: Busy) -> None:
        super().__init__(config_name="pipeline")
        self._busy = busy
        self._started: set[str] = set()
        self._config = config
        self._sessions = sessions
        self._children = children
        self._layout = Layout(config.node.data)

    @DBOS.workflow(name="process_series", max_recovery_attempts=None)
    def process_series(self, revision_id: int, release: int) -> None:
        """The way of one series revision through the node, since its ``release``-th release."""
        steps = (self.decide, self.produce, self.certify, self.hand_over)
        in_order(steps, revision_id, release, self._config.pipeline.retry_s)

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def decide(self, revision_id: int, release: int) -> Next:
        """Firewall, patient and study, then rules; the decision is a row with its reasons."""
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            if not still_mine(revision, release):
                return Next.STOP
            revision.state = RevisionState.PROCESSING
            if revision.decision is None:
                ours = why_ours(session, revision, self._config)
                if not ours and (other := self._identity_conflict(session, revision)):
                    record_hold(revision, HoldKind.IDENTITY, other)
                    return self._told(revision)
                rule_set = current_rules(session)
                record_decision(
                    session,
                    revision,
                    rule_set.version,
                    left_alone(ours.reason)
                    if ours
                    else decide(
                        load_rules(rule_set.text, rule_set.source, VOCABULARY),
                        series_facts(revision),
                    ),
                    self._config.engine.default,
                )
                if ours and ours.curable:
                    revision.hold = HoldKind.LOOP
                session.flush()
                session.refresh(revision)
            assert revision.decision is not None
            if revision.decision.action == Action.IGNORE:
                record_refusal(revision, RevisionState.IGNORED, revision.decision.explanation)
            if revision.decision.forward_originals:
                hand_over_revision(
                    session,
                    revision,
                    Content.ORIGINALS,
                    revision.decision.destinations,
                    revision.images,
                )
            log.info(
                "decided",
                series_instance_uid=revision.series.series_instance_uid,
                rule=revision.decision.rule,
                action=revision.decision.action,
                **({"restoring": options} if (options := revision.decision.restoring) else {}),
                state=revision.state,
            )
            return Next.ON if revision.state is RevisionState.PROCESSING else Next.STOP

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def produce(self, revision_id: int, release: int) -> Next:
        """Assess, restore, gate and report in a killable child.

        After three failures the fallback works instead; if that fails too, the series is held.
        """
        order = self._order(revision_id, release)
        if order is None:
            return Next.STOP
        try:
            with self._busy:
                result = self._children.run(produce, order)
        except Unprocessable as refusal:
            return self._refuse(revision_id, release, str(refusal))
        except (EngineFailure, EngineError, OutputError) as failure:
            return self._failed(revision_id, release, str(failure), fallback=True)
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            if not still_mine(revision, release):
                return Next.STOP
            record_result(session, revision, result, self._layout)
            for alarm in result.alarms:
                log.error(
                    "alarm",
                    series_instance_uid=revision.series.series_instance_uid,
                    problem=alarm,
                )
            if result.overridden:
                log.info(
                    "overridden",
                    series_instance_uid=revision.series.series_instance_uid,
                    rule=order.rule,
                    words=list(result.overridden),
                )
            notify = self._config.notifications
            if result.verdict is Verdict.REJECT and worth_telling(revision, notify, utc_now()):
                hand_over_notices(session, revision, notify.targets)
        return Next.ON

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def certify(self, revision_id: int, release: int) -> Next:
        """Nothing leaves that is not a valid object."""
        order = self._order(revision_id, release)
        if order is None:
            return Next.STOP
        watch = Stopwatch()
        try:
            with self._busy, watch("certify"):
                unfit = self._children.run(certify, order)
        except EngineFailure as failure:
            return self._failed(revision_id, release, str(failure))
        except (Unprocessable, OutputError) as problem:
            unfit = (str(problem),)
        if unfit:
            more = f" (and {len(unfit) - _MOST_SHOWN} more)" if len(unfit) > _MOST_SHOWN else ""
            reason = f"unfit to leave: {' '.join(unfit[:_MOST_SHOWN])}{more}"
            return self._hold(revision_id, release, HoldKind.UNFIT, reason)
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            revision.stages = {**revision.stages, **watch.seconds}
        return Next.ON

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def hand_over(self, revision_id: int, release: int) -> Next:
        """One delivery row per destination; the delivery role does the rest."""
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            if not still_mine(revision, release):
                return Next.STOP
            assert revision.decision is not None
            for name in goes_to(session, revision):
                objects = outputs_for(session, revision, name, self._config.destinations)
                hand_over_revision(session, revision, Content.OUTPUTS, (name,), len(objects))
            revision.state = RevisionState.DONE
            revision.awaits_note = revision.decision.note == NoteScope.STUDY
            revision.finished_at = utc_now()
            log.info(
                "done",
                series_instance_uid=revision.series.series_instance_uid,
                taken=revision.assessment.taken if revision.assessment else None,
                objects=len(revision.outputs),
            )
        return Next.ON

    def register_queue(self) -> None:
        """Series wait in one queue; as many run at once as there are children."""
        # Asked more often than others: an idle child waits for it between two series.
        DBOS.register_queue(
            _QUEUE, worker_concurrency=self._config.pipeline.workers, polling_interval_sec=0.1
        )

    def start_waiting(self) -> None:
        """Enqueue the workflow of every complete revision; idempotent by workflow id."""
        with self._sessions() as session:
            complete = session.execute(_complete()).all()
        for revision_id, releases in complete:
            workflow_id = _workflow(revision_id, releases)
            if workflow_id not in self._started:
                with SetWorkflowID(workflow_id):
                    DBOS.enqueue_workflow(_QUEUE, self.process_series, revision_id, releases)
                self._started.add(workflow_id)

    def hold_broken(self) -> None:
        """A workflow that ended in an error nobody foresaw holds its series for a person."""
        with self._sessions() as session:
            unsettled = session.execute(
                select(Revision.id, Revision.releases).where(
                    Revision.state.in_((RevisionState.COMPLETE, RevisionState.PROCESSING))
                )
            ).all()
        ids = {_workflow(number, releases): (number, releases) for number, releases in unsettled}
        for workflow_id, kind in broken_workflows(list(ids)).items():
            revision_id, release = ids[workflow_id]
            self._hold(revision_id, release, HoldKind.BROKEN, f"the workflow broke: {kind}")

    def _order(self, revision_id: int, release: int) -> WorkOrder | None:
        with self._sessions() as session:
            revision = session.get_one(Revision, revision_id)
            if not still_mine(revision, release):
                return None
            return work_order(session, revision, self._config, self._layout)

    def _refuse(self, revision_id: int, release: int, reason: str) -> Next:
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            if not still_mine(revision, release):
                return Next.STOP
            record_refusal(revision, RevisionState.REFUSED, reason)
            return self._told(revision)

    def _hold(self, revision_id: int, release: int, kind: HoldKind, reason: str) -> Next:
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            if not still_mine(revision, release):
                return Next.STOP
            record_hold(revision, kind, reason)
            return self._told(revision)

    def _told(self, revision: Revision) -> Next:
        uid = revision.series.series_instance_uid
        log.warning(
            "stopped", series_instance_uid=uid, state=revision.state, reason=revision.reason
        )
        return Next.STOP

    def _failed(
        self, revision_id: int, release: int, problem: str, *, fallback: bool = False
    ) -> Next:
        """One try less; with ``fallback`` another engine may work in place of the one that failed.

        What kills one engine may well kill another: that one gets a single try.
        """
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            if not still_mine(revision, release):
                return Next.STOP
            revision.failures += 1
            failures = revision.failures
            uid = revision.series.series_instance_uid
            assert revision.decision is not None
            if fallback:
                fallback = has_fallback(revision.decision.engine, self._config)
        log.warning("failed", series_instance_uid=uid, failures=failures, problem=problem)
        if failures < self._config.pipeline.attempts + fallback:
            return Next.AGAIN
        reason = f"the engine failed {failures} times, last: {problem}"
        return self._hold(revision_id, release, HoldKind.ENGINE, reason)

    def _identity_conflict(self, session: Session, revision: Revision) -> str | None:
        if revision.identity_accepted:
            return None
        return identity_conflict(session, revision, self._config.identity.hold_when_differing)


def _workflow(revision_id: int, releases: int) -> str:
    """A released series runs under a new workflow id: the old one has ended."""
    return f"{_WORKFLOW}-{revision_id}" + (f"-{releases}" if releases else "")


@cache
def _complete() -> Select[int, int]:
    """Put together once: it is asked several times a second."""
    return (
        select(Revision.id, Revision.releases)
        .where(Revision.state == RevisionState.COMPLETE, ~_after_another())
        .order_by(Revision.id)
    )


def _after_another() -> ColumnElement[bool]:
    """An earlier revision of the same series is on its way: its outputs are what this replaces."""
    earlier = aliased(Revision)
    return (
        select(earlier.id)
        .where(
            earlier.series_id == Revision.series_id,
            earlier.number < Revision.number,
            earlier.state.in_((RevisionState.COMPLETE, RevisionState.PROCESSING)),
        )
        .exists()
    )
