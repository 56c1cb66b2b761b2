"""Objects that arrive, and what becomes of their files, for tests of what a person decides."""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pydicom
from sqlalchemy import select

from medq_node.config import Config
from medq_node.intake.completion import Completion
from medq_node.intake.grouping import Intake
from medq_node.intake.quiet import QuietTime
from medq_node.intake.service import incoming_files
from medq_node.retention import Retention
from medq_node.store.states import RevisionState
from medq_node.store.tables import Instance, Quarantine, Revision, utc_now
from tests.desk.conftest import Desk


def push(desk: Desk, files: list[Path], close: bool = True) -> None:
    """Files through intake into rows, and a revision of what is new."""
    for number, file in enumerate(files):
        stamp = utc_now().strftime("%Y%m%dT%H%M%S.%f")
        shutil.copyfile(file, desk.layout.incoming / f"{stamp}-{number}.dcm")
    group(desk)
    if close:
        complete(desk)


def group(desk: Desk, forward_to: tuple[str, ...] = ()) -> None:
    Intake(desk.sessions, desk.layout, forward_to).group(incoming_files(desk.layout))


def complete(desk: Desk) -> int:
    later = utc_now() + timedelta(days=1)
    quiet = QuietTime(0.0, 0.0, 1.0)
    return Completion(desk.sessions, desk.layout, quiet, utc_now()).close_quiet(later)


def settle(desk: Desk, state: RevisionState = RevisionState.DONE) -> None:
    """As if the pipeline had worked on all there is."""
    with desk.sessions.begin() as session:
        for revision in session.scalars(select(Revision)):
            revision.state, revision.finished_at = state, datetime(2026, 1, 1, tzinfo=UTC)


def corrected(files: list[Path], folder: Path, name: str, **changes: str) -> list[Path]:
    """The same objects with another patient's name, as a RIS correction sends them."""
    folder.mkdir()
    copies = []
    for file in files:
        ds = pydicom.dcmread(file)
        ds.PatientName = name
        for keyword, value in changes.items():
            setattr(ds, keyword, value)
        copies.append(folder / file.name)
        ds.save_as(copies[-1])
    return copies


def in_use(desk: Desk) -> list[str]:
    """Whose name the images bear that a new revision is made of."""
    with desk.sessions() as session:
        paths = session.scalars(select(Instance.path).order_by(Instance.id)).all()
    return [str(pydicom.dcmread(desk.layout.absolute(str(p))).PatientName) for p in paths]


def kinds(desk: Desk) -> dict[str, int]:
    with desk.sessions() as session:
        found = [str(kept.kind) for kept in session.scalars(select(Quarantine))]
    return {kind: found.count(kind) for kind in found}


def contents(desk: Desk) -> set[str]:
    """What lies anywhere below the data folder, by content."""
    files = [p for p in desk.layout.data.rglob("*.dcm") if p.is_file()]
    return {hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def retention(desk: Desk, keep_done_h: float = 0.0) -> Retention:
    config = Config()
    node = config.node.model_copy(update={"data": desk.layout.data})
    kept = config.retention.model_copy(update={"keep_done_h": keep_done_h})
    return Retention(config.model_copy(update={"node": node, "retention": kept}), desk.sessions)
