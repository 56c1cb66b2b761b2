"""Every code we write, and how the words of the quality description map to them.

Standard codes where the standard has one that says exactly what we mean. Where it has none we use
our private scheme ``99MEDQ`` (PS3.16 section 8.2: designators beginning with 99 are private) rather
than a public code that says something else.
"""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from engines.quality import Action, Confidence, Degradation, Modality, Severity, Verdict
from medq_node.outputs.content import ActionTaken

SCHEME: Final = "99MEDQ"

SOURCE_IMAGE: Final = Code("121322", "DCM", "Source image for image processing operation")
PROCESSING_EQUIPMENT: Final = Code("109102", "DCM", "Processing Equipment")

RESTORATION: Final = Code("RESTORE", SCHEME, "Image restoration by software, research use only")
"""Derivation code. CID 7203 has codes for smoothing and edge enhancement, none for restoration."""

SERIES_QUALITY: Final = Code("130550", "DCM", "Imaging Series Quality")
"""Finding of every measurement group."""

IMAGE_QUALITY: Final = Code("111101", "DCM", "Image Quality")
COMMENT: Final = Code("121106", "DCM", "Comment")

PLANNED_ACTION: Final = Code("PLANNED-ACTION", SCHEME, "Action proposed by the engine")
ACTION_TAKEN: Final = Code("ACTION-TAKEN", SCHEME, "Action taken by the node")
CONFIDENCE: Final = Code("CONFIDENCE", SCHEME, "Confidence of the quality description")
GATE: Final = Code("GATE", SCHEME, "Do-no-harm check of the restored series")
PASSED: Final = Code("PASSED", SCHEME, "Passed")
FAILED: Final = Code("FAILED", SCHEME, "Failed")
NOT_ASSESSED: Final = Code("NOT-ASSESSED", SCHEME, "Not assessed")

VERDICTS: Final = {
    Verdict.GOOD: Code("122741", "DCM", "Good image quality"),
    Verdict.USABLE: Code("RID13", "RADLEX", "Limited quality"),
    Verdict.REJECT: Code("111235", "DCM", "Unusable - Quality renders image unusable"),
}
"""CID 3114 says good and unusable; "usable with limits" lies between its good and poor, so it is
RadLex' Limited quality (CID 7036). Diagnostic and non-diagnostic quality (CID 7036) are for a
physician to say."""

SEVERITIES: Final = {
    Severity.NONE: Code("260413007", "SCT", "None"),
    Severity.MILD: Code("255604002", "SCT", "Mild"),
    Severity.MODERATE: Code("6736007", "SCT", "Moderate"),
    Severity.SEVERE: Code("24484000", "SCT", "Severe"),
}
"""CID 3716 Severity."""

CONFIDENCES: Final = {
    Confidence.HIGH: Code("75540009", "SCT", "High"),
    Confidence.MEDIUM: Code("6736007", "SCT", "Moderate"),
    Confidence.LOW: Code("62482003", "SCT", "Low"),
}

ACTIONS: Final = {
    Action.KEEP: Code("KEEP", SCHEME, "Keep as is"),
    Action.REDUCE_NOISE: Code("REDUCE-NOISE", SCHEME, "Reduce noise"),
    Action.REPEAT: Code("REPEAT", SCHEME, "Consider repeating the acquisition"),
}

ACTIONS_TAKEN: Final = {
    ActionTaken.RESTORED: Code("RESTORED", SCHEME, "Restored series made"),
    ActionTaken.ASSESSED_ONLY: Code("ASSESSED", SCHEME, "Assessed only"),
    ActionTaken.REFUSED: Code("REFUSED", SCHEME, "Restoration refused"),
    ActionTaken.UNCHANGED: Code("UNCHANGED", SCHEME, "No restoration needed"),
}

PROCEDURES: Final = {
    Modality.CT: Code("25045-6", "LN", "CT unspecified body region"),
    Modality.MR: Code("25056-3", "LN", "MR unspecified body region"),
    Modality.PT: Code("44136-0", "LN", "PET unspecified body region"),
}
"""CID 100 Quantitative Diagnostic Imaging Procedures."""

_UNITS: Final = {
    "HU": Code("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "%": Code("%", "UCUM", "Percent"),
    "mm": Code("mm", "UCUM", "mm"),
    "Bq/ml": Code("Bq/ml", "UCUM", "Becquerels/milliliter"),
    "SUV": Code("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"),
    "counts": Code("{counts}", "UCUM", "Counts"),
    "dB": Code("dB", "UCUM", "decibel"),
}
_NO_UNITS: Final = Code("1", "UCUM", "no units")


def degradation(kind: Degradation) -> Code:
    """Concept name of a degradation: its severity is the value of a qualitative evaluation."""
    if kind is Degradation.MOTION:
        return Code("RID11423", "RADLEX", "Motion related artifact")
    return Code(_symbol(kind.value), SCHEME, _MEANINGS.get(kind, kind.value.capitalize()))


def amount(kind: Degradation) -> Code:
    """Concept name of the number that was measured for a degradation."""
    meaning = f"Measured amount of {kind.value}"
    return Code(f"{_symbol(kind.value)}-N", SCHEME, meaning)


_MEANINGS: Final = {
    Degradation.NOISE: "Image noise",
    Degradation.BLUR: "Image blur",
    Degradation.UNDERSAMPLING: "Undersampling artifact",
    Degradation.METAL: "Metal artifact",
    Degradation.LOW_COUNT: "Low count statistics",
    Degradation.CLIPPING: "Clipped pixel values",
}


def _symbol(word: str) -> str:
    """A Code Value (SH, 16 characters) made of a word of the closed vocabulary."""
    return word.upper().replace(" ", "-")[:14]


def algorithm_family(engine_name: str) -> Code:
    """Family of an engine's algorithm (CID 7162): filters are not called intelligent."""
    if engine_name == "classical":
        return Code("123102", "DCM", "Adaptive Filtering")
    return Code("123110", "DCM", "Artificial Intelligence")


def unit(text: str | None) -> Code:
    """UCUM code of a unit of ``engines.quality.Finding``; ``1`` where it is none of the known.

    What follows the unit's first word (``mm FWHM``, ``% of signal``) says of what, not how much,
    and stands in the report's sentence.
    """
    if not text:
        return _NO_UNITS
    return _UNITS.get(text) or _UNITS.get(text.split()[0], _NO_UNITS)


def code_item(code: Code) -> Dataset:
    """``code`` as an item of a code sequence (PS3.3 Table 8.8-1)."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def coding_scheme_item() -> Dataset:
    """Who stands behind ``99MEDQ``: item of Coding Scheme Identification Sequence (C.12.1)."""
    item = Dataset()
    item.CodingSchemeDesignator = SCHEME
    item.CodingSchemeName = "MedQ Node private codes"
    item.CodingSchemeResponsibleOrganization = "MedQ Node"
    return item
