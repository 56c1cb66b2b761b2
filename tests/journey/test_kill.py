"""SIGKILL of any process at any moment, then restart: one restored series and one SR at the PACS.

Each row is a row of the table "the way of a series": a scanner pushes a series, the node is killed
at every point of the row, and afterwards nothing is lost, doubled or left lying about.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import yaml

from medq_node.roles import ROLES
from medq_node.status import settled
from tests.build import ct_series, phantom
from tests.faults.points import Faults, Point
from tests.faults.scanner import Scanner
from tests.faults.sitecustomize import descendants
from tests.node import Node, running_node, wait_for
from tests.peers import Orthanc, running_orthanc

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]

_SLICES = 6
_KINDS = {*ROLES, "child"}
_STEP_RECORDED = ("dbos._sys_db", "SystemDatabase.record_operation_result")
"""Reached when a step's own rows are committed and the workflow doesn't know of it yet."""

START = (
    Point(
        "tables-half-made",
        "alembic.ddl.impl",
        "DefaultImpl.create_table",
        "after",
        nth=4,
        victim="node",
    ),
    Point("role-not-ready", "medq_node.intake.service", "open_database"),
)

ROWS: dict[str, tuple[Point, ...]] = {
    "c-store": (
        Point("written-not-synced", "medq_node.receiver.spool", "IncomingFile.commit", nth=3),
        Point(
            "renamed-not-synced", "medq_node.receiver.spool", "Spool.sync_incoming", victim="node"
        ),
        Point(
            "durable-sender-not-told", "medq_node.receiver.storing", "ObjectStore.finish", "after"
        ),
    ),
    "group": (
        Point("rows-not-committed", "medq_node.intake.grouping", "Intake._add", "after"),
        Point("rows-but-no-move", "medq_node.intake.grouping", "Intake._move"),
        Point("moved-not-synced", "medq_node.intake.grouping", "sync_folder", victim="node"),
    ),
    "complete": (
        Point("revision-not-committed", "medq_node.intake.completion", "header_snapshot", "after"),
        Point("revision-committed", "medq_node.intake.completion", "Completion._close", "after"),
    ),
    "decide": (
        Point("decision-not-committed", "medq_node.pipeline", "record_decision", "after"),
        Point("decision-committed", *_STEP_RECORDED, containing="decide"),
    ),
    "assess, restore, write": (
        Point(
            "third-image-written",
            "medq_node.outputs.restored_stack",
            "write_restored_instance",
            "after",
            nth=3,
        ),
        Point("before-seal", "medq_node.workshop.produce", "write_result", "after"),
        Point("sealed-worker-not-told", "medq_node.workshop.produce", "produce", "after"),
        Point("result-not-committed", "medq_node.pipeline", "record_result", "after"),
        Point("result-committed", *_STEP_RECORDED, containing="produce", victim="node"),
    ),
    "certify": (
        Point("child-gone-between-tasks", "pebble.pool.process", "send_result", "after"),
        Point("verdict-not-kept", *_STEP_RECORDED, containing="certify"),
        Point("before-the-verdict", "medq_node.workshop.certify", "check_objects"),
    ),
    "deliver": (
        Point("delivery-not-committed", "medq_node.pipeline", "hand_over_revision", "after"),
        Point(
            "third-object-sent",
            "medq_node.delivery.dicom",
            "DicomDestination._store",
            "after",
            nth=3,
            victim="supervisor",
        ),
        Point("all-sent-not-noted", "medq_node.delivery.dicom", "DicomDestination.send", "after"),
    ),
}

SERIES = (
    ("c-store", "group", "complete"),
    ("decide", "assess, restore, write", "certify"),
    ("deliver",),
)
"""A series of its own for these rows: it is killed at every one of their points in turn."""

CLEAN = (
    Point("nothing-removed", "medq_node.retention", "Retention._clean"),
    Point(
        "rows-and-outputs-removed", "shutil", "rmtree", "after", containing="output", victim="node"
    ),
    Point("one-series-cleaned", "medq_node.retention", "Retention._clean", "after"),
)


@dataclass
class Bench:
    """A node under fire, its PACS, and what starts the node again when all of it is gone."""

    pacs: Orthanc
    node: Node
    faults: Faults
    sent: dict[str, list[Path]] = field(default_factory=dict)

    def series(self, folder: Path) -> list[Path]:
        """A new CT series of a study of its own, with 40 HU of noise."""
        body = phantom(_SLICES, 128, 128) * 1040 - 1000
        noise = np.random.default_rng(len(self.sent)).normal(0, 40, body.shape)
        pixels = np.clip(body + noise, -1024, 3071).round().astype(np.int16) + np.int16(1024)
        files = ct_series(folder, pixels=pixels)
        self.sent[pydicom.dcmread(files[0]).SeriesInstanceUID] = files
        return files

    def keep_running(self) -> None:
        """What a service manager does: a node whose supervisor is gone is started again."""
        if self.node.process is None or self.node.process.poll() is not None:
            self.node.start(wait=False)

    def wait(self, points: Sequence[Point], condition: Callable[[], bool]) -> None:
        """Keep the node running while it dies at ``points`` in turn, until ``condition``."""

        def reached() -> bool:
            to_come = self.faults.arm_next(points)
            self.keep_running()
            return not to_come and condition()

        wait_for(reached, 200, self.story)

    def settled(self) -> bool:
        """Whether every series that was sent has come to its end."""
        status = self.node.status()
        return len(status.series) >= len(self.sent) and settled(status)

    def story(self) -> str:
        """For a test that fails."""
        series = [(s.state, s.reason, s.deliveries) for s in self.node.status().series]
        fired = sorted(path.name for path in self.faults.folder.iterdir())
        return f"{series}\n{fired}\n{self.node.log()[-6000:]}"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("kill")
    faults = Faults(folder / "faults")
    points = [point for row in (START, *ROWS.values(), CLEAN) for point in row]
    settings: dict[str, Any] = {
        "receiver": {"processes": 2},
        # Longer than a receiver needs to start, so that a series is not cut in two meanwhile.
        "intake": {"quiet_minimum_s": 2.0, "quiet_maximum_s": 2.0},
        "pipeline": {"retry_s": 0.2, "attempts": 10},
    }
    with running_orthanc(folder / "pacs") as pacs:
        settings["destinations"] = {"pacs": pacs.destination()}
        environment = faults.prepare(points)
        with running_node(folder / "node", settings, environment=environment, start=False) as node:
            yield Bench(pacs, node, faults)


def test_killed_while_it_starts(bench: Bench) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", bench.node.port)) == 0

    bench.wait(START, listens)


@pytest.mark.parametrize("rows", SERIES, ids=" + ".join)
def test_killed_on_the_way_of_a_series(bench: Bench, tmp_path: Path, rows: tuple[str, ...]) -> None:
    points = [point for row in rows for point in ROWS[row]]
    files = bench.series(tmp_path)
    bench.faults.arm_next(points)
    with Scanner(bench.node.port, files) as scanner:
        bench.wait(points, lambda: scanner.done and bench.settled())
    assert_one_of_each(bench, [files])


def test_killed_at_random(bench: Bench, tmp_path: Path) -> None:
    """Any process, every second or two, while four series come in; each kind in its turn."""
    chance = random.Random(20)
    killed: set[str] = set()
    to_kill: list[str] = []
    pushed = []
    end = time.monotonic() + 15
    with ExitStack() as stack:
        scanners: list[Scanner] = []
        while time.monotonic() < end or killed < _KINDS:
            if len(scanners) < 4:
                pushed.append(bench.series(tmp_path / str(len(scanners))))
                scanners.append(stack.enter_context(Scanner(bench.node.port, pushed[-1])))
            time.sleep(chance.uniform(1, 2))
            to_kill = to_kill or chance.sample(sorted(_KINDS), len(_KINDS))
            if pids := running(bench.node, to_kill[-1]):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(pids), signal.SIGKILL)
                killed.add(to_kill.pop())
        bench.wait([], lambda: all(s.done for s in scanners) and bench.settled())
    assert_one_of_each(bench, pushed)


def test_killed_while_it_cleans(bench: Bench) -> None:
    if not bench.sent:
        pytest.skip("cleans up what the tests before it have left")
    bench.node.stop()
    config = yaml.safe_load(bench.node.config.read_text())
    bench.node.config.write_text(yaml.safe_dump({**config, "retention": {"keep_done_h": 0}}))
    layout = bench.node.layout
    bench.wait(CLEAN, lambda: not [*layout.output.iterdir(), *layout.series.iterdir()])
    for files in bench.sent.values():
        study = pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID
        assert at_pacs(bench.pacs, study) == [("CT", _SLICES), ("SR", 1)]
    assert {s.state for s in bench.node.status().series} == {"done"}


def assert_one_of_each(bench: Bench, pushed: Sequence[list[Path]]) -> None:
    """At the PACS one restored series and one SR for each series; at the node all in its place."""
    status = bench.node.status()
    layout = bench.node.layout
    for files in pushed:
        header = pydicom.dcmread(files[0], stop_before_pixels=True)
        uid = header.SeriesInstanceUID
        [series] = [s for s in status.series if s.series_instance_uid == uid]
        assert (series.state, series.taken, series.revision) == ("done", "restored", 1)
        assert [(d.state, d.confirmed) for d in series.deliveries] == [("confirmed", _SLICES + 1)]
        assert at_pacs(bench.pacs, header.StudyInstanceUID) == [("CT", _SLICES), ("SR", 1)]
        assert originals(layout.series_folder(uid)) == originals(files[0].parent)
        assert [p.name for p in layout.output.glob(f"{uid}*")] == [f"{uid}.r1"]
    assert not status.quarantine
    assert not list(layout.incoming.glob("*.dcm"))
    assert not list(layout.part.glob("*.part"))


def running(node: Node, kind: str) -> list[int]:
    """Processes of a role, or those that work on pixels for the worker."""
    if kind != "child":
        return node.pids(kind)
    return [child for worker in node.pids("worker") for child in descendants(worker)]


def at_pacs(pacs: Orthanc, study_instance_uid: str) -> list[tuple[str, int]]:
    """Modality and number of instances of each series in a study."""
    return sorted(
        (series["MainDicomTags"]["Modality"], len(series["Instances"]))
        for series in pacs.series()
        if pacs.get(f"/studies/{series['ParentStudy']}")["MainDicomTags"]["StudyInstanceUID"]
        == study_instance_uid
    )


def originals(folder: Path) -> dict[str, bytes]:
    """SOP Instance UID -> bytes of the data set; the file meta differs with each hop."""
    found = {}
    for path in folder.glob("*.dcm"):
        content = path.read_bytes()
        start = 144 + int.from_bytes(content[140:144], "little")
        uid = pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
        assert uid not in found
        found[uid] = content[start:]
    return found
