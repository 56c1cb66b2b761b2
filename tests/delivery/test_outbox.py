"""The outbox: what is retried, what is given up, and that nothing waits unseen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dbos._dbos import _get_or_create_dbos_registry
from sqlalchemy import select

from medq_node.config import Config, FolderDestination
from medq_node.delivery.outbox import Outbox
from medq_node.durable import Busy, durable_execution
from medq_node.layout import Layout
from medq_node.objects import OutputKind
from medq_node.store.database import Sessions, migrate, open_database
from medq_node.store.states import Content, DeliveryState, RevisionState
from medq_node.store.tables import (
    DecisionRow,
    Delivery,
    Output,
    Revision,
    RuleSetRow,
    Series,
    utc_now,
)
from tests.node import wait_for
from tests.rows import add_delivery, add_output


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config()
    return config.model_copy(
        update={
            "node": config.node.model_copy(update={"data": tmp_path / "data"}),
            "destinations": {"out": FolderDestination(kind="folder", path=tmp_path / "out")},
            "delivery": config.delivery.model_copy(
                update={"retry_initial_s": 0.05, "retry_maximum_s": 0.1, "refusal_attempts": 2}
            ),
        }
    )


@pytest.fixture
def sessions(config: Config) -> Sessions:
    Layout(config.node.data).make()
    migrate(config.database_url)
    return open_database(config.database_url)


def one_output(
    sessions: Sessions, config: Config, destination: str, sha256: str, key: str = "1.2.3"
) -> None:
    """A row in the outbox with one object on disk."""
    file = config.node.data / "output" / f"{key}.r1" / "report" / "x.dcm"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"object")
    with sessions.begin() as session:
        now = utc_now()
        series = Series(
            series_instance_uid=key,
            study_instance_uid="1.2",
            first_arrival=now,
            last_arrival=now,
        )
        session.add(series)
        session.flush()
        revision = Revision(
            series_id=series.id, number=1, state=RevisionState.DONE, images=1, snapshot={}
        )
        session.add(revision)
        session.flush()
        session.merge(RuleSetRow(version=1, text="rules: []", source="test"))
        session.flush()
        session.add(
            DecisionRow(
                revision_id=revision.id,
                rule_set_version=1,
                action="assess",
                restore="when_needed",
                engine="classical",
                destinations=[destination],
                forward_originals=False,
                note="series",
                values_seen={},
                why_not=[],
                explanation="",
            )
        )
        session.add(
            Output(
                revision_id=revision.id,
                kind="report",
                sop_class_uid="1.2",
                sop_instance_uid=f"{key}.4",
                series_instance_uid=f"{key}.5",
                path=f"output/{key}.r1/report/x.dcm",
                study_instance_uid="1.2",
                sha256=sha256,
            )
        )
        session.add(
            Delivery(
                key=key,
                revision_id=revision.id,
                destination=destination,
                content=Content.OUTPUTS,
                state=DeliveryState.PENDING,
                total=1,
            )
        )


@contextmanager
def working(config: Config, sessions: Sessions) -> Iterator[Outbox]:
    # One outbox per process is the engine's rule; here each test has its own.
    _get_or_create_dbos_registry().instance_info_map.clear()
    outbox = Outbox(config, sessions, Busy())
    with durable_execution(config.workflow_database_url, "test"):
        outbox.register_queues(1)
        yield outbox


def row(sessions: Sessions) -> Delivery:
    with sessions() as session:
        return session.scalars(select(Delivery)).one()


RIGHT = "2958d416d08aa5a472d7b509036cb7eafd542add84527e66a145ea64cb4cdc75"


def test_a_confirmed_object_is_sent_once(config: Config, sessions: Sessions) -> None:
    one_output(sessions, config, "out", RIGHT)
    with working(config, sessions) as outbox:
        outbox.start_waiting()
        wait_for(lambda: row(sessions).state is DeliveryState.CONFIRMED, 20)
        outbox.start_waiting()
    assert (row(sessions).attempts, row(sessions).confirmed) == (1, 1)


def test_an_object_that_changed_on_disk_becomes_a_dead_letter(
    config: Config, sessions: Sessions
) -> None:
    one_output(sessions, config, "out", "0" * 64)
    with working(config, sessions) as outbox:

        def dead() -> bool:
            outbox.start_waiting()
            return row(sessions).state is DeliveryState.DEAD

        wait_for(dead, 20)
    assert row(sessions).attempts == 2
    assert "changed since" in (row(sessions).last_error or "")


def test_nothing_is_retired_while_its_replacement_is_not_there(
    config: Config, sessions: Sessions, tmp_path: Path
) -> None:
    """The report is refused, so the key object behind it stays here."""
    retiring = FolderDestination(kind="folder", path=tmp_path / "out", retire_superseded=True)
    config = config.model_copy(update={"destinations": {"out": retiring}})
    one_output(sessions, config, "out", "0" * 64)
    with sessions.begin() as session:
        new = session.scalars(select(Revision)).one()
        new.number = 2
        old = Revision(
            series_id=new.series_id, number=1, state=RevisionState.DONE, images=1, snapshot={}
        )
        key_object = add_output(OutputKind.KEY_OBJECT)
        file = config.node.data / str(key_object.path)
        file.parent.mkdir(parents=True)
        file.write_bytes(b"object")
        key_object.sha256, key_object.revision = RIGHT, new
        session.add_all([old, key_object])
        session.flush()
        add_delivery(session, old, "out", state=DeliveryState.CONFIRMED, confirmed=1)

    def newest() -> Delivery:
        with sessions() as session:
            return session.scalars(select(Delivery).where(Delivery.key == "1.2.3")).one()

    with working(config, sessions) as outbox:

        def dead() -> bool:
            outbox.start_waiting()
            return newest().state is DeliveryState.DEAD

        wait_for(dead, 20)
    assert len(newest().left or ()) == 2
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_a_destination_that_is_gone_from_the_settings_is_said_at_once(
    config: Config, sessions: Sessions
) -> None:
    one_output(sessions, config, "elsewhere", RIGHT)
    with working(config, sessions) as outbox:
        outbox.start_waiting()
    assert row(sessions).state is DeliveryState.DEAD
    assert "elsewhere" in (row(sessions).last_error or "")


def test_a_workflow_that_breaks_does_not_leave_its_row_waiting(
    config: Config, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    one_output(sessions, config, "out", RIGHT)
    monkeypatch.setattr(Outbox, "_parcels", bug)
    with working(config, sessions) as outbox:
        outbox.start_waiting()

        def buried() -> bool:
            outbox.bury_broken()
            return row(sessions).state is DeliveryState.DEAD

        wait_for(buried, 20)
    assert "ZeroDivisionError" in (row(sessions).last_error or "")


def test_deliveries_that_fail_for_ever_do_not_keep_healthy_ones_waiting(
    config: Config, sessions: Sessions, tmp_path: Path
) -> None:
    """One place in the queue; the folder refuses two of three for as long as one looks."""
    patient = config.delivery.model_copy(
        update={"refusal_attempts": 10_000, "retry_initial_s": 30.0, "retry_maximum_s": 60.0}
    )
    config = config.model_copy(update={"delivery": patient})
    one_output(sessions, config, "out", "0" * 64, "1.1")
    one_output(sessions, config, "out", "0" * 64, "1.2")
    one_output(sessions, config, "out", RIGHT, "1.3")

    def state(key: str) -> DeliveryState:
        with sessions() as session:
            return session.scalars(select(Delivery).where(Delivery.key == key)).one().state

    with working(config, sessions) as outbox:
        outbox.start_waiting()
        wait_for(lambda: state("1.3") is DeliveryState.CONFIRMED, 20)
    assert state("1.1") is DeliveryState.RETRYING
