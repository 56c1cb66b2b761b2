"""A real-life header made fit for a derived object: valid by its IOD, and nothing invented.

Scanners and archives write headers that break the standard here and there, and receivers that
check would refuse a derived object for faults it only inherited. What is repaired: values that
their VR doesn't allow, missing Type 2 attributes (added empty, which says "unknown"), conditional
attributes where their condition forbids them, references and codes that lack a required half.
What can't be repaired honestly stays as it is: Type 1 values that nobody recorded, UIDs under an
illegal root (they must go on naming the same study and frame of reference).
"""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from medq_node.outputs.values import repair_values
from medq_node.outputs.walk import sequence_elements

_TYPE_2_STUDY: Final = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
"""Patient (C.7.1.1) and General Study (C.7.2.1)."""

_TYPE_2_IMAGE: Final = (
    "Manufacturer",
    "SeriesNumber",
    "InstanceNumber",
    "PositionReferenceIndicator",
    "SliceThickness",
)
"""General Series, General Equipment, General Image, Frame of Reference, Image Plane."""

_TYPE_2_BY_MODALITY: Final = {
    "CT": ("KVP", "AcquisitionNumber"),
    "MR": ("ScanOptions", "MRAcquisitionType", "EchoTime", "EchoTrainLength"),
    "PT": (),
}
"""CT Image (C.8.2.1), MR Image (C.8.3.1)."""

_TYPE_2_FRAMES: Final = (
    "Manufacturer",
    "SeriesNumber",
    "InstanceNumber",
    "PositionReferenceIndicator",
)
"""General Series, General Equipment, Multi-frame Dimension's neighbours, Frame of Reference."""

_TYPE_1_FRAMES: Final = {
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
    "PresentationLUTShape": "IDENTITY",
}
"""What every enhanced image says (C.8.13.1, C.8.15.2): of what has burned-in text nothing is made,
loss is set where it is known, and values mean what they mean everywhere in CT, MR and PET."""

_PAIRED_BODY_PARTS: Final = frozenset(
    {"ACJOINT", "ADRENAL", "ANKLE", "ARM", "AXILLA", "BREAST", "BRONCHUS", "BUTTOCK", "CALCANEUS"}
    | {"CALF", "CAROTID", "CHEEK", "CLAVICLE", "CORNEA", "EAR", "ELBOW", "EXTREMITY", "EYE"}
    | {"EYELID", "FEMUR", "FIBULA", "FINGER", "FOOT", "FOREARM", "GROIN", "HAND", "HEEL", "HIP"}
    | {"HUMERUS", "IAC", "ILIUM", "KIDNEY", "KNEE", "LEG", "LOWERLEG", "LUNG", "ORBIT", "OVARY"}
    | {"PAROTID", "PATELLA", "RADIUS", "RIB", "SCAPULA", "SCLERA", "SHOULDER", "SIJOINT"}
    | {"SUBMANDIBULAR", "TESTIS", "THIGH", "THUMB", "TIBIA", "TMJ", "TOE", "ULNA", "UPPERARM"}
    | {"URETER", "WRIST", "ZYGOMA"}
)
"""Defined terms of PS3.16 Annex L that name one of a pair, and common spellings beside them."""

_CODES_THAT_MAY_BE_EMPTY: Final = frozenset(
    {"PatientOrientationCodeSequence", "PatientOrientationModifierCodeSequence"}
    | {"PatientGantryRelationshipCodeSequence", "RadionuclideCodeSequence"}
    | {"PatientBreedCodeSequence", "ContainerTypeCodeSequence"}
)
"""Type 2 in the classic CT, MR and PET IODs: present without an item means unknown."""
_PERSONS: Final = (
    "ReferringPhysicianIdentificationSequence",
    "ConsultingPhysicianIdentificationSequence",
    "PhysiciansOfRecordIdentificationSequence",
    "PhysiciansReadingStudyIdentificationSequence",
    "PerformingPhysicianIdentificationSequence",
    "OperatorIdentificationSequence",
    "RequestingPhysicianIdentificationSequence",
)
_CARDIAC_GATING: Final = frozenset({"CG", "PPG", "PG"})
_REFERENCE_SEQUENCES: Final = (
    "ReferencedStudySequence",
    "ReferencedPatientSequence",
    "ReferencedPerformedProcedureStepSequence",
    "ReferencedImageSequence",
    "ReferencedInstanceSequence",
    "SourceImageSequence",
)


def conform_study(dataset: Dataset) -> None:
    """Make the patient and study attributes of ``dataset`` valid, in place."""
    repair_values(dataset)
    _complete_references(dataset)
    _drop_broken_codes(dataset)
    _drop_unidentified_persons(dataset)
    if dataset.get("PatientSex") not in ("M", "F", "O"):
        dataset.PatientSex = None
    _state_deidentification(dataset)
    _add_empty(dataset, _TYPE_2_STUDY)


def conform_image(dataset: Dataset) -> None:
    """Make a CT, MR or PET image header valid, in place."""
    conform_study(dataset)
    _add_empty(dataset, _TYPE_2_IMAGE)
    _add_empty(dataset, _TYPE_2_BY_MODALITY.get(str(dataset.get("Modality")), ()))
    _conform_position(dataset)
    _conform_window(dataset)
    match dataset.get("Modality"):
        case "MR":
            _conform_mr(dataset)
        case "PT":
            _conform_pet(dataset)


def conform_frames(dataset: Dataset) -> None:
    """Make the header of an enhanced CT, MR or PET object valid, in place."""
    conform_study(dataset)
    _add_empty(dataset, _TYPE_2_FRAMES)
    for keyword, value in _TYPE_1_FRAMES.items():
        if not dataset.get(keyword):
            setattr(dataset, keyword, value)


