"""From what rules and children say to rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from medq_node.layout import Layout
from medq_node.objects import OutputKind, OutputObject, OutputReference
from medq_node.store.states import HoldKind, RevisionState
from medq_node.store.tables import (
    Assessment,
    DecisionRow,
    Instance,
    Output,
    Revision,
    StudyNote,
    utc_now,
)
from medq_node.workshop.order import WorkResult
from rules.evaluate import Decision, SeriesFacts
from rules.model import RestoreMode


def series_facts(revision: Revision) -> SeriesFacts:
    """What rules may look at: the header snapshot and who sent the series to whom."""
    series = revision.series
    return SeriesFacts(
        calling_ae_title=series.calling_ae_title or "",
        called_ae_title=series.called_ae_title or "",
        peer_host=series.peer_host or "",
        number_of_images=revision.images,
        elements={
            keyword: tuple(tuple(value) for value in values)
            for keyword, values in revision.snapshot.items()
        },
    )


def record_decision(
    session: Session, revision: Revision, version: int, decision: Decision, default_engine: str
) -> None:
    """The decision as a row: rule, version, values seen, why others not."""
    session.add(
        DecisionRow(
            revision_id=revision.id,
            rule_set_version=version,
            rule=decision.rule,
            action=decision.action,
            restore=decision.restore or RestoreMode.WHEN_NEEDED,
            engine=decision.engine or default_engine,
            destinations=list(decision.destinations),
            forward_originals=decision.forward_originals,
            note=decision.note,
            restoring=decision.restoring.model_dump(mode="json") if decision.restoring else None,
            values_seen=dict(decision.values_seen),
            why_not=[list(reason) for reason in decision.why_not],
            explanation=decision.explanation,
        )
    )


def record_refusal(revision: Revision | StudyNote, state: RevisionState, reason: str) -> None:
    """Why nothing more is made of it, in its own row and, of a revision, in its decision's."""
    revision.state = state
    revision.reason = reason
    revision.finished_at = utc_now()
    if isinstance(revision, Revision) and revision.decision is not None:
        revision.decision.refusal = reason


def record_hold(revision: Revision | StudyNote, kind: HoldKind, reason: str) -> None:
    """Why it waits for a person."""
    record_refusal(revision, RevisionState.HELD, reason)
    revision.hold = kind


def record_result(session: Session, revision: Revision, result: WorkResult, layout: Layout) -> None:
    """What a child made, before any of it is sent; the second time changes nothing."""
    session.execute(delete(Assessment).where(Assessment.revision_id == revision.id))
    revision.stages = {**revision.stages, **result.stages}
    session.add(
        Assessment(
            revision_id=revision.id,
            engine=result.engine,
            engine_version=result.engine_version,
            engine_digest=result.engine_digest,
            verdict=result.verdict,
            sentence_before=result.sentence_before,
            sentence_after=result.sentence_after,
            taken=result.taken,
            reasons=list(result.reasons),
            overridden=list(result.overridden),
            alarms=list(result.alarms),
            gate=asdict(result.gate) if result.gate else None,
            page=layout.relative(result.page) if result.page else None,
        )
    )
    record_outputs(session, revision, result.outputs, layout)


def record_outputs(
    session: Session,
    owner: Revision | StudyNote,
    outputs: Iterable[OutputObject],
    layout: Layout,
) -> None:
    """What was made for ``owner``, with the SHA-256 of each; the second time changes nothing."""
    column = Output.revision_id if isinstance(owner, Revision) else Output.study_note_id
    study = owner.series if isinstance(owner, Revision) else owner
    session.execute(delete(Output).where(column == owner.id))
    session.add_all(
        Output(
            **{column.key: owner.id},
            kind=output.kind,
            sop_class_uid=output.sop_class_uid,
            sop_instance_uid=output.sop_instance_uid,
            series_instance_uid=output.series_instance_uid,
            study_instance_uid=study.study_instance_uid,
            path=layout.relative(output.path),
            sha256=output.sha256,
        )
        for output in outputs
    )


def original_paths(session: Session, revision: Revision) -> list[str]:
    """Paths, relative to the data folder, of the images that ``revision`` holds."""
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


def references(outputs: Iterable[Output], study: str) -> tuple[OutputReference, ...]:
    """What a newer revision refers to as superseded; key objects supersede and aren't.

    Objects of another study are left out: a correction has moved the series, and a document may
    refer to such objects within its own study only.
    """
    return tuple(
        OutputReference(
            OutputKind(output.kind),
            output.sop_class_uid,
            output.sop_instance_uid,
            output.series_instance_uid,
        )
        for output in outputs
        if output.kind != OutputKind.KEY_OBJECT and output.study_instance_uid == study
    )
