"""A newer result replaces an older one: in order, and only where the older one is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.config import FolderDestination
from medq_node.delivery.outbox import _may_go
from medq_node.objects import Form, OutputKind
from medq_node.orders import _superseded
from medq_node.store.database import migrate, open_database
from medq_node.store.handover import forms_for, goes_to, outputs_for, retires
from medq_node.store.states import DeliveryState, RevisionState
from medq_node.store.tables import Delivery, Revision, utc_now
from tests.rows import add_delivery, add_revision

ALL = (OutputKind.RESTORED, OutputKind.REPORT, OutputKind.KEY_OBJECT)
PLACES = {
    name: FolderDestination(kind="folder", path=Path("x"), retire_superseded=name != "plain")
    for name in ("pacs", "archive", "plain")
}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    url = f"sqlite:///{tmp_path / 'medq.sqlite'}"
    migrate(url)
    with open_database(url)() as session:
        yield session


def may_go(session: Session) -> set[int]:
    return set(session.scalars(select(Delivery.id).where(_may_go(utc_now()))))


def kinds(session: Session, revision: Revision, name: str) -> list[str]:
    return [output.kind for output in outputs_for(session, revision, name, PLACES)]


def test_a_newer_result_waits_for_the_older_one_to_the_same_place(session: Session) -> None:
    old = add_delivery(session, add_revision(session))
    new_revision = add_revision(session, number=2)
    new, elsewhere = (add_delivery(session, new_revision, name) for name in ("pacs", "archive"))
    other = add_delivery(session, add_revision(session, series="1.2.4"))
    assert may_go(session) == {old.id, elsewhere.id, other.id}
    for closed in (DeliveryState.CONFIRMED, DeliveryState.DEAD, DeliveryState.DROPPED):
        old.state = closed
        assert new.id in may_go(session), closed


def test_a_key_object_goes_last_to_where_the_old_results_are(session: Session) -> None:
    old = add_revision(session, destinations=["pacs", "plain"])
    for name in ("pacs", "plain"):
        add_delivery(session, old, name, state=DeliveryState.CONFIRMED, confirmed=2)
    new = add_revision(session, number=2, destinations=["archive", "pacs", "plain"], kinds=ALL)
    assert kinds(session, new, "pacs") == ["restored", "report", "key object"]
    assert kinds(session, new, "plain") == ["restored", "report"], "it hasn't asked for it"
    assert kinds(session, new, "archive") == ["restored", "report"], "it never had the old ones"
    assert retires(session, new, PLACES)


def test_a_place_that_the_rules_left_is_told_that_its_results_are_old(session: Session) -> None:
    add_delivery(session, add_revision(session), state=DeliveryState.CONFIRMED, confirmed=2)
    new = add_revision(session, number=2, destinations=["archive"], kinds=ALL)
    assert goes_to(session, new) == ["archive", "pacs"]
    assert kinds(session, new, "pacs") == ["key object"]
    assert kinds(session, new, "archive") == ["restored", "report"]


def test_what_never_arrived_is_not_retired(session: Session) -> None:
    add_delivery(session, add_revision(session), state=DeliveryState.DROPPED)
    new = add_revision(session, number=2, kinds=ALL)
    assert kinds(session, new, "pacs") == ["restored", "report"]
    assert not retires(session, new, PLACES)


def test_only_what_left_the_node_is_superseded(session: Session) -> None:
    first = add_revision(session, kinds=ALL)
    add_revision(session, number=2, state=RevisionState.HELD)
    third = add_revision(session, number=3)
    named = {old.sop_instance_uid for old in _superseded(session, third)}
    assert named == {o.sop_instance_uid for o in first.outputs if o.kind != "key object"}


def test_objects_of_another_study_are_not_named(session: Session) -> None:
    first = add_revision(session)
    first.series.study_instance_uid = "1.9"  # a correction has moved the series
    assert _superseded(session, add_revision(session, number=2)) == ()


def test_each_place_gets_the_forms_that_it_asks_for_and_all_get_the_images(
    session: Session,
) -> None:
    places = {
        "pacs": FolderDestination(kind="folder", path=Path("x"), forms=("sr", "page")),
        "viewer": FolderDestination(kind="folder", path=Path("x"), forms=("key", "pdf")),
        "plain": FolderDestination(kind="folder", path=Path("x")),
    }
    asked = forms_for(["pacs", "viewer"], places)
    assert asked == (Form.SR, Form.PAGE, Form.PDF, Form.KEY)
    assert forms_for(["gone"], places) == (Form.SR,)
    made = (OutputKind.RESTORED, *(form.kind for form in asked))
    revision = add_revision(session, destinations=[*places], kinds=made)

    def at(name: str) -> list[str]:
        return [output.kind for output in outputs_for(session, revision, name, places)]

    assert at("pacs") == ["restored", "report", "page"]
    assert at("viewer") == ["restored", "pdf", "quality issue"]
    assert at("plain") == ["restored", "report"]


def test_a_new_revision_replaces_every_form_of_the_old_one(session: Session) -> None:
    forms = tuple(form.kind for form in Form)
    add_revision(session, kinds=(OutputKind.RESTORED, *forms, OutputKind.KEY_OBJECT))
    new = add_revision(session, number=2)
    assert {old.kind for old in _superseded(session, new)} == {OutputKind.RESTORED, *forms}
