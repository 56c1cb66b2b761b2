"""What was unreadable is read once more, or let go."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from medq_node.intake.service import incoming_files
from medq_node.store.states import DeliveryState, KeptKind
from medq_node.store.tables import Delivery
from tests.build import ct_series
from tests.desk.arrivals import complete, contents, group, kinds, retention
from tests.desk.conftest import Desk


@pytest.fixture
def unreadable(desk: Desk) -> Desk:
    (desk.layout.incoming / "20260101T000000.000001Z-ab.dcm").write_bytes(b"\0" * 3000)
    group(desk)
    assert [held.handle for held in desk.held().values()] == ["kept-1"]
    return desk


def test_what_was_unreadable_is_read_once_more(unreadable: Desk, tmp_path: Path) -> None:
    unreadable.release("kept-1")
    assert unreadable.held() == {}
    group(unreadable)
    [held] = unreadable.held().values()
    assert held.handle == "kept-2", "still unreadable, it waits again"
    retention(unreadable).clean_passed_on()
    assert len(contents(unreadable)) == len(list(unreadable.layout.quarantine.iterdir())) == 1
    unreadable.release("kept-2")
    # After an upgrade that can read it: stands in for what was wrong before.
    [again] = incoming_files(unreadable.layout)
    again.unlink()
    shutil.copyfile(ct_series(tmp_path / "ct", slices=1)[0], again)
    group(unreadable)
    retention(unreadable).clean_passed_on()
    assert unreadable.held() == {}
    assert complete(unreadable) == 1
    assert list(unreadable.layout.quarantine.iterdir()) == []


def test_killed_in_the_release_of_an_object_it_still_waits(
    unreadable: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dying(_: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("medq_node.desk.kept.sync_folder", dying)
        with pytest.raises(Killed):
            unreadable.release("kept-1")
    group(unreadable)
    assert sorted(unreadable.held()) == ["kept-1", "kept-2"], "twice is better than never"
    assert incoming_files(unreadable.layout) == []
    for handle in ("kept-1", "kept-2"):
        unreadable.drop(handle)
    retention(unreadable).clean()
    assert contents(unreadable) == set()


def test_what_is_still_on_its_way_to_the_pacs_is_not_removed(desk: Desk) -> None:
    (desk.layout.incoming / "1.dcm").write_bytes(b"\0" * 3000)
    group(desk, forward_to=("pacs",))
    desk.release("kept-1")
    cleaner = retention(desk)
    assert cleaner.clean_passed_on() == 0
    assert kinds(desk) == {str(KeptKind.AGAIN): 1}
    with desk.sessions.begin() as session:
        session.scalars(select(Delivery)).one().state = DeliveryState.DEAD
    assert cleaner.clean_passed_on() == 0
    desk.drop("delivery-1")
    assert cleaner.clean_passed_on() == 1
