"""One fault at a time in an output of each kind: each is caught, and told without a value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from medq_node.objects import OutputKind
from tests.certify.made import Change, Made, drop, item, put, references, source_reference

OutputsOf = Callable[[str], Made]

VALUES = ("Doe", "Jane", "SECRET", "1970", "71", "Secret wish", "Smith")
"""Of these a fault never says one: they are the patient's, or what a test put in their place."""


def evidence(number: int = 0) -> Callable[[Dataset], Dataset]:
    """The first instance of a series in the evidence."""
    return lambda ds: (
        ds.CurrentRequestedProcedureEvidenceSequence[0]
        .ReferencedSeriesSequence[number]
        .ReferencedSOPSequence[0]
    )


# What may be wrong with an object of any kind: what is done to it, what is said of it.
ANY_KIND = {
    "another study": (put("StudyInstanceUID", "1.2.3"), "Study Instance UID is not the source's"),
    "no research label": (put("SeriesDescription", "Abdomen"), "begin with 'MedQ RESEARCH'"),
    "label not in front": (put("SeriesDescription", "x MedQ RESEARCH"), "Series Description"),
    "not marked as ours": (drop("ContributingEquipmentSequence"), "would be taken as input"),
    "invalid own UID": (put("SOPInstanceUID", "1.02.3"), "SOPInstanceUID is no valid UID"),
    "no own UID": (drop("SOPInstanceUID"), "SOPInstanceUID is no valid UID"),
    "another UID in the file meta": (
        lambda ds: setattr(ds.file_meta, "MediaStorageSOPInstanceUID", "1.2.3"),
        "file meta names another SOP Instance UID",
    ),
    "another class in the file meta": (
        lambda ds: setattr(ds.file_meta, "MediaStorageSOPClassUID", "1.2.3"),
        "file meta names another SOP Class UID",
    ),
    "another patient's name": (put("PatientName", "Smith^Ann"), "PatientName differs"),
    "another patient's ID": (put("PatientID", "Smith-1"), "PatientID differs"),
    "a lost patient's ID": (put("PatientID", ""), "PatientID differs"),
    "an invented sex": (put("PatientSex", "F"), "PatientSex differs"),
    "another birth date": (put("PatientBirthDate", "19710101"), "PatientBirthDate differs"),
    "another study date": (put("StudyDate", "20200101"), "StudyDate differs"),
    "another accession number": (put("AccessionNumber", "X9"), "AccessionNumber differs"),
    "another study description": (put("StudyDescription", "Smith"), "StudyDescription differs"),
    "no study ID": (drop("StudyID"), "lacks StudyID"),
    "no series UID": (drop("SeriesInstanceUID"), "lacks SeriesInstanceUID"),
    "empty Modality": (put("Modality", None), "Modality is empty"),
    "empty character set": (put("SpecificCharacterSet", None), "SpecificCharacterSet is empty"),
}
IMAGE = {
    "Image Type original": (put("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"]), "Image Type"),
    "no derivation in words": (put("DerivationDescription", ""), "no Derivation Description"),
    "no derivation code": (drop("DerivationCodeSequence"), "no Derivation Code"),
    "no source image": (put("SourceImageSequence", []), "names no source image"),
    "unknown source image": (
        source_reference(ReferencedSOPInstanceUID="1.2.3.4"),
        "1.2.3.4 that isn't in the source",
    ),
    "source image of another class": (
        source_reference(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.7"),
        "isn't in the source series",
    ),
    "source image without purpose": (
        source_reference(PurposeOfReferenceCodeSequence=[]),
        "doesn't say for what",
    ),
    "no frame of reference": (drop("FrameOfReferenceUID"), "lacks FrameOfReferenceUID"),
    "empty Rows": (put("Rows", None), "Rows is empty"),
    "another frame of reference": (put("FrameOfReferenceUID", "1.2.3"), "Frame of Reference UID"),
    "another position": (put("ImagePositionPatient", [-32, -32, 5.01]), "Image Position"),
    "another orientation": (put("ImageOrientationPatient", [0, 1, 0, 1, 0, 0]), "Orientation"),
    "another spacing": (put("PixelSpacing", [1, 1.001]), "Pixel Spacing"),
    "another thickness": (put("SliceThickness", "4"), "SliceThickness"),
    "a lost slice location": (drop("SliceLocation"), "SliceLocation"),
    "another place in the order": (put("InstanceNumber", "9"), "Instance Number"),
    "fewer rows": (put("Rows", 32), "Rows differs"),
    "other bits": (lambda ds: (put("BitsStored", 10)(ds), put("HighBit", 9)(ds)), "Bits Stored"),
    "other sign": (
        lambda ds: put("PixelRepresentation", 1 - ds.PixelRepresentation)(ds),
        "Pixel Representation",
    ),
    "invented padding": (
        lambda ds: ds.add_new("PixelPaddingValue", "US", 7),
        "Pixel Padding Value",
    ),
    "cut pixel data": (lambda ds: put("PixelData", ds.PixelData[:-100])(ds), "can't be used"),
    "lost weight": (drop("PatientWeight"), "PatientWeight differs"),
    "black is white": (put("PhotometricInterpretation", "MONOCHROME1"), "Photometric"),
}
BY_MODALITY = {
    "CT": {
        "another slope": (put("RescaleSlope", "2"), "Rescale Slope"),
        "another intercept": (put("RescaleIntercept", "0"), "Rescale Intercept"),
        "empty slope": (put("RescaleSlope", None), "RescaleSlope is empty"),
        "no KVP": (drop("KVP"), "lacks KVP"),
        "empty padding": (
            lambda ds: ds.add_new("PixelPaddingValue", "US", None),
            "PixelPaddingValue is empty",
        ),
    },
    "MR": {
        "another echo": (put("EchoTime", "30"), "Echo Time"),
        "no sequence": (drop("ScanningSequence"), "lacks ScanningSequence"),
    },
    "PT": {
        "another slope": (put("RescaleSlope", "2"), "Rescale Slope"),
        "another unit": (put("Units", "CNTS"), "unit differs"),
        "another series time": (put("SeriesTime", "111500"), "SeriesTime differs"),
        "another decay correction": (put("DecayCorrection", "ADMIN"), "DecayCorrection differs"),
        "another decay factor": (put("DecayFactor", "1.1"), "DecayFactor differs"),
        "an uncorrected image": (put("CorrectedImage", ["DECY"]), "CorrectedImage differs"),
    },
}
NO_EVIDENCE = drop("CurrentRequestedProcedureEvidenceSequence")
DOCUMENT = {
    "no evidence": (NO_EVIDENCE, "which its evidence doesn't list"),
    "evidence nobody knows": (
        lambda ds: setattr(evidence()(ds), "ReferencedSOPInstanceUID", "1.2.3.4"),
        "evidence names 1.2.3.4, which is",
    ),
    "evidence of another class": (
        lambda ds: setattr(evidence()(ds), "ReferencedSOPClassUID", "1.2.3.4"),
        "evidence names",
    ),
    "evidence in another series": (
        lambda ds: setattr(
            ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0],
            "SeriesInstanceUID",
            "1.2.3",
        ),
        "in another series or study",
    ),
    "evidence in another study": (
        lambda ds: setattr(
            ds.CurrentRequestedProcedureEvidenceSequence[0], "StudyInstanceUID", "1.2.3"
        ),
        "in another series or study",
    ),
    "a reference nobody knows": (
        lambda ds: setattr(references(ds)[-1], "ReferencedSOPInstanceUID", "1.2.3.4"),
        "refers to 1.2.3.4, which its evidence doesn't list",
    ),
    "no content date": (drop("ContentDate"), "lacks ContentDate"),
}
OF_REPORT = {
    "verified": (put("VerificationFlag", "VERIFIED"), "VerificationFlag is not UNVERIFIED"),
    "final": (put("PreliminaryFlag", "FINAL"), "PreliminaryFlag is not PRELIMINARY"),
    "no preliminary flag": (drop("PreliminaryFlag"), "PreliminaryFlag is not PRELIMINARY"),
    "verified by somebody": (
        put("VerifyingObserverSequence", [item(VerifyingObserverName="Smith^Ann")]),
        "names somebody who verified it",
    ),
    "a predecessor that isn't ours": (
        lambda ds: setattr(
            ds.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0],
            "ReferencedSOPInstanceUID",
            "1.2.3.4",
        ),
        "names a predecessor 1.2.3.4",
    ),
    "a reference to itself": (
        lambda ds: setattr(evidence()(ds), "ReferencedSOPInstanceUID", ds.SOPInstanceUID),
        "neither a source image nor ours",
    ),
}
OF_KEY_OBJECT = {
    "another title": (
        lambda ds: setattr(ds.ConceptNameCodeSequence[0], "CodeValue", "113010"),
        "its title is not",
    ),
    "nothing selected": (put("ContentSequence", []), "selects no object"),
}
TEXT = {
    "a title of measurements": (
        lambda ds: setattr(
            ds,
            "ConceptNameCodeSequence",
            [item(CodeValue="126000", CodingSchemeDesignator="DCM", CodeMeaning="Measurements")],
        ),
        "its title is not one of a text report",
    ),
}
SHOWS_NOBODY = {
    "a patient on it": (put("BurnedInAnnotation", "YES"), "BurnedInAnnotation is not NO"),
    "scanned in": (put("ConversionType", "SD"), "ConversionType is not WSD"),
}
PAGE = {
    "an original": (put("ImageType", ["ORIGINAL", "PRIMARY"]), "Image Type is not DERIVED"),
    "grey": (put("PhotometricInterpretation", "MONOCHROME2"), "is not RGB"),
    "cut pixel data": (lambda ds: put("PixelData", ds.PixelData[:-9])(ds), "not as long as"),
    "lossy or not": (drop("LossyImageCompression"), "compressed with loss"),
    "of nothing": (drop("SourceImageSequence"), "doesn't name the images that it shows"),
    "of another image": (
        source_reference(ReferencedSOPInstanceUID="1.2.3.4"),
        "1.2.3.4 as shown, which is no source image",
    ),
}
PDF = {
    "verified": (put("VerificationFlag", "VERIFIED"), "VerificationFlag is not UNVERIFIED"),
    "another type": (put("MIMETypeOfEncapsulatedDocument", "text/xml"), "application/pdf"),
    "another length": (put("EncapsulatedDocumentLength", 12), "EncapsulatedDocumentLength"),
    "half a document": (
        lambda ds: put("EncapsulatedDocument", ds.EncapsulatedDocument[:2000])(ds),
        "no whole PDF",
    ),
    "no document": (put("EncapsulatedDocument", b"MZ" * 8), "no whole PDF"),
    "of another image": (
        lambda ds: setattr(ds.SourceInstanceSequence[0], "ReferencedSOPInstanceUID", "1.2.3.4"),
        "1.2.3.4 as shown, which is no source image",
    ),
    "a predecessor that isn't ours": (
        OF_REPORT["a predecessor that isn't ours"][0],
        "no PDF of ours",
    ),
}
OF_QUALITY_ISSUE = {
    "a title that rejects": (
        lambda ds: setattr(ds.ConceptNameCodeSequence[0], "CodeValue", "113001"),
        "its title is not Quality Issue",
    ),
    "no word of what is wrong": (
        lambda ds: ds.ContentSequence.pop(0),
        "doesn't say in one code what is wrong",
    ),
    "nothing selected": (put("ContentSequence", []), "selects no object"),
    "something that is no original": (
        DOCUMENT["evidence nobody knows"][0],
        "1.2.3.4, which is no original",
    ),
}
FILED = ("no research label", "not marked as ours", "another patient's name", "no study ID")


