"""Held series, study notes and dead letters: what a release and a drop do, and leave behind."""

from __future__ import annotations

import threading

import pytest

from medq_node.errors import MedqError
from medq_node.store.states import Content, DeliveryState, HoldKind, RevisionState
from medq_node.store.tables import Delivery, StudyNote
from tests.desk.conftest import Desk


@pytest.mark.parametrize("hold", HoldKind)
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
    # What isn't fit to leave is made anew; what was finished well is adopted.
    assert folder.exists() is (hold is not HoldKind.UNFIT)
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
        assert desk.layout.study_folder("1", 1).exists() is (hold is HoldKind.ENGINE)


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
