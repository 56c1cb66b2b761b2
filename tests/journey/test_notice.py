"""A scan that should be repeated: people are told while the patient is still there."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml
from sqlalchemy import select

from medq_node.ports import free_port
from medq_node.store.database import open_existing
from medq_node.store.states import DeliveryState
from medq_node.store.tables import Notice
from tests.build import ct_series, phantom
from tests.faults.points import Faults, Point
from tests.node import Node, running_node, wait_for
from tests.notify.receivers import Hook, running_hook, running_mail_server
from tests.peers import storescu

pytestmark = pytest.mark.peer

RULES = """
rules:
  - name: everything
    then: {action: restore, destinations: [out]}
"""
MARK = "XMARKX"
MARKED = {
    "PatientName": f"{MARK}^{MARK}",
    "PatientID": f"{MARK}1",
    "PatientBirthDate": "19010203",
    "AccessionNumber": f"{MARK}2",
    "StudyID": f"{MARK}3",
    "StudyDescription": f"{MARK} study",
    "SeriesDescription": f"{MARK} series",
    "StationName": MARK,
    "InstitutionName": MARK,
    "ReferringPhysicianName": f"{MARK}^DR",
    "OperatorsName": f"{MARK}^OP",
    "ProtocolName": MARK,
    "PatientComments": MARK,
}


def hopeless(folder: Path, noise_hu: float = 150.0, days_old: int = 0) -> list[Path]:
    """A CT series with so much noise that the verdict is reject."""
    scanned = f"{date.today() - timedelta(days=days_old):%Y%m%d}"
    dates = dict.fromkeys(("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"), scanned)
    body = phantom(3, 128, 128) * 1040 - 1000
    noisy = body + np.random.default_rng(1).normal(0, noise_hu, body.shape)
    pixels = np.clip(noisy, -1024, 3071).round().astype(np.int16) + np.int16(1024)
    return ct_series(folder, pixels=pixels, **MARKED, **dates)


def settings(out: Path, **targets: object) -> dict[str, dict[str, object]]:
    return {
        "destinations": {"out": {"kind": "folder", "path": str(out)}},
        "certify": {"judges": []},
        "notifications": {"targets": targets},
    }


def notices(node: Node) -> list[tuple[DeliveryState, int]]:
    """State and tries of every notice."""
    with open_existing(f"sqlite:///{node.layout.data / 'medq.sqlite'}")() as session:
        rows = session.scalars(select(Notice).order_by(Notice.id))
        return [(row.state, row.attempts) for row in rows]


def confirmed(node: Node) -> bool:
    return {state for state, _ in notices(node)} == {DeliveryState.CONFIRMED}


def test_a_reject_is_told_to_everybody_once_and_names_no_patient(tmp_path: Path) -> None:
    with running_hook() as hook, running_mail_server() as box:
        told = settings(tmp_path / "out", ct=hook.settings(), physics=box.settings())
        with running_node(tmp_path / "node", told, RULES) as node:
            assert storescu(node.port, hopeless(tmp_path / "bad"), calling="CT1").returncode == 0
            good = hopeless(tmp_path / "good", noise_hu=10)
            assert storescu(node.port, good, calling="CT2").returncode == 0
            status = node.wait_settled(2)
            wait_for(lambda: confirmed(node), 20)
            assert {s.state for s in status.series} == {"done"}
            assert len(notices(node)) == 2
            log = node.log()
        [body], [mail] = hook.bodies, box.mails
    print(json.dumps(body, indent=1), mail, sep="\n")
    assert (body["verdict"], body["scanner"], body["images"]) == ("reject", "CT1", 3)
    said = json.dumps(body) + mail.as_string()
    uids = {s.series_instance_uid for s in status.series}
    assert not [word for word in (MARK, "19010203", *uids) if word in said]
    assert MARK not in log
    assert "T0KEN" not in log


def test_a_prior_and_late_images_are_worked_on_and_told_to_nobody(tmp_path: Path) -> None:
    with running_hook() as hook:
        told = settings(tmp_path / "out", ct=hook.settings())
        with running_node(tmp_path / "node", told, RULES) as node:
            prior = hopeless(tmp_path / "prior", days_old=400)
            assert storescu(node.port, prior).returncode == 0
            node.wait_settled(1)
            *early, late = hopeless(tmp_path / "today")
            assert storescu(node.port, early).returncode == 0
            node.wait_settled(2)
            assert storescu(node.port, [late]).returncode == 0
            status = node.wait_settled(3)
            assert [s.revision for s in status.series].count(2) == 1
            assert {s.state for s in status.series} == {"done"}
            wait_for(lambda: confirmed(node), 20)
            assert len(notices(node)) == 1
            log = node.log()
    assert [body["revision"] for body in hook.bodies] == [1]
    assert log.count("not told: the scan is not of today") == 1


def test_a_receiver_that_is_down_keeps_no_series_and_is_told_once_it_is_up(
    tmp_path: Path,
) -> None:
    port = free_port()
    told = settings(tmp_path / "out", ct=Hook(port).settings())
    with running_node(tmp_path / "node", told, RULES) as node:
        assert storescu(node.port, hopeless(tmp_path / "ct")).returncode == 0
        [series] = node.wait_settled(1).series
        assert series.state == "done"
        assert [d.state for d in series.deliveries] == ["confirmed"]
        wait_for(lambda: notices(node)[0][1] >= 1, 20)
        assert not confirmed(node)
        with running_hook(port) as hook:
            wait_for(lambda: confirmed(node), 60)
    assert len(hook.posts) == 1


def test_killed_around_the_telling_it_tells_again_only_with_the_same_id(tmp_path: Path) -> None:
    points = (
        Point("result-not-committed", "medq_node.pipeline", "hand_over_notices", "after"),
        Point("told-not-noted", "medq_node.notify.webhook", "Webhook.tell", "after", victim="node"),
        Point(
            "noted-engine-not-told",
            "dbos._sys_db",
            "SystemDatabase.record_operation_result",
            containing="try_once",
        ),
    )
    faults = Faults(tmp_path / "faults")
    environment = faults.prepare(points)
    with running_hook() as hook:
        told = settings(tmp_path / "out", ct=hook.settings())
        with running_node(tmp_path / "node", told, RULES, environment) as node:
            faults.arm_next(points)
            assert storescu(node.port, hopeless(tmp_path / "ct")).returncode == 0

            def survived() -> bool:
                to_come = faults.arm_next(points)
                assert node.process is not None
                if node.process.poll() is not None:
                    node.start(wait=False)
                return not to_come and confirmed(node)

            wait_for(survived, 120, node.log)
            [series] = node.wait_settled(1).series
            assert series.state == "done"
            assert notices(node) == [(DeliveryState.CONFIRMED, 1)]
    assert len(hook.posts) == 2, "once before the kill, once after it"
    assert len({body["id"] for body in hook.bodies}) == 1


def test_people_are_told_though_nothing_of_the_series_may_leave(tmp_path: Path) -> None:
    """Certification can't even begin: the notice doesn't wait for it."""
    point = Point("no-verdict", "medq_node.workshop.certify", "check_objects")
    faults = Faults(tmp_path / "faults")
    environment = faults.prepare([point])
    out = tmp_path / "out"
    with running_hook() as hook:
        told = {**settings(out, ct=hook.settings()), "pipeline": {"attempts": 1}}
        with running_node(tmp_path / "node", told, RULES, environment) as node:
            faults.arm(point)
            assert storescu(node.port, hopeless(tmp_path / "ct")).returncode == 0
            [series] = node.wait_settled(1).series
            assert series.state == "held"
            wait_for(lambda: confirmed(node), 20)
    assert len(hook.posts) == 1
    assert not list(out.rglob("*.dcm"))


def test_a_folder_worked_on_by_hand_alarms_nobody(tmp_path: Path) -> None:
    hopeless(tmp_path / "ct")
    with running_hook() as hook:
        path = tmp_path / "config.yaml"
        path.write_text(
            yaml.safe_dump(
                {
                    "notifications": {"targets": {"ct": hook.settings()}},
                    "certify": {"judges": []},
                }
            )
        )
        command = [sys.executable, "-m", "medq_node", "run", str(tmp_path / "ct")]
        done = subprocess.run(
            [*command, "--out", str(tmp_path / "out"), "-c", str(path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "reject" in done.stdout
    assert not hook.posts
