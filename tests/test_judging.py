"""Every installed judge passes one of every output.

``make judges`` asks them about real series too and writes the table in docs/conformance.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from tests.judges import dcentvfy_errors
from tests.judging import NOT_ITS_SUBJECT, PASSES, generated, rows, table, verdicts
from tests.peers import Orthanc, running_orthanc

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("pacs")) as orthanc:
        yield orthanc


def complaints(files: dict[str, list[Path]], folder: Path, pacs: Orthanc) -> list[str]:
    return [
        f"{row.name}: {judge} {cell}"
        for row in rows(files, folder)
        for judge, cell in verdicts(row, pacs).items()
        if cell not in (PASSES, NOT_ITS_SUBJECT)
    ]


def test_what_is_made_of_generated_series_passes_every_judge(pacs: Orthanc, tmp_path: Path) -> None:
    assert complaints(generated(tmp_path / "in"), tmp_path / "out", pacs) == []


def test_the_judges_notice_a_spoiled_output(pacs: Orthanc, tmp_path: Path) -> None:
    """Else their silence would mean nothing."""
    row = next(rows(generated(tmp_path / "in"), tmp_path / "out"))
    image = pydicom.dcmread(row.paths[0])
    image.PatientName = "Someone^Else"
    del image.RescaleSlope
    image.save_as(row.paths[0])
    cells = verdicts(row, pacs)
    assert {judge for judge, cell in cells.items() if cell == PASSES} == {"GDCM", "Orthanc"}
    assert cells["DicomSRValidator"] == NOT_ITS_SUBJECT
    assert dcentvfy_errors(row.paths) != []
    row.paths[1].write_bytes(row.paths[1].read_bytes()[:500])
    assert verdicts(row, pacs)["GDCM"] != PASSES
    assert "| restored CT, spoiled |" in table({"spoiled": [(row.name, cells)]})
