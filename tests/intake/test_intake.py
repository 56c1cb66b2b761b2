"""Files that arrive become series, a quiet series becomes a revision, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pydicom
import pytest
from sqlalchemy import select

from medq_node.intake.completion import FRAGMENT, Completion
from medq_node.intake.grouping import Intake
from medq_node.intake.quiet import QuietTime
from medq_node.intake.service import incoming_files
from medq_node.layout import Layout
from medq_node.store.database import Sessions, migrate, open_database
from medq_node.store.states import KeptKind, RevisionState
from medq_node.store.tables import Delivery, Instance, Quarantine, Revision, Series
from tests.build import ct_series

START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
QUIET = QuietTime(minimum_s=5.0, maximum_s=120.0, factor=4.0)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.make()
    return layout


@pytest.fixture
def sessions(layout: Layout) -> Sessions:
    url = f"sqlite:///{layout.data / 'medq.sqlite'}"
    migrate(url)
    return open_database(url)


def arrive(layout: Layout, file: Path, at_s: float, name: str | None = None) -> Path:
    """Put a file where the receiver would, ``at_s`` seconds after the start of the day."""
    target = layout.incoming / (name or f"{at_s:012.3f}-{file.name}")
    shutil.copyfile(file, target)
    stamp = (START + timedelta(seconds=at_s)).timestamp()
    os.utime(target, (stamp, stamp))
    return target


def group(sessions: Sessions, layout: Layout, forward_to: tuple[str, ...] = ()) -> int:
    return Intake(sessions, layout, forward_to).group(incoming_files(layout))


def close(sessions: Sessions, layout: Layout, at_s: float, forward_to: tuple[str, ...] = ()) -> int:
    completion = Completion(sessions, layout, QUIET, START, forward_to)
    return completion.close_quiet(START + timedelta(seconds=at_s))


def test_a_series_is_grouped_whatever_the_order(sessions, layout, tmp_path) -> None:
    first = ct_series(tmp_path / "a", slices=4)
    second = ct_series(tmp_path / "b", slices=3)
    for at_s, file in enumerate([first[2], second[0], first[0], second[2], first[3], second[1]]):
        arrive(layout, file, at_s, f"{at_s}.dcm")
    arrive(layout, first[1], 6, "6.dcm")
    assert group(sessions, layout) == 7
    with sessions() as session:
        counts = sorted(len(s.instances) for s in session.scalars(select(Series)))
    assert counts == [3, 4]
    assert incoming_files(layout) == []


def test_originals_stay_byte_for_byte(sessions, layout, tmp_path) -> None:
    files = ct_series(tmp_path / "a", slices=2)
    for at_s, file in enumerate(files):
        arrive(layout, file, at_s)
    group(sessions, layout)
    with sessions() as session:
        for file in files:
            uid = str(pydicom.dcmread(file).SOPInstanceUID)
            row = session.scalars(select(Instance).where(Instance.sop_instance_uid == uid)).one()
            assert layout.absolute(row.path).read_bytes() == file.read_bytes()


def test_quiet_time_adapts_to_the_pauses_of_the_scanner(sessions, layout, tmp_path) -> None:
    files = ct_series(tmp_path / "a", slices=3)
    for at_s, file in zip((0.0, 10.0, 20.0), files, strict=True):
        arrive(layout, file, at_s)
    group(sessions, layout)
    # The longest pause was 10 s: four times that, not the minimum of 5 s, is silence.
    assert close(sessions, layout, at_s=50.0) == 0
    assert close(sessions, layout, at_s=60.5) == 1
    with sessions() as session:
        assert session.scalars(select(Revision)).one().images == 3


def test_after_a_restart_the_timer_runs_again(sessions, layout, tmp_path) -> None:
    arrive(layout, ct_series(tmp_path / "a", slices=1)[0], 0.0)
    group(sessions, layout)
    restarted = START + timedelta(hours=1)
    completion = Completion(sessions, layout, QUIET, listening_since=restarted)
    assert completion.close_quiet(restarted + timedelta(seconds=4)) == 0
    assert completion.close_quiet(restarted + timedelta(seconds=6)) == 1


def test_late_images_make_the_next_revision(sessions, layout, tmp_path) -> None:
    files = ct_series(tmp_path / "a", slices=3)
    for at_s, file in enumerate(files[:2]):
        arrive(layout, file, at_s)
    group(sessions, layout)
    close(sessions, layout, at_s=100)
    arrive(layout, files[2], 3600)
    group(sessions, layout)
    close(sessions, layout, at_s=3700)
    with sessions() as session:
        one, two = session.scalars(select(Revision).order_by(Revision.number)).all()
        assert (one.images, two.images) == (2, 3)
        assert two.predecessor_id == one.id
        assert two.series.longest_gap_s <= 1.0, "an hour's lateness is no pause to adapt to"


def test_late_images_of_what_retention_removed_are_passed_on_and_not_worked_on(
    sessions, layout, tmp_path
) -> None:
    files = ct_series(tmp_path / "a", slices=3)
    for at_s, file in enumerate(files[:2]):
        arrive(layout, file, at_s)
    group(sessions, layout, ("pacs",))
    close(sessions, layout, 100, ("pacs",))
    with sessions.begin() as session:
        for instance in session.scalars(select(Instance)):
            instance.path = None
    arrive(layout, files[2], 200)
    group(sessions, layout, ("pacs",))
    assert close(sessions, layout, 400, ("pacs",)) == 1
    with sessions() as session:
        first, second = session.scalars(select(Revision).order_by(Revision.number)).all()
        assert (first.state, first.reason) == (RevisionState.COMPLETE, None)
        assert (second.state, second.reason) == (RevisionState.REFUSED, FRAGMENT)
        assert second.finished_at is not None
        [delivery] = second.deliveries
        assert (delivery.destination, delivery.total) == ("pacs", 1)


def test_the_same_image_again_changes_nothing(sessions, layout, tmp_path) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    arrive(layout, file, 0)
    group(sessions, layout)
    arrive(layout, file, 1)
    assert group(sessions, layout) == 0
    with sessions() as session:
        assert len(session.scalars(select(Instance)).all()) == 1
    assert incoming_files(layout) == []


def test_the_same_image_twice_at_once_is_counted_as_sent_again(sessions, layout, tmp_path) -> None:
    """An archive that routes brings its copy while the scanner's still waits."""
    file = ct_series(tmp_path / "a", slices=1)[0]
    arrive(layout, file, 0)
    arrive(layout, file, 1)
    assert group(sessions, layout, ("pacs",)) == 1
    with sessions() as session:
        assert session.scalars(select(Series)).one().repeats == 1
        assert session.scalars(select(Quarantine)).one().kind is KeptKind.AGAIN
    assert incoming_files(layout) == []


