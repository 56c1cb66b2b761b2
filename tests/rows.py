"""Rows as a node leaves them, for tests of what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from sqlalchemy.orm import Session

from medq_node.objects import OutputKind
from medq_node.store.states import Content, DeliveryState, RevisionState
from medq_node.store.tables import (
    DecisionRow,
    Delivery,
    Output,
    Revision,
    RuleSetRow,
    Series,
    utc_now,
)

_numbers = count(1)


def add_revision(
    session: Session,
    series: str = "1.2.3",
    number: int = 1,
    *,
    state: RevisionState = RevisionState.DONE,
    destinations: Sequence[str] = ("pacs",),
    kinds: Sequence[OutputKind] = (OutputKind.RESTORED, OutputKind.REPORT),
    note: str = "series",
    study: str = "1.2",
) -> Revision:
    """A decided revision with its outputs; its series is made where it isn't there yet."""
    if session.get(RuleSetRow, 1) is None:
        session.add(RuleSetRow(version=1, text="rules: []", source="test"))
        session.flush()
    row = session.query(Series).filter_by(series_instance_uid=series).one_or_none()
    if row is None:
        now = utc_now()
        row = Series(
            series_instance_uid=series,
            study_instance_uid=study,
            modality="CT",
            first_arrival=now,
            last_arrival=now,
        )
    revision = Revision(series=row, number=number, state=state, images=1, snapshot={})
    revision.decision = DecisionRow(
        rule_set_version=1,
        rule="test",
        action="restore",
        restore="always",
        engine="classical",
        destinations=list(destinations),
        forward_originals=False,
        note=note,
        values_seen={},
        why_not=[],
        explanation="",
    )
    revision.outputs = [add_output(kind, row.study_instance_uid) for kind in kinds]
    session.add(revision)
    session.flush()
    return revision


def add_output(kind: OutputKind, study: str = "1.2") -> Output:
    """An output with UIDs of its own."""
    uid = f"2.25.{next(_numbers)}"
    return Output(
        kind=kind,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=uid,
        series_instance_uid=f"{uid}.1",
        study_instance_uid=study,
        path=f"output/{uid}/x.dcm",
        sha256="0" * 64,
    )


def add_delivery(
    session: Session, revision: Revision, destination: str = "pacs", **columns: object
) -> Delivery:
    """A delivery of a revision's outputs, pending unless ``columns`` say otherwise."""
    values: dict[str, object] = {
        "key": f"{revision.id}/{destination}",
        "revision_id": revision.id,
        "destination": destination,
        "content": Content.OUTPUTS,
        "state": DeliveryState.PENDING,
        "total": len(revision.outputs),
    }
    delivery = Delivery(**(values | columns))
    session.add(delivery)
    session.flush()
    return delivery
