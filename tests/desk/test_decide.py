"""Held series, study notes and dead letters: what a release and a drop do, and leave behind."""

from __future__ import annotations

import threading

import pytest

from medq_node.errors import MedqError
from medq_node.status import node_status
from medq_node.store.states import Content, DeliveryState, HoldKind, RevisionState
from medq_node.store.tables import DecisionRow, Delivery, Instance, Revision, StudyNote, utc_now
from tests.desk.arrivals import retention
from tests.desk.conftest import Desk

WAITS = [hold for hold in HoldKind if hold is not HoldKind.LOOP]
FROM_THE_START = (HoldKind.UNFIT, HoldKind.ENGINE, HoldKind.BROKEN)


@pytest.mark.parametrize("hold", WAITS)
def test_a_released_series_goes_back_to_the_pipeline_under_a_new_workflow(
    desk: Desk, hold: HoldKind
) -> None:
    row_id = desk.add_series("1.2", hold=hold)
    folder = desk.layout.output_folder("1.2", 1)
    folder.mkdir()
    [outcome] = desk.release(f"series-{row_id}")
    revision = desk.revision(row_id)
    assert (revision.state, revision.releases, revision.failures) == (RevisionState.COMPLETE, 1, 0)
    assert (revision.hold, revision.reason, revision.finished_at) == (None, None, None)
    assert revision.decision is not None
    assert revision.decision.refusal is None
    assert revision.identity_accepted is (hold is HoldKind.IDENTITY)
    # A finished folder would be adopted, whatever is wrong with it.
    assert folder.exists() is (hold not in FROM_THE_START)
    assert outcome.handle == "series-1"
    assert desk.held() == {}


def test_a_dropped_series_says_who_ended_it_and_why(desk: Desk) -> None:
    desk.add_series("1.2", hold=HoldKind.UNFIT)
    desk.drop("series-1", reason="a test phantom")
    revision = desk.revision()
    assert revision.state is RevisionState.DROPPED
    assert revision.reason == "dropped by a person: a test phantom"
    assert revision.releases == 0
    [line] = desk.audit()
    assert (line.by, line.what, line.subject) == ("ann", "drop", "series-1")
    assert (line.before, line.reason) == ("held (unfit): because", "a test phantom")


def test_a_study_note_is_decided_on_like_a_series(desk: Desk) -> None:
    revision = desk.add_series("1.2", RevisionState.DONE)
    for number, hold in enumerate((HoldKind.UNFIT, HoldKind.ENGINE)):
        desk.layout.study_folder("1", 1).mkdir(exist_ok=True)
        if number:
            with desk.sessions.begin() as session:
                note = session.get_one(StudyNote, 1)
                note.state, note.hold = RevisionState.HELD, hold
        else:
            desk.add_note(RevisionState.HELD, hold, revision)
        assert "1 series" in desk.held()["study-1"].what
        desk.release("study-1")
        with desk.sessions() as session:
            note = session.get_one(StudyNote, 1)
            assert (note.state, note.releases) == (RevisionState.COMPLETE, number + 1)
        assert not desk.layout.study_folder("1", 1).exists()


def test_a_released_dead_letter_is_due_at_once_and_keeps_what_has_arrived(desk: Desk) -> None:
    row_id = desk.add_delivery(
        desk.add_series("1.2", RevisionState.DONE), DeliveryState.DEAD, Content.OUTPUTS
    )
    assert "2 of 5" in desk.held()["delivery-1"].what
    [outcome] = desk.release("delivery-1")
    assert "3 of 5 objects" in outcome.then
    with desk.sessions() as session:
        delivery = session.get_one(Delivery, row_id)
    assert (delivery.state, delivery.refusals, delivery.next_try_at) == ("retrying", 0, None)
    assert (delivery.confirmed, delivery.attempts) == (2, 4)


def test_one_handle_that_waits_for_nothing_stops_all(desk: Desk) -> None:
    unfit = desk.add_series("1.2", hold=HoldKind.UNFIT)
    done = desk.add_series("1.3", RevisionState.DONE)
    folder = desk.layout.output_folder("1.2", 1)
    folder.mkdir()
    for wrong in (f"series-{done}", "series-99", "delivery-7", "clash-1", "kept-1", "study-1"):
        with pytest.raises(MedqError, match=f"^{wrong} doesn't wait for a decision"):
            desk.release(f"series-{unfit}", wrong)
    for nonsense in ("series", "series-0", "1.2", "all", ""):
        with pytest.raises(MedqError, match="is no handle"):
            desk.release(f"series-{unfit}", nonsense)
    assert list(desk.held()) == [f"series-{unfit}"]
    assert desk.audit() == []
    assert folder.exists()


def test_of_many_who_release_at_once_one_does(desk: Desk) -> None:
    desk.add_series("1.2", hold=HoldKind.ENGINE)
    refused: list[str] = []
    ready = threading.Barrier(8)

    def person() -> None:
        ready.wait()
        try:
            desk.release("series-1")
        except MedqError as error:
            refused.append(str(error))

    people = [threading.Thread(target=person) for _ in range(8)]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    assert desk.revision().releases == 1
    assert len(refused) == 7
    assert len(desk.audit()) == 1
    assert "it is complete" in refused[0]


