"""The bell: told once, in spite of receivers that are down; never told for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import structlog
from dbos._dbos import _get_or_create_dbos_registry
from sqlalchemy.exc import IntegrityError

from medq_node.config import Config
from medq_node.durable import Busy, durable_execution
from medq_node.notify import bell as bell_module
from medq_node.notify.bell import Bell
from medq_node.notify.webhook import Webhook
from medq_node.ports import free_port
from medq_node.store.database import Sessions
from medq_node.store.states import DeliveryState
from medq_node.store.tables import Notice, utc_now
from tests.node import wait_for
from tests.notify.conftest import Settings
from tests.notify.receivers import Hook, running_hook
from tests.notify.rows import notices, rejected


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell_module, "_FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(bell_module, "_LONGEST_PAUSE_S", 0.1)


@contextmanager
def ringing(config: Config, sessions: Sessions, at_once: int = 2) -> Iterator[Bell]:
    # One bell per process is the engine's rule; here each test has its own.
    _get_or_create_dbos_registry().instance_info_map.clear()
    bell = Bell(config, sessions, Busy())
    with durable_execution(config.workflow_database_url, "test"):
        bell.register_queues(at_once)
        yield bell


def states(sessions: Sessions) -> list[DeliveryState]:
    return [notice.state for notice in notices(sessions)]


def until(bell: Bell, condition: Callable[[], bool]) -> None:
    """As the worker does: look again and again."""

    def looked() -> bool:
        bell.start_waiting()
        return condition()

    wait_for(looked, 20)


def test_each_target_is_told_once_however_often_one_looks(
    settings: Settings, sessions: Sessions
) -> None:
    with running_hook() as room, running_hook() as physicist:
        config = settings({"room": room.settings(), "physicist": physicist.settings()})
        rejected(sessions, ["room", "physicist"])
        with ringing(config, sessions) as bell:
            until(bell, lambda: states(sessions) == [DeliveryState.CONFIRMED] * 2)
            for _ in range(3):
                bell.start_waiting()
        with ringing(config, sessions) as bell:
            bell.start_waiting()
    assert [len(room.posts), len(physicist.posts)] == [1, 1]
    assert room.bodies[0]["id"] != physicist.bodies[0]["id"]
    assert all(notice.confirmed_at and notice.attempts == 1 for notice in notices(sessions))


def test_a_second_row_for_the_same_thing_is_impossible(sessions: Sessions) -> None:
    rejected(sessions, ["room"])
    [notice] = notices(sessions)
    with pytest.raises(IntegrityError), sessions.begin() as session:
        session.add(
            Notice(
                key=notice.key,
                revision_id=notice.revision_id,
                target="room",
                state=DeliveryState.PENDING,
            )
        )


def test_a_receiver_that_is_down_and_then_up_is_told_once(
    settings: Settings, sessions: Sessions
) -> None:
    port = free_port()
    config = settings({"room": Hook(port).settings()})
    rejected(sessions, ["room"])
    with ringing(config, sessions) as bell:
        until(bell, lambda: notices(sessions)[0].attempts >= 2)
        [notice] = notices(sessions)
        assert notice.state is DeliveryState.RETRYING
        assert "T0KEN" not in (notice.last_error or "")
        with running_hook(port) as hook:
            until(bell, lambda: states(sessions) == [DeliveryState.CONFIRMED])
    assert len(hook.posts) == 1
    assert notices(sessions)[0].last_error is None


def test_the_pause_doubles_up_to_the_longest(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings({"room": Hook(free_port()).settings()})
    [notice_id] = rejected(sessions, ["room"])
    _get_or_create_dbos_registry().instance_info_map.clear()
    bell = Bell(config, sessions, Busy())
    monkeypatch.undo()
    pauses = []
    for _ in range(9):
        before = utc_now()
        bell._failed(notice_id, "down")
        [notice] = notices(sessions)
        assert notice.next_try_at is not None
        pauses.append(round((notice.next_try_at - before).total_seconds()))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_one_that_is_down_for_ever_is_given_up_with_its_last_error(
    settings: Settings, sessions: Sessions
) -> None:
    config = settings({"room": Hook(free_port()).settings()})
    [notice_id] = rejected(sessions, ["room"])
    with structlog.testing.capture_logs() as logs, ringing(config, sessions) as bell:
        until(bell, lambda: notices(sessions)[0].attempts >= 2)
        with sessions.begin() as session:
            session.get_one(Notice, notice_id).created_at = utc_now() - timedelta(hours=2)
        until(bell, lambda: states(sessions) == [DeliveryState.DEAD])
        bell.start_waiting()
        bell.bury_broken()
    [notice] = notices(sessions)
    assert "took no POST" in (notice.last_error or "")
    assert [line["log_level"] for line in logs if line["event"] == "nobody told"] == ["error"]
    assert "T0KEN" not in str(logs)


def test_a_notice_that_slept_through_its_time_is_not_told(
    settings: Settings, sessions: Sessions
) -> None:
    """The node was off over night: the patient is gone, and an alarm now only confuses."""
    with running_hook() as hook:
        config = settings({"room": hook.settings()})
        [notice_id] = rejected(sessions, ["room"])
        with sessions.begin() as session:
            session.get_one(Notice, notice_id).created_at = utc_now() - timedelta(hours=2)
        with ringing(config, sessions) as bell:
            bell.start_waiting()
            assert bell.try_once(notice_id, 0) is DeliveryState.DEAD
    assert not hook.posts
    assert "wasn't running in time" in (notices(sessions)[0].last_error or "")


def test_one_whose_turn_comes_too_late_is_not_told(settings: Settings, sessions: Sessions) -> None:
    with running_hook() as hook:
        config = settings({"room": hook.settings()})
        [notice_id] = rejected(sessions, ["room"])
        with sessions.begin() as session:
            session.get_one(Notice, notice_id).created_at = utc_now() - timedelta(hours=2)
        with ringing(config, sessions) as bell:
            assert bell.try_once(notice_id, 0) is DeliveryState.DEAD
    assert not hook.posts


def test_a_target_that_is_gone_from_the_settings_is_said_at_once(
    settings: Settings, sessions: Sessions
) -> None:
    rejected(sessions, ["old-room"])
    with ringing(settings({}), sessions) as bell:
        bell.start_waiting()
    [notice] = notices(sessions)
    assert notice.state is DeliveryState.DEAD
    assert "old-room" in (notice.last_error or "")


def test_a_target_that_hangs_delays_no_other(settings: Settings, sessions: Sessions) -> None:
    with running_hook() as hangs, running_hook() as fine:
        hangs.hangs.set()
        config = settings({"a": hangs.settings(timeout_s=30.0), "b": fine.settings()})
        for number in range(3):
            rejected(sessions, ["a", "b"], uid=f"1.2.{number}")
        with ringing(config, sessions, at_once=1) as bell:
            until(bell, lambda: len(fine.posts) == 3)
            assert len(hangs.posts) == 1
            hangs.hangs.clear()
            until(bell, lambda: set(states(sessions)) == {DeliveryState.CONFIRMED})
    assert len(hangs.posts) == 3


def test_a_try_that_was_noted_is_not_repeated_after_a_crash(
    settings: Settings, sessions: Sessions
) -> None:
    """Killed between the row's commit and the engine's note of it: the engine asks once more."""
    with running_hook() as hook:
        config = settings({"room": hook.settings()})
        [notice_id] = rejected(sessions, ["room"])
        with ringing(config, sessions) as bell:
            assert bell.try_once(notice_id, 0) is DeliveryState.CONFIRMED
            assert bell.try_once(notice_id, 0) is DeliveryState.CONFIRMED
    assert len(hook.posts) == 1


def test_a_workflow_that_breaks_gives_its_notice_up(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Webhook, "tell", bug)
    rejected(sessions, ["room"])
    config = settings({"room": Hook(free_port()).settings()})
    with ringing(config, sessions) as bell:
        bell.start_waiting()

        def buried() -> bool:
            bell.bury_broken()
            return states(sessions) == [DeliveryState.DEAD]

        wait_for(buried, 20)
    assert "ZeroDivisionError" in (notices(sessions)[0].last_error or "")
