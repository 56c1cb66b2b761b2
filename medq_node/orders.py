"""From rows to what a killable child is asked to do, and to what its outputs replace."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.config import Config
from medq_node.layout import Layout
from medq_node.objects import OutputKind, OutputReference
from medq_node.records import original_paths, references
from medq_node.restoring import effective_action, options_of
from medq_node.store.handover import forms_for, retires
from medq_node.store.seed import node_uid
from medq_node.store.states import RevisionState
from medq_node.store.tables import Output, Revision, StudyNote
from medq_node.workshop.order import StudyOrder, StudySeries, Wanted, WorkOrder
from rules.model import NoteScope


def work_order(session: Session, revision: Revision, config: Config, layout: Layout) -> WorkOrder:
    """What is to be made of a revision that was decided on."""
    decision = revision.decision
    assert decision is not None
    uid = revision.series.series_instance_uid
    return WorkOrder(
        paths=tuple(layout.absolute(path) for path in original_paths(session, revision)),
        folder=layout.output_folder(uid, revision.number),
        engine=_wanted(revision, decision.engine, config),
        restore=decision.restore_mode,
        rule=decision.rule or "",
        options=options_of(decision.restoring),
        node_uid=node_uid(session),
        station_name=config.node.ae_title,
        institution_name=config.node.institution_name,
        revision=revision.number,
        created_at=revision.created_at.isoformat(),
        slab_slices=config.pipeline.slab_slices,
        limits=config.gate_limits,
        judging=config.certify_settings,
        report=decision.note == NoteScope.SERIES,
        superseded=_superseded(session, revision),
        retire=retires(session, revision, config.destinations),
        forms=forms_for(decision.destinations, config.destinations),
    )


def study_order(session: Session, note: StudyNote, config: Config, layout: Layout) -> StudyOrder:
    """What is to be written about a study: of its series, those that are still here."""
    study = note.study_instance_uid
    before = note_before(session, study, note.number, note.destinations, RevisionState.DONE)
    series = [
        _series(session, session.get_one(Revision, revision_id), layout)
        for revision_id in note.revisions
    ]
    here = tuple(one for one in series if one.is_here())
    if before and not _spoken_of(session, before) <= {one.series_id for one in here}:
        before = None  # it says what this one can't: it stays current
    return StudyOrder(
        series=here,
        folder=layout.study_folder(study, note.number),
        node_uid=node_uid(session),
        station_name=config.node.ae_title,
        institution_name=config.node.institution_name,
        number=note.number,
        created_at=note.created_at.isoformat(),
        judging=config.certify_settings,
        superseded=references(before.outputs, study) if before else (),
        retire=retires(session, note, config.destinations),
        forms=forms_for(note.destinations, config.destinations),
    )


def note_before(
    session: Session,
    study: str,
    number: int,
    destinations: Sequence[str],
    state: RevisionState | None = None,
) -> StudyNote | None:
    """The newest note before ``number`` on the series that go to the same places."""
    earlier = (
        select(StudyNote)
        .where(StudyNote.study_instance_uid == study, StudyNote.number < number)
        .order_by(StudyNote.number.desc())
    )
    if state is not None:
        earlier = earlier.where(StudyNote.state == state)
    wanted = set(destinations)
    return next((n for n in session.scalars(earlier) if set(n.destinations) == wanted), None)


def wanted_by_default(config: Config) -> Wanted:
    """The engine of series whose rule names none."""
    return Wanted(config.engine.default, config.engine_options, config.engine.fallback)


def has_fallback(engine: str, config: Config) -> bool:
    """Whether another engine may work in place of ``engine``."""
    return config.engine.fallback not in (None, engine)


def _wanted(revision: Revision, engine: str, config: Config) -> Wanted:
    """The engine of the decision, until it has failed too often on this series."""
    failures = revision.failures
    given_up = None
    if has_fallback(engine, config) and failures >= config.pipeline.attempts:
        given_up = f"failed {failures} times on this series"
    return Wanted(engine, config.engine_options, config.engine.fallback, given_up)


def _series(session: Session, revision: Revision, layout: Layout) -> StudySeries:
    assert revision.decision is not None
    return StudySeries(
        revision_id=revision.id,
        series_id=revision.series_id,
        paths=tuple(layout.absolute(path) for path in original_paths(session, revision)),
        folder=layout.output_folder(revision.series.series_instance_uid, revision.number),
        revision=revision.number,
        action=effective_action(
            revision.decision.restore_mode, options_of(revision.decision.restoring)
        ),
        created_at=revision.created_at.isoformat(),
        images=revision.images,
    )


def _spoken_of(session: Session, note: StudyNote) -> set[int]:
    """Ids of the series that a note speaks of."""
    return set(session.scalars(select(Revision.series_id).where(Revision.id.in_(note.revisions))))


def _superseded(session: Session, revision: Revision) -> tuple[OutputReference, ...]:
    """What the newest earlier revision that left the node had made; these replace it."""
    before = session.scalar(
        select(Revision)
        .where(
            Revision.series_id == revision.series_id,
            Revision.number < revision.number,
            Revision.state == RevisionState.DONE,
            Revision.outputs.any(Output.kind != OutputKind.KEY_OBJECT),
        )
        .order_by(Revision.number.desc())
        .limit(1)
    )
    return references(before.outputs, revision.series.study_instance_uid) if before else ()
