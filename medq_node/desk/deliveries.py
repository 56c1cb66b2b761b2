"""Dead letters: send them after all, or never."""

from __future__ import annotations

from sqlalchemy.orm import Session

from medq_node.desk.decided import Decided, not_waiting
from medq_node.desk.handles import Handle, Subject
from medq_node.layout import Layout
from medq_node.store.states import DeliveryState
from medq_node.store.tables import Delivery

DROP_MEANS = "never send it; what has arrived there stays there"


def release_delivery(session: Session, layout: Layout, row_id: int, reason: str) -> Decided:
    """A dead letter is tried again at once; what has arrived isn't sent again."""
    delivery = _dead(session, row_id)
    before = _before(delivery)
    delivery.state = DeliveryState.RETRYING
    delivery.refusals = 0
    delivery.next_try_at = None
    return Decided(before, f"the node sends {missing(delivery)} to {delivery.destination} now")


def drop_delivery(session: Session, layout: Layout, row_id: int, reason: str) -> Decided:
    """A dead letter is never sent."""
    delivery = _dead(session, row_id)
    before = _before(delivery)
    delivery.state = DeliveryState.DROPPED
    return Decided(before, f"{missing(delivery)} will never be sent to {delivery.destination}")


def missing(delivery: Delivery) -> str:
    """What hasn't arrived: ``all 5 objects``, ``2 of 5 objects``."""
    count = delivery.total - delivery.confirmed
    if delivery.total == 1:
        return "1 object"
    return f"{'all' if count == delivery.total else f'{count} of'} {delivery.total} objects"


def _dead(session: Session, row_id: int) -> Delivery:
    delivery = session.get(Delivery, row_id, with_for_update=True)
    if delivery is None or delivery.state is not DeliveryState.DEAD:
        because = "" if delivery is None else f" (it is {delivery.state})"
        raise not_waiting(Handle(Subject.DELIVERY, row_id), because)
    return delivery


def _before(delivery: Delivery) -> str:
    return (
        f"{delivery.state}: {delivery.confirmed} of {delivery.total} at {delivery.destination}, "
        f"last: {delivery.last_error}"
    )
