"""What waits for a person is never hidden, and waiting ends when nothing more can come."""

from __future__ import annotations

from pathlib import Path

import pytest

from medq_node.demo.story import all_settled
from medq_node.layout import Layout
from medq_node.status import NodeStatus, needs_a_person, node_status
from medq_node.store.database import Sessions, migrate, open_database
from medq_node.store.states import Content, DeliveryState, KeptKind, RevisionState
from medq_node.store.tables import Delivery, Quarantine, Revision, Series, utc_now


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    url = f"sqlite:///{tmp_path / 'medq.sqlite'}"
    migrate(url)
    return open_database(url)


def add(
    sessions: Sessions,
    uid: str,
    state: RevisionState = RevisionState.DONE,
    delivery: DeliveryState = DeliveryState.CONFIRMED,
) -> None:
    """A series of one image with one delivery."""
    with sessions.begin() as session:
        now = utc_now()
        series = Series(
            series_instance_uid=uid, study_instance_uid="1", first_arrival=now, last_arrival=now
        )
        revision = Revision(series=series, number=1, state=state, images=1, snapshot={})
        revision.deliveries.append(
            Delivery(key=uid, destination="pacs", content=Content.OUTPUTS, state=delivery, total=1)
        )
        session.add(revision)


def keep_aside(sessions: Sessions, *uids: str) -> None:
    """Objects in quarantine, the first with a delivery that died, as inline can leave it."""
    with sessions.begin() as session:
        for uid in uids:
            kept = Quarantine(
                path=f"quarantine/{uid}",
                sop_instance_uid=uid,
                kind=KeptKind.UNREADABLE,
                reason="no home",
                arrived_at=utc_now(),
            )
            session.add(kept)
            session.flush()
            if uid == uids[0]:
                session.add(
                    Delivery(
                        key=uid,
                        quarantine_id=kept.id,
                        destination="pacs",
                        content=Content.ORIGINALS,
                        state=DeliveryState.DEAD,
                        total=1,
                    )
                )


def look(sessions: Sessions, tmp_path: Path, limit: int | None) -> NodeStatus:
    return node_status(sessions, Layout(tmp_path), limit)


def uids(status: NodeStatus) -> list[str]:
    return [series.series_instance_uid for series in status.series]


def test_what_waits_for_a_person_is_listed_however_old_it_is(
    sessions: Sessions, tmp_path: Path
) -> None:
    add(sessions, "1.1", RevisionState.HELD)
    add(sessions, "1.2", delivery=DeliveryState.DEAD)
    for number in range(3, 8):
        add(sessions, f"1.{number}")
    keep_aside(sessions, "2.1", "2.2", "2.3")
    status = look(sessions, tmp_path, 2)
    assert uids(status) == ["1.2", "1.1", "1.7", "1.6"]
    assert len(status.quarantine) == 2
    assert status.quarantined == 3
    assert needs_a_person(status)
    everything = look(sessions, tmp_path, None)
    assert len(everything.series) == 7
    assert len(everything.quarantine) == 3


def test_nobody_waits_for_a_series_whose_only_image_was_kept_aside(
    sessions: Sessions, tmp_path: Path
) -> None:
    pushed = {"2.1": "1.1", "2.2": "1.2", "2.3": ""}
    add(sessions, "1.1")
    keep_aside(sessions, "2.3")
    assert not all_settled(look(sessions, tmp_path, None), pushed), "2.2 is still on its way"
    keep_aside(sessions, "2.2")
    assert all_settled(look(sessions, tmp_path, None), pushed)
