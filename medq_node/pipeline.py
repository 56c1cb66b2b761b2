"""What happens to one series, in order: decide, produce, certify, hand over.

``Pipeline.process_series`` is a durable workflow: killed anywhere, it goes on where it was. Its
steps may run twice and are written so that the second time changes nothing. It knows rules,
engines (through killable children) and rows; it talks to no network: deliveries are rows.
"""

from __future__ import annotations

from enum import StrEnum

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID
from sqlalchemy import select
from sqlalchemy.orm import Session

from engines.base import EngineError
from medq_node.children import Children
from medq_node.config import Config
from medq_node.durable import Busy, broken_workflows, database_busy
from medq_node.errors import EngineFailure, OutputError, Unprocessable
from medq_node.firewall import left_alone, why_ours
from medq_node.layout import Layout
from medq_node.objects import OutputKind
from medq_node.records import record_decision, record_refusal, record_result, series_facts
from medq_node.store.database import Sessions
from medq_node.store.handover import hand_over_revision
from medq_node.store.seed import current_rules, node_uid
from medq_node.store.states import Content, RevisionState
from medq_node.store.tables import Instance, Output, Revision, utc_now
from medq_node.workshop.certify import certify
from medq_node.workshop.order import WorkOrder
from medq_node.workshop.produce import produce
from medq_node.workshop.stopwatch import Stopwatch
from rules.evaluate import decide
from rules.model import Action, load_rules

_QUEUE = "series"
_WORKFLOW = "series"
_MOST_SHOWN = 3

log = structlog.get_logger("pipeline")


class Next(StrEnum):
    """What a step says to the workflow."""

    ON = "on"
    AGAIN = "again"
    STOP = "stop"


