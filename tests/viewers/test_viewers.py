"""What viewers make of the note in its forms; docs/what_viewers_show.md tells it.

OHIF is asked by its published code: unpack the npm package @ohif/extension-cornerstone-dicom-sr and
set MEDQ_TEST_OHIF to the folder that holds its package.json.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from medq_node.pixels.series import SeriesStack
from tests.conftest import require_program
from tests.peers import Orthanc, running_orthanc, storescu
from tests.viewers.forms import SENTENCE, all_forms, natural

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> tuple[SeriesStack, dict[str, Path]]:
    return all_forms(tmp_path_factory.mktemp("forms"))


# ---- dsr2html (DCMTK) ----


def as_html(path: Path) -> str:
    """What dsr2html renders, without its markup."""
    program = require_program("dsr2html")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    body = done.stdout.partition("<body>")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


@pytest.mark.parametrize("form", ["sr", "text"])
def test_dsr2html_shows_the_sentence(form: str, forms: tuple[SeriesStack, dict[str, Path]]) -> None:
    assert SENTENCE in as_html(forms[1][form])


def test_dsr2html_shows_a_report_with_its_numbers_and_images(
    forms: tuple[SeriesStack, dict[str, Path]],
) -> None:
    page = as_html(forms[1]["sr"])
    assert "24.3 [hnsf'U]" in page
    assert "CT image" in page


def test_dsr2html_shows_what_a_key_object_points_at(
    forms: tuple[SeriesStack, dict[str, Path]],
) -> None:
    page = as_html(forms[1]["key"])
    assert "Quality Issue" in page
    assert "CT image" in page


# ---- Orthanc ----


@pytest.fixture(scope="module")
def kept(
    forms: tuple[SeriesStack, dict[str, Path]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Orthanc, dict[str, str]]]:
    """Orthanc with every form, and its name for each."""
    paths = forms[1]
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as pacs:
        assert storescu(pacs.dicom_port, list(paths.values()), pacs.ae_title).returncode == 0
        names = {
            pacs.get(f"/instances/{i}/simplified-tags")["SOPInstanceUID"]: i
            for i in pacs.get("/instances")
        }
        yield pacs, {f: names[str(pydicom.dcmread(p).SOPInstanceUID)] for f, p in paths.items()}


def answer(pacs: Orthanc, path: str) -> tuple[int, str, bytes]:
    """Status, content type and content."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{pacs.http_port}{path}") as told:
            return told.status, told.headers["Content-Type"], told.read()
    except urllib.error.HTTPError as error:
        return error.code, "", b""


@pytest.mark.parametrize("form", ["restored", "page"])
def test_orthanc_previews_images(form: str, kept: tuple[Orthanc, dict[str, str]]) -> None:
    pacs, names = kept
    status, kind, content = answer(pacs, f"/instances/{names[form]}/preview")
    assert (status, kind) == (200, "image/png")
    assert content.startswith(b"\x89PNG")


@pytest.mark.parametrize("form", ["sr", "text", "pdf", "key"])
def test_orthanc_previews_no_document(form: str, kept: tuple[Orthanc, dict[str, str]]) -> None:
    pacs, names = kept
    assert answer(pacs, f"/instances/{names[form]}/preview")[0] == 415


def test_orthanc_gives_a_pdf_out_as_such(kept: tuple[Orthanc, dict[str, str]]) -> None:
    pacs, names = kept
    status, kind, content = answer(pacs, f"/instances/{names['pdf']}/pdf")
    assert (status, kind) == (200, "application/pdf")
    assert content.startswith(b"%PDF-")


@pytest.mark.parametrize("form", ["sr", "text"])
def test_orthanc_gives_a_report_out_as_a_tree_of_tags(
    form: str, kept: tuple[Orthanc, dict[str, str]]
) -> None:
    pacs, names = kept
    assert SENTENCE in json.dumps(pacs.get(f"/instances/{names[form]}/simplified-tags"))


# ---- OHIF ----


def ohif(path: Path, source: SeriesStack) -> dict[str, Any]:
    """What OHIF's extension for SR does with a document while its images are open."""
    package = os.environ.get("MEDQ_TEST_OHIF")
    if not package:
        pytest.skip("MEDQ_TEST_OHIF names no package of OHIF")
    asked = {
        "instance": natural(pydicom.dcmread(path)),
        "images": [image.sop_instance_uid for image in source.instances],
    }
    done = subprocess.run(
        [require_program("node"), str(Path(__file__).with_name("ohif.cjs")), package],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_ohif_breaks_at_measurements_that_have_no_place_in_an_image(
    forms: tuple[SeriesStack, dict[str, Path]],
) -> None:
    source, paths = forms
    told = ohif(paths["sr"], source)
    assert told["measurements"], "a root of (126000, DCM) is for its view of measurements"
    assert "ReferencedSOPSequence" in told["failed"]
    assert told["text"] == []


def test_ohif_shows_a_report_with_another_root_as_text(
    forms: tuple[SeriesStack, dict[str, Path]],
) -> None:
    source, paths = forms
    told = ohif(paths["text"], source)
    assert not told["measurements"]
    assert told["failed"] is None
    assert any(SENTENCE in words for words in told["text"])


def test_ohif_says_of_an_image_in_a_text_that_it_cannot_show_it(
    forms: tuple[SeriesStack, dict[str, Path]], tmp_path: Path
) -> None:
    source, paths = forms
    report = pydicom.dcmread(paths["sr"])
    report.ConceptNameCodeSequence[0].CodeValue = "18748-4"
    report.save_as(tmp_path / "text-root.dcm")
    told = ohif(tmp_path / "text-root.dcm", source)
    assert SENTENCE in told["text"]
    assert "[IMAGE is not supported]" in told["text"]


def test_ohif_breaks_at_an_item_without_a_name(
    forms: tuple[SeriesStack, dict[str, Path]], tmp_path: Path
) -> None:
    source, paths = forms
    report = pydicom.dcmread(paths["text"])
    picture = Dataset()
    picture.RelationshipType, picture.ValueType = "CONTAINS", "IMAGE"
    report.ContentSequence.append(picture)
    report.save_as(tmp_path / "nameless.dcm")
    assert "CodeValue" in ohif(tmp_path / "nameless.dcm", source)["failed"]


def test_ohif_has_no_view_of_key_objects_among_its_reports(
    forms: tuple[SeriesStack, dict[str, Path]],
) -> None:
    source, paths = forms
    assert not ohif(paths["key"], source)["handled"]