def test_another_image_under_the_same_uid_is_kept_aside(sessions, layout, tmp_path) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    arrive(layout, file, 0)
    group(sessions, layout)
    other = pydicom.dcmread(file)
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(tmp_path / "other.dcm")
    arrive(layout, tmp_path / "other.dcm", 1)
    assert group(sessions, layout) == 0
    with sessions() as session:
        kept = session.scalars(select(Quarantine)).one()
    assert "came before" in kept.reason
    assert layout.absolute(kept.path).read_bytes() == (tmp_path / "other.dcm").read_bytes()


def test_what_is_no_data_set_is_kept_aside_and_forwarded_inline(sessions, layout) -> None:
    (layout.incoming / "1.dcm").write_bytes(b"\x00" * 128 + b"DICM" + b"rubbish, not a data set")
    assert group(sessions, layout, forward_to=("pacs",)) == 0
    with sessions() as session:
        kept = session.scalars(select(Quarantine)).one()
        assert session.scalars(select(Delivery)).one().quarantine_id == kept.id
    assert layout.absolute(kept.path).exists()


def test_inline_originals_are_handed_over_before_anything_else(sessions, layout, tmp_path) -> None:
    for at_s, file in enumerate(ct_series(tmp_path / "a", slices=2)):
        arrive(layout, file, at_s)
    group(sessions, layout, ("pacs",))
    close(sessions, layout, 100, ("pacs",))
    with sessions() as session:
        delivery = session.scalars(select(Delivery)).one()
    assert (delivery.content, delivery.total, delivery.destination) == ("originals", 2, "pacs")


