"""Corrected images under known UIDs take the place of the first ones; nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import delete, event, select

from medq_node.desk import clash as clash_module
from medq_node.desk.held import clashes
from medq_node.errors import MedqError
from medq_node.store.states import Content, DeliveryState, RevisionState
from medq_node.store.tables import Instance, Revision, Series, StudyNote
from tests.build import ct_series
from tests.desk.arrivals import (
    complete,
    contents,
    corrected,
    in_use,
    kinds,
    push,
    retention,
    settle,
)
from tests.desk.conftest import Desk


@pytest.fixture
def clashing(desk: Desk, tmp_path: Path) -> tuple[Desk, list[Path], list[Path]]:
    """A series that is done, and all of its images again with another name."""
    first = ct_series(tmp_path / "first", slices=3, PatientName="WRONG")
    second = corrected(first, tmp_path / "second", "RIGHT")
    push(desk, first)
    settle(desk)
    push(desk, second)
    return desk, first, second


def test_a_corrected_series_is_one_entry_and_becomes_the_next_revision(clashing) -> None:
    desk, first, second = clashing
    [held] = desk.held().values()
    assert held.handle == "clash-1"
    assert "3 images" in held.what
    everything = contents(desk)
    desk.release("clash-1", reason="the RIS sent the right name")
    assert in_use(desk) == ["RIGHT"] * 3
    assert complete(desk) == 1
    with desk.sessions() as session:
        one, two = session.scalars(select(Revision).order_by(Revision.number)).all()
    assert (two.predecessor_id, two.images, two.state) == (one.id, 3, RevisionState.COMPLETE)
    assert desk.held() == {}
    assert kinds(desk) == {"again": 3, "replaced": 3}
    assert retention(desk).clean_passed_on() == 3
    assert contents(desk) == everything, "the first ones are kept too"
    assert list(desk.layout.quarantine.iterdir()) == []
    push(desk, second, close=False)
    assert kinds(desk) == {"replaced": 3}, "sent again, they are known"
    push(desk, first, close=False)
    assert desk.held() == {}, "a person has decided on these before"


def test_a_correction_can_be_corrected(clashing, tmp_path: Path) -> None:
    desk, first, _ = clashing
    for name in ("RIGHT", "BETTER", "BEST"):
        if name != "RIGHT":
            push(desk, corrected(first, tmp_path / name, name))
        desk.release("clash-1")
        complete(desk)
        settle(desk)
        retention(desk, keep_done_h=1e6).clean_passed_on()
        assert in_use(desk) == [name] * 3
    with desk.sessions() as session:
        assert len(session.scalars(select(Revision)).all()) == 4
    assert len(contents(desk)) == 12


def test_retention_takes_the_replaced_ones_along_with_their_series(clashing) -> None:
    desk, *_ = clashing
    desk.release("clash-1")
    complete(desk)
    settle(desk)
    retention(desk).clean_passed_on()
    retention(desk).clean()
    assert contents(desk) == set()
    assert list(desk.layout.series.iterdir()) == []
    assert kinds(desk) == {}


@pytest.mark.parametrize("killed", ["before any link", "after the links"])
def test_killed_in_a_release_nothing_is_lost_and_nothing_mixed(
    clashing, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    """Without the commit the rows are as before; the links left behind are found again."""
    desk, *_ = clashing
    everything = contents(desk)
    real = os.link

    class Killed(BaseException):
        pass

    def dying(source: Path, target: Path) -> None:
        if killed == "before any link":
            raise Killed
        real(source, target)

    def last(_: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(clash_module.os, "link", dying)
        patch.setattr(clash_module, "sync_folder", last)
        with pytest.raises(Killed):
            desk.release("clash-1")
    assert in_use(desk) == ["WRONG"] * 3
    assert contents(desk) == everything
    assert list(desk.held()) == ["clash-1"]
    assert desk.audit() == []
    desk.release("clash-1")
    assert in_use(desk) == ["RIGHT"] * 3
    assert contents(desk) == everything


def test_links_of_a_killed_release_go_with_the_series(
    clashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, *_ = clashing

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(clash_module, "sync_folder", full)
        with pytest.raises(OSError, match="No space"):
            desk.release("clash-1")
    desk.drop("clash-1")
    retention(desk, keep_done_h=1e6).clean()
    assert kinds(desk) == {"clash": 3}, "what was dropped stays as long as all else"
    retention(desk).clean()
    assert kinds(desk) == {}
    assert contents(desk) == set()


def test_the_newest_of_several_corrections_wins(clashing, tmp_path: Path) -> None:
    desk, first, _ = clashing
    push(desk, corrected(first[:1], tmp_path / "third", "NEWEST"))
    assert "4 objects in all" in desk.held()["clash-1"].what
    [outcome] = desk.release("clash-1")
    assert "1 object" in outcome.then
    assert sorted(in_use(desk)) == ["NEWEST", "RIGHT", "RIGHT"]
    assert desk.held() == {}


def test_a_clash_waits_while_its_series_is_used(clashing) -> None:
    desk, *_ = clashing
    for state, told in (
        (RevisionState.PROCESSING, "series-1 is being worked on"),
        (RevisionState.COMPLETE, "wait until it is done"),
        (RevisionState.HELD, "release or drop that first"),
    ):
        settle(desk, state)
        with pytest.raises(MedqError, match=told):
            desk.release("clash-1")
    settle(desk)
    note = desk.add_note(RevisionState.COMPLETE, None, 1)
    with pytest.raises(MedqError, match=f"study-{note} is being worked on"):
        desk.release("clash-1")
    desk.add_delivery(1, DeliveryState.DEAD, Content.ORIGINALS)
    with desk.sessions.begin() as session:
        session.execute(delete(StudyNote))
    with pytest.raises(MedqError, match="delivery-1 still carries originals"):
        desk.release("clash-1")
    desk.drop("delivery-1")
    with desk.sessions.begin() as session:
        session.get_one(Instance, 1).since_revision = None
    with pytest.raises(MedqError, match="still arrive"):
        desk.release("clash-1")
    assert in_use(desk) == ["WRONG"] * 3


def test_images_that_moved_to_another_series_are_not_let_in(desk: Desk, tmp_path: Path) -> None:
    first = ct_series(tmp_path / "first", slices=2)
    push(desk, first)
    settle(desk)
    push(desk, corrected(first, tmp_path / "second", "X", SeriesInstanceUID="1.2.3"))
    assert "not possible" in desk.held()["clash-1"].release
    with pytest.raises(MedqError, match="2 belong to another series, and nothing else"):
        desk.release("clash-1")
    desk.drop("clash-1")
    assert desk.held() == {}


def test_a_stray_does_not_stand_in_the_way_of_the_right_ones(clashing, tmp_path: Path) -> None:
    desk, first, _ = clashing
    push(desk, corrected(first[:1], tmp_path / "stray", "STRAY", SeriesInstanceUID="1.2.3"))
    held = desk.held()["clash-1"]
    assert held.release.endswith("; 1 belongs to another series and stays aside")
    assert "the newest is taken" not in held.release
    [outcome] = desk.release("clash-1")
    assert outcome.then.startswith("3 images taken over")
    assert "1 belongs to another series and stays aside" in outcome.then
    assert in_use(desk) == ["RIGHT"] * 3
    assert kinds(desk) == {"again": 3, "replaced": 3, "clash": 1}
    assert list(desk.held()) == ["clash-1"]
    desk.drop("clash-1")
    assert desk.held() == {}


def test_what_waits_is_counted_without_a_sum_of_booleans(clashing) -> None:
    """PostgreSQL has no sum(boolean)."""
    desk, *_ = clashing
    with desk.sessions() as session:
        seen: list[str] = []
        listening = (session.get_bind(), "before_cursor_execute", lambda *a: seen.append(a[2]))
        event.listen(*listening)
        try:
            assert len(clashes(session)) == 1
        finally:
            event.remove(*listening)
    [statement] = seen
    assert "sum(CASE WHEN" in statement


def test_a_series_that_moved_to_another_study_moves_as_a_whole(desk: Desk, tmp_path: Path) -> None:
    first = ct_series(tmp_path / "first", slices=2)
    push(desk, first)
    settle(desk)
    push(desk, corrected(first[:1], tmp_path / "half", "X", StudyInstanceUID="1.2.3"))
    desk.release("clash-1")
    complete(desk)
    settle(desk)
    with desk.sessions() as session:
        assert session.scalars(select(Series)).one().study_instance_uid != "1.2.3"
    push(desk, corrected(first, tmp_path / "whole", "Y", StudyInstanceUID="1.2.3"))
    desk.release("clash-1")
    with desk.sessions() as session:
        assert session.scalars(select(Series)).one().study_instance_uid == "1.2.3"


def test_after_retention_a_few_corrections_make_no_series(clashing, tmp_path: Path) -> None:
    desk, first, _ = clashing
    desk.drop("clash-1")
    retention(desk).clean()
    push(desk, corrected(first[:1], tmp_path / "one", "RIGHT"))
    with pytest.raises(MedqError, match="2 other images of this series went after delivery"):
        desk.release("clash-1")
    assert desk.audit()[-1].what == "drop"


def test_after_retention_a_correction_is_still_let_in(clashing) -> None:
    desk, *_ = clashing
    retention(desk).clean()
    assert list(desk.layout.series.iterdir()) == []
    desk.release("clash-1")
    assert in_use(desk) == ["RIGHT"] * 3
    assert complete(desk) == 1
    assert kinds(desk) == {"again": 3}
