"""What may go, what has to stay, and for how long a study's note is waited for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from medq_node.config import Config
from medq_node.retention import Retention
from medq_node.store.states import Content, DeliveryState, HoldKind, RevisionState
from medq_node.store.tables import Output, Revision, StudyNote, utc_now
from tests.desk.conftest import Desk
from tests.desk.conftest import desk as desk_fixture

desk = desk_fixture


def clean(desk: Desk) -> int:
    config = Config()
    node = config.node.model_copy(update={"data": desk.layout.data})
    return Retention(config.model_copy(update={"node": node}), desk.sessions).clean()


def age(desk: Desk, table: type[Revision] | type[StudyNote], **by: float) -> None:
    with desk.sessions.begin() as session:
        session.execute(update(table).values(finished_at=utc_now() - timedelta(**by)))


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "report.dcm").write_bytes(b"made")
    return folder


@pytest.mark.parametrize(
    ("state", "goes"),
    [(state, state not in ("held", "complete", "processing")) for state in RevisionState],
)
def test_what_is_settled_goes_and_what_a_person_must_see_stays(
    desk: Desk, state: RevisionState, goes: bool
) -> None:
    desk.add_series("1.2", state, HoldKind.ENGINE if state is RevisionState.HELD else None)
    folder = made(desk.layout.output_folder("1.2", 1))
    age(desk, Revision, hours=23)
    assert clean(desk) == 0
    age(desk, Revision, hours=25)
    assert clean(desk) == goes
    assert folder.exists() is not goes
    assert clean(desk) == 0


@pytest.mark.parametrize("state", DeliveryState)
def test_a_dropped_dead_letter_keeps_nothing(desk: Desk, state: DeliveryState) -> None:
    desk.add_delivery(desk.add_series("1.2", RevisionState.DONE), state, Content.OUTPUTS)
    age(desk, Revision, hours=25)
    assert clean(desk) == (state in ("confirmed", "dropped"))


def test_a_series_waits_for_the_note_on_its_study_but_not_for_ever(desk: Desk) -> None:
    row_id = desk.add_series("1.2", RevisionState.DONE, note="study")
    with desk.sessions.begin() as session:
        session.get_one(Revision, row_id).awaits_note = True
    age(desk, Revision, days=6)
    assert clean(desk) == 0
    age(desk, Revision, days=8)
    assert clean(desk) == 1


def test_a_series_stays_while_a_note_that_speaks_of_it_waits(desk: Desk) -> None:
    row_id = desk.add_series("1.2", RevisionState.DONE, note="study")
    note_id = desk.add_note(RevisionState.HELD, HoldKind.UNFIT, row_id)
    age(desk, Revision, days=30)
    assert clean(desk) == 0
    desk.drop(f"study-{note_id}")
    assert clean(desk) == 1


def test_a_study_note_is_cleaned_like_a_series(desk: Desk) -> None:
    row_id = desk.add_series("1.2", RevisionState.DONE, note="study")
    note_id = desk.add_note(RevisionState.DONE, None, row_id)
    folder = made(desk.layout.study_folder("1", 1))
    with desk.sessions.begin() as session:
        session.add(
            Output(
                study_note_id=note_id,
                kind="report",
                sop_class_uid="1.2",
                sop_instance_uid="1.2.9",
                series_instance_uid="1.2.8",
                path=desk.layout.relative(folder / "report.dcm"),
                study_instance_uid="1.2",
                sha256="0" * 64,
            )
        )
    assert clean(desk) == 0
    age(desk, StudyNote, hours=25)
    assert clean(desk) == 1
    assert not folder.exists()
    with desk.sessions() as session:
        assert session.get_one(StudyNote, note_id).cleaned_at is not None
        assert session.get_one(StudyNote, note_id).outputs[0].path is None
    assert clean(desk) == 0
