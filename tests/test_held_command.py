"""``medq-node held`` and ``feedback`` as people and programs use them, on the rows of a node."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest

from medq_node.layout import Layout
from medq_node.store.database import migrate, open_database
from medq_node.store.states import Content, DeliveryState, HoldKind, RevisionState
from tests.desk.conftest import Desk
from tests.test_cli import Done, medq, one_line, write_config


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Two held series and a dead letter, in the folder that the commands are called in."""
    write_config(tmp_path, "node: {data: data}\n")
    layout = Layout(tmp_path / "data")
    layout.make()
    url = f"sqlite:///{layout.data / 'medq.sqlite'}"
    migrate(url)
    desk = Desk(open_database(url), layout)
    desk.add_series("1.2.1", hold=HoldKind.IDENTITY)
    desk.add_series("1.2.2", hold=HoldKind.ENGINE)
    done = desk.add_series("1.2.3", RevisionState.DONE)
    desk.add_delivery(done, DeliveryState.DEAD, Content.OUTPUTS)
    return desk


def held(folder: Path, *words: str) -> Done:
    return medq("held", *words, cwd=folder)


def test_a_person_reads_decides_and_reads_what_was_decided(desk: Desk, tmp_path: Path) -> None:
    told = held(tmp_path)
    assert told.returncode == 0, told.stderr
    for word in ("3 things wait", "series-1", "series-2", "delivery-1", "2 of 5", "1.2.3"):
        assert word in told.stdout
    assert "medq-node held release series-1 --reason" in told.stdout

    done = held(tmp_path, "release", "series-1", "delivery-1", "--reason", "asked the ward")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["series-1", "delivery-1"]
    dropped = held(tmp_path, "drop", "series-2", "--reason", "a phantom", "--by", "Ann", "--json")
    assert json.loads(dropped.stdout)[0]["handle"] == "series-2"

    nothing = held(tmp_path)
    assert (nothing.returncode, nothing.stdout) == (0, "Nothing waits for a decision.\n")
    assert json.loads(held(tmp_path, "--json").stdout) == []
    log = json.loads(held(tmp_path, "log", "--json").stdout)
    assert [(entry["what"], entry["subject"]) for entry in log] == [
        ("drop", "series-2"),
        ("release", "delivery-1"),
        ("release", "series-1"),
    ]
    assert log[0]["by"] == "Ann"
    assert log[1]["by"] == getpass.getuser()
    assert "asked the ward" in held(tmp_path, "log").stdout


def test_what_no_longer_waits_is_one_line_and_nothing_is_half_done(
    desk: Desk, tmp_path: Path
) -> None:
    for handle in ("series-3", "series-9", "kept-1", "everything"):
        done = held(tmp_path, "release", "series-1", handle, "--reason", "why not")
        assert done.returncode == 1
        assert handle in one_line(done)
    assert len(desk.held()) == 3


@pytest.mark.parametrize("reason", [None, "", "  ", "a\nb", "x" * 501])
def test_a_decision_needs_a_reason_in_one_line(
    desk: Desk, tmp_path: Path, reason: str | None
) -> None:
    words = [] if reason is None else ["--reason", reason]
    assert held(tmp_path, "drop", "series-1", *words).returncode == 2
    assert len(desk.held()) == 3


def test_status_names_the_next_step(desk: Desk, tmp_path: Path) -> None:
    told = medq("status", cwd=tmp_path).stdout
    for handle in ("series-1", "series-2", "delivery-1"):
        assert f"medq-node held release {handle} --reason" in told
    status = json.loads(medq("status", "--json", cwd=tmp_path).stdout)
    assert {s["handle"]: s["hold"] for s in status["series"]} == {
        "series-1": "identity",
        "series-2": "engine",
        "series-3": None,
    }


def test_that_a_note_is_wrong_needs_a_word_of_why(desk: Desk, tmp_path: Path) -> None:
    assert medq("feedback", "series-3", "wrong", cwd=tmp_path).returncode == 2
    assert medq("feedback", "series-3", "perhaps", cwd=tmp_path).returncode == 2
    unknown = medq("feedback", "1.2.9", "agree", cwd=tmp_path)
    assert unknown.returncode == 1
    assert "1.2.9" in one_line(unknown)


def test_where_no_node_has_run_that_is_said(tmp_path: Path) -> None:
    write_config(tmp_path, "node: {data: data}\n")
    for words in (("held",), ("held", "log"), ("feedback", "1.2", "agree")):
        done = medq(*words, cwd=tmp_path)
        assert done.returncode == 1
        assert "no node has run here yet" in one_line(done)
    assert not (tmp_path / "data").exists()