def test_the_oldest_that_waits_is_listed_first(desk: Desk) -> None:
    late = desk.add_series("1.2", hold=HoldKind.ENGINE)
    dead = desk.add_series("1.3", RevisionState.DONE)
    desk.add_delivery(dead, DeliveryState.DEAD, Content.OUTPUTS)
    later = desk.add_series("1.4", hold=HoldKind.IDENTITY)
    assert list(desk.held()) == [f"series-{late}", "delivery-1", f"series-{later}"]


def newer(desk: Desk, of: int, state: RevisionState) -> int:
    """The next revision of the same series."""
    with desk.sessions.begin() as session:
        revision = Revision(
            series_id=session.get_one(Revision, of).series_id,
            number=2,
            state=state,
            images=1,
            snapshot={},
        )
        session.add(revision)
        session.flush()
        return revision.id


@pytest.mark.parametrize("state", list(RevisionState))
def test_a_held_revision_never_comes_after_the_one_that_replaces_it(
    desk: Desk, state: RevisionState
) -> None:
    old = desk.add_series("1.2", hold=HoldKind.ENGINE)
    new = newer(desk, old, state)
    if state in (RevisionState.COMPLETE, RevisionState.PROCESSING, RevisionState.DONE):
        told = f"a newer revision, series-{new}, replaces it; drop this one"
        with pytest.raises(MedqError, match=told):
            desk.release(f"series-{old}")
        desk.drop(f"series-{old}")
    else:
        desk.release(f"series-{old}")
    other = desk.add_series("1.3", hold=HoldKind.ENGINE)
    desk.release(f"series-{other}")


def test_a_held_study_note_never_comes_after_the_one_that_replaces_it(desk: Desk) -> None:
    old = desk.add_note(RevisionState.HELD, HoldKind.ENGINE, 1)
    with desk.sessions.begin() as session:
        new = StudyNote(
            study_instance_uid="1",
            number=2,
            revisions=[1],
            destinations=[],
            state=RevisionState.DONE,
        )
        session.add(new)
    with pytest.raises(MedqError, match="a newer note, study-2, replaces it; drop this one"):
        desk.release(f"study-{old}")
    with desk.sessions.begin() as session:
        session.get_one(StudyNote, 2).state = RevisionState.DROPPED
    desk.release(f"study-{old}")


def caught(desk: Desk, uid: str = "1.2") -> int:
    """A series that the loop firewall took for our own work come back."""
    row_id = desk.add_series(uid, RevisionState.IGNORED, HoldKind.LOOP)
    with desk.sessions.begin() as session:
        session.add(
            Instance(
                series_id=session.get_one(Revision, row_id).series_id,
                sop_instance_uid=f"{uid}.1",
                sop_class_uid="1.2",
                path="series/a.dcm",
                digest="",
                arrived_at=utc_now(),
                since_revision=1,
            )
        )
    return row_id


def test_what_the_firewall_caught_by_mistake_is_decided_on_anew(desk: Desk) -> None:
    row_id = caught(desk)
    assert desk.held() == {}, "it would flood what waits"
    [shown] = node_status(desk.sessions, desk.layout).series
    assert str(shown.reason).endswith(
        "because; if this one is right: medq-node held release series-1 --reason '...'"
    )
    desk.release(f"series-{row_id}", reason="a secondary capture of the scanner")
    revision = desk.revision(row_id)
    assert (revision.state, revision.releases) == (RevisionState.COMPLETE, 1)
    assert (revision.hold, revision.reason, revision.finished_at) == (None, None, None)
    assert revision.loop_accepted
    assert not revision.identity_accepted
    with desk.sessions() as session:
        assert session.query(DecisionRow).count() == 0
    [line] = desk.audit()
    assert line.before == "ignored (loop): because"


def test_what_the_firewall_caught_for_good_reason_stays_ignored(desk: Desk) -> None:
    proven = desk.add_series("1.2", RevisionState.IGNORED)
    with pytest.raises(MedqError, match="it is ignored"):
        desk.release(f"series-{proven}")
    [shown] = node_status(desk.sessions, desk.layout).series
    assert shown.reason is None
    replaced = caught(desk, "1.3")
    new = newer(desk, replaced, RevisionState.DONE)
    with pytest.raises(MedqError, match=f"a newer revision, series-{new}, replaces it$"):
        desk.release(f"series-{replaced}")


@pytest.mark.parametrize("gone", ["path", "mark"])
def test_without_its_images_nothing_is_let_through(desk: Desk, gone: str) -> None:
    row_id = caught(desk)
    with desk.sessions.begin() as session:
        if gone == "path":  # retention is half way
            session.get_one(Instance, 1).path = None
        else:
            session.get_one(Revision, row_id).cleaned_at = utc_now()
    with pytest.raises(MedqError, match="send the whole series again as a new one"):
        desk.release(f"series-{row_id}")
    assert desk.audit() == []


def test_retention_leaves_what_a_person_has_just_let_through(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_id = caught(desk)

    def listed(session: object, until: object) -> list[int]:
        desk.release(f"series-{row_id}")
        return [row_id]

    monkeypatch.setattr("medq_node.retention._revisions_that_may_go", listed)
    retention(desk).clean()
    with desk.sessions() as session:
        assert session.get_one(Instance, 1).path == "series/a.dcm"
        assert session.get_one(Revision, row_id).cleaned_at is None
