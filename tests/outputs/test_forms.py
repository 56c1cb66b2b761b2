"""The quality note in every form: the same words, nobody named, the same bytes each time."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from engines.quality import Degradation, Finding, Severity, Verdict
from medq_node.objects import (
    Form,
    GateMeasure,
    GateVerdict,
    OutputIdentity,
    OutputKind,
    OutputObject,
    OutputReference,
)
from medq_node.outputs.content import ActionTaken, ReportPart
from medq_node.outputs.encapsulated import write_pages
from medq_node.outputs.forms import write_forms
from medq_node.outputs.lettering import width_of, wrapped
from medq_node.outputs.note_page import RESEARCH_USE, quality_page
from medq_node.outputs.pdf import pdf_bytes
from medq_node.outputs.quality_issue import write_quality_issue
from medq_node.outputs.restored import write_restored_instance
from medq_node.outputs.sheet import LIGHT, MARGIN, SMALL, WIDTH, Box, Ink, Picture, Sheet, Words
from medq_node.outputs.strip import draw_strip
from medq_node.outputs.text_report import write_text_report
from medq_node.pixels.series import SeriesStack, open_series
from medq_node.provenance import made_by_us
from tests.build import ct_series, mr_series, noisy_ct
from tests.judges import dciodvfy_errors, dsr2html, dsrdump
from tests.outputs.reports import name_of, restored_content

SECRETS = {
    "PatientName": "Quagga^Zebra",
    "PatientID": "ID-778899",
    "PatientBirthDate": "19711223",
    "AccessionNumber": "ACC-31337",
    "SeriesDescription": "Zebra liver",
    "StudyDescription": "Quagga follow-up",
}
CLASSES = {
    OutputKind.REPORT: "Enhanced SR Storage",
    OutputKind.TEXT: "Basic Text SR Storage",
    OutputKind.PAGE: "Secondary Capture Image Storage",
    OutputKind.PDF: "Encapsulated PDF Storage",
    OutputKind.QUALITY_ISSUE: "Key Object Selection Document Storage",
}


@pytest.fixture
def source(tmp_path: Path) -> SeriesStack:
    return open_series(ct_series(tmp_path / "in", pixels=noisy_ct(), **SECRETS))


@pytest.fixture
def part(source: SeriesStack, identity: OutputIdentity) -> ReportPart:
    return ReportPart(source, restored_content(source, identity), identity)


@pytest.fixture
def restored(source: SeriesStack, identity: OutputIdentity, tmp_path: Path) -> SeriesStack:
    folder = tmp_path / "restored"
    return open_series(
        [
            write_restored_instance(source, i, source.values(i) * 0.9, identity, folder).path
            for i in range(len(source.instances))
        ]
    )


def words_of(sheet: Sheet) -> list[str]:
    return [item.words for item in sheet.items if isinstance(item, Words)]


def text_of_pdf(pdf: bytes) -> str:
    """All words of a PDF, as a search finds them."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    drawn = b"\n".join(zlib.decompress(stream) for stream in streams)
    return " ".join(re.findall(r"\((.*?)\) Tj", drawn.decode("latin-1")))


def pointed_at(ds: Dataset) -> list[tuple[str, object]]:
    """SOP Instance UID and frame of every image that a document points at."""
    found = []
    for item in ds.get("ContentSequence", []):
        for reference in item.get("ReferencedSOPSequence", []):
            frame = reference.get("ReferencedFrameNumber")
            found.append((str(reference.ReferencedSOPInstanceUID), frame))
        found += pointed_at(item)
    return found