@DBOS.dbos_class()
class Pipeline(DBOSConfiguredInstance):
    """The durable workflow over one node's rows and files."""

    def __init__(self, config: Config, sessions: Sessions, children: Children, busy: Busy) -> None:
        super().__init__(config_name="pipeline")
        self._busy = busy
        self._started: set[int] = set()
        self._config = config
        self._sessions = sessions
        self._children = children
        self._layout = Layout(config.node.data)

    @DBOS.workflow(name="process_series", max_recovery_attempts=None)
    def process_series(self, revision_id: int) -> None:
        """The way of one series revision through the node."""
        if self.decide(revision_id) is Next.STOP:
            return
        for step in (self.produce, self.certify):
            while (outcome := step(revision_id)) is Next.AGAIN:
                DBOS.sleep(self._config.pipeline.retry_s)
            if outcome is Next.STOP:
                return
        self.hand_over(revision_id)

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def decide(self, revision_id: int) -> Next:
        """Firewall, then rules; the decision is a row with its reasons."""
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            revision.state = RevisionState.PROCESSING
            if revision.decision is None:
                rule_set = current_rules(session)
                ours = why_ours(session, revision)
                record_decision(
                    session,
                    revision,
                    rule_set.version,
                    left_alone(ours)
                    if ours
                    else decide(load_rules(rule_set.text, rule_set.source), series_facts(revision)),
                    self._config.engine.default,
                )
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
                state=revision.state,
            )
            return Next.ON if revision.state is RevisionState.PROCESSING else Next.STOP

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def produce(self, revision_id: int) -> Next:
        """Assess, restore, gate and report in a killable child; three failures hold the series."""
        order = self._order(revision_id)
        try:
            with self._busy:
                result = self._children.run(produce, order)
        except Unprocessable as refusal:
            return self._stop(revision_id, RevisionState.REFUSED, str(refusal))
        except (EngineFailure, EngineError, OutputError) as failure:
            return self._failed(revision_id, str(failure))
        with self._sessions.begin() as session:
            record_result(session, session.get_one(Revision, revision_id), result, self._layout)
        return Next.ON

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def certify(self, revision_id: int) -> Next:
        """Nothing leaves that is not a valid object."""
        watch = Stopwatch()
        try:
            with self._busy, watch("certify"):
                unfit = self._children.run(certify, self._order(revision_id))
        except EngineFailure as failure:
            return self._failed(revision_id, str(failure))
        except (Unprocessable, OutputError) as problem:
            unfit = (str(problem),)
        if unfit:
            more = f" (and {len(unfit) - _MOST_SHOWN} more)" if len(unfit) > _MOST_SHOWN else ""
            reason = f"unfit to leave: {' '.join(unfit[:_MOST_SHOWN])}{more}"
            return self._stop(revision_id, RevisionState.HELD, reason)
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            revision.stages = {**revision.stages, **watch.seconds}
        return Next.ON

    @DBOS.step(retries_allowed=True, max_attempts=5, should_retry=database_busy)
    def hand_over(self, revision_id: int) -> None:
        """One delivery row per destination; the delivery role does the rest."""
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            assert revision.decision is not None
            hand_over_revision(
                session,
                revision,
                Content.OUTPUTS,
                revision.decision.destinations,
                len(revision.outputs),
            )
            revision.state = RevisionState.DONE
            revision.finished_at = utc_now()
            log.info(
                "done",
                series_instance_uid=revision.series.series_instance_uid,
                taken=revision.assessment.taken if revision.assessment else None,
                objects=len(revision.outputs),
            )

    def register_queue(self) -> None:
        """Series wait in one queue; as many run at once as there are children."""
        DBOS.register_queue(
            _QUEUE, worker_concurrency=self._config.pipeline.workers, polling_interval_sec=0.1
        )

    def start_waiting(self) -> None:
        """Enqueue the workflow of every complete revision; idempotent by workflow id."""
        with self._sessions() as session:
            complete = session.scalars(
                select(Revision.id)
                .where(Revision.state == RevisionState.COMPLETE)
                .order_by(Revision.id)
            ).all()
        for revision_id in complete:
            if revision_id not in self._started:
                with SetWorkflowID(f"{_WORKFLOW}-{revision_id}"):
                    DBOS.enqueue_workflow(_QUEUE, self.process_series, revision_id)
                self._started.add(revision_id)

    def hold_broken(self) -> None:
        """A workflow that ended in an error nobody foresaw holds its series for a person."""
        with self._sessions() as session:
            unsettled = session.scalars(
                select(Revision.id).where(
                    Revision.state.in_((RevisionState.COMPLETE, RevisionState.PROCESSING))
                )
            ).all()
        ids = {f"{_WORKFLOW}-{revision_id}": revision_id for revision_id in unsettled}
        for workflow_id, kind in broken_workflows(list(ids)).items():
            self._stop(ids[workflow_id], RevisionState.HELD, f"the workflow broke: {kind}")

    def _order(self, revision_id: int) -> WorkOrder:
        with self._sessions() as session:
            revision = session.get_one(Revision, revision_id)
            decision = revision.decision
            assert decision is not None
            return WorkOrder(
                paths=tuple(self._layout.absolute(p) for p in _paths(session, revision)),
                folder=self._layout.output_folder(
                    revision.series.series_instance_uid, revision.number
                ),
                engine=decision.engine,
                restore="never" if decision.action == Action.ASSESS else decision.restore,
                node_uid=node_uid(session),
                station_name=self._config.node.ae_title,
                institution_name=self._config.node.institution_name,
                revision=revision.number,
                created_at=revision.created_at.isoformat(),
                slab_slices=self._config.pipeline.slab_slices,
                limits=self._config.gate_limits,
                predecessor=_report_before(session, revision),
            )

    def _stop(self, revision_id: int, state: RevisionState, reason: str) -> Next:
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            record_refusal(revision, state, reason)
            uid = revision.series.series_instance_uid
        log.warning("stopped", series_instance_uid=uid, state=state, reason=reason)
        return Next.STOP

    def _failed(self, revision_id: int, problem: str) -> Next:
        with self._sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            revision.failures += 1
            failures = revision.failures
            uid = revision.series.series_instance_uid
        log.warning("failed", series_instance_uid=uid, failures=failures, problem=problem)
        if failures < self._config.pipeline.attempts:
            return Next.AGAIN
        reason = f"the engine failed {failures} times, last: {problem}"
        return self._stop(revision_id, RevisionState.HELD, reason)


def _report_before(session: Session, revision: Revision) -> tuple[str, str] | None:
    """Series and SOP Instance UID of the report that this revision's report supersedes."""
    report = session.scalar(
        select(Output)
        .where(
            Output.revision_id == revision.predecessor_id, Output.kind == OutputKind.REPORT.value
        )
        .limit(1)
    )
    return (report.series_instance_uid, report.sop_instance_uid) if report else None


def _paths(session: Session, revision: Revision) -> list[str]:
    return [
        path
        for path in session.scalars(
            select(Instance.path)
            .where(
                Instance.series_id == revision.series_id,
                Instance.since_revision <= revision.number,
                Instance.path.is_not(None),
            )
            .order_by(Instance.id)
        )
        if path is not None
    ]
