"""Series that have gone quiet become revisions; late images make the next revision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.intake.quiet import QuietTime
from medq_node.layout import Layout
from medq_node.snapshot import header_snapshot
from medq_node.store.database import Sessions
from medq_node.store.handover import hand_over_revision
from medq_node.store.states import Content, RevisionState
from medq_node.store.tables import Instance, Revision, Series, utc_now

FRAGMENT = (
    "its earlier images were removed after they had been delivered; "
    "send the whole series again as a new one"
)
"""Why nothing is made of late images of a series that retention has removed."""

log = structlog.get_logger("intake")


@dataclass(frozen=True, slots=True)
class Completion:
    """Closes quiet series. Silence counts from ``listening_since`` at the earliest.

    After a restart nobody knows what the scanner was about to send, so the timer runs again.
    """

    sessions: Sessions
    layout: Layout
    quiet: QuietTime
    listening_since: datetime
    forward_to: tuple[str, ...] = ()

    def close_quiet(self, now: datetime) -> int:
        """Make a revision of every series that is quiet at ``now``; returns how many."""
        with self.sessions() as session:
            waiting = session.scalars(
                select(Series)
                .where(
                    Series.id.in_(
                        select(Instance.series_id).where(Instance.since_revision.is_(None))
                    )
                )
                .order_by(Series.first_arrival)
            ).all()
        closed = 0
        for series in waiting:
            quiet_s = timedelta(seconds=self.quiet.needed_s(series.longest_gap_s))
            if now - max(series.last_arrival, self.listening_since) >= quiet_s:
                self._close(series.id)
                closed += 1
        return closed

    def _close(self, series_id: int) -> None:
        with self.sessions.begin() as session:
            series = session.get_one(Series, series_id)
            before = _newest(session, series_id)
            number = before.number + 1 if before else 1
            known = session.scalars(select(Instance).where(Instance.series_id == series_id)).all()
            instances = [i for i in known if i.path is not None]
            fragment = len(instances) < len(known)
            late = [i for i in instances if i.since_revision is None]
            for instance in late:
                instance.since_revision = number
            revision = Revision(
                series_id=series_id,
                number=number,
                predecessor_id=before.id if before else None,
                state=RevisionState.REFUSED if fragment else RevisionState.COMPLETE,
                reason=FRAGMENT if fragment else None,
                finished_at=utc_now() if fragment else None,
                images=len(instances),
                snapshot=header_snapshot(self.layout.absolute(str(i.path)) for i in instances),
                stages={"receive": (series.last_arrival - series.first_arrival).total_seconds()},
            )
            session.add(revision)
            session.flush()
            # Inline: whatever rules and engine do later, the originals go on to the PACS now.
            hand_over_revision(
                session, revision, Content.ORIGINALS, self.forward_to, total=len(late)
            )
        log.info(
            "complete",
            series_instance_uid=series.series_instance_uid,
            revision=number,
            images=len(instances),
            state=revision.state,
            reason=revision.reason,
            waited_s=round((utc_now() - series.last_arrival).total_seconds(), 1),
        )


def _newest(session: Session, series_id: int) -> Revision | None:
    return session.scalar(
        select(Revision)
        .where(Revision.series_id == series_id)
        .order_by(Revision.number.desc())
        .limit(1)
    )