@pytest.mark.peer
def test_each_form_is_an_object_of_its_own_beside_the_images(
    part: ReportPart, restored: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    made = write_forms(list(Form), [part], [restored], identity, tmp_path / "out")
    assert [output.kind for output in made] == list(CLASSES)
    seen = [pydicom.dcmread(output.path) for output in made]
    assert [ds.SOPClassUID.name for ds in seen] == list(CLASSES.values())
    assert len({ds.SeriesInstanceUID for ds in seen}) == len({ds.SeriesNumber for ds in seen}) == 5
    header = part.source.header(0)
    for output, ds in zip(made, seen, strict=True):
        assert made_by_us(ds)
        assert ds.SeriesDescription.startswith("MedQ RESEARCH quality")
        for keyword in ("StudyInstanceUID", "PatientName", "PatientID", "AccessionNumber"):
            assert ds[keyword].value == header[keyword].value
        assert (ds.ContentDate, ds.ContentTime) == ("20260305", "233000.250000")
        assert dciodvfy_errors(output.path) == []


def test_which_others_are_asked_for_changes_no_byte(
    part: ReportPart, restored: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    together = write_forms(list(Form), [part], [restored], identity, tmp_path / "all")
    alone = [
        output
        for form in Form
        for output in write_forms([form], [part], [restored], identity, tmp_path / form)
    ]
    assert [(o.sop_instance_uid, o.sha256) for o in alone] == [
        (o.sop_instance_uid, o.sha256) for o in together
    ]


@pytest.mark.peer
def test_the_text_reads_from_top_to_bottom_and_points_at_the_worst_slices(
    part: ReportPart, identity: OutputIdentity, tmp_path: Path
) -> None:
    made = write_text_report([part], identity, tmp_path)
    ds = pydicom.dcmread(made.path)
    assert ds.ConceptNameCodeSequence[0].CodeValue != "126000", "viewers would measure, not read"
    assert (ds.VerificationFlag, ds.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    (section,) = [item for item in ds.ContentSequence if name_of(item) == "Findings"]
    said = [
        (name_of(item), item.TextValue)
        for item in section.ContentSequence
        if item.ValueType == "TEXT"
    ]
    assert said[:2] == [
        ("Finding", 'Series 2 "Zebra liver": Noise is moderate.'),
        ("Finding", 'Series 9002 "MedQ RESEARCH restored: Zebra liver": Noise is mild.'),
    ]
    name, action = said[2]
    assert name == "Action taken by the node"
    assert action.startswith("Restored, as series 9002")
    assert "\r\nReason: rule 'noisy chest' asks for it.\r\n" in action
    assert said[3][1].startswith("For research use only")
    worst = part.source.instances[1].sop_instance_uid
    uids = [uid for uid, _ in pointed_at(ds)]
    assert uids[0] == worst
    assert len(uids) == 2, "as received, and restored"
    rendered = dsr2html(made.path)
    assert "Noise is moderate." in rendered
    assert "Image quality note, research use only" in rendered
    assert rendered.count("CT image") == 2


def test_of_a_multi_frame_object_the_frame_is_named(
    part: ReportPart, identity: OutputIdentity, tmp_path: Path
) -> None:
    first = part.source.instances[0]
    frames = tuple(replace(first, frame=number) for number in (1, 2, 3))
    multi = replace(part, source=replace(part.source, instances=frames))
    for write in (write_text_report, write_quality_issue):
        made = write([multi], identity, tmp_path)
        assert made is not None
        assert (first.sop_instance_uid, 2) in pointed_at(pydicom.dcmread(made.path))
    (page,) = write_pages([multi], [Sheet(10)], identity, tmp_path)
    assert pydicom.dcmread(page.path).SourceImageSequence[0].ReferencedFrameNumber == 2


@pytest.mark.peer
def test_the_key_object_points_at_the_worst_originals_and_rejects_none(
    part: ReportPart, identity: OutputIdentity, tmp_path: Path
) -> None:
    motion = Finding(Degradation.MOTION, Severity.SEVERE, 4.0, "mm", (3, 3), 3)
    before = replace(
        part.content.before,
        findings=(*part.content.before.findings, motion),
        not_assessed=(Degradation.METAL,),
    )
    worse = replace(part, content=replace(part.content, before=before))
    made = write_quality_issue([worse], identity, tmp_path)
    assert made is not None
    ds = pydicom.dcmread(made.path)
    title = ds.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodeMeaning) == ("113010", "Quality Issue")
    reason = ds.ContentSequence[0]
    assert reason.ConceptCodeSequence[0].CodeMeaning == "Motion blur", "the worst, in one code"
    images = [image.sop_instance_uid for image in worse.source.instances]
    assert [uid for uid, _ in pointed_at(ds)] == [images[2], images[1]]
    said = [i for i in ds.ContentSequence if i.ValueType == "TEXT"]
    (words,) = [i.TextValue for i in said if name_of(i) == "Key Object Description"]
    assert "Severe motion: 4 mm, on slice 3" in words
    assert "No image is rejected" in words
    assert "Quality Issue" in dsrdump(made.path)


def test_where_nothing_is_wrong_there_is_no_key_object(
    part: ReportPart, identity: OutputIdentity, tmp_path: Path
) -> None:
    fine = tuple(replace(f, severity=Severity.NONE) for f in part.content.before.findings)
    before = replace(part.content.before, findings=fine, verdict=Verdict.GOOD)
    good = replace(part, content=replace(part.content, before=before))
    assert write_quality_issue([good], identity, tmp_path / "key") is None
    assert not (tmp_path / "key").exists()


def test_the_page_names_nobody_and_says_that_it_is_research(
    part: ReportPart, restored: SeriesStack
) -> None:
    sheet = quality_page(part, restored)
    told = " ".join(words_of(sheet))
    assert RESEARCH_USE in told
    assert "MedQ RESEARCH" in told
    for secret in ("Quagga", "Zebra", "778899", "1971", "31337"):
        assert secret not in told
    assert "moderate, 24.3 HU" in told
    assert "mild, 11.2 HU" in told
    assert "Noise is moderate." in told
    assert "Action taken: restored, as series 9002" in told
    assert "engine classical 0.1.0" in told
    assert sum(isinstance(item, Picture) for item in sheet.items) == 3


def test_the_page_can_be_read_at_half_its_width(part: ReportPart, restored: SeriesStack) -> None:
    long = " ".join(f"because of reason {number}" for number in range(60))
    told = replace(part.content, reasons=(long, "x" * 300), alarms=("A" * 90,))
    for shown in (restored, None):
        sheet = quality_page(replace(part, content=told), shown)
        for item in sheet.items:
            match item:
                case Words(x, y, words, size, _):
                    assert size >= SMALL >= 20
                    assert x >= 0
                    assert x + width_of(words, size) <= WIDTH - MARGIN + 1, words
                    assert y < sheet.height
                case Box() | Picture():
                    assert item.left >= 0


def test_a_restoration_that_was_refused_is_not_shown(
    part: ReportPart, restored: SeriesStack
) -> None:
    refused = replace(
        part.content,
        action=ActionTaken.REFUSED,
        reasons=("edges changed",),
        after=None,
        sentence_after=None,
        gate=GateVerdict(False, (GateMeasure("edges", 3.0, 2.0, "", False),), ("edges changed",)),
        restored_series_instance_uid=None,
    )
    sheet = quality_page(replace(part, content=refused), restored)
    assert sum(isinstance(item, Picture) for item in sheet.items) == 1
    told = " ".join(words_of(sheet))
    assert "A restoration was made, refused and not sent. edges changed." in told


def test_the_strip_says_no_more_than_the_findings() -> None:
    findings = [
        Finding(Degradation.NOISE, Severity.SEVERE, 40.0, "HU", (11, 20), 15),
        Finding(Degradation.BLUR, Severity.NONE, 1.0, "mm FWHM"),
    ]
    sheet = Sheet()
    draw_strip(sheet, findings, 100)
    bars = [i for i in sheet.items if isinstance(i, Box)]
    noise = next(bar for bar in bars if bar.ink is Ink.SEVERE)
    blur = next(bar for bar in bars if bar.ink is Ink.NONE)
    marks = [bar for bar in bars if bar.ink is Ink.TEXT]
    wide = blur.right - blur.left
    assert (noise.left - blur.left) / wide == pytest.approx(0.1)
    assert (noise.right - noise.left) / wide == pytest.approx(0.1)
    assert noise.bottom - noise.top > blur.bottom - blur.top
    assert len(marks) == 1
    assert (marks[0].left + 2 - blur.left) / wide == pytest.approx(0.145)
    axis = [i.words for i in sheet.items if isinstance(i, Words) and i.ink is Ink.QUIET]
    assert axis == ["slice", "1", "20", "40", "60", "80", "100"]


def test_the_page_is_a_picture_of_what_it_says(
    part: ReportPart, identity: OutputIdentity, tmp_path: Path
) -> None:
    (made,) = write_forms([Form.PAGE], [part], [None], identity, tmp_path)
    ds = pydicom.dcmread(made.path)
    assert ds.pixel_array.shape == (ds.Rows, WIDTH, 3)
    assert ds.ConversionType == "WSD"
    assert ds.BurnedInAnnotation == "NO"
    assert ds.LossyImageCompression == "00"
    shown = ds.SourceImageSequence[0]
    assert shown.ReferencedSOPInstanceUID == part.source.instances[1].sop_instance_uid
    lossy = ct_series(tmp_path / "lossy", pixels=noisy_ct(), LossyImageCompression="01")
    of_lossy = replace(part, source=open_series(lossy))
    (made,) = write_forms([Form.PAGE], [of_lossy], [None], identity, tmp_path)
    assert pydicom.dcmread(made.path).LossyImageCompression == "01"


def test_the_pdf_can_be_searched_and_holds_no_date(
    part: ReportPart, restored: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    (made,) = write_forms([Form.PDF], [part], [restored], identity, tmp_path)
    ds = pydicom.dcmread(made.path)
    assert ds.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert ds.BurnedInAnnotation == "NO"
    pdf = bytes(ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength])
    assert pdf.startswith(b"%PDF-1.4")
    assert pdf.endswith(b"%%EOF\n")
    told = text_of_pdf(pdf)
    assert "Noise is moderate." in told
    assert RESEARCH_USE in told
    assert "Zebra" not in told
    assert b"Date" not in pdf


def test_brackets_and_backslashes_do_not_break_a_pdf() -> None:
    sheet = Sheet(100, [Words(32, 50, "a (b) \\c) ((", 26, Ink.TEXT)])
    assert "a \\(b\\) \\\\c\\) \\(\\(" in text_of_pdf(pdf_bytes([sheet], LIGHT, "t(\\"))


def test_words_too_long_for_a_line_are_cut_and_none_is_lost() -> None:
    words = "short " + "x" * 200 + " end"
    lines = wrapped(words, 26, 300)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert all(width_of(line, 26) <= 300 for line in lines)
    assert wrapped("", 26, 300) == []


@pytest.mark.peer
def test_a_note_on_a_study_has_a_page_for_each_series(
    part: ReportPart, restored: SeriesStack, identity: OutputIdentity, tmp_path: Path
) -> None:
    study = part.source.instances[0].study_instance_uid
    other = open_series(mr_series(tmp_path / "mr", StudyInstanceUID=study, **SECRETS))
    second = ReportPart(other, replace(restored_content(other, identity)), identity)
    unrestored = replace(second.content, restored_series_instance_uid=None, after=None)
    parts = [part, replace(second, content=unrestored)]
    made = write_forms(list(Form), parts, [restored, None], identity, tmp_path / "o", study=True)
    of: dict[OutputKind, list[OutputObject]] = {}
    for output in made:
        of.setdefault(output.kind, []).append(output)
        assert dciodvfy_errors(output.path) == []
    pages = [pydicom.dcmread(output.path) for output in of[OutputKind.PAGE]]
    assert [page.InstanceNumber for page in pages] == [1, 2]
    assert len({page.SeriesInstanceUID for page in pages}) == 1
    assert len({page.SOPInstanceUID for page in pages}) == 2
    (pdf,) = of[OutputKind.PDF]
    assert pydicom.dcmread(pdf.path).EncapsulatedDocument.count(b"/Type /Page ") == 2
    (issue,) = of[OutputKind.QUALITY_ISSUE]
    assert len(pointed_at(pydicom.dcmread(issue.path))) == 2
    alone = write_forms(list(Form), parts[:1], [restored], identity, tmp_path / "alone")
    assert not {o.sop_instance_uid for o in alone} & {o.sop_instance_uid for o in made}


@pytest.mark.parametrize("kind", [OutputKind.TEXT, OutputKind.PDF])
def test_a_document_names_what_of_its_own_kind_it_replaces(
    part: ReportPart, identity: OutputIdentity, tmp_path: Path, kind: OutputKind
) -> None:
    old = tuple(
        OutputReference(each, "1.2.840.10008.5.1.4.1.1.7", f"2.25.{n}", f"2.25.{n}0")
        for n, each in enumerate(OutputKind, start=1)
    )
    newer = replace(part, content=replace(part.content, superseded=old))
    form = next(form for form in Form if form.kind is kind)
    (made,) = write_forms([form], [newer], [None], identity, tmp_path)
    (study,) = pydicom.dcmread(made.path).PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (named,) = series.ReferencedSOPSequence
    assert named.ReferencedSOPInstanceUID == next(o for o in old if o.kind is kind).sop_instance_uid
