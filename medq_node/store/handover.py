"""Handing objects to delivery: one row per destination, never two for the same thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from medq_node.config import Destination
from medq_node.objects import NOTES, Form, OutputKind
from medq_node.store.states import OPEN_DELIVERY, Content, DeliveryState
from medq_node.store.tables import Delivery, Notice, Output, Quarantine, Revision, StudyNote


def hand_over_revision(
    session: Session, revision: Revision, content: Content, destinations: Iterable[str], total: int
) -> None:
    """Ask for ``total`` objects of a revision to be delivered; idempotent. None: nothing to do."""
    for destination in destinations if total else ():
        _add(
            session,
            Delivery(
                key=f"revision-{revision.id}/{content}/{destination}",
                revision_id=revision.id,
                destination=destination,
                content=content,
                state=DeliveryState.PENDING,
                total=total,
            ),
        )


def hand_over_study_note(session: Session, note: StudyNote, destination: str, total: int) -> None:
    """Ask for the ``total`` objects of a note on a study to be delivered; idempotent."""
    if total:
        _add(
            session,
            Delivery(
                key=f"study-note-{note.id}/{destination}",
                study_note_id=note.id,
                destination=destination,
                content=Content.OUTPUTS,
                state=DeliveryState.PENDING,
                total=total,
            ),
        )


def had_before(session: Session, owner: Revision | StudyNote) -> tuple[str, ...]:
    """Destinations that got, or are getting, outputs of what ``owner`` replaces."""
    got = (Delivery.confirmed > 0) | Delivery.state.in_(OPEN_DELIVERY)
    names = select(Delivery.destination).where(Delivery.content == Content.OUTPUTS, got).distinct()
    if isinstance(owner, Revision):
        names = names.join(Revision, Delivery.revision_id == Revision.id).where(
            Revision.series_id == owner.series_id, Revision.number < owner.number
        )
    else:
        names = names.join(StudyNote, Delivery.study_note_id == StudyNote.id).where(
            StudyNote.study_instance_uid == owner.study_instance_uid,
            StudyNote.number < owner.number,
        )
    return tuple(sorted(session.scalars(names)))


def outputs_for(
    session: Session,
    owner: Revision | StudyNote,
    name: str,
    destinations: Mapping[str, Destination],
) -> list[Output]:
    """Those of ``owner``'s outputs that go to the destination ``name``, in a fixed order.

    Restored images go to every one of them, the note in the forms that the destination asks for. A
    key object that retires goes, last, to where the objects that it retires are, if that place
    asks for it.
    """
    outputs = sorted(owner.outputs, key=lambda output: output.id)
    unasked = unasked_kinds(name, destinations) | {OutputKind.KEY_OBJECT}
    retiring = name in destinations and destinations[name].retire_superseded
    return [
        *(o for o in outputs if o.kind not in unasked and name in _named(owner)),
        *(
            o
            for o in outputs
            if o.kind == OutputKind.KEY_OBJECT and retiring and name in had_before(session, owner)
        ),
    ]


def forms_for(names: Iterable[str], destinations: Mapping[str, Destination]) -> tuple[Form, ...]:
    """Every form that one of ``names`` asks for; one that isn't known asks for the report."""
    asked = {
        form
        for name in names
        for form in (destinations[name].forms if name in destinations else (Form.SR,))
    }
    return tuple(form for form in Form if form in asked)


def unasked_kinds(name: str, destinations: Mapping[str, Destination]) -> frozenset[str]:
    """Kinds of objects that are made for others and don't go to the destination ``name``."""
    return NOTES - {form.kind for form in forms_for([name], destinations)}


def goes_to(session: Session, owner: Revision | StudyNote) -> list[str]:
    """Where outputs of ``owner`` may have to go: where its rules say, and where old ones are."""
    return list(dict.fromkeys([*_named(owner), *had_before(session, owner)]))


def retires(
    session: Session, owner: Revision | StudyNote, destinations: Mapping[str, Destination]
) -> bool:
    """Whether any place that has what ``owner`` replaces asks for a key object that retires it."""
    return any(
        destinations[name].retire_superseded
        for name in had_before(session, owner)
        if name in destinations
    )


def _named(owner: Revision | StudyNote) -> list[str]:
    if isinstance(owner, StudyNote):
        return owner.destinations
    return owner.decision.destinations if owner.decision else []


def hand_over_quarantined(
    session: Session, quarantined: Quarantine, destinations: Iterable[str]
) -> None:
    """Ask for an ungroupable original to be forwarded all the same (inline); idempotent."""
    for destination in destinations:
        _add(
            session,
            Delivery(
                key=f"quarantine-{quarantined.id}/{destination}",
                quarantine_id=quarantined.id,
                destination=destination,
                content=Content.ORIGINALS,
                state=DeliveryState.PENDING,
                total=1,
            ),
        )


def hand_over_notices(session: Session, revision: Revision, targets: Iterable[str]) -> None:
    """Ask for people to be told that the verdict on a revision is reject; idempotent.

    Once per series: who was told of an earlier revision, or soon will be, isn't told again.
    """
    told_before = and_(
        Revision.series_id == revision.series_id,
        Revision.number < revision.number,
        Notice.state != DeliveryState.DEAD,
    )
    for target in targets:
        key = f"revision-{revision.id}/reject/{target}"
        told = (
            select(Notice.id)
            .join(Revision, Notice.revision_id == Revision.id)
            .where(Notice.target == target, or_(Notice.key == key, told_before))
        )
        if session.scalars(told).first() is None:
            session.add(
                Notice(
                    key=key,
                    revision_id=revision.id,
                    target=target,
                    state=DeliveryState.PENDING,
                )
            )


def _add(session: Session, delivery: Delivery) -> None:
    if session.scalar(select(Delivery.id).where(Delivery.key == delivery.key)) is None:
        session.add(delivery)
