"""A data folder with rows as a node leaves them, for what a person decides about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from medq_node.desk.decide import Decision, Outcome, decide
from medq_node.desk.held import Held, everything_held
from medq_node.layout import Layout
from medq_node.store.database import Sessions, migrate, open_database
from medq_node.store.states import Content, DeliveryState, HoldKind, RevisionState
from medq_node.store.tables import (
    Audit,
    DecisionRow,
    Delivery,
    Revision,
    RuleSetRow,
    Series,
    StudyNote,
    utc_now,
)


@dataclass(frozen=True)
class Desk:
    """Rows and folders of one node, and a person who decides."""

    sessions: Sessions
    layout: Layout

    def release(self, *handles: str, reason: str = "looked at it") -> tuple[Outcome, ...]:
        return decide(self.sessions, self.layout, Decision.RELEASE, handles, reason, "ann")

    def drop(self, *handles: str, reason: str = "not worth it") -> tuple[Outcome, ...]:
        return decide(self.sessions, self.layout, Decision.DROP, handles, reason, "ann")

    def held(self) -> dict[str, Held]:
        with self.sessions() as session:
            return {held.handle: held for held in everything_held(session)}

    def audit(self) -> list[Audit]:
        with self.sessions() as session:
            return list(session.scalars(select(Audit).order_by(Audit.id)))

    def revision(self, row_id: int = 1) -> Revision:
        with self.sessions() as session:
            revision = session.get_one(Revision, row_id)
            assert revision.decision is None or revision.decision.id
            return revision

    def add_series(
        self,
        uid: str,
        state: RevisionState = RevisionState.HELD,
        hold: HoldKind | None = None,
        note: str = "series",
    ) -> int:
        """A series of one image with a decision; the id of its revision."""
        with self.sessions.begin() as session:
            if session.get(RuleSetRow, 1) is None:
                session.add(RuleSetRow(version=1, text="rules: []", source="test"))
            now = utc_now()
            series = Series(
                series_instance_uid=uid,
                study_instance_uid="1",
                modality="CT",
                calling_ae_title="SCANNER",
                first_arrival=now,
                last_arrival=now,
            )
            revision = Revision(
                series=series,
                number=1,
                state=state,
                hold=hold,
                reason="because" if hold else None,
                failures=3,
                images=1,
                snapshot={},
                finished_at=now,
            )
            session.add(revision)
            session.flush()
            session.add(
                DecisionRow(
                    revision_id=revision.id,
                    rule_set_version=1,
                    action="restore",
                    restore="always",
                    engine="classical",
                    destinations=["out"],
                    forward_originals=False,
                    note=note,
                    values_seen={},
                    why_not=[],
                    explanation="it matched",
                    refusal="because" if hold else None,
                )
            )
            return revision.id

    def add_note(self, state: RevisionState, hold: HoldKind | None, *revisions: int) -> int:
        with self.sessions.begin() as session:
            note = StudyNote(
                study_instance_uid="1",
                number=1,
                revisions=list(revisions),
                destinations=["out"],
                state=state,
                hold=hold,
                finished_at=utc_now(),
            )
            session.add(note)
            session.flush()
            return note.id

    def add_delivery(self, revision_id: int, state: DeliveryState, content: Content) -> int:
        with self.sessions.begin() as session:
            delivery = Delivery(
                key=f"{revision_id}/{content}",
                revision_id=revision_id,
                destination="out",
                content=content,
                state=state,
                confirmed=2,
                total=5,
                attempts=4,
                refusals=5,
                last_error="0xA900",
            )
            session.add(delivery)
            session.flush()
            return delivery.id


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    layout = Layout(tmp_path / "data")
    layout.make()
    url = f"sqlite:///{layout.data / 'medq.sqlite'}"
    migrate(url)
    return Desk(open_database(url), layout)