def test_a_crash_between_row_and_rename_is_finished(
    sessions, layout, tmp_path, monkeypatch
) -> None:
    file = ct_series(tmp_path / "a", slices=1)[0]
    waiting = arrive(layout, file, 0)
    with monkeypatch.context() as power_cut:
        power_cut.setattr(Intake, "_move", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            group(sessions, layout)
    assert waiting.exists()
    group(sessions, layout)
    with sessions() as session:
        row = session.scalars(select(Instance)).one()
    assert layout.absolute(row.path).read_bytes() == file.read_bytes()


def test_the_snapshot_holds_distinct_values_and_no_bulk(sessions, layout, tmp_path) -> None:
    for at_s, file in enumerate(ct_series(tmp_path / "a", slices=3)):
        arrive(layout, file, at_s)
    group(sessions, layout)
    close(sessions, layout, 100)
    with sessions() as session:
        snapshot = session.scalars(select(Revision)).one().snapshot
    assert snapshot["Modality"] == [["CT"]]
    assert sorted(v[0] for v in snapshot["InstanceNumber"]) == [1, 2, 3]
    assert "PixelData" not in snapshot


def poisoned(file: Path, target: Path) -> Path:
    """A copy of ``file`` with an element whose length no FD can have."""
    ds = pydicom.dcmread(file)
    ds.SingleCollimationWidth = 0.625
    ds.save_as(target)
    whole = target.read_bytes()
    at = whole.index(b"\x18\x00\x06\x93FD\x08\x00")
    target.write_bytes(whole[:at] + b"\x18\x00\x06\x93FD\x04\x00\0\0\0\0" + whole[at + 16 :])
    return target


def test_one_malformed_element_stops_neither_its_series_nor_the_next(
    sessions, layout, tmp_path
) -> None:
    bad = poisoned(ct_series(tmp_path / "a", slices=1)[0], tmp_path / "bad.dcm")
    arrive(layout, bad, 0)
    arrive(layout, ct_series(tmp_path / "b", slices=1)[0], 1)
    group(sessions, layout, ("pacs",))
    assert close(sessions, layout, 100, ("pacs",)) == 2
    with sessions() as session:
        for revision in session.scalars(select(Revision)):
            assert revision.snapshot["Modality"] == [["CT"]]
        assert len(session.scalars(select(Delivery)).all()) == 2


def test_a_truncated_deflated_object_is_kept_aside(sessions, layout, tmp_path) -> None:
    ds = pydicom.dcmread(ct_series(tmp_path / "a", slices=1)[0])
    ds.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    ds.save_as(tmp_path / "deflated.dcm")
    cut = tmp_path / "cut.dcm"
    cut.write_bytes((tmp_path / "deflated.dcm").read_bytes()[:-40])
    arrive(layout, cut, 0)
    arrive(layout, ct_series(tmp_path / "b", slices=1)[0], 1)
    assert group(sessions, layout) >= 1
    with sessions() as session:
        taken = len(session.scalars(select(Instance)).all())
        aside = len(session.scalars(select(Quarantine)).all())
    assert taken + aside == 2


def test_inline_what_is_sent_again_is_forwarded_again(sessions, layout, tmp_path) -> None:
    """Even after retention removed it: nobody else can give the PACS its copy."""
    file = ct_series(tmp_path / "a", slices=1)[0]
    arrive(layout, file, 0)
    group(sessions, layout, ("pacs",))
    with sessions.begin() as session:
        known = session.scalars(select(Instance)).one()
        layout.absolute(known.path).unlink()
        known.path = None
    arrive(layout, file, 1)
    assert group(sessions, layout, ("pacs",)) == 0
    with sessions() as session:
        again = session.scalars(select(Quarantine)).one()
        delivery = session.scalars(select(Delivery)).one()
    assert again.kind is KeptKind.AGAIN
    assert delivery.quarantine_id == again.id
    assert layout.absolute(again.path).read_bytes() == file.read_bytes()
