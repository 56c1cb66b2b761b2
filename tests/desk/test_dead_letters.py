"""A dead letter that a person released is really tried again, by the outbox itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from medq_node.config import Config, FolderDestination
from medq_node.delivery.outbox import Outbox
from medq_node.desk.decide import Decision, decide
from medq_node.layout import Layout
from medq_node.store.database import Sessions, migrate, open_database
from medq_node.store.states import DeliveryState
from medq_node.store.tables import Delivery, Output, utc_now
from tests.delivery.test_outbox import RIGHT, one_output, row, working
from tests.node import wait_for


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config()
    quick = {"retry_initial_s": 0.05, "retry_maximum_s": 0.1, "refusal_attempts": 2}
    return config.model_copy(
        update={
            "node": config.node.model_copy(update={"data": tmp_path / "data"}),
            "destinations": {"out": FolderDestination(kind="folder", path=tmp_path / "out")},
            "delivery": config.delivery.model_copy(update=quick),
        }
    )


@pytest.fixture
def sessions(config: Config) -> Sessions:
    Layout(config.node.data).make()
    migrate(config.database_url)
    return open_database(config.database_url)


def until(sessions: Sessions, outbox: Outbox, state: DeliveryState) -> None:
    def there() -> bool:
        outbox.start_waiting()
        outbox.bury_broken()
        return row(sessions).state is state

    wait_for(there, 20)


def released(sessions: Sessions, config: Config, *decision: Decision) -> None:
    layout = Layout(config.node.data)
    for said in decision or (Decision.RELEASE,):
        decide(sessions, layout, said, ["delivery-1"], "the peer is mended", "ann")


def test_what_the_peer_refused_is_tried_until_it_takes_it(
    config: Config, sessions: Sessions
) -> None:
    one_output(sessions, config, "out", "0" * 64)
    with working(config, sessions) as outbox:
        until(sessions, outbox, DeliveryState.DEAD)
        assert row(sessions).left == ["1.2.3.4"]
        released(sessions, config)
        until(sessions, outbox, DeliveryState.DEAD)
        assert row(sessions).attempts == 4, "refused again: as often as at first"
        with sessions.begin() as session:
            session.get_one(Output, 1).sha256 = RIGHT
        released(sessions, config)
        until(sessions, outbox, DeliveryState.CONFIRMED)
    delivery = row(sessions)
    assert (delivery.attempts, delivery.confirmed, delivery.left) == (5, 1, None)


def test_a_workflow_that_broke_runs_under_a_new_name(
    config: Config, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    one_output(sessions, config, "out", RIGHT)
    with working(config, sessions) as outbox:
        with monkeypatch.context() as patch:
            patch.setattr(Outbox, "_parcels", bug)
            until(sessions, outbox, DeliveryState.DEAD)
        released(sessions, config)
        until(sessions, outbox, DeliveryState.CONFIRMED)


def test_a_destination_that_came_back_to_the_settings_is_served(
    config: Config, sessions: Sessions, tmp_path: Path
) -> None:
    one_output(sessions, config, "elsewhere", RIGHT)
    with working(config, sessions) as outbox:
        until(sessions, outbox, DeliveryState.DEAD)
    released(sessions, config)
    there = FolderDestination(kind="folder", path=tmp_path / "there")
    config = config.model_copy(update={"destinations": {"elsewhere": there}})
    with working(config, sessions) as outbox:
        until(sessions, outbox, DeliveryState.CONFIRMED)


def test_what_was_dropped_is_never_sent(config: Config, sessions: Sessions) -> None:
    one_output(sessions, config, "out", RIGHT)
    with sessions.begin() as session:
        session.get_one(Delivery, 1).state = DeliveryState.DEAD
    released(sessions, config, Decision.DROP)
    # Another one is sent meanwhile: the outbox has looked at both.
    one_output(sessions, config, "out", RIGHT, "1.9")
    with sessions.begin() as session:
        session.get_one(Delivery, 2).created_at = utc_now()
    with working(config, sessions) as outbox:

        def second_confirmed() -> bool:
            outbox.start_waiting()
            with sessions() as session:
                return session.get_one(Delivery, 2).state is DeliveryState.CONFIRMED

        wait_for(second_confirmed, 20)
    with sessions() as session:
        assert session.get_one(Delivery, 1).state is DeliveryState.DROPPED
    assert len(list(config.destinations["out"].path.rglob("*.dcm"))) == 1
