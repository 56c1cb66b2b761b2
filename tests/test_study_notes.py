"""When a note on a study is due, and of whom it speaks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from dbos._dbos import _get_or_create_dbos_registry
from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.children import Children
from medq_node.config import Config, load_config
from medq_node.durable import Busy
from medq_node.layout import Layout
from medq_node.objects import OutputKind
from medq_node.orders import study_order
from medq_node.places import Place
from medq_node.steps import still_mine
from medq_node.store.database import migrate, open_database
from medq_node.store.seed import seed
from medq_node.store.states import RevisionState
from medq_node.store.tables import Instance, Revision, StudyNote, utc_now
from medq_node.study_notes import StudyNotes
from tests.rows import add_output, add_revision

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    return load_config(None)


@pytest.fixture
def session(config: Config) -> Iterator[Session]:
    Layout(config.node.data).make()
    migrate(config.database_url)
    with open_database(config.database_url)() as session:
        seed(session, "rules: []", "test")
        yield session


def done(session: Session, uid: str, *destinations: str) -> Revision:
    """A series that was done long ago and waits for its note; its files are there."""
    revision = add_revision(
        session, uid, destinations=destinations, note="study", kinds=[OutputKind.RESTORED]
    )
    revision.awaits_note = True
    revision.series.last_arrival = utc_now() - LONG_AGO
    layout = Layout(load_config(None).node.data)
    path = layout.original(uid, f"{uid}.1")
    path.parent.mkdir(parents=True)
    path.touch()
    layout.output_folder(uid, 1).mkdir(parents=True)
    session.add(
        Instance(
            series_id=revision.series_id,
            sop_instance_uid=f"{uid}.1",
            sop_class_uid="1.2",
            path=layout.relative(path),
            digest="",
            arrived_at=utc_now() - LONG_AGO,
            since_revision=1,
        )
    )
    session.commit()
    return revision


def open_notes(session: Session, config: Config) -> list[StudyNote]:
    _get_or_create_dbos_registry().instance_info_map.clear()
    sessions = open_database(config.database_url)
    notes = StudyNotes(config, sessions, Children([Place()], 10.0), Busy())
    notes._open(session, "1.2", utc_now())
    session.commit()
    return list(session.scalars(select(StudyNote).order_by(StudyNote.number)))


def test_one_note_for_each_set_of_places(session: Session, config: Config) -> None:
    first, second = done(session, "1.2.3", "pacs"), done(session, "1.2.4", "pacs")
    third = done(session, "1.2.5", "research")
    notes = open_notes(session, config)
    assert [(n.number, n.revisions, n.destinations) for n in notes] == [
        (1, [first.id, second.id], ["pacs"]),
        (2, [third.id], ["research"]),
    ]
    assert len(open_notes(session, config)) == 2, "opened once"


def test_the_next_note_follows_the_one_that_went_to_the_same_places(
    session: Session, config: Config
) -> None:
    done(session, "1.2.3", "pacs")
    done(session, "1.2.4", "research")
    first, _ = open_notes(session, config)
    late = done(session, "1.2.5", "pacs")
    *_, newest = open_notes(session, config)
    assert len(open_notes(session, config)) == 3, "the other one has nothing new to say"
    assert newest.predecessor_id == first.id
    assert newest.revisions == [*first.revisions, late.id]


def test_a_study_that_is_still_arriving_has_to_wait(session: Session, config: Config) -> None:
    revision = done(session, "1.2.3", "pacs")
    revision.series.last_arrival = utc_now()
    assert open_notes(session, config) == []
    revision.series.last_arrival = utc_now() - LONG_AGO
    other = add_revision(session, "1.2.4", state=RevisionState.PROCESSING)
    other.series.last_arrival = utc_now() - LONG_AGO
    assert open_notes(session, config) == []


def test_a_note_that_can_say_less_replaces_nothing(session: Session, config: Config) -> None:
    gone, late = done(session, "1.2.3", "pacs"), done(session, "1.2.4", "pacs")
    before, note = (
        StudyNote(
            study_instance_uid="1.2",
            number=number,
            revisions=ids,
            destinations=["pacs"],
            state=state,
        )
        for number, ids, state in (
            (1, [gone.id], RevisionState.DONE),
            (2, [gone.id, late.id], RevisionState.COMPLETE),
        )
    )
    before.outputs = [add_output(OutputKind.REPORT)]
    session.add_all([before, note])
    session.commit()
    layout = Layout(config.node.data)
    whole = study_order(session, note, config, layout)
    assert [one.revision_id for one in whole.series] == [gone.id, late.id]
    assert len(whole.superseded) == 1
    layout.original("1.2.3", "1.2.3.1").unlink()
    less = study_order(session, note, config, layout)
    assert [one.revision_id for one in less.series] == [late.id]
    assert less.superseded == (), "the earlier note stays current"


@pytest.mark.parametrize("state", list(RevisionState))
def test_a_workflow_goes_on_only_with_what_is_still_its_own(
    session: Session, state: RevisionState
) -> None:
    row = add_revision(session, state=state)
    row.releases = 1
    unsettled = state in (RevisionState.COMPLETE, RevisionState.PROCESSING)
    assert still_mine(row, 1) is unsettled
    assert not still_mine(row, 0), "a person has decided since"
