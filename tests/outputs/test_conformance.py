"""Faults that real headers come with: repaired in what we make of them, nothing invented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from medq_node.objects import OutputIdentity
from medq_node.outputs.conformance import conform_image, conform_study
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart
from medq_node.outputs.report import write_report
from medq_node.outputs.restored import write_restored_instance
from medq_node.pixels.series import open_series
from tests.judges import dciodvfy_errors
from tests.outputs.reports import Modality, Severity, description


@pytest.mark.data
@pytest.mark.peer
@pytest.mark.parametrize(
    ("series", "begins"),
    [
        ("ct_tcga_lung_1slice_per_patient", "ID_0008"),  # lung, no laterality; VR SH for CS
        ("ct_tcga_lung_1slice_per_patient", "ID_0035"),  # a procedure code without a meaning
        ("ct_tcga_lung_1slice_per_patient", "ID_0037"),  # an empty coding scheme version
        ("ct_tcga_lung_sharp_noisy", "ID_0022"),  # all but the last
    ],
)
def test_what_is_made_of_faulty_headers_passes_the_judge(
    series: str,
    begins: str,
    dev_series: Callable[[str], list[Path]],
    identity: OutputIdentity,
    tmp_path: Path,
) -> None:
    files = [path for path in dev_series(series) if path.name.startswith(begins)]
    source = open_series(files)
    values = source.slab(0, 1).values[0]
    image = write_restored_instance(source, 0, values, identity, tmp_path)
    assert dciodvfy_errors(image.path) == []
    content = ReportContent(
        before=description(Modality.CT, 24.3, Severity.MODERATE),
        sentence_before="Noise is moderate.",
        action=ActionTaken.ASSESSED_ONLY,
        reasons=("a rule asks for it",),
    )
    report = write_report([ReportPart(source, content, identity)], identity, tmp_path)
    assert dciodvfy_errors(report.path) == []


@pytest.mark.parametrize(
    ("body_part", "laterality"),
    [("LUNG", None), ("KIDNEY", None), ("", None), ("CHEST", "absent"), ("HEAD", "absent")],
)
def test_laterality_is_empty_where_the_part_has_two_sides_and_none_is_stated(
    body_part: str, laterality: str | None
) -> None:
    header = Dataset()
    header.Modality = "CT"
    header.BodyPartExamined = body_part
    conform_image(header)
    assert (header["Laterality"].value or None if "Laterality" in header else "absent") == (
        laterality
    )


@pytest.mark.parametrize("stated", ["Laterality", "ImageLaterality"])
def test_a_side_that_is_stated_stays(stated: str) -> None:
    header = Dataset()
    header.Modality = "CT"
    header.BodyPartExamined = "LUNG"
    setattr(header, stated, "L")
    conform_image(header)
    assert [header.get(k) for k in ("Laterality", "ImageLaterality") if k in header] == ["L"]


def code(meaning: str | None) -> Dataset:
    item = Dataset()
    item.CodeValue = "X"
    item.CodingSchemeDesignator = "99SITE"
    item.CodingSchemeVersion = ""
    item.CodeMeaning = meaning
    return item


def test_a_code_sequence_that_loses_its_last_code_goes_unless_empty_means_unknown() -> None:
    request, isotope = Dataset(), Dataset()
    request.RequestedProcedureCodeSequence = [code(None)]
    isotope.RadionuclideCodeSequence = [code(None)]
    header = Dataset()
    header.ProcedureCodeSequence = [code(None)]
    header.AnatomicRegionSequence = [code("Lung")]
    header.ReasonForPerformedProcedureCodeSequence = []
    header.RequestAttributesSequence = [request]
    header.RadiopharmaceuticalInformationSequence = [isotope]
    conform_study(header)
    assert "ProcedureCodeSequence" not in header
    assert "ReasonForPerformedProcedureCodeSequence" not in header
    assert "RequestedProcedureCodeSequence" not in header.RequestAttributesSequence[0]
    assert len(isotope.RadionuclideCodeSequence) == 0  # Type 2
    assert "CodingSchemeVersion" not in header.AnatomicRegionSequence[0]


def test_text_under_another_vr_gets_that_of_the_dictionary(tmp_path: Path) -> None:
    header = Dataset()
    header.add(pydicom.DataElement(0x00280303, "SH", "Modified"))
    header.add(pydicom.DataElement(0x00081030, "SH", "Thorax"))
    header.add(pydicom.DataElement(0x00091001, "SH", "private"))
    conform_study(header)
    assert (header[0x00280303].VR, header[0x00280303].value) == ("CS", "MODIFIED")
    assert (header[0x00081030].VR, header[0x00081030].value) == ("LO", "Thorax")
    assert header[0x00091001].VR == "SH"
