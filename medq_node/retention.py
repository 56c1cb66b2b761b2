"""Cleaning: files go only when every delivery is confirmed and retention has passed.

Rows stay: they are the record, and the ledger of the loop firewall. What a person must still
decide on (held, dead letter, quarantine) stays whole.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import delete, select

from medq_node.config import Config
from medq_node.layout import Layout
from medq_node.store.database import Sessions
from medq_node.store.states import DeliveryState, RevisionState
from medq_node.store.tables import Delivery, Instance, Quarantine, Revision, utc_now

_SETTLED = (RevisionState.DONE, RevisionState.IGNORED, RevisionState.REFUSED)

log = structlog.get_logger("retention")


@dataclass(frozen=True, slots=True)
class Retention:
    """Removes the files of settled series."""

    config: Config
    sessions: Sessions

    def clean(self) -> int:
        """Remove what may go now; returns how many revisions were cleaned."""
        until = utc_now() - timedelta(hours=self.config.retention.keep_done_h)
        with self.sessions() as session:
            open_delivery = (
                select(Delivery.id)
                .where(
                    Delivery.revision_id == Revision.id, Delivery.state != DeliveryState.CONFIRMED
                )
                .exists()
            )
            may_go = session.scalars(
                select(Revision.id).where(
                    Revision.state.in_(_SETTLED),
                    Revision.finished_at < until,
                    Revision.cleaned_at.is_(None),
                    ~open_delivery,
                )
            ).all()
        cleaned = 0
        for revision_id in may_go:
            try:
                self._clean(revision_id)
            except OSError as error:
                # A disk that won't let go of a file must not stop the work on other series.
                log.error("not cleaned", revision=revision_id, reason=error.strerror)
            else:
                cleaned += 1
        return cleaned

    def clean_passed_on(self) -> int:
        """Remove what was sent again and has been forwarded again; returns how many objects."""
        layout = Layout(self.config.node.data)
        with self.sessions() as session:
            open_delivery = (
                select(Delivery.id)
                .where(
                    Delivery.quarantine_id == Quarantine.id,
                    Delivery.state != DeliveryState.CONFIRMED,
                )
                .exists()
            )
            done = session.scalars(select(Quarantine).where(Quarantine.again, ~open_delivery)).all()
        for passed in done:
            try:
                # The file first: killed in between, the row is found again.
                layout.absolute(passed.path).unlink(missing_ok=True)
            except OSError as error:
                log.error("not cleaned", path=passed.path, reason=error.strerror)
                continue
            with self.sessions.begin() as session:
                session.execute(delete(Delivery).where(Delivery.quarantine_id == passed.id))
                session.execute(delete(Quarantine).where(Quarantine.id == passed.id))
        return len(done)

    def _clean(self, revision_id: int) -> None:
        """Rows lose their paths, then files go, then the mark is set: a crash repeats the rest."""
        layout = Layout(self.config.node.data)
        with self.sessions.begin() as session:
            revision = session.get_one(Revision, revision_id)
            newer = session.scalar(
                select(Revision.id).where(
                    Revision.series_id == revision.series_id,
                    Revision.cleaned_at.is_(None),
                    Revision.id != revision.id,
                )
            )
            waiting = session.scalar(
                select(Instance.id).where(
                    Instance.series_id == revision.series_id, Instance.since_revision.is_(None)
                )
            )
            uid = revision.series.series_instance_uid
            # Originals are shared by the revisions of a series: the last one takes them along.
            originals = []
            if newer is None and waiting is None:
                for instance in revision.series.instances:
                    instance.path = None
                    originals.append(layout.original(uid, instance.sop_instance_uid))
            for output in revision.outputs:
                output.path = None
            if revision.assessment:
                revision.assessment.page = None
            number = revision.number
        shutil.rmtree(layout.output_folder(uid, number), ignore_errors=True)
        # One by one: a late image may lie beside them by now.
        for original in originals:
            original.unlink(missing_ok=True)
        with suppress(OSError):
            layout.series_folder(uid).rmdir()
        with self.sessions.begin() as session:
            session.get_one(Revision, revision_id).cleaned_at = utc_now()
        log.info("cleaned", series_instance_uid=uid, revision=number)