def _add_empty(dataset: Dataset, keywords: tuple[str, ...]) -> None:
    for keyword in keywords:
        if keyword not in dataset:
            setattr(dataset, keyword, None)


def _remove(dataset: Dataset, *keywords: str) -> None:
    for keyword in keywords:
        if keyword in dataset:
            delattr(dataset, keyword)


def _complete_references(dataset: Dataset) -> None:
    """Drop references that don't name both class and instance (PS3.3 Table 10-11)."""
    for keyword in _REFERENCE_SEQUENCES:
        if keyword not in dataset:
            continue
        items = [
            item
            for item in dataset[keyword].value or ()
            if item.get("ReferencedSOPClassUID") and item.get("ReferencedSOPInstanceUID")
        ]
        if not items:
            delattr(dataset, keyword)
        elif len(items) < len(dataset[keyword].value):
            setattr(dataset, keyword, items)


def _drop_broken_codes(dataset: Dataset, within: str = "") -> None:
    """Drop coded entries without a code or a meaning (PS3.3 Table 8.8-1), at every depth.

    A code sequence that has no entry left goes as a whole, unless it is Type 2. ``within`` is the
    keyword of the sequence that ``dataset`` is an item of.
    """
    if "CodingSchemeVersion" in dataset and not dataset.CodingSchemeVersion:
        del dataset.CodingSchemeVersion  # Type 1C: absent where the designator is enough
    for element in list(sequence_elements(dataset, empty=True)):
        if element.keyword.endswith("CodeSequence"):
            items = [item for item in element.value or () if _is_code(item)]
            if not items and not _may_be_empty(element.keyword, within):
                del dataset[element.tag]
                continue
            if len(items) < len(element.value or ()):
                element.value = items
        for item in element.value or ():
            _drop_broken_codes(item, element.keyword)


def _drop_unidentified_persons(dataset: Dataset) -> None:
    """Drop identifications of people without the code that is one (PS3.3 Table 10-1)."""
    for keyword in _PERSONS:
        if keyword not in dataset:
            continue
        items = [
            i for i in dataset[keyword].value or () if i.get("PersonIdentificationCodeSequence")
        ]
        if items:
            dataset[keyword].value = items
        else:
            delattr(dataset, keyword)


def _may_be_empty(keyword: str, within: str) -> bool:
    if keyword == "PurposeOfReferenceCodeSequence":
        return within == "RelatedSeriesSequence"  # Type 2 there (C.7.3.1), elsewhere Type 1 or 3
    return keyword in _CODES_THAT_MAY_BE_EMPTY


def _is_code(item: Dataset) -> bool:
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue")
    scheme = item.get("CodingSchemeDesignator") or item.get("URNCodeValue")
    return bool(value and scheme and item.get("CodeMeaning"))


def _state_deidentification(dataset: Dataset) -> None:
    """An image that says it is de-identified must say how (C.7.1.1, Type 1C)."""
    if dataset.get("PatientIdentityRemoved") == "YES":
        if not dataset.get("DeidentificationMethod") and not dataset.get(
            "DeidentificationMethodCodeSequence"
        ):
            dataset.DeidentificationMethod = "Not stated in the source object"
    elif not dataset.get("DeidentificationMethod"):
        _remove(dataset, "DeidentificationMethod")
    if not dataset.get("DeidentificationMethodCodeSequence"):
        _remove(dataset, "DeidentificationMethodCodeSequence")


def _conform_position(dataset: Dataset) -> None:
    """Patient Position and Laterality, both Type 2C (C.7.3.1)."""
    if dataset.get("PatientOrientationCodeSequence"):
        _remove(dataset, "PatientPosition")
    elif "PatientPosition" not in dataset:
        dataset.PatientPosition = None
    if dataset.get("Laterality") not in (None, "", "L", "R"):
        dataset.Laterality = None
    body_part = dataset.get("BodyPartExamined")
    unknown_or_paired = not body_part or body_part in _PAIRED_BODY_PARTS
    if unknown_or_paired and not {"Laterality", "ImageLaterality"} & set(dataset.dir()):
        dataset.Laterality = None


def _conform_window(dataset: Dataset) -> None:
    """A window that can't be applied is no window (C.11.2.1.2.1)."""
    centers = _numbers(dataset, "WindowCenter")
    widths = _numbers(dataset, "WindowWidth")
    exact = dataset.get("VOILUTFunction") in ("LINEAR_EXACT", "SIGMOID")
    usable = all(width > 0 if exact else width >= 1 for width in widths)
    if (centers or widths) and (len(centers) != len(widths) or not usable):
        centers = widths = []
    if not centers:
        _remove(dataset, "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation")


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    values = value if isinstance(value, MultiValue) else [value]
    return [float(v) for v in values if v is not None and v != ""]


def _words(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword)
    if not value:
        return []
    return [str(v) for v in value] if isinstance(value, MultiValue) else [str(value)]


def _conform_mr(dataset: Dataset) -> None:
    """Trigger Time only where the scan was gated by the heart (C.8.3.1, Type 2C)."""
    if not _CARDIAC_GATING & set(_words(dataset, "ScanOptions")):
        _remove(dataset, "TriggerTime")
    _add_empty(dataset, ("RepetitionTime",))
    if "IR" in _words(dataset, "ScanningSequence"):
        _add_empty(dataset, ("InversionTime",))


def _conform_pet(dataset: Dataset) -> None:
    """Counts of intervals, slots and time slices only for the series types that have them."""
    series_type = (_words(dataset, "SeriesType") or [""])[0]
    if series_type != "GATED":
        _remove(dataset, "NumberOfRRIntervals", "NumberOfTimeSlots", "TriggerTime", "FrameTime")
    if series_type != "DYNAMIC":
        _remove(dataset, "NumberOfTimeSlices")
