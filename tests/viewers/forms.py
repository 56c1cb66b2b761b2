"""The note in each of its forms, as a viewer gets them.

``sr`` and ``restored`` are what the node writes. ``text``, ``page``, ``pdf`` and ``key`` stand for
what a viewer goes by: the SOP class, the root of the tree, the MIME type, the title.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from medq_node.pixels.series import SeriesStack, open_series
from tests.build import ct_series
from tests.statement.writers import IDENTITY, WRITTEN

SENTENCE = "CT, chest. Moderate noise."
"""What every form says."""


def all_forms(folder: Path) -> tuple[SeriesStack, dict[str, Path]]:
    """A CT series, and the note on it by the names of its forms."""
    source = open_series(ct_series(folder / "in", 2))
    titles = {"restored": "Restored CT image", "sr": "Quality report"}
    writers = {name: next(w for w in WRITTEN if w.title == t) for name, t in titles.items()}
    paths = {n: w.write(source, IDENTITY, folder / n).path for n, w in writers.items()}
    header = source.header(0)
    paths["text"] = _written(_text(header), folder / "text.dcm")
    paths["page"] = _written(_page(header), folder / "page.dcm")
    paths["pdf"] = _written(_pdf(header), folder / "pdf.dcm")
    paths["key"] = _written(_key(header), folder / "key.dcm")
    return source, paths


def natural(dataset: Dataset) -> dict[str, Any]:
    """Keyword -> value, as JavaScript viewers name things; without pixels."""
    found: dict[str, Any] = {}
    for element in dataset:
        if element.VR == "SQ":
            found[element.keyword] = [natural(item) for item in element.value]
        elif element.keyword and element.VR not in ("OB", "OW"):
            several = element.VM > 1
            found[element.keyword] = (
                [str(v) for v in element.value] if several else str(element.value or "")
            )
    return found


def _text(header: Dataset) -> Dataset:
    document = _document(header, BasicTextSRStorage, "SR")
    document.CompletionFlag, document.VerificationFlag = "COMPLETE", "UNVERIFIED"
    document.ReferencedPerformedProcedureStepSequence = []
    document.PerformedProcedureCodeSequence = []
    _container(document, _code("18748-4", "LN", "Diagnostic imaging report"))
    said = Dataset()
    said.RelationshipType, said.ValueType = "CONTAINS", "TEXT"
    said.ConceptNameCodeSequence = [_code("121071", "DCM", "Finding")]
    said.TextValue = SENTENCE
    document.ContentSequence = [said]
    return document


def _page(header: Dataset) -> Dataset:
    page = _document(header, SecondaryCaptureImageStorage, "OT")
    page.ConversionType = "WSD"
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:30] = 255
    page.SamplesPerPixel, page.PhotometricInterpretation, page.PlanarConfiguration = 3, "RGB", 0
    page.Rows, page.Columns = pixels.shape[:2]
    page.BitsAllocated, page.BitsStored, page.HighBit, page.PixelRepresentation = 8, 8, 7, 0
    page.add_new(0x7FE00010, "OB", pixels.tobytes())
    return page


def _pdf(header: Dataset) -> Dataset:
    document = _document(header, EncapsulatedPDFStorage, "DOC")
    document.ConversionType, document.BurnedInAnnotation = "WSD", "NO"
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content = b"%PDF-1.4\n%%EOF\n"
    document.add_new(0x00420011, "OB", content + b"\0" * (len(content) % 2))
    return document


def _key(header: Dataset) -> Dataset:
    document = _document(header, pydicom.uid.KeyObjectSelectionDocumentStorage, "KO")
    document.ReferencedPerformedProcedureStepSequence = []
    _container(document, _code("113010", "DCM", "Quality Issue"))
    _refer(document, [header])
    return document


def _refer(document: Dataset, images: Sequence[Dataset]) -> None:
    items, evidence = [], []
    for image in images:
        reference, item = Dataset(), Dataset()
        reference.ReferencedSOPClassUID = image.SOPClassUID
        reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
        item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
        item.ReferencedSOPSequence = [reference]
        items.append(item)
        evidence.append(reference)
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ReferencedSOPSequence = evidence
    study.StudyInstanceUID, study.ReferencedSeriesSequence = images[0].StudyInstanceUID, [series]
    document.CurrentRequestedProcedureEvidenceSequence = [study]
    document.ContentSequence = items


def _document(header: Dataset, sop_class_uid: str, modality: str) -> Dataset:
    document = Dataset()
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID"):
        setattr(document, keyword, header.get(keyword))
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber"):
        setattr(document, keyword, header.get(keyword))
    document.ReferringPhysicianName = ""
    document.SOPClassUID, document.Modality = sop_class_uid, modality
    document.SOPInstanceUID = generate_uid(prefix="2.25.")
    document.SeriesInstanceUID = generate_uid(prefix="2.25.")
    document.SeriesNumber, document.InstanceNumber = "9", "1"
    document.Manufacturer = "MedQ Test Builder"
    document.ContentDate, document.ContentTime = "20260101", "120000"
    return document


def _container(document: Dataset, title: Dataset) -> None:
    document.ValueType, document.ContinuityOfContent = "CONTAINER", "SEPARATE"
    document.ConceptNameCodeSequence = [title]


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _written(dataset: Dataset, path: Path) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return path
