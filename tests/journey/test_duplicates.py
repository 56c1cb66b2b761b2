"""An impatient technologist and a second route: nothing is doubled, nothing is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pydicom
import pytest

from tests.build import ct_series
from tests.conftest import require_program
from tests.journey.test_loop import repeats
from tests.node import RULES_ALWAYS, Node, running_node, wait_for
from tests.peers import running_orthanc, storescu

pytestmark = [pytest.mark.peer, pytest.mark.timeout(420)]


def recoded(files: list[Path], folder: Path, program: str, option: str) -> list[Path]:
    folder.mkdir()
    for file in files:
        command = [require_program(program), option, str(file), str(folder / file.name)]
        subprocess.run(command, check=True, capture_output=True)
    return sorted(folder.iterdir())


def send_compressed(node: Node, files: list[Path]) -> None:
    command = [require_program("storescu"), "-xt", "-aec", "MEDQ", "127.0.0.1", str(node.port)]
    assert subprocess.run([*command, *map(str, files)], check=False).returncode == 0


def test_pushed_again_in_any_encoding_there_is_one_result(tmp_path: Path) -> None:
    """The same; the same in implicit VR; the same compressed without loss. Then a forgery."""
    files = ct_series(tmp_path / "ct", slices=3)
    implicit = recoded(files, tmp_path / "implicit", "dcmconv", "+ti")
    compressed = recoded(files, tmp_path / "jpeg-ls", "dcmcjpls", "+el")
    with running_orthanc(tmp_path / "orthanc") as pacs:
        settings = {
            "destinations": {"pacs": pacs.destination()},
            "certify": {"judges": []},
        }
        with running_node(tmp_path / "node", settings, RULES_ALWAYS) as node:
            assert storescu(node.port, files).returncode == 0
            node.wait_settled(1)
            before = sorted(pacs.get("/instances"))
            assert len(before) == 4
            assert storescu(node.port, files).returncode == 0
            assert storescu(node.port, implicit).returncode == 0
            send_compressed(node, compressed)
            (uid,) = {str(pydicom.dcmread(f).SeriesInstanceUID) for f in files}
            wait_for(lambda: repeats(node) == {uid: 9}, 120, node.log)
            status = node.wait_settled(1)
            assert len(status.series) == 1
            assert status.quarantined == 0
            other = pydicom.dcmread(files[0])
            other.PatientID = "SOMEBODY-ELSE"
            other.save_as(tmp_path / "other.dcm")
            for _ in range(3):
                assert storescu(node.port, [tmp_path / "other.dcm"]).returncode == 0
            wait_for(lambda: repeats(node) == {uid: 11}, 60, node.log)
            status = node.wait_settled(1)
            assert status.quarantined == 1, "kept once, however often it comes"
            assert "came before" in status.quarantine[0].reason
            assert sorted(pacs.get("/instances")) == before, "no second result"
            assert "SOMEBODY-ELSE" not in node.log()
