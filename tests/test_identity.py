"""A series that names another patient than its study waits for a person."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from medq_node.config_trust import IDENTITY_KEYWORDS
from medq_node.identity import identity_conflict
from medq_node.store.database import migrate, open_database
from medq_node.store.states import HoldKind, RevisionState
from medq_node.store.tables import Revision, Series, utc_now

ALL_KEYS = (*IDENTITY_KEYWORDS, "StudyInstanceUID")


@pytest.fixture
def session(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'medq.sqlite'}"
    migrate(url)
    with open_database(url)() as session:
        yield session


@pytest.fixture
def add(session: Session) -> Callable[..., Revision]:
    """A complete series of study 9 of patient P1; keywords -> one value or several."""
    uids = itertools.count(1)

    def one(series: Series | None = None, **changes: Any) -> Revision:
        columns = {
            name: changes.pop(name)
            for name in ("state", "hold", "reason", "identity_accepted")
            if name in changes
        }
        now = utc_now()
        series = series or Series(
            series_instance_uid=f"1.{next(uids)}",
            study_instance_uid="9",
            first_arrival=now,
            last_arrival=now,
        )
        said = {"PatientID": "P1", "StudyInstanceUID": "9", "AccessionNumber": "A1", **changes}
        snapshot = {
            keyword: [[v] if v else [] for v in (value if isinstance(value, list) else [value])]
            for keyword, value in said.items()
            if value is not None
        }
        revision = Revision(
            **{
                "series": series,
                "number": len(series.revisions) + 1,
                "state": RevisionState.DONE,
                "images": 1,
                "snapshot": snapshot,
                **columns,
            }
        )
        session.add(revision)
        session.flush()
        return revision

    return one


@pytest.fixture
def conflict(session: Session) -> Callable[..., str | None]:
    return lambda revision, keywords=IDENTITY_KEYWORDS: identity_conflict(
        session, revision, keywords
    )


def test_one_patient_in_one_study_is_no_conflict(add, conflict) -> None:
    for revision in (add(), add(), add(PatientID="P1 ")):
        assert conflict(revision) is None


def test_another_patient_id_is_told_without_quoting_it(add, conflict) -> None:
    for _ in range(3):
        add()
    why = conflict(add(PatientID="SECRET"))
    assert why == "Patient ID differs from that of 3 other series of this study"


def test_the_first_series_is_never_the_one_that_differs(add, conflict) -> None:
    first = add()
    add(PatientID="P2")
    assert conflict(first) is None


def test_a_missing_patient_id_is_another_patient_id(add, conflict) -> None:
    add()
    for missing in ("", None):
        assert conflict(add(PatientID=missing, state=RevisionState.PROCESSING)) is not None
    assert "within this series" in (conflict(add(PatientID=["P1", ""])) or "")


def test_elsewhere_what_nobody_typed_in_is_no_conflict(add, conflict) -> None:
    add(AccessionNumber="A1", IssuerOfPatientID=None)
    assert conflict(add(AccessionNumber="", IssuerOfPatientID="HOSPITAL")) is None
    assert conflict(add(AccessionNumber=["A1", ""])) is None
    assert conflict(add(AccessionNumber="A2")) is not None


def test_several_differences_make_one_sentence(add, conflict) -> None:
    add()
    assert conflict(add(PatientID="P2", AccessionNumber="A2")) == (
        "Patient ID and Accession Number differ from those of 1 other series of this study"
    )
    assert conflict(add(PatientID=["P1", "P2"], AccessionNumber="A3")) == (
        "Patient ID differs within this series; "
        "Accession Number differs from that of 2 other series of this study"
    )


def test_two_patients_in_one_series_are_a_conflict(add, conflict) -> None:
    assert conflict(add(PatientID=["P1", "P2"])) == "Patient ID differs within this series"


def test_two_studies_in_one_series_are_always_a_conflict(add, conflict) -> None:
    mixed = add(StudyInstanceUID=["9", "10"])
    assert conflict(mixed, ()) == "Study Instance UID differs within this series"


def test_only_what_the_settings_name_is_compared(add, conflict) -> None:
    add()
    assert conflict(add(PatientID="P2"), ("AccessionNumber",)) is None


def test_another_study_says_nothing(add, conflict) -> None:
    add().series.study_instance_uid = "10"
    assert conflict(add(PatientID="P2")) is None


@pytest.mark.parametrize(
    "silent",
    [
        {"state": RevisionState.HELD, "hold": HoldKind.IDENTITY},
        {"state": RevisionState.DROPPED},
        {"state": RevisionState.IGNORED, "reason": "loop firewall: nothing"},
    ],
)
def test_what_is_itself_in_doubt_says_nothing(add, conflict, silent) -> None:
    add(PatientID="P2", **silent)
    assert conflict(add(PatientID="P1")) is None


@pytest.mark.parametrize(
    "speaks",
    [
        {"state": RevisionState.HELD, "hold": HoldKind.ENGINE},
        {"state": RevisionState.IGNORED, "reason": "no rule"},
        {"state": RevisionState.IGNORED},
        {"state": RevisionState.REFUSED},
    ],
)
def test_what_is_not_worked_on_still_says_who_it_is(add, conflict, speaks) -> None:
    add(PatientID="P2", **speaks)
    assert conflict(add(PatientID="P1")) is not None


def test_what_a_person_accepted_is_the_same_from_then_on(add, conflict) -> None:
    add()
    add(PatientID="P2", identity_accepted=True)
    assert conflict(add(PatientID="P2")) is None
    assert conflict(add(PatientID="P1")) is None
    assert conflict(add(PatientID="P3")) is not None


def test_late_images_of_an_accepted_mixture_are_not_asked_about_again(add, conflict) -> None:
    mixed = add(PatientID=["P1", "P2"], identity_accepted=True)
    second = add(mixed.series, PatientID=["P1", "P2"])
    assert conflict(second) is None
    third = add(mixed.series, PatientID=["P1", "P2"])
    assert conflict(third) is None
    assert conflict(add(mixed.series, PatientID=["P1", "P2", "P3"])) is not None


def test_late_images_of_another_patient_are_seen_after_retention_took_the_first(
    add, conflict
) -> None:
    """The new revision's snapshot holds only what lies on disk: the late images."""
    first = add()
    why = conflict(add(first.series, PatientID="P2"))
    assert why == "Patient ID differs from that of its earlier images"


def test_one_that_is_not_decided_on_yet_does_not_vouch_for_the_next(add, conflict) -> None:
    """Two series of a wrong patient that are judged in the same moment."""
    add()
    second = add(PatientID="P2", state=RevisionState.COMPLETE)
    assert conflict(add(PatientID="P2")) is not None
    assert conflict(add()) is None, "nor does it put the right patient in doubt"
    assert conflict(second) is not None


def test_the_newest_revision_of_a_series_speaks_for_it(add, conflict) -> None:
    old = add(AccessionNumber="")
    add(old.series, AccessionNumber="A1")
    assert conflict(add(AccessionNumber="A2")) == (
        "Accession Number differs from that of 1 other series of this study"
    )
