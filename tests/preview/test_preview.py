"""The preview shows what was sent, all of it, whatever its order; and it names nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from rich.console import Console

from medq_node.config import FolderDestination
from medq_node.errors import MedqError, OutputError
from medq_node.objects import Form
from medq_node.preview.content import ReportSeen
from medq_node.preview.found import ReportPreview, Standing, StudyPreview
from medq_node.preview.html import html_lines
from medq_node.preview.parse import parse_report
from medq_node.preview.text import print_preview
from medq_node.store.states import DeliveryState, RevisionState
from tests.build import ct_series, mr_series, noisy_ct
from tests.preview.shelf import Shelf

STUDY = "2.25.4711"
SECRETS = ("Quagga", "Zebra", "ID-778899", "19711223", "ACC-31337")
PATIENT = {
    "StudyInstanceUID": STUDY,
    "PatientName": "Quagga^Zebra",
    "PatientID": "ID-778899",
    "PatientBirthDate": "19711223",
    "AccessionNumber": "ACC-31337",
}


def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def item(
    kind: str,
    name: tuple[str, str] | None,
    *below: Dataset,
    relation: str = "CONTAINS",
    **values: object,
) -> Dataset:
    """One content item; ``name`` is code value and meaning."""
    made = Dataset()
    made.RelationshipType, made.ValueType = relation, kind
    if name is not None:
        made.ConceptNameCodeSequence = [code(*name)]
    for keyword, value in values.items():
        setattr(made, keyword, value)
    if below:
        made.ContentSequence = list(below)
    return made


def number(name: tuple[str, str], value: str, unit: Dataset, *below: Dataset) -> Dataset:
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = [unit]
    return item("NUM", name, *below, MeasuredValueSequence=[measured])


def image(uid: str, relation: str = "CONTAINS", frame: int | None = None) -> Dataset:
    made = item("IMAGE", ("121112", "Source of Measurement"), relation=relation)
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = uid
    if frame is not None:
        reference.ReferencedFrameNumber = frame
    made.ReferencedSOPSequence = [reference]
    return made


def group(*below: Dataset) -> Dataset:
    return item("CONTAINER", ("125007", "Measurement Group"), *below)


def report(*below: Dataset, series: Sequence[Sequence[str]] = ()) -> Dataset:
    """A report on ``series``, each given by the SOP Instance UIDs of its images."""
    made = Dataset()
    made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID = STUDY, "2.25.8", "2.25.9"
    made.SeriesDescription = "a report"
    made.ContentDate, made.ContentTime = "20260131", "140501"
    made.PreliminaryFlag, made.VerificationFlag = "PRELIMINARY", "UNVERIFIED"
    made.ValueType = "CONTAINER"
    made.ConceptNameCodeSequence = [code("126000", "Imaging Measurement Report")]
    study = Dataset()
    study.ReferencedSeriesSequence = []
    for place, uids in enumerate(series):
        listed = Dataset()
        listed.SeriesInstanceUID = f"2.25.100{place}"
        listed.ReferencedSOPSequence = []
        for uid in uids:
            listed.ReferencedSOPSequence.append(image(uid).ReferencedSOPSequence[0])
        study.ReferencedSeriesSequence.append(listed)
    made.CurrentRequestedProcedureEvidenceSequence = [study]
    made.ContentSequence = list(below)
    return made


def seen_as(dataset: Dataset) -> StudyPreview:
    return StudyPreview(STUDY, (shown(parse_report(dataset)),), (), 0)


def shown(parsed: ReportSeen) -> ReportPreview:
    made = datetime(2026, 1, 31, tzinfo=UTC)
    return ReportPreview(
        "series-1", 1, "2.25.9", made, Standing.CURRENT, None, parsed, None, (), (), ()
    )


def as_text(found: StudyPreview, width: int = 80) -> str:
    out = StringIO()
    print_preview(Console(file=out, width=width), found)
    return out.getvalue()


def as_html(found: StudyPreview) -> str:
    return "".join(html_lines(found))


# -- the tree ------------------------------------------------------------------------------------

HU = code("[hnsf'U]", "Hounsfield unit", "UCUM")


def test_a_group_is_read_by_its_codes_not_by_its_order() -> None:
    parts = [
        item("IMAGE", None),
        image("2.25.31"),
        item("CODE", ("NOISE", "Image noise"), ConceptCodeSequence=[code("S", "Severe")]),
        number(("N", "Amount"), "40.3", HU, image("2.25.32", "INFERRED FROM", frame=7)),
        item("TEXT", ("121106", "Comment"), TextValue="Noise is severe."),
        item("TEXT", ("112039", "Tracking Identifier"), TextValue="Slices 1 to 3"),
    ]
    for order in (parts, parts[::-1]):
        dataset = report(
            item("CONTAINER", ("126010", "Imaging Measurements"), group(*order)),
            series=[["2.25.30", "2.25.31"], ["2.25.32"]],
        )
        parsed = parse_report(dataset)
        (found,) = parsed.groups
        assert (found.heading, found.section) == ("Slices 1 to 3", "")
        assert found.sentences == ("Noise is severe.",)
        assert [(e.name, e.value) for e in found.evaluations] == [("Image noise", "Severe")]
        assert [(n.value, n.unit) for n in found.numbers] == [("40.3", "HU")]
        assert parsed.where(found.images) == "slice 2 of 2 in series A"
        assert parsed.where(found.numbers[0].images) == "slice 1 of 1 in series B, frame 7"
        assert [line.value for line in found.further] == ["(IMAGE)"]


def test_an_answer_tells_the_image_that_it_was_seen_on() -> None:
    severe = item(
        "CODE",
        ("METAL", "Metal artifact"),
        image("2.25.31", "INFERRED FROM"),
        ConceptCodeSequence=[code("S", "Severe")],
    )
    found = seen_as(report(group(severe), series=[["2.25.30", "2.25.31"]]))
    assert "Severe  (slice 2 of 2)" in as_text(found)
    assert 'Severe</span> <span class="quiet">slice 2 of 2</span>' in as_html(found)
    assert "Source of Measurement" not in as_text(found) + as_html(found)


def test_an_image_that_the_evidence_does_not_list_is_named_by_its_uid() -> None:
    parsed = parse_report(report(group(image("2.25.77")), series=[["2.25.30"]]))
    assert parsed.where(parsed.groups[0].images) == "image 2.25.77"


def test_groups_are_found_however_deep_and_keep_the_names_around_them() -> None:
    inner = group(item("TEXT", ("112039", "Tracking Identifier"), TextValue="inner"))
    chapter = item("CONTAINER", ("X", "Second series"), inner)
    parsed = parse_report(report(item("CONTAINER", ("126010", "Measurements"), chapter)))
    assert [(g.section, g.heading) for g in parsed.groups] == [("Second series", "inner")]


def test_a_number_that_was_not_measured_says_why() -> None:
    why = item(
        "NUM",
        ("N", "Amount"),
        MeasuredValueSequence=[],
        NumericValueQualifierCodeSequence=[code("114000", "Not a number")],
    )
    assert [n.value for n in parse_report(report(group(why))).groups[0].numbers] == ["Not a number"]


KNOWN = [
    ("112039", "Tracking Identifier"),
    ("112040", "Tracking Unique Identifier"),
    ("121071", "Finding"),
    ("121106", "Comment"),
    ("121058", "Procedure reported"),
    ("111001", "Algorithm Name"),
    ("121049", "Language of Content Item and Descendants"),
    ("121012", "Device Observer UID"),
    ("126010", "Imaging Measurements"),
    ("125007", "Measurement Group"),
    ("111028", "Image Library"),
]
PERSONAL = [("121029", "Subject Name"), ("121030", "Subject ID"), ("121022", "Accession Number")]
RELATIONS = ["CONTAINS", "HAS CONCEPT MOD", "HAS PROPERTIES", "INFERRED FROM"]


@st.composite
def trees(draw: st.DrawFn) -> tuple[Dataset, list[str], list[str]]:
    """A report of any items in any order; what must be seen of it, and what must not."""
    fresh = count()
    wanted: list[str] = []
    hidden: list[str] = []

    def items(depth: int) -> list[Dataset]:
        return [one(depth) for _ in range(draw(st.integers(0, 3)))]

    def one(depth: int) -> Dataset:
        mark = next(fresh)
        kinds = ["TEXT", "CODE", "NUM", "UIDREF", "PNAME", "IMAGE", "COMPOSITE", "CONTAINER", "X"]
        kind = draw(st.sampled_from(kinds))
        names = [*KNOWN, (f"U{mark}", f"Unknown{mark}Name"), None]
        name = draw(st.sampled_from([*names, *PERSONAL]))
        below = (
            items(depth + 1) if depth < 3 and (kind == "CONTAINER" or draw(st.booleans())) else []
        )
        relation = draw(st.sampled_from(RELATIONS))
        secret = kind == "PNAME" or (name in PERSONAL and kind != "CONTAINER")
        word = f"Word{mark}Value"
        if name and name[0].startswith("U"):
            wanted.append(name[1])
        value = f"1.2.{mark}.9" if kind in UIDS else f"7777{mark}.5" if kind == "NUM" else word
        if kind not in ("CONTAINER", "X"):
            (hidden if secret else wanted).append(value)
        if kind == "NUM":
            return number(name or ("N", "n"), value, HU, *below)
        pointed = image(value if kind in UIDS else "1.2").ReferencedSOPSequence
        values: dict[str, dict[str, object]] = {
            "TEXT": {"TextValue": word},
            "CODE": {"ConceptCodeSequence": [code("V", word)]},
            "UIDREF": {"UID": value},
            "PNAME": {"PersonName": word},
            "IMAGE": {"ReferencedSOPSequence": pointed},
            "COMPOSITE": {"ReferencedSOPSequence": pointed},
        }
        return item(kind, name, *below, relation=relation, **values.get(kind, {}))

    below = [*items(0), *(group(*items(1)) for _ in range(draw(st.integers(1, 2))))]
    return report(*draw(st.permutations(below))), wanted, hidden


UIDS = ("UIDREF", "IMAGE", "COMPOSITE")


@settings(max_examples=40)
@given(trees())
def test_nothing_is_dropped_and_nobody_is_named(made: tuple[Dataset, list[str], list[str]]) -> None:
    dataset, wanted, hidden = made
    page = as_html(seen_as(dataset))
    for word in wanted:
        assert word in page
    for word in hidden:
        assert word not in page


@settings(max_examples=40)
@given(trees())
def test_the_terminal_shows_it_too(made: tuple[Dataset, list[str], list[str]]) -> None:
    dataset, wanted, hidden = made
    found = seen_as(dataset)
    text = as_text(found, width=400)
    (one,) = found.reports
    assert one.report is not None
    library = " ".join(f"{line.name} {line.value}" for line in one.report.image_library)
    for word in wanted:
        assert word in text or word in library
    for word in hidden:
        assert word not in text


@settings(max_examples=40)
@given(trees(), st.data())
def test_a_damaged_item_costs_itself_alone(
    made: tuple[Dataset, list[str], list[str]], data: st.DataObject
) -> None:
    dataset, wanted, _ = made
    tag = data.draw(st.sampled_from([0x0040A043, 0x0040A168, 0x0040A730, 0x0040A300, 0x00081199]))
    broken = item("CODE", ("B", "Broken"))
    broken[tag] = DataElement(tag, "LO", "no sequence")
    dataset.ContentSequence.append(broken)
    dataset.ContentSequence.append(group(broken))
    page = as_html(seen_as(dataset))
    for word in wanted:
        assert word in page


def test_what_is_no_report_is_refused_in_one_sentence() -> None:
    broken = report()
    broken[0x0040A730] = DataElement(0x0040A730, "LO", "no sequence")
    with pytest.raises(OutputError, match="isn't a readable report"):
        parse_report(broken)


HOSTILE = "<script>alert('x')</script>\"&\x1b[2J\u202ea</td>"


def test_hostile_words_are_shown_as_words() -> None:
    dataset = report(
        item("TEXT", ("Q", HOSTILE), TextValue=HOSTILE),
        group(
            item("TEXT", ("112039", "Tracking Identifier"), TextValue=HOSTILE),
            item("TEXT", ("121106", "Comment"), TextValue=HOSTILE),
            item("CODE", ("C", HOSTILE), ConceptCodeSequence=[code("V", HOSTILE)]),
            number(("N", HOSTILE), "1", code("u", HOSTILE, "UCUM"), image("2.25.30")),
        ),
    )
    dataset.SeriesDescription = HOSTILE
    page, text = as_html(seen_as(dataset)), as_text(seen_as(dataset), width=400)
    assert page.count("&lt;script&gt;") >= 7
    assert "<script" not in page
    assert page.count("</td>") == page.count("<td>")
    for shape in (page, text):
        assert "\x1b" not in shape
        assert "\u202e" not in shape
    assert "<script>alert('x')</script>" in text


# -- what was made -------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "node")


def test_all_reports_of_a_study_newest_first_from_the_objects_on_disk(
    shelf: Shelf, tmp_path: Path
) -> None:
    ct = ct_series(tmp_path / "ct", 3, **PATIENT)
    mr = mr_series(tmp_path / "mr", 3, **PATIENT)
    shelf.add(ct[:2])
    shelf.add(ct, sent=DeliveryState.RETRYING)
    shelf.add(mr)
    with shelf.sessions.begin() as session:
        # The database's words are no part of it.
        for row in session.scalars(Shelf.every_assessment()):
            row.sentence_before = "another sentence"
    found = shelf.look(STUDY)
    assert [one.handle for one in found.reports] == ["series-3", "series-2", "series-1"]
    assert [one.standing for one in found.reports] == ["current", "current", "superseded"]
    assert [one.sendings[0].there for one in found.reports] == [True, False, True]
    first = found.reports[0].report
    assert first is not None
    assert first.flags == ("preliminary", "unverified", "complete")
    for shape in (as_text(found), as_html(found)):
        shape = " ".join(shape.split())
        assert "another sentence" not in shape
        assert "Verdict:" in shape
        assert "SUPERSEDED" in shape
        assert "connection refused" in shape
        assert "Not for diagnostic use" in shape
        for secret in SECRETS:
            assert secret not in shape
    assert max(len(line) for line in as_text(found).splitlines()) <= 80


def test_a_series_or_a_report_is_shown_alone_and_the_rest_is_counted(
    shelf: Shelf, tmp_path: Path
) -> None:
    ct = ct_series(tmp_path / "ct", 3, **PATIENT)
    shelf.add(ct[:2])
    shelf.add(ct)
    shelf.add(mr_series(tmp_path / "mr", 3, **PATIENT))
    first, second, third = shelf.reports()
    source = str(dcmread(ct[0]).SeriesInstanceUID)
    for name in (
        source,
        "series-1",
        "series-2",
        second.series_instance_uid,
        dcmread(ct[0]).SOPInstanceUID,
    ):
        found = shelf.look(name)
        assert [one.handle for one in found.reports] == ["series-2", "series-1"], name
        assert found.others == 1
    (one,) = shelf.look(first.sop_instance_uid).reports
    assert (one.sop_instance_uid, one.standing) == (first.sop_instance_uid, "superseded")
    assert shelf.look(third.sop_instance_uid).others == 2


def test_when_the_file_is_gone_the_database_speaks_and_it_is_said(
    shelf: Shelf, tmp_path: Path
) -> None:
    shelf.clean(shelf.add(ct_series(tmp_path / "ct", 3, **PATIENT)))
    found = shelf.look(STUDY)
    for shape in (as_text(found), as_html(found)):
        shape = " ".join(shape.split())
        assert "retention has removed the file" in shape
        assert "which aren&#x27;t the report itself" in shape or "aren't the report" in shape
        assert "Verdict:" in shape


def test_a_file_that_was_changed_is_not_shown(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add(ct_series(tmp_path / "ct", 3, **PATIENT))
    (row,) = shelf.reports()
    assert row.path is not None
    path = shelf.layout.absolute(row.path)
    path.write_bytes(path.read_bytes().replace(b"Verdict", b"Verdikt"))
    assert "SHA-256 differs" in as_text(shelf.look(STUDY))
    assert "Verdikt" not in as_text(shelf.look(STUDY))


def test_a_report_that_has_not_left_says_so(shelf: Shelf, tmp_path: Path) -> None:
    ct = ct_series(tmp_path / "ct", 3, **PATIENT)
    shelf.add(ct[:2])
    shelf.add(ct, state=RevisionState.HELD, reason="unfit to leave")
    found = shelf.look(STUDY)
    # The first one still holds: what would have replaced it never left.
    assert [one.standing for one in found.reports] == ["not sent", "current"]
    assert "NOT SENT: unfit to leave" in as_text(found)


def test_a_series_without_a_report_says_why(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add(uids=(STUDY, "2.25.1"), state=RevisionState.HELD, reason="the engine failed")
    shelf.add(uids=(STUDY, "2.25.2"), state=RevisionState.IGNORED, reason="a localizer")
    noted = shelf.add(uids=(STUDY, "2.25.3"))
    shelf.arriving(STUDY, "2.25.4")
    shelf.note(noted, state=RevisionState.HELD, reason="the note broke")
    with pytest.raises(MedqError) as told:
        shelf.look(STUDY)
    assert str(told.value).splitlines() == [
        "no note on series 2.25.2 (series-2), ignored: a localizer",
        "no note on series 2.25.1 (series-1), held: the engine failed",
        "no note on the study (study-1), held: the note broke",
        "no note on series 2.25.4 (-), arriving: more may come",
    ]
    with pytest.raises(MedqError, match=r"^no note on series 2\.25\.2 .*a localizer$"):
        shelf.look("series-2")
    shelf.add(ct_series(tmp_path / "ct", 3, **PATIENT))
    text = as_text(shelf.look("study-1"))
    assert "a localizer" in text
    assert "the engine failed" in text


def test_one_note_on_a_whole_study_shows_its_series_apart(shelf: Shelf, tmp_path: Path) -> None:
    ct = ct_series(tmp_path / "ct", 3, **PATIENT)
    mr = mr_series(tmp_path / "mr", 3, **PATIENT)
    first, second = shelf.add(ct, report=False), shelf.add(mr, report=False)
    with pytest.raises(MedqError, match="the note on its study isn't made yet"):
        shelf.look(STUDY)
    note = shelf.written_note((first, ct), (second, mr))
    for name in (STUDY, f"study-{note}", f"series-{first}"):
        (one,) = shelf.look(name).reports
        assert one.handle == f"study-{note}"
    assert one.report is not None
    assert [series.kind for series in one.report.evidence] == ["CT", "MR"]
    assert len(one.report.groups) == 2
    text = as_text(shelf.look(STUDY))
    assert "of 3 in series A" in text
    assert "of 3 in series B" in text


def test_a_delivery_is_a_name_too(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add(ct_series(tmp_path / "ct", 3, **PATIENT))
    assert [one.handle for one in shelf.look("delivery-1").reports] == ["series-1"]
    assert [one.handle for one in shelf.look("clash-1").reports] == ["series-1"]


@pytest.mark.parametrize("name", ["2.25.404", "series-9", "study-9", "kept-1", "series-", "", "%"])
def test_what_is_not_known_is_said_in_one_line(shelf: Shelf, name: str) -> None:
    with pytest.raises(MedqError, match=r"medq-node (status|held) lists") as told:
        shelf.look(name)
    assert len(str(told.value).splitlines()) == 1


def test_pictures_are_embedded_and_nothing_is_fetched(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add(ct_series(tmp_path / "ct", 3, **PATIENT), restore="always")
    page = as_html(shelf.look(STUDY))
    assert 'src="data:image/png;base64,iVBOR' in page
    assert "default-src 'none'" in page
    for outside in ("http://", "https://", "<script", "<link", "@import", "url("):
        assert outside not in page


def test_every_form_of_a_note_is_shown_and_where_it_is(shelf: Shelf, tmp_path: Path) -> None:
    images = ct_series(tmp_path / "ct", pixels=noisy_ct(), **PATIENT)
    shelf.destinations["pacs"] = FolderDestination(
        kind="folder", path=Path("x"), forms=("sr", "text", "page", "pdf")
    )
    shelf.add(images, forms=tuple(Form))
    (one,) = shelf.look(STUDY).reports
    assert one.report is not None
    assert [sending.there for sending in one.sendings] == [True]
    assert [(form.kind, form.there) for form in one.forms] == [
        ("text report", ("pacs",)),
        ("page", ("pacs",)),
        ("pdf", ("pacs",)),
        ("quality issue", ()),
    ]
    text = one.forms[0].said
    assert text is not None
    assert any("CT, abdomen. " in item.value for item in text.further)
    page = as_html(shelf.look(STUDY))
    assert 'src="data:image/png;base64,iVBOR' in page
    assert 'href="data:application/pdf;base64,JVBER' in page
    assert "Quality Issue" in page
    shown = " ".join(as_text(shelf.look(STUDY)).split())
    for words in ("page, as a picture; it is at pacs", "key object; on its way to no destination"):
        assert words in shown
        assert words[1:] in " ".join(page.split())
    for secret in SECRETS:
        assert secret not in page + shown
    # Any of its forms is a name of the note.
    assert shelf.look(one.forms[2].sop_instance_uid).reports == (one,)


def test_a_note_without_a_structured_report_is_shown_by_what_there_is(
    shelf: Shelf, tmp_path: Path
) -> None:
    shelf.destinations["pacs"] = FolderDestination(
        kind="folder", path=Path("x"), forms=("text", "page")
    )
    ct, mr = ct_series(tmp_path / "ct", **PATIENT), mr_series(tmp_path / "mr", **PATIENT)
    shelf.add(ct, forms=(Form.TEXT, Form.PAGE))
    shelf.add(mr, forms=(Form.PAGE,))
    picture, text = shelf.look(STUDY).reports
    assert text.report is not None
    assert text.report.title == "Image quality note, research use only"
    assert [form.kind for form in text.forms] == ["page"]
    assert picture.report is None
    assert [form.kind for form in picture.forms] == ["page"]
    assert "no destination asks for it in a form other" in as_text(shelf.look(STUDY))
    shelf.layout.absolute(Path(str(picture.forms[0].file))).write_bytes(b"another")
    assert "its SHA-256 differs" in as_html(shelf.look(STUDY))
