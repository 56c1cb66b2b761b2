"""Rows as the pipeline leaves them behind after a reject."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from medq_node.config import Config
from medq_node.layout import Layout
from medq_node.notify.message import Message, message_of
from medq_node.store.database import Sessions, migrate, open_database
from medq_node.store.handover import hand_over_notices
from medq_node.store.seed import node_uid, seed
from medq_node.store.states import RevisionState
from medq_node.store.tables import Assessment, Notice, Revision, Series, utc_now

QUALITY = (
    "CT, abdomen. Severe noise: 150 HU, worst on slice 3. Not assessed: motion. "
    "Verdict: reject. Planned action: consider repeating. Confidence: medium."
)


def opened(config: Config) -> Sessions:
    """The node's database, made and seeded."""
    Layout(config.node.data).make()
    migrate(config.database_url)
    sessions = open_database(config.database_url)
    with sessions.begin() as session:
        seed(session, "rules: []", "test")
    return sessions


def rejected(
    sessions: Sessions, targets: list[str], uid: str = "1.2.3", **series: Any
) -> list[int]:
    """A series of today with the verdict reject, of which ``targets`` are to be told.

    One that is there already gets a revision more. The ids of this revision's notices.
    """
    with sessions.begin() as session:
        now = utc_now()
        row = session.scalar(select(Series).where(Series.series_instance_uid == uid))
        if row is None:
            row = Series(
                **{
                    "series_instance_uid": uid,
                    "study_instance_uid": f"{uid}.1",
                    "calling_ae_title": "CT1",
                    "modality": "CT",
                    "first_arrival": now,
                    "last_arrival": now,
                    **series,
                }
            )
        session.add(row)
        session.flush()
        revision = Revision(
            series_id=row.id,
            number=len(row.revisions) + 1,
            state=RevisionState.PROCESSING,
            images=5,
            snapshot={"StudyDate": [[f"{datetime.now():%Y%m%d}"]]},
            created_at=datetime(2026, 3, 1, 10, 15, tzinfo=UTC),
        )
        session.add(revision)
        session.flush()
        session.add(
            Assessment(
                revision_id=revision.id,
                engine="classical",
                engine_version="1",
                engine_digest="0" * 64,
                verdict="reject",
                sentence_before=QUALITY,
                taken="assessed only",
                reasons=[],
            )
        )
        hand_over_notices(session, revision, targets)
        hand_over_notices(session, revision, targets)
        session.flush()
        return list(session.scalars(select(Notice.id).where(Notice.revision_id == revision.id)))


def notices(sessions: Sessions) -> list[Notice]:
    with sessions() as session:
        return list(session.scalars(select(Notice).order_by(Notice.id)))


def message(sessions: Sessions, notice_id: int, node: str = "MEDQ") -> Message:
    with sessions() as session:
        return message_of(session.get_one(Notice, notice_id), node_uid(session), node)
