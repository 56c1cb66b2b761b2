"""Handing objects to delivery: one row per destination, never two for the same thing."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.config import Destination
from medq_node.objects import OutputKind
from medq_node.store.states import Content, DeliveryState
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


def outputs_for(destination: Destination, outputs: Iterable[Output]) -> list[Output]:
    """Those of ``outputs`` that ``destination`` wants, in a fixed order."""
    return [
        output
        for output in sorted(outputs, key=lambda output: output.id)
        if output.kind != OutputKind.KEY_OBJECT or destination.retire_superseded
    ]


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
    """Ask for people to be told that the verdict on a revision is reject; idempotent."""
    for target in targets:
        key = f"revision-{revision.id}/reject/{target}"
        if session.scalar(select(Notice.id).where(Notice.key == key)) is None:
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
