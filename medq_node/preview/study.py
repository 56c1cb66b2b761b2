"""What a radiologist will read: the reports of a study as they lie on disk, and how far they came.

The words come from the DICOM objects, whose SHA-256 was stored before the first of them was sent.
Only where retention has removed a file does the database speak, and then it is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.config import Destination
from medq_node.errors import MedqError
from medq_node.layout import Layout
from medq_node.objects import NOTES, OutputKind
from medq_node.preview.content import ReportSeen
from medq_node.preview.forms import other_forms, read_report, sendings_of
from medq_node.preview.found import (
    ReportPreview,
    Standing,
    StudyPreview,
    WithoutReport,
)
from medq_node.preview.rows import (
    Scope,
    handle_of,
    maker,
    reports_in,
    revisions_in,
    scope_of,
)
from medq_node.store.database import Sessions
from medq_node.store.states import RevisionState
from medq_node.store.tables import Output, Revision, Series, StudyNote

_WHY = {
    RevisionState.COMPLETE: "it waits for its turn",
    RevisionState.PROCESSING: "it is being worked on",
    RevisionState.DROPPED: "a person decided that nothing is made of it",
}


_NOWHERE: Final[Mapping[str, Destination]] = MappingProxyType({})


def preview(
    sessions: Sessions,
    layout: Layout,
    name: str,
    destinations: Mapping[str, Destination] = _NOWHERE,
) -> StudyPreview:
    """The reports that ``name`` stands for: of a study, of a series, or a single one.

    ``destinations`` say by their settings which forms of a note go where.

    Raises:
        MedqError: there is nothing of this name, or no report; says why.
    """
    with sessions() as session:
        scope = scope_of(session, name.strip())
        outputs = reports_in(session, scope)
        without = () if scope.output_id else tuple(_without(session, scope))
        if not outputs:
            lines = [str(one) for one in without]
            raise MedqError("\n".join(lines or ["no note yet: no image series is complete"]))
        read = [_read(layout, output) for output in outputs]
        replaced = {
            uid
            for output, (report, _) in zip(outputs, read, strict=True)
            if report and maker(output).state is RevisionState.DONE
            for uid in report.replaces
        }
        return StudyPreview(
            study_instance_uid=scope.study_instance_uid,
            reports=tuple(
                _report(session, layout, output, report, missing, replaced, destinations)
                for output, (report, missing) in zip(outputs, read, strict=True)
            ),
            without=without,
            others=len(reports_in(session, Scope(scope.study_instance_uid))) - len(outputs),
        )


def _read(layout: Layout, output: Output) -> tuple[ReportSeen | None, str | None]:
    """The document that stands for a note; a picture says nothing that could be read here."""
    if output.kind in (OutputKind.PAGE, OutputKind.PDF):
        return None, "no destination asks for it in a form other than those below"
    return read_report(layout, output)


def _report(
    session: Session,
    layout: Layout,
    output: Output,
    report: ReportSeen | None,
    missing: str | None,
    replaced: Collection[str],
    destinations: Mapping[str, Destination],
) -> ReportPreview:
    made = maker(output)
    about = _about(session, made)
    standing = Standing.CURRENT
    if made.state is not RevisionState.DONE:
        standing = Standing.NOT_SENT
    elif output.sop_instance_uid in replaced or _later(session, made):
        standing = Standing.SUPERSEDED
    not_sent = standing is Standing.NOT_SENT
    assessed = [revision.assessment for revision in about if revision.assessment]
    pages = [layout.absolute(a.page) for a in assessed if a.page]
    return ReportPreview(
        handle=handle_of(made),
        number=made.number,
        sop_instance_uid=output.sop_instance_uid,
        made_at=made.created_at,
        standing=standing,
        reason=made.reason or _WHY.get(made.state) if not_sent else None,
        report=report,
        missing=missing,
        kept=tuple(
            sentence
            for assessment in assessed
            for sentence in (assessment.sentence_before, assessment.sentence_after)
            if sentence and report is None
        ),
        sendings=tuple(sendings_of(output, destinations)),
        pictures=tuple(page for page in pages if page.is_file()),
        forms=other_forms(layout, made, output if report else None, destinations),
    )


def _about(session: Session, made: Revision | StudyNote) -> list[Revision]:
    """The revisions that a report speaks of."""
    if isinstance(made, Revision):
        return [made]
    found = {
        revision.id: revision
        for revision in session.scalars(select(Revision).where(Revision.id.in_(made.revisions)))
    }
    return [found[number] for number in made.revisions if number in found]


def _later(session: Session, made: Revision | StudyNote) -> bool:
    """Whether a later report on the same images has left the node."""
    if isinstance(made, StudyNote):
        query = select(StudyNote.id).where(
            StudyNote.study_instance_uid == made.study_instance_uid,
            StudyNote.number > made.number,
            StudyNote.state == RevisionState.DONE,
            StudyNote.outputs.any(Output.kind.in_(NOTES)),
        )
    else:
        query = select(Revision.id).where(
            Revision.series_id == made.series_id,
            Revision.number > made.number,
            Revision.state == RevisionState.DONE,
            Revision.outputs.any(Output.kind.in_(NOTES)),
        )
    return session.scalar(query.limit(1)) is not None


def _without(session: Session, scope: Scope) -> Iterator[WithoutReport]:
    """Series whose newest revision has no report of its own and stands in none on the study."""
    notes = session.scalars(
        select(StudyNote)
        .where(StudyNote.study_instance_uid == scope.study_instance_uid)
        .order_by(StudyNote.number.desc())
    ).all()
    spoken_of = {number for note in notes for number in note.revisions}
    seen: set[int] = set()
    revisions = revisions_in(session, scope)
    for revision in revisions:
        newest = revision.series_id not in seen
        seen.add(revision.series_id)
        reported = any(output.kind in NOTES for output in revision.outputs)
        if newest and not reported and revision.id not in spoken_of:
            yield _why_not(revision)
    mine = {revision.id for revision in revisions}
    for note in notes[:1]:
        if not note.outputs and mine & set(note.revisions):
            reason = note.reason or _WHY.get(note.state, "it has no report")
            yield WithoutReport(handle_of(note), None, note.state, reason)
    arriving = select(Series).where(
        Series.study_instance_uid == scope.study_instance_uid, ~Series.revisions.any()
    )
    for series in session.scalars(arriving):
        if scope.series_id in (None, series.id):
            yield WithoutReport("-", series.series_instance_uid, "arriving", "more may come")


def _why_not(revision: Revision) -> WithoutReport:
    reason = revision.reason or _WHY.get(revision.state)
    if reason is None and revision.awaits_note:
        reason = "the note on its study isn't made yet"
    return WithoutReport(
        handle_of(revision),
        revision.series.series_instance_uid,
        revision.state,
        reason or "nothing was made of it",
    )