def cases() -> list[object]:
    found = []

    def add(kind: OutputKind, modality: str, faults: dict[str, tuple[Change, str]]) -> None:
        for name, (change, words) in faults.items():
            parameters = (kind, modality, change, words)
            found.append(pytest.param(*parameters, id=f"{modality} {kind}: {name}"))

    for modality in BY_MODALITY:
        add(OutputKind.RESTORED, modality, {**ANY_KIND, **IMAGE, **BY_MODALITY[modality]})
    add(OutputKind.REPORT, "CT", {**ANY_KIND, **DOCUMENT, **OF_REPORT})
    add(OutputKind.KEY_OBJECT, "CT", {**ANY_KIND, **DOCUMENT, **OF_KEY_OBJECT})
    filed = {name: ANY_KIND[name] for name in FILED}
    add(OutputKind.TEXT, "CT", {**filed, **DOCUMENT, **OF_REPORT, **TEXT})
    add(OutputKind.PAGE, "CT", {**filed, **SHOWS_NOBODY, **PAGE})
    add(OutputKind.PDF, "CT", {**filed, **SHOWS_NOBODY, **PDF})
    add(OutputKind.QUALITY_ISSUE, "CT", {**filed, **DOCUMENT, **OF_QUALITY_ISSUE})
    return found


@pytest.mark.filterwarnings("ignore:Invalid value:UserWarning")
@pytest.mark.parametrize(("kind", "modality", "change", "words"), cases())
def test_a_broken_output_is_caught(
    outputs_of: OutputsOf, kind: OutputKind, modality: str, change: Change, words: str
) -> None:
    made = outputs_of(modality)
    broken = made.of(kind)[-1]
    faults = made.changed(broken, change).faults()
    assert any(words in fault for fault in faults), faults
    assert not [fault for fault in faults for value in VALUES if value in _without_uids(fault)]


def _without_uids(fault: str) -> str:
    return " ".join(w for w in fault.split() if not w.strip(".:,").replace(".", "").isdigit())
