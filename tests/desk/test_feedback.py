"""What people say of a note is kept with the note that they meant."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from medq_node.desk.feedback import give_feedback
from medq_node.errors import MedqError
from medq_node.status import node_status
from medq_node.store.states import FeedbackVerdict, HoldKind, RevisionState
from medq_node.store.tables import (
    Assessment,
    Feedback,
    Output,
    Revision,
    Series,
    StudyNote,
    utc_now,
)
from tests.desk.conftest import Desk


def assessed(desk: Desk, uid: str, note: str = "series") -> int:
    row_id = desk.add_series(uid, RevisionState.DONE, note=note)
    with desk.sessions.begin() as session:
        session.add(assessment(row_id))
        session.add(output(f"{uid}.7", f"{uid}.8", revision_id=row_id))
    return row_id


def assessment(revision_id: int) -> Assessment:
    return Assessment(
        revision_id=revision_id,
        engine="classical",
        engine_version="1",
        engine_digest="0" * 64,
        verdict="good",
        sentence_before="Good.",
        taken="unchanged",
        reasons=[],
    )


def output(series: str, sop: str, **of: int) -> Output:
    return Output(
        kind="report",
        sop_class_uid="1.2",
        sop_instance_uid=sop,
        series_instance_uid=series,
        study_instance_uid="1.2",
        sha256="0" * 64,
        **of,
    )


def say(desk: Desk, named: str, verdict: str = "agree", why: str | None = None) -> tuple[str, ...]:
    return give_feedback(desk.sessions, named, FeedbackVerdict(verdict), why, "bob")


@pytest.mark.parametrize("named", ["series-1", "1.2", "1.2.7", "1.2.8"])
def test_a_note_is_named_by_its_source_by_its_report_or_by_handle(desk: Desk, named: str) -> None:
    assessed(desk, "1.2")
    assert say(desk, named, "wrong", "no streaks here") == ("series-1",)
    assert say(desk, named) == ("series-1",)
    with desk.sessions() as session:
        first, second = session.scalars(select(Feedback).order_by(Feedback.id)).all()
        assert first.decision_id == session.get_one(Revision, 1).decision.id
    assert (first.verdict, first.why, first.by) == ("wrong", "no streaks here", "bob")
    assert (second.verdict, second.why) == ("agree", None)
    assert [line.what for line in desk.audit()] == ["feedback: wrong", "feedback: agree"]
    status = node_status(desk.sessions, desk.layout)
    assert status.feedback == {"wrong": 1, "agree": 1}
    assert [said.verdict for said in status.series[0].feedback] == ["wrong", "agree"]


def test_the_newest_note_of_a_source_is_meant(desk: Desk) -> None:
    assessed(desk, "1.2")
    with desk.sessions.begin() as session:
        series = session.scalars(select(Series)).one()
        for number, state in ((2, RevisionState.DONE), (3, RevisionState.PROCESSING)):
            revision = Revision(
                series=series,
                number=number,
                state=state,
                images=1,
                snapshot={},
                created_at=utc_now(),
            )
            session.add(revision)
            session.flush()
            if state is RevisionState.DONE:
                session.add(output("1.2.17", "1.2.18", revision_id=revision.id))
    assert say(desk, "1.2") == ("series-2",)
    assert say(desk, "1.2.8") == ("series-1",), "a report is the note that it is"


def test_a_word_on_a_study_is_a_word_on_each_of_its_series(desk: Desk) -> None:
    one, two = assessed(desk, "1.2", "study"), assessed(desk, "1.3", "study")
    note = desk.add_note(RevisionState.DONE, None, one, two)
    with desk.sessions.begin() as session:
        session.add(output("1.9.7", "1.9.8", study_note_id=note))
    for named in (f"study-{note}", "1.9.7", "1.9.8"):
        assert say(desk, named) == (f"series-{one}", f"series-{two}")
    assert node_status(desk.sessions, desk.layout).feedback == {"agree": 6}


def test_a_series_of_a_study_has_a_note_once_the_study_has(desk: Desk) -> None:
    row_id = desk.add_series("1.2", RevisionState.DONE, note="study")
    with desk.sessions.begin() as session:
        session.add(assessment(row_id))
        restored = output("1.2.7", "1.2.8", revision_id=row_id)
        restored.kind = "restored"
        session.add(restored)
    note = desk.add_note(RevisionState.COMPLETE, None, row_id)
    for named in ("series-1", "1.2", "1.2.7"):
        with pytest.raises(MedqError, match="has no note yet"):
            say(desk, named)
    with desk.sessions.begin() as session:
        session.get_one(StudyNote, note).state = RevisionState.DONE
    for named in ("series-1", "1.2", "1.2.7"):
        assert say(desk, named) == ("series-1",)


def test_where_there_is_no_note_there_is_nothing_to_say(desk: Desk) -> None:
    desk.add_series("1.2", RevisionState.COMPLETE)
    desk.add_series("1.3", hold=HoldKind.UNFIT)
    desk.add_note(RevisionState.COMPLETE, None, 1)
    for named, told in (
        ("1.2", "has no note yet"),
        ("series-1", "it is complete"),
        ("series-2", "it is held"),
        ("study-1", "isn't written yet"),
        ("1.2.3.4.5", "no series and no report of that UID"),
        ("series-7", "no such series"),
        ("study-7", "no such note"),
        ("delivery-1", "is no note"),
        ("something", "is no handle"),
    ):
        with pytest.raises(MedqError, match=told):
            say(desk, named)
    assert desk.audit() == []
