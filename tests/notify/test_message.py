"""What a notice says, and above all what it doesn't."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataset import Dataset

from medq_node.notify.email import Email
from medq_node.notify.message import Message, message_of
from medq_node.snapshot import header_snapshot
from medq_node.store.database import Sessions
from medq_node.store.seed import node_uid
from medq_node.store.tables import Notice, Revision
from tests.build import ct_series
from tests.notify.rows import QUALITY, message, rejected

MARK = "XMARKX"
_TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
_NEEDED = {"Modality", "SpecificCharacterSet"}


def everything_said(notice: Message) -> str:
    """All that leaves by either way, headers of the mail included."""
    email = Email("h", 25, False, None, None, "medq@hospital.example", ("ct@hospital.example",), 1)
    return json.dumps(notice.as_json()) + email._mail(notice).as_string()


def test_it_says_what_is_wrong_where_and_what_to_do(notice: Message) -> None:
    print(notice.text)
    told = notice.as_json()
    assert {k: v for k, v in told.items() if k not in ("id", "completed_at", "text")} == {
        "event": "series rejected",
        "product": "MedQ Node",
        "label": "MedQ RESEARCH",
        "node": "MEDQ",
        "scanner": "CT1",
        "modality": "CT",
        "images": 5,
        "revision": 1,
        "verdict": "reject",
        "quality": QUALITY,
        "advice": "Look at the series; consider repeating the scan while the patient is there.",
        "handle": "series-1",
        "command": "medq-node outputs preview series-1",
    }
    for part in ("reject", "CT1", "5 images", QUALITY, told["advice"], told["command"]):
        assert str(part) in notice.text


def test_its_time_has_an_offset_and_is_that_of_the_revision(notice: Message) -> None:
    completed = datetime.fromisoformat(str(notice.as_json()["completed_at"]))
    assert completed.utcoffset() is not None
    assert completed == datetime.fromisoformat("2026-03-01T10:15:00+00:00")


def test_nothing_that_identifies_is_in_it(tmp_path: Path, sessions: Sessions) -> None:
    """Every text of the dictionary is marked in the header, times and numbers are unmistakable."""
    ds = Dataset()
    for tag, (vr, *_) in DicomDictionary.items():
        keyword = keyword_for_tag(tag)
        if vr in _TEXT and keyword and tag >> 16 > 2 and keyword not in _NEEDED:
            setattr(ds, keyword, f"{MARK}^{MARK}" if vr == "PN" else MARK)
    marked = {element.keyword: element.value for element in ds}
    assert {"PatientName", "PatientID", "AccessionNumber", "StationName"} < set(marked)
    birth = {"PatientBirthDate": "19010203", "PatientAge": "117Y", "PatientWeight": "123.45"}
    file = ct_series(tmp_path, slices=1, **marked, **birth)[0]
    header = dcmread(file)
    snapshot = header_snapshot([file])
    assert MARK in json.dumps(snapshot), "the node knows them"
    [notice_id] = rejected(
        sessions,
        ["ct-room"],
        uid=header.SeriesInstanceUID,
        study_instance_uid=header.StudyInstanceUID,
        peer_host="10.9.8.7",
    )
    with sessions.begin() as session:
        session.get_one(Notice, notice_id).revision.snapshot = snapshot
    said = everything_said(message(sessions, notice_id))
    assert MARK not in said
    for value in ("19010203", "1901-02-03", "117", "123.45", "10.9.8.7", "20240102", "101500"):
        assert value not in said
    with sessions() as session:
        uids = [node_uid(session), *(str(e.value) for e in header if e.VR == "UI")]
    assert not [uid for uid in uids if uid in said or uid.removeprefix("2.25.") in said]
    assert not re.search(r"\d+(\.\d+){4,}", said), "nor any other UID"


@pytest.mark.parametrize("modality", ["SMITH^JOHN", "", None, "US"])
def test_a_modality_that_is_no_known_word_is_not_repeated(
    sessions: Sessions, modality: str | None
) -> None:
    [notice_id] = rejected(sessions, ["ct-room"], modality=modality)
    assert message(sessions, notice_id).modality == "unknown"


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("<!channel>", "??channel?"),
        ("@all", "?all"),
        ("A\r\nBcc: x@y.zz", "A??Bcc? x?y.zz"),
        ("", "an unnamed AE"),
        (None, "an unnamed AE"),
    ],
)
def test_a_scanner_cannot_call_a_whole_chat_or_forge_a_mail(
    sessions: Sessions, title: str | None, said: str
) -> None:
    [notice_id] = rejected(sessions, ["ct-room"], calling_ae_title=title)
    told = message(sessions, notice_id)
    assert told.scanner == said
    assert "Bcc" not in Email("h", 25, False, None, None, "a@b.cc", ("d@e.ff",), 1)._mail(told)


def test_the_id_is_of_the_node_the_revision_and_the_target(sessions: Sessions) -> None:
    first, second = rejected(sessions, ["ct-room", "physicist"])
    ids = {message(sessions, n).id for n in (first, second, first, second)}
    assert len(ids) == 2
    with sessions() as session:
        elsewhere = message_of(session.get_one(Notice, first), "2.25.1", "MEDQ")
    assert elsewhere.id not in ids


def test_late_images_are_said_so_that_nobody_looks_for_a_second_scan(sessions: Sessions) -> None:
    [notice_id] = rejected(sessions, ["ct-room"])
    assert "late images" not in message(sessions, notice_id).text
    with sessions.begin() as session:
        revision = session.get_one(Revision, session.get_one(Notice, notice_id).revision_id)
        revision.number = 2
    assert "with late images: version 2" in message(sessions, notice_id).text
