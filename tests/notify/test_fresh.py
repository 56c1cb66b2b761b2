"""Only a scan that can still be repeated is worth telling, and only once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from medq_node.config import NotificationSettings
from medq_node.fresh import newest_date, worth_telling
from medq_node.snapshot import Snapshot
from medq_node.store.database import Sessions
from medq_node.store.states import DeliveryState
from medq_node.store.tables import Notice, Revision
from tests.notify.rows import notices, rejected

NOW = datetime(2026, 3, 10, 9, 30).astimezone()
KEYWORDS = ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")


def told(snapshot: Snapshot, now: datetime = NOW, within_h: float = 24.0) -> bool:
    settings = NotificationSettings(newest_scan_within_h=within_h)
    return worth_telling(Revision(id=7, snapshot=snapshot), settings, now)


@pytest.mark.parametrize(
    ("day", "worth"),
    [
        ("20260310", True),
        ("20260309", True),
        ("20260308", False),
        ("20240102", False),
        ("20260311", True),
        ("20991231", True),
    ],
)
def test_today_yesterday_and_what_a_wrong_clock_calls_tomorrow_are_told(
    day: str, worth: bool
) -> None:
    assert told({"StudyDate": [[day]]}) is worth


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_the_newest_date_counts_whichever_it_is(keyword: str) -> None:
    """A study of last week to which a series was added today."""
    old: Snapshot = {k: [["20260302"]] for k in KEYWORDS}
    assert not told(old)
    assert told({**old, keyword: [[], ["20260302"], ["20260301", "20260310"]]})


@pytest.mark.parametrize("date", [None, "", "yesterday", "20260230", "00000000", "2026031", "2026"])
def test_a_series_that_says_no_date_is_told(date: str | None) -> None:
    assert told({} if date is None else {"StudyDate": [[date]], "SeriesDate": [[]]})


def test_the_day_of_birth_and_other_dates_say_nothing() -> None:
    assert told({"PatientBirthDate": [["19010203"]], "StudyTime": [["101500"]]})


@pytest.mark.parametrize("text", ["2026.03.01", "2026-03-01", " 20260301 "])
def test_old_and_careless_ways_to_write_a_date_are_read(text: str) -> None:
    assert newest_date({"StudyDate": [[text]]}) == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("within_h", "day", "worth"),
    [
        (0, "20260310", True),
        (0, "20260309", False),
        (9, "20260309", False),
        (10, "20260309", True),
        (72, "20260307", True),
        (72, "20260306", False),
        (876_000, "19270101", True),
    ],
)
def test_the_limit_is_a_setting_and_a_scan_may_be_of_the_end_of_its_day(
    within_h: float, day: str, worth: bool
) -> None:
    assert told({"StudyDate": [[day]]}, within_h=within_h) is worth


def test_just_after_midnight_the_night_s_scans_are_fresh_by_the_clock_on_the_wall() -> None:
    """Whatever the zone in which the time is handed over."""
    midnight = datetime(2026, 3, 10, 0, 5).astimezone().astimezone(UTC)
    assert told({"StudyDate": [["20260309"]]}, midnight, within_h=1)
    assert not told({"StudyDate": [["20260308"]]}, midnight, within_h=1)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 24 * 365))
def test_an_older_scan_is_never_told_where_a_newer_one_is_not(day: date, within_h: int) -> None:
    before = day - timedelta(days=1)
    newer = told({"StudyDate": [[f"{day:%Y%m%d}"]]}, within_h=within_h)
    older = told({"StudyDate": [[f"{before:%Y%m%d}"]]}, within_h=within_h)
    assert newer >= older
    assert newer == (day >= (NOW - timedelta(hours=within_h)).date())


def test_the_log_says_so_and_names_nothing_but_the_revision() -> None:
    url = "https://chat.example/T0KEN"
    settings = NotificationSettings.model_validate(
        {"targets": {"room": {"kind": "webhook", "url": url}}}
    )
    old = Revision(id=7, snapshot={"StudyDate": [["20240102"]], "PatientID": [["XMARKX"]]})
    with structlog.testing.capture_logs() as logs:
        assert not worth_telling(old, settings, NOW)
        assert not worth_telling(old, NotificationSettings(), NOW)
    assert logs == [
        {"event": "not told: the scan is not of today", "log_level": "info", "revision": 7}
    ], "where nobody is ever told, nothing is to be said"


def test_late_images_of_a_series_that_was_told_alarm_nobody_again(sessions: Sessions) -> None:
    assert len(rejected(sessions, ["room", "physicist"])) == 2
    assert rejected(sessions, ["room", "physicist"]) == []
    assert len(rejected(sessions, ["room"], uid="1.2.4")) == 1, "another series is another matter"


def test_who_was_not_told_of_the_first_revision_is_told_of_the_next(sessions: Sessions) -> None:
    """Given up, or not yet in the settings then."""
    [first] = rejected(sessions, ["room"])
    with sessions.begin() as session:
        session.get_one(Notice, first).state = DeliveryState.DEAD
    assert len(rejected(sessions, ["room", "physicist"])) == 2
    assert rejected(sessions, ["room", "physicist"]) == []
    assert [notice.target for notice in notices(sessions)] == ["room", "room", "physicist"]
