"""Handing objects to delivery: one row per destination, never two for the same thing."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.store.states import Content, DeliveryState
from medq_node.store.tables import Delivery, Quarantine, Revision


def hand_over_revision(
    session: Session, revision: Revision, content: Content, destinations: Iterable[str], total: int
) -> None:
    """Ask for ``total`` objects of a revision to be delivered; idempotent."""
    for destination in destinations:
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


def _add(session: Session, delivery: Delivery) -> None:
    if session.scalar(select(Delivery.id).where(Delivery.key == delivery.key)) is None:
        session.add(delivery)
