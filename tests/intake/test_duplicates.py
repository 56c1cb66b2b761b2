"""What is sent again makes no second result; what differs under one UID is kept aside, once."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from sqlalchemy import select

from medq_node.children import Children
from medq_node.intake import service
from medq_node.intake.arrival import data_set_digest
from medq_node.intake.grouping import Intake
from medq_node.intake.service import Comparing, incoming_files
from medq_node.places import Place
from medq_node.store.database import Sessions
from medq_node.store.states import KeptKind
from medq_node.store.tables import Delivery, Instance, Quarantine, Series, utc_now
from tests.build import ct_series
from tests.intake.test_intake import arrive, close, group, layout, sessions

__all__ = ["layout", "sessions"]


def only_series(sessions: Sessions) -> Series:
    with sessions() as session:
        return session.scalars(select(Series)).one()


def kept(sessions: Sessions) -> list[Quarantine]:
    with sessions() as session:
        return list(session.scalars(select(Quarantine).order_by(Quarantine.id)))


def recoded(file: Path, target: Path, syntax: pydicom.uid.UID) -> Path:
    ds = pydicom.dcmread(file)
    if syntax == ExplicitVRBigEndian:
        words = bytearray(ds.PixelData)
        words[0::2], words[1::2] = words[1::2], words[0::2]
        ds.PixelData = bytes(words)
    ds.file_meta.TransferSyntaxUID = syntax
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    pydicom.dcmwrite(target, ds, implicit_vr=implicit, little_endian=little)
    return target


def changed(file: Path, target: Path, **values: object) -> Path:
    ds = pydicom.dcmread(file)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    ds.save_as(target)
    return target


def caller(file: Path, target: Path, ae_title: str) -> Path:
    """As the receiver writes it: the caller stands in the file meta."""
    ds = pydicom.dcmread(file)
    ds.file_meta.SendingApplicationEntityTitle = ae_title
    ds.save_as(target)
    return target


def test_what_is_sent_again_is_counted(sessions, layout, tmp_path) -> None:
    files = ct_series(tmp_path / "a", slices=3)
    for at_s in (0, 10, 20):
        for i, file in enumerate(files):
            arrive(layout, file, at_s + i, f"{at_s + i}.dcm")
        group(sessions, layout)
    series = only_series(sessions)
    assert series.repeats == 6
    assert kept(sessions) == []
    assert incoming_files(layout) == []


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_same_image_in_another_encoding_is_the_same_image(
    sessions, layout, tmp_path, syntax
) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    other = recoded(file, tmp_path / "other.dcm", syntax)
    assert data_set_digest(other) != data_set_digest(file)
    for at_s, sent in enumerate((file, other, other)):
        arrive(layout, sent, at_s)
    assert group(sessions, layout) == 1
    assert only_series(sessions).repeats == 2
    assert kept(sessions) == []


def test_other_content_under_a_known_uid_is_kept_once_and_counted(
    sessions, layout, tmp_path
) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    other = changed(file, tmp_path / "other.dcm", PatientID="SOMEBODY-ELSE")
    for at_s, sent in enumerate((file, other, other)):
        arrive(layout, sent, at_s)
        group(sessions, layout)
    (clash,) = kept(sessions)
    assert clash.kind is KeptKind.CLASH
    assert clash.digest == data_set_digest(other)
    assert layout.absolute(clash.path).read_bytes() == other.read_bytes()
    assert only_series(sessions).repeats == 1
    with sessions() as session:
        assert session.scalars(select(Instance)).one().digest == data_set_digest(file)
    third = changed(file, tmp_path / "third.dcm", PatientID="A-THIRD")
    arrive(layout, third, 9)
    group(sessions, layout)
    assert [k.kind for k in kept(sessions)] == [KeptKind.CLASH, KeptKind.CLASH]


def test_a_clash_that_somebody_dropped_is_kept_when_it_comes_again(
    sessions, layout, tmp_path
) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    other = changed(file, tmp_path / "other.dcm", PatientID="SOMEBODY-ELSE")
    for at_s, sent in enumerate((file, other)):
        arrive(layout, sent, at_s)
        group(sessions, layout)
    with sessions.begin() as session:
        session.scalars(select(Quarantine)).one().dropped_at = utc_now()
    arrive(layout, other, 5, "again.dcm")
    group(sessions, layout)
    assert len(kept(sessions)) == 2


def test_inline_a_clash_that_comes_again_is_forwarded_again(sessions, layout, tmp_path) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    other = changed(file, tmp_path / "other.dcm", PatientID="SOMEBODY-ELSE")
    for at_s, sent in enumerate((file, other, other)):
        arrive(layout, sent, at_s)
        group(sessions, layout, ("pacs",))
    assert [k.kind for k in kept(sessions)] == [KeptKind.CLASH, KeptKind.AGAIN]
    with sessions() as session:
        handed_over = {d.quarantine_id for d in session.scalars(select(Delivery))}
    assert handed_over == {k.id for k in kept(sessions)}, "the PACS gets both"


def test_what_retention_removed_can_only_be_known_by_its_digest(sessions, layout, tmp_path) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    arrive(layout, file, 0)
    group(sessions, layout)
    with sessions.begin() as session:
        session.scalars(select(Instance)).one().path = None
    arrive(layout, file, 1)
    arrive(layout, recoded(file, tmp_path / "other.dcm", ImplicitVRLittleEndian), 2)
    group(sessions, layout)
    assert only_series(sessions).repeats == 1
    assert [k.kind for k in kept(sessions)] == [KeptKind.CLASH]


def test_two_studies_in_one_series_are_seen_in_its_snapshot(sessions, layout, tmp_path) -> None:
    one, two = ct_series(tmp_path / "a", slices=2)
    arrive(layout, one, 0)
    arrive(layout, changed(two, tmp_path / "b.dcm", StudyInstanceUID="2.25.7", PatientID="X"), 1)
    group(sessions, layout)
    close(sessions, layout, 100)
    with sessions() as session:
        (revision,) = session.scalars(select(Series)).one().revisions
    assert len(revision.snapshot["StudyInstanceUID"]) == 2
    assert len(revision.snapshot["PatientID"]) == 2


@pytest.mark.parametrize("again", [True, False], ids=["the same image", "another image"])
def test_an_archive_that_routes_faster_than_the_scanner_does_not_own_the_series(
    sessions, layout, tmp_path, again: bool
) -> None:
    """Else a series of derived images would be left alone as if only the archive had sent it."""
    files = ct_series(tmp_path / "a", slices=2)
    intake = Intake(sessions, layout, limited=frozenset({"PACS"}))
    arrive(layout, caller(files[0], tmp_path / "first.dcm", "PACS"), 0)
    intake.group(incoming_files(layout))
    assert only_series(sessions).calling_ae_title == "PACS"
    by_scanner = files[0 if again else 1]
    arrive(layout, caller(by_scanner, tmp_path / "second.dcm", "SCANNER"), 1)
    intake.group(incoming_files(layout))
    assert only_series(sessions).calling_ae_title == "SCANNER"
    arrive(layout, caller(files[1], tmp_path / "third.dcm", "PACS"), 2)
    intake.group(incoming_files(layout))
    assert only_series(sessions).calling_ae_title == "SCANNER"


def test_a_comparison_that_crashes_or_hangs_leaves_intake_alive(tmp_path, monkeypatch) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    comparing = Comparing(Children([Place()], timeout_s=30.0))
    try:
        assert comparing.same_content(file, file)
        monkeypatch.setattr(service, "same_content", crash)
        assert not comparing.same_content(file, file)
        monkeypatch.undo()
        assert comparing.same_content(file, file)
    finally:
        comparing.children.kill()


def crash(_one: Path, _other: Path) -> bool:
    import os

    os.abort()
