"""The quality note as a picture and as a PDF: objects of the kinds that every viewer opens.

Secondary Capture Image (PS3.3 A.8.1) and Encapsulated PDF (A.45.1). Both hold the page of
``note_page``, which names nobody; so both say that no annotation identifies the patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from highdicom import SOPClass
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    EncapsulatedPDFStorage,
    SecondaryCaptureImageStorage,
)

from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs import codes
from medq_node.outputs.content import ReportPart, worst_slices
from medq_node.outputs.document import DocumentHeader, own_series
from medq_node.outputs.files import write_object
from medq_node.outputs.pdf import pdf_bytes
from medq_node.outputs.raster import rastered
from medq_node.outputs.report import first_part, predecessors
from medq_node.outputs.sheet import DARK, LIGHT, Sheet
from medq_node.outputs.uids import INSTANCE_PART, derived_uid
from medq_node.pixels.instance import SourceInstance

_TITLE: Final = "Image quality, for research use only"


def write_pages(
    parts: Sequence[ReportPart],
    sheets: Sequence[Sheet],
    identity: OutputIdentity,
    folder: Path,
    *,
    study: bool = False,
) -> list[OutputObject]:
    """Write each of ``sheets``, one for each of ``parts``, as an image of one series.

    Raises:
        OutputError: no part, several without ``study``, or parts of several studies.
    """
    first = first_part(parts, study)
    written = []
    for number, (part, sheet) in enumerate(zip(parts, sheets, strict=True), start=1):
        header = DocumentHeader(first.source, identity)
        image = _begun(
            header, parts, identity, OutputKind.PAGE, SecondaryCaptureImageStorage, study
        )
        if number > 1:
            part_name = f"{INSTANCE_PART}/{number}"
            uid = derived_uid(identity, _about(parts, study), OutputKind.PAGE, part_name)
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(uid)
        image.InstanceNumber = number
        image.Modality = "OT"
        image.ImageType = ["DERIVED", "SECONDARY"]
        image.PatientOrientation = image.Laterality = None
        # Thumbnails of images that have lost something have lost it too (C.7.6.1.1.5).
        lossy = header.dataset.get("LossyImageCompression") == "01"
        image.LossyImageCompression = "01" if lossy else "00"
        image.SourceImageSequence = [_named(shown, purpose=True) for shown in _shown([part])]
        _put_pixels(image, sheet)
        header.finish(image)
        written.append(write_object(image, OutputKind.PAGE, folder))
    return written


def write_pdf(
    parts: Sequence[ReportPart],
    sheets: Sequence[Sheet],
    identity: OutputIdentity,
    folder: Path,
    *,
    study: bool = False,
) -> OutputObject:
    """Write ``sheets`` as the pages of one encapsulated PDF.

    Raises:
        OutputError: no part, several without ``study``, or parts of several studies.
    """
    first = first_part(parts, study)
    header = DocumentHeader(first.source, identity)
    document = _begun(header, parts, identity, OutputKind.PDF, EncapsulatedPDFStorage, study)
    document.Modality = "DOC"
    document.AcquisitionDateTime = None
    document.VerificationFlag = "UNVERIFIED"
    document.DocumentTitle = _TITLE
    document.ConceptNameCodeSequence = [codes.code_item(codes.TEXT_TITLE)]
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content = pdf_bytes(sheets, LIGHT, _TITLE)
    document.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    document.EncapsulatedDocumentLength = len(content)
    document.SourceInstanceSequence = [_named(shown) for shown in _shown(parts)]
    if old := predecessors(parts, OutputKind.PDF):
        document.PredecessorDocumentsSequence = [_hierarchical(item) for item in old]
    header.finish(document)
    return write_object(document, OutputKind.PDF, folder)


def _about(parts: Sequence[ReportPart], study: bool) -> str:
    named = parts[0].source.instances[0]
    return named.study_instance_uid if study else named.series_instance_uid


def _begun(
    header: DocumentHeader,
    parts: Sequence[ReportPart],
    identity: OutputIdentity,
    kind: OutputKind,
    sop_class_uid: str,
    study: bool,
) -> SOPClass:
    """An object with patient, study, its own series and equipment, of conversion type WSD.

    Workstation: software drew it, nobody scanned it in (C.8.6.1).
    """
    dataset = header.dataset
    begun = SOPClass(
        study_instance_uid=dataset.StudyInstanceUID,
        sop_class_uid=sop_class_uid,
        modality="OT",
        **own_series(header, parts[0].source, identity, kind, study=study),
        **header.arguments(),
    )
    begun.copy_patient_and_study_information(dataset)
    begun.ConversionType = "WSD"
    begun.BurnedInAnnotation = "NO"
    return begun


def _put_pixels(image: Dataset, sheet: Sheet) -> None:
    pixels = np.asarray(rastered(sheet, DARK))
    image.SamplesPerPixel = 3
    image.PhotometricInterpretation = "RGB"
    image.PlanarConfiguration = 0
    image.Rows, image.Columns = pixels.shape[:2]
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit = 7
    image.PixelRepresentation = 0
    packed = pixels.tobytes()
    image.add_new("PixelData", "OB", packed + b"\0" * (len(packed) % 2))


def _shown(parts: Iterable[ReportPart]) -> list[SourceInstance]:
    """The originals whose pictures stand on the pages."""
    return [
        part.source.instances[worst_slices(part.content.before, len(part.source.instances))[0]]
        for part in parts
    ]


def _named(image: SourceInstance, *, purpose: bool = False) -> Dataset:
    """A reference to an original, and to one frame of it where it has several."""
    item = Dataset()
    item.ReferencedSOPClassUID = UID(image.sop_class_uid)
    item.ReferencedSOPInstanceUID = UID(image.sop_instance_uid)
    if purpose:
        if image.frame is not None:
            item.ReferencedFrameNumber = image.frame
        item.PurposeOfReferenceCodeSequence = [codes.code_item(codes.SOURCE_IMAGE)]
    return item


def _hierarchical(old: Dataset) -> Dataset:
    """A document as an item of Predecessor Documents Sequence (PS3.3 Table C.17-3)."""
    named = Dataset()
    named.ReferencedSOPClassUID = old.SOPClassUID
    named.ReferencedSOPInstanceUID = old.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID = old.SeriesInstanceUID
    series.ReferencedSOPSequence = [named]
    study = Dataset()
    study.StudyInstanceUID = old.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    return study
