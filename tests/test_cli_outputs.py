"""``medq-node outputs preview`` as people and programs use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medq_node.store.states import RevisionState
from tests.build import ct_series
from tests.preview.shelf import Shelf
from tests.test_cli import PATIENT, medq, names_nobody, one_line

STUDY, HELD_STUDY = "2.25.4711", "2.25.4712"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config.yaml and the data of a node that has made one report."""
    home = tmp_path_factory.mktemp("home")
    (home / "config.yaml").write_text("node: {data: data}\n")
    shelf = Shelf(home)
    images = ct_series(home / "ct", 3, StudyInstanceUID=STUDY, AccessionNumber="778899", **PATIENT)
    shelf.add(images)
    shelf.add(
        uids=(HELD_STUDY, "2.25.1"), state=RevisionState.HELD, reason="the engine failed 3 times"
    )
    return home


def test_people_read_the_report_in_80_columns(home: Path) -> None:
    done = medq("outputs", "preview", STUDY, cwd=home, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "preliminary, unverified" in done.stdout
    assert "Research use only. Not for diagnostic use." in done.stdout
    assert "pacs: it is there" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    names_nobody(done.stdout)


def test_a_browser_gets_one_file_and_a_program_gets_json(home: Path) -> None:
    done = medq("outputs", "preview", "series-1", "--html", "note.html", "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)["reports"]
    assert report["standing"] == "current"
    assert report["report"]["groups"][0]["sentences"][0].startswith("CT")
    page = (home / "note.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    names_nobody(done.stdout + page)


def test_without_a_report_it_says_why_and_fails(home: Path) -> None:
    done = medq("outputs", "preview", HELD_STUDY, cwd=home)
    assert (done.returncode, done.stdout) == (1, "")
    assert one_line(done) == (
        "medq-node: no note on series 2.25.1 (series-2), held: the engine failed 3 times"
    )


def test_a_wrong_name_or_a_missing_folder_is_one_line(home: Path) -> None:
    done = medq("outputs", "preview", "series-77", cwd=home)
    assert done.returncode == 1
    assert "medq-node status" in one_line(done)
    done = medq("outputs", "preview", STUDY, "--html", "gone/note.html", cwd=home)
    assert done.returncode == 1
    assert "gone/note.html" in one_line(done)


def test_before_any_node_has_run_it_says_so(tmp_path: Path) -> None:
    done = medq("outputs", "preview", STUDY, cwd=tmp_path)
    assert done.returncode == 1
    assert "medq-node serve" in one_line(done)
