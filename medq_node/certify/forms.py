"""The other forms of a report: page, PDF and the key object that points at what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pydicom.dataset import Dataset

from medq_node.certify.documents import evidence_faults, title_of
from medq_node.certify.references import Instances, items, listed, named, references_of
from medq_node.objects import OutputKind, OutputReference
from medq_node.pixels.header import integer, text, texts

_QUALITY_ISSUE: Final = ("113010", "DCM")
_TITLE_MODIFIER: Final = ("113011", "DCM")
_SAID_OF_BOTH: Final = (("ConversionType", "WSD"), ("BurnedInAnnotation", "NO"))
_PIXELS: Final = (
    ("PhotometricInterpretation", "RGB"),
    ("SamplesPerPixel", "3"),
    ("BitsAllocated", "8"),
    ("BitsStored", "8"),
)


def page_faults(dataset: Dataset, originals: Instances) -> Iterator[str]:
    """A page is a colour picture made by software, with no patient on it, of ``originals``."""
    yield from _differing(dataset, (*_SAID_OF_BOTH, *_PIXELS))
    if texts(dataset, "ImageType")[:2] != ("DERIVED", "SECONDARY"):
        yield "its Image Type is not DERIVED\\SECONDARY"
    if text(dataset, "LossyImageCompression") not in ("00", "01"):
        yield "it doesn't say whether the images shown were compressed with loss"
    expected = 3 * (integer(dataset, "Rows") or 0) * (integer(dataset, "Columns") or 0)
    if not expected or len(dataset.get("PixelData") or b"") not in (expected, expected + 1):
        yield "its Pixel Data is not as long as its size says"
    yield from _source_faults(dataset, "SourceImageSequence", originals)


def pdf_faults(
    dataset: Dataset, originals: Instances, superseded: Sequence[OutputReference]
) -> Iterator[str]:
    """A PDF is whole, unverified, has no patient in it, and is about ``originals`` (A.45.1)."""
    said = (
        ("MIMETypeOfEncapsulatedDocument", "application/pdf"),
        ("VerificationFlag", "UNVERIFIED"),
    )
    yield from _differing(dataset, (*_SAID_OF_BOTH, *said))
    document = bytes(dataset.get("EncapsulatedDocument") or b"")
    length = integer(dataset, "EncapsulatedDocumentLength")
    if length is None or not 0 <= len(document) - length <= 1:
        yield "its EncapsulatedDocumentLength is not that of its document"
    whole = document[:length].rstrip().endswith(b"%%EOF")
    if not document.startswith(b"%PDF-") or not whole:
        yield "its document is no whole PDF"
    yield from _source_faults(dataset, "SourceInstanceSequence", originals)
    before = references_of([old for old in superseded if old.kind is OutputKind.PDF])
    for study, series, class_uid, uid in listed(dataset, "PredecessorDocumentsSequence"):
        if before.get(uid) != (class_uid, series) or study != text(dataset, "StudyInstanceUID"):
            yield f"it names a predecessor {uid} that is no PDF of ours that it replaces"


def quality_issue_faults(dataset: Dataset, originals: Instances) -> Iterator[str]:
    """A key object on what is wrong points at originals and rejects none (A.35.4, TID 2010)."""
    if title_of(dataset) != _QUALITY_ISSUE:
        yield "its title is not Quality Issue (113010, DCM)"
    modifiers = [i for i in items(dataset, "ContentSequence") if title_of(i) == _TITLE_MODIFIER]
    if len(modifiers) != 1:
        yield "it doesn't say in one code what is wrong (TID 2010 row 3)"
    yield from evidence_faults(dataset, originals, "no original")


def _differing(dataset: Dataset, expected: Sequence[tuple[str, str]]) -> Iterator[str]:
    for keyword, value in expected:
        if text(dataset, keyword) != value:
            yield f"its {keyword} is not {value}"


def _source_faults(dataset: Dataset, keyword: str, originals: Instances) -> Iterator[str]:
    """It names originals that it shows, at least one, and nothing else."""
    sources = [named(item) for item in items(dataset, keyword)]
    if not sources:
        yield "it doesn't name the images that it shows"
    for class_uid, uid in sources:
        if originals.get(uid, ("", ""))[0] != class_uid:
            yield f"it names {uid} as shown, which is no source image"
