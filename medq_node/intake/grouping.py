"""A batch of arrivals into series: rows first, then renames, so that a crash loses nothing.

The row of an instance names where its file will lie. After a crash between the row and the rename
the file is still in ``incoming/`` and the same row is found again: the rename is simply finished.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from medq_node.errors import Unprocessable
from medq_node.intake.arrival import (
    Arrival,
    calling_ae_title_of,
    read_arrival,
    sop_instance_uid_of,
)
from medq_node.intake.same_content import Compare, same_content
from medq_node.layout import Layout, sync_folder
from medq_node.log import loggable
from medq_node.store.database import Sessions
from medq_node.store.handover import hand_over_quarantined
from medq_node.store.states import KeptKind
from medq_node.store.tables import Instance, Quarantine, Series, utc_now

log = structlog.get_logger("intake")


@dataclass(frozen=True, slots=True)
class Intake:
    """Moves files from ``incoming/`` into series. ``forward_to`` is not empty only inline.

    ``limited`` are the callers that may not bring everything: a series counts as theirs only while
    nobody else has brought any of it. ``same`` compares two objects under one UID by content.
    """

    sessions: Sessions
    layout: Layout
    forward_to: tuple[str, ...] = ()
    limited: frozenset[str] = frozenset()
    same: Compare = same_content

    def group(self, paths: Sequence[Path]) -> int:
        """Take in a batch of durable files; returns how many were new originals."""
        arrivals: list[Arrival] = []
        for path in paths:
            try:
                arrivals.append(read_arrival(path))
            except Unprocessable as refusal:
                self._quarantine(path, str(refusal), KeptKind.UNREADABLE, None)
        moves: dict[Path, Path] = {}
        again: list[tuple[Arrival, Instance]] = []
        differing: list[tuple[Arrival, Instance]] = []
        with self.sessions.begin() as session:
            for arrival in sorted(arrivals, key=lambda a: a.arrived_at):
                known = session.scalar(
                    select(Instance).where(Instance.sop_instance_uid == arrival.sop_instance_uid)
                )
                if known is None:
                    moves[self._add(session, arrival)] = arrival.path
                    # Visible to the next look-up in this batch.
                    session.flush()
                elif known.digest != arrival.digest:
                    differing.append((arrival, known))
                elif (target := self._unfinished(known)) and target not in moves:
                    moves[target] = arrival.path
                else:
                    again.append((arrival, known))
        self._move(moves)
        # Comparing takes a while: the files are in their places, and no transaction waits for it.
        for arrival, known in differing:
            if self._same_content(arrival, known) or self._kept_before(arrival):
                again.append((arrival, known))
            else:
                reason = "another object with this SOP Instance UID came before; that one is used"
                self._quarantine(arrival.path, reason, KeptKind.CLASH, arrival)
        self._count(again)
        for arrival, _ in again:
            self._pass_on(arrival)
        return len(moves)

    def _same_content(self, arrival: Arrival, known: Instance) -> bool:
        """Other bytes may be another encoding. What retention removed can't be compared."""
        return known.path is not None and self.same(self.layout.absolute(known.path), arrival.path)

    def _kept_before(self, arrival: Arrival) -> bool:
        """Whether this very object already lies in quarantine and nobody has dropped it."""
        with self.sessions() as session:
            kept = select(Quarantine.id).where(
                Quarantine.sop_instance_uid == arrival.sop_instance_uid,
                Quarantine.digest == arrival.digest,
                Quarantine.kind.in_((KeptKind.CLASH, KeptKind.REPLACED)),
                Quarantine.dropped_at.is_(None),
            )
            return session.scalar(kept.limit(1)) is not None

    def _count(self, again: Sequence[tuple[Arrival, Instance]]) -> None:
        """Note how often images were sent again; killed before the files are gone, twice."""
        if not again:
            return
        with self.sessions.begin() as session:
            for series_id, repeats in Counter(known.series_id for _, known in again).items():
                session.execute(
                    update(Series)
                    .where(Series.id == series_id)
                    .values(repeats=Series.repeats + repeats)
                )
            for arrival, known in again:
                self._sent_by(session, session.get_one(Series, known.series_id), arrival)

    def _pass_on(self, arrival: Arrival) -> None:
        """The same object again: no second result; inline it still goes to the PACS once more.

        Whoever sends again has a reason, and inline nobody else can give the PACS its copy.
        """
        log.info("duplicate", sop_instance_uid=loggable(arrival.sop_instance_uid))
        if self.forward_to:
            reason = "sent again; forwarded again"
            self._quarantine(arrival.path, reason, KeptKind.AGAIN, arrival)
        else:
            arrival.path.unlink()

    def _add(self, session: Session, arrival: Arrival) -> Path:
        series = session.scalar(
            select(Series).where(Series.series_instance_uid == arrival.series_instance_uid)
        )
        if series is None:
            series = Series(
                series_instance_uid=arrival.series_instance_uid,
                study_instance_uid=arrival.study_instance_uid,
                modality=arrival.modality,
                calling_ae_title=arrival.calling_ae_title,
                called_ae_title=arrival.called_ae_title,
                peer_host=arrival.peer_host,
                first_arrival=arrival.arrived_at,
                last_arrival=arrival.arrived_at,
                longest_gap_s=0.0,
            )
            session.add(series)
            session.flush()
        self._sent_by(session, series, arrival)
        gap_s = (arrival.arrived_at - series.last_arrival).total_seconds()
        if gap_s > 0 and self._open(session, series):
            series.longest_gap_s = max(series.longest_gap_s, gap_s)
        series.last_arrival = max(series.last_arrival, arrival.arrived_at)
        target = self.layout.original(series.series_instance_uid, arrival.sop_instance_uid)
        session.add(
            Instance(
                series_id=series.id,
                sop_instance_uid=arrival.sop_instance_uid,
                sop_class_uid=arrival.sop_class_uid,
                path=self.layout.relative(target),
                digest=arrival.digest,
                arrived_at=arrival.arrived_at,
            )
        )
        return target

    def _sent_by(self, session: Session, series: Series, arrival: Arrival) -> None:
        """An archive that routes may be quicker than the scanner: the series is the scanner's."""
        if (
            series.calling_ae_title in self.limited
            and arrival.calling_ae_title not in self.limited
            and self._open(session, series)
        ):
            series.calling_ae_title = arrival.calling_ae_title
            series.called_ae_title = arrival.called_ae_title
            series.peer_host = arrival.peer_host

    def _open(self, session: Session, series: Series) -> bool:
        """Whether images wait for completion; a late image after hours is no pause to adapt to."""
        return (
            session.scalar(
                select(Instance.id)
                .where(Instance.series_id == series.id, Instance.since_revision.is_(None))
                .limit(1)
            )
            is not None
        )

    def _unfinished(self, known: Instance) -> Path | None:
        """Where the file of a row still has to go, if it isn't there."""
        target = self.layout.absolute(known.path) if known.path is not None else None
        return target if target is not None and not target.exists() else None

    def _move(self, moves: Mapping[Path, Path]) -> None:
        """Files to their places, by target."""
        folders: set[Path] = set()
        for target, source in moves.items():
            if target.parent not in folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                folders.add(target.parent)
            source.rename(target)
        for folder in folders:
            sync_folder(folder)
        if folders:
            sync_folder(self.layout.series)

    def _quarantine(self, path: Path, reason: str, kind: KeptKind, arrival: Arrival | None) -> None:
        """Keep what can't be grouped, with its reason; inline it is forwarded all the same."""
        target = self.layout.quarantine / path.name
        stored = self.layout.relative(target)
        uid = arrival.sop_instance_uid if arrival else sop_instance_uid_of(path)
        with self.sessions.begin() as session:
            row = session.scalar(select(Quarantine).where(Quarantine.path == stored))
            if row is None:
                row = Quarantine(
                    path=stored,
                    sop_instance_uid=uid,
                    series_instance_uid=arrival.series_instance_uid if arrival else None,
                    study_instance_uid=arrival.study_instance_uid if arrival else None,
                    calling_ae_title=calling_ae_title_of(path),
                    kind=kind,
                    reason=reason,
                    digest=arrival.digest if arrival else None,
                    arrived_at=utc_now(),
                )
                session.add(row)
                session.flush()
            hand_over_quarantined(session, row, self.forward_to)
        path.rename(target)
        sync_folder(self.layout.quarantine)
        if kind is not KeptKind.AGAIN:
            log.warning("quarantined", sop_instance_uid=loggable(uid), reason=reason)
