"""Other content under known SOP Instance UIDs: a person says which objects are the right ones."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from medq_node.console.lines import counted
from medq_node.desk.decided import Decided, not_waiting
from medq_node.desk.handles import Handle, Subject
from medq_node.errors import MedqError
from medq_node.layout import Layout, file_name, sync_folder
from medq_node.store.states import CLOSED_DELIVERY, Content, KeptKind, RevisionState
from medq_node.store.tables import (
    Delivery,
    Instance,
    Quarantine,
    Revision,
    Series,
    StudyNote,
    utc_now,
)

RELEASE_MEANS = (
    "take these as the right ones: they make the series' next revision; the first ones stay here "
    "until retention removes the series"
)
DROP_MEANS = "keep using the first ones; retention removes these here"

_AT_WORK = (RevisionState.COMPLETE, RevisionState.PROCESSING)


def release_clash(session: Session, layout: Layout, series_id: int, reason: str) -> Decided:
    """The newest object under each SOP Instance UID becomes the one of its series.

    It gets a second name in the folder of its series before the row names it there, and loses the
    one in quarantine later; the object that it replaces stays where it lies, as a row of its own.
    So a crash at any moment leaves every object under a name, and every row with its object.

    Raises:
        MedqError: nothing of this series waits, some of it is gone, or it is being worked on;
            says what to do.
    """
    series, found = _waiting(session, series_id)
    waiting = [kept for kept in found if not _is_stray(kept, series)]
    strays = len(found) - len(waiting)
    _refuse_strays_alone(series, waiting, strays)
    _refuse_while_used(session, series)
    _refuse_fragment(session, series, waiting)
    newest = {kept.sop_instance_uid: kept for kept in waiting}
    links: list[tuple[Path, Path]] = []
    for kept in waiting:
        if newest[kept.sop_instance_uid] is not kept:
            kept.dropped_at = utc_now()
            continue
        source = layout.absolute(kept.path)
        name = f"{file_name(str(kept.sop_instance_uid))}.{source.stem}.dcm"
        target = layout.series_folder(series.series_instance_uid) / name
        _take_over(session, series, kept, layout.relative(target), reason)
        links.append((source, target))
    _follow_study(session, series, list(newest.values()))
    then = f"{counted(len(newest), 'image')} taken over; the series' next revision follows"
    if older := len(waiting) - len(newest):
        then += f" ({counted(older, 'object')} sent before the newest ones dropped)"
    if strays:
        then += f"; {stay_aside(strays)}"
    return Decided(_before(waiting), then, partial(_link, links))


def drop_clash(session: Session, layout: Layout, series_id: int, reason: str) -> Decided:
    """The first objects stay in use; the others may go."""
    _, waiting = _waiting(session, series_id)
    for kept in waiting:
        kept.dropped_at = utc_now()
    return Decided(
        _before(waiting),
        f"the first objects stay in use; retention removes {counted(len(waiting), 'other')} here",
    )


def _waiting(session: Session, series_id: int) -> tuple[Series, Sequence[Quarantine]]:
    """The series and what clashes with its images, oldest first."""
    series = session.get(Series, series_id, with_for_update=True)
    waiting = session.scalars(
        select(Quarantine)
        .join(Instance, Instance.sop_instance_uid == Quarantine.sop_instance_uid)
        .where(
            Instance.series_id == series_id,
            Quarantine.kind == KeptKind.CLASH,
            Quarantine.dropped_at.is_(None),
        )
        .order_by(Quarantine.arrived_at, Quarantine.id)
    ).all()
    if series is None or not waiting:
        raise not_waiting(Handle(Subject.CLASH, series_id))
    return series, waiting


def stay_aside(strays: int) -> str:
    """What becomes of ``strays`` objects of another series when their clash is released."""
    return f"{_belong(strays)} to another series and {'stays' if strays == 1 else 'stay'} aside"


def _belong(strays: int) -> str:
    return f"{strays} {'belongs' if strays == 1 else 'belong'}"


def _is_stray(kept: Quarantine, series: Series) -> bool:
    return kept.series_instance_uid not in (None, series.series_instance_uid)


def _refuse_strays_alone(series: Series, waiting: Sequence[Quarantine], strays: int) -> None:
    if not waiting:
        raise MedqError(
            f"{Handle(Subject.CLASH, series.id)}: {_belong(strays)} to another series, and nothing "
            "else is here to release: drop it, and let the source send under new SOP Instance UIDs"
        )


def _refuse_fragment(session: Session, series: Series, waiting: Sequence[Quarantine]) -> None:
    """A few right images beside many removed ones would be worked on as if they were all."""
    removed = session.scalars(
        select(Instance.sop_instance_uid).where(
            Instance.series_id == series.id, Instance.path.is_(None)
        )
    )
    gone = len(set(removed) - {kept.sop_instance_uid for kept in waiting})
    if gone:
        raise MedqError(
            f"{Handle(Subject.CLASH, series.id)}: {counted(gone, 'other image')} of this series "
            "went after delivery: drop this, and send the whole series again as a new one"
        )


def _refuse_while_used(session: Session, series: Series) -> None:
    """Revisions, notes and deliveries find their images by rows that are about to change."""
    handle = Handle(Subject.CLASH, series.id)
    arriving = select(Instance.id).where(
        Instance.series_id == series.id, Instance.since_revision.is_(None)
    )
    if session.scalar(arriving.limit(1)) is not None:
        raise MedqError(f"{handle}: images of this series still arrive; release it once they rest")
    revisions = session.scalars(select(Revision).where(Revision.series_id == series.id)).all()
    for revision in revisions:
        _refuse_unsettled(handle, Handle(Subject.SERIES, revision.id), revision.state)
    ids = {revision.id for revision in revisions}
    unsettled = select(StudyNote).where(StudyNote.state.in_((*_AT_WORK, RevisionState.HELD)))
    for note in session.scalars(unsettled):
        if ids & set(note.revisions):
            _refuse_unsettled(handle, Handle(Subject.STUDY, note.id), note.state)
    carrying = session.scalar(
        select(Delivery.id).where(
            Delivery.revision_id.in_(ids),
            Delivery.content == Content.ORIGINALS,
            Delivery.state.not_in(CLOSED_DELIVERY),
        )
    )
    if carrying is not None:
        raise MedqError(
            f"{handle}: {Handle(Subject.DELIVERY, carrying)} still carries originals of this "
            "series; wait until it has arrived, or decide on it first"
        )


def _refuse_unsettled(clash: Handle, other: Handle, state: RevisionState) -> None:
    if state in _AT_WORK:
        raise MedqError(f"{clash}: {other} is being worked on; wait until it is done, then release")
    if state is RevisionState.HELD:
        raise MedqError(f"{clash}: {other} is held; release or drop that first")


def _take_over(session: Session, series: Series, kept: Quarantine, path: str, reason: str) -> None:
    """The image's row speaks of ``kept`` from now on, and a new row of what it was before."""
    instance = session.scalars(
        select(Instance).where(Instance.sop_instance_uid == kept.sop_instance_uid)
    ).one()
    if instance.path is not None:
        session.add(
            Quarantine(
                path=instance.path,
                sop_instance_uid=instance.sop_instance_uid,
                series_instance_uid=series.series_instance_uid,
                study_instance_uid=series.study_instance_uid,
                calling_ae_title=series.calling_ae_title,
                kind=KeptKind.REPLACED,
                reason=f"a person released another object in its place: {reason}",
                digest=instance.digest,
                arrived_at=instance.arrived_at,
            )
        )
    assert kept.digest is not None
    instance.path = path
    instance.digest = kept.digest
    instance.arrived_at = kept.arrived_at
    instance.since_revision = None  # the quiet timer makes the next revision of it
    series.last_arrival = max(series.last_arrival, kept.arrived_at)
    kept.kind = KeptKind.AGAIN
    kept.reason = "released: it is the one in use now"


def _follow_study(session: Session, series: Series, taken: Collection[Quarantine]) -> None:
    """A series that was sent anew as a whole may have been moved to another study."""
    images = select(func.count(Instance.id)).where(
        Instance.series_id == series.id, Instance.path.is_not(None)
    )
    studies = {kept.study_instance_uid for kept in taken}
    if len(studies) == 1 and session.scalar(images) == len(taken):
        series.study_instance_uid = studies.pop() or series.study_instance_uid


def _before(waiting: Sequence[Quarantine]) -> str:
    return f"kept aside: {counted(len(waiting), 'object')}: {waiting[0].reason}"


def _link(links: Sequence[tuple[Path, Path]]) -> None:
    for source, target in links:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (target.exists() and target.samefile(source)):  # left by a try that was killed
            os.link(source, target)
    for folder in {target.parent for _, target in links}:
        sync_folder(folder)
        sync_folder(folder.parent)
