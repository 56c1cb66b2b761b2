"""Every code we write, and how the words of the quality description map to them.

Standard codes where the standard has one that says exactly what we mean. Where it has none we use
our private scheme ``99MEDQ`` (PS3.16 section 8.2: designators beginning with 99 are private) rather
than a public code that says something else. ``codes_table`` lists them all.
"""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from engines import quality
from engines.quality import Action, Confidence, Degradation, Modality, Severity, Verdict
from medq_node.outputs.content import ActionTaken

SCHEME: Final = "99MEDQ"

SOURCE_IMAGE: Final = Code("121322", "DCM", "Source image for image processing operation")
PROCESSING_EQUIPMENT: Final = Code("109102", "DCM", "Processing Equipment")

RESTORATION: Final = Code("RESTORE", SCHEME, "Image restoration by software, research use only")
"""Derivation code. CID 7203 has codes for smoothing and edge enhancement, none for restoration."""

IMAGE_QUALITY: Final = Code("111101", "DCM", "Image Quality")
"""Finding of every measurement group: a value of (121071, DCM, "Finding"), see CID 6101."""

SERIES_QUALITY: Final = Code("130550", "DCM", "Imaging Series Quality")
"""Concept name of the verdict on a whole series."""

COMMENT: Final = Code("121106", "DCM", "Comment")

REJECTED: Final = Code("113001", "DCM", "Rejected for Quality Reasons")
"""Title (CID 7010) of the key object that retires our own superseded outputs."""

SUPERSEDED: Final = Code("SUPERSEDED", SCHEME, "Replaced by a new revision")
"""Why they are retired. CID 7011 (extensible) knows failures only, and nothing failed."""

QUALITY_ISSUE: Final = Code("113010", "DCM", "Quality Issue")
"""Title (CID 7010) of the key object that points at the worst originals. It rejects none."""

TEXT_TITLE: Final = Code("QUALITY-NOTE", SCHEME, "Image quality note, research use only")
"""Title of the text report and of the PDF. CID 7000 has titles of diagnostic reports only."""

FINDINGS: Final = Code("59776-5", "LN", "Findings")
KEY_IMAGES: Final = Code("55113-5", "LN", "Key Images")
"""Headings (CID 7001) of the text report."""

FINDING: Final = Code("121071", "DCM", "Finding")

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
    Action.REDUCE_METAL: Code("REDUCE-METAL", SCHEME, "Reduce metal streaks"),
    Action.RESTORE_RESOLUTION: Code("RESTORE-RES", SCHEME, "Restore resolution"),
    Action.CORRECT_MOTION: Code("CORRECT-MOTION", SCHEME, "Correct motion"),
    Action.RECOVER_COUNTS: Code("RECOVER-COUNTS", SCHEME, "Recover counts"),
    Action.REPEAT: Code("REPEAT", SCHEME, "Consider repeating the acquisition"),
}

ACTIONS_TAKEN: Final = {
    ActionTaken.RESTORED: Code("RESTORED", SCHEME, "Restored series made"),
    ActionTaken.ASSESSED_ONLY: Code("ASSESSED", SCHEME, "Assessed only"),
    ActionTaken.REFUSED: Code("REFUSED", SCHEME, "Restoration refused"),
    ActionTaken.UNCHANGED: Code("UNCHANGED", SCHEME, "No restoration needed"),
    ActionTaken.UNMENDABLE: Code(
        "UNMENDABLE", SCHEME, "Not restored: nothing this engine can mend"
    ),
    ActionTaken.WITHHELD: Code("WITHHELD", SCHEME, "Not restored: engine not trusted"),
    ActionTaken.UNFIT: Code("UNFIT", SCHEME, "Not restored: images unfit"),
}

PROCEDURES: Final = {
    Modality.CT: Code("25045-6", "LN", "CT unspecified body region"),
    Modality.MR: Code("25056-3", "LN", "MRI unspecified body region"),
    Modality.PT: Code("44136-0", "LN", "PET unspecified body region"),
    **{
        modality: Code("363679005", "SCT", "Imaging procedure")
        for modality in Modality
        if modality not in Modality.sectional()
    },
}
"""CID 100 Quantitative Diagnostic Imaging Procedures."""

SEVERAL_PROCEDURES: Final = Code("363679005", "SCT", "Imaging procedure")
"""CID 100, for a report on series of several modalities: its image library names each."""

MODALITIES: Final = {
    Modality.CT: Code("CT", "DCM", "Computed Tomography"),
    Modality.MR: Code("MR", "DCM", "Magnetic Resonance"),
    Modality.PT: Code("PT", "DCM", "Positron emission tomography"),
    Modality.CR: Code("CR", "DCM", "Computed Radiography"),
    Modality.DX: Code("DX", "DCM", "Digital Radiography"),
    Modality.MG: Code("MG", "DCM", "Mammography"),
    Modality.XA: Code("XA", "DCM", "X-Ray Angiography"),
    Modality.OT: Code("CT", "DCM", "Computed Tomography"),  # in no known unit
}
"""CID 29 Acquisition Modality."""

REGIONS: Final = {
    "head": Code("69536005", "SCT", "Head"),
    "neck": Code("45048000", "SCT", "Neck"),
    "chest": Code("816094009", "SCT", "Chest"),
    "abdomen": Code("818981001", "SCT", "Abdomen"),
    "pelvis": Code("816092008", "SCT", "Pelvis"),
    "spine": Code("421060004", "SCT", "Spine"),
    "breast": Code("76752008", "SCT", "Breast"),
    "arm": Code("53120007", "SCT", "Upper limb"),
    "leg": Code("61685007", "SCT", "Lower limb"),
    "whole body": Code("38266002", "SCT", "Entire body"),
}
"""CID 4031 Common Anatomic Regions. An unknown region has no code: nothing is said of it."""

PLACES: Final = {
    place: Code(place.upper().replace(" ", "-"), SCHEME, f"{place.capitalize()} of the image")
    for place in quality.PLACES
} | {
    "throughout": Code("THROUGHOUT", SCHEME, "Throughout the image"),
    "along the rim": Code("ALONG-THE-RIM", SCHEME, "Along the rim of the image"),
}
"""Places on the screen. The standard's are places in the patient, which no engine knows."""

_UNITS: Final = {
    "HU": Code("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "%": Code("%", "UCUM", "Percent"),
    "mm": Code("mm", "UCUM", "mm"),
    "degrees": Code("deg", "UCUM", "Degree"),
    "fold": Code("{ratio}", "UCUM", "ratio"),
    "Bq/ml": Code("Bq/ml", "UCUM", "Becquerels/milliliter"),
    "SUV": Code("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"),
    "counts": Code("{counts}", "UCUM", "Counts"),
    "dB": Code("dB", "UCUM", "decibel"),
}
_NO_UNITS: Final = Code("1", "UCUM", "no units")


STANDARD_DEGRADATIONS: Final = {
    (Degradation.NOISE, Modality.MR): Code("130578", "DCM", "Poor SNR"),
    (Degradation.METAL, Modality.MR): Code(
        "RID11370", "RADLEX", "Ferromagnetic implant magnetic susceptibility effect"
    ),
} | {
    (Degradation.MOTION, modality): Code("RID11423", "RADLEX", "Motion related artifact")
    for modality in Modality
}
"""CID 6315 and 6316. Noise is a poor SNR where it is measured against the signal, not in HU; metal
in CT is more than beam hardening (CID 6135), and blur there is more than motion blur."""


def degradation(kind: Degradation, modality: Modality) -> Code:
    """Concept name of a degradation: its severity is the value of a qualitative evaluation."""
    public = STANDARD_DEGRADATIONS.get((kind, modality))
    return public or Code(_symbol(kind.value), SCHEME, _DEGRADATIONS[kind])


_ISSUES: Final = {
    Degradation.MOTION: Code("111210", "DCM", "Motion blur"),
    Degradation.METAL: Code("111207", "DCM", "Image artifact(s)"),
    Degradation.UNDERSAMPLING: Code("111207", "DCM", "Image artifact(s)"),
}
"""CID 7011, made for projection radiography; its "Under exposed" would blame the exposure."""


def issue(kind: Degradation, modality: Modality) -> Code:
    """What is wrong, as Document Title Modifier of a key object (TID 2010 row 3)."""
    return _ISSUES.get(kind) or degradation(kind, modality)


def amount(kind: Degradation, unit: str | None = None) -> Code:
    """Concept name of the number that was measured for a degradation in ``unit``."""
    return OTHER_AMOUNTS.get((kind, unit)) or Code(
        f"{_symbol(kind.value)}-N", SCHEME, _AMOUNTS[kind]
    )


def place(kind: Degradation) -> Code:
    """Concept name of where in the image a degradation is; the value is one of ``PLACES``."""
    return Code(f"{_symbol(kind.value)}-P", SCHEME, f"Place in the image: {kind.value}")


_DEGRADATIONS: Final = {
    Degradation.NOISE: "Image noise",
    Degradation.BLUR: "Image blur",
    Degradation.UNDERSAMPLING: "Undersampling artifact",
    Degradation.METAL: "Metal artifact",
    Degradation.LOW_COUNT: "Low count statistics",
    Degradation.CLIPPING: "Clipped pixel values",
}

_AMOUNTS: Final = {
    Degradation.NOISE: "Noise level",
    Degradation.BLUR: "Edge width (FWHM)",
    Degradation.UNDERSAMPLING: "Undersampling factor",
    Degradation.MOTION: "Displacement by motion",
    Degradation.METAL: "Level of metal streaks",
    Degradation.LOW_COUNT: "Noise level due to low counts",
    Degradation.CLIPPING: "Share of clipped pixels",
}

OTHER_AMOUNTS: Final[dict[tuple[Degradation, str | None], Code]] = {
    (Degradation.MOTION, "degrees"): Code("MOTION-DEG", SCHEME, "Rotation by motion"),
    (Degradation.METAL, "% of pixels"): Code("METAL-AREA", SCHEME, "Share of pixels with streaks"),
    (Degradation.LOW_COUNT, "% of counts"): Code("COUNTS-KEPT", SCHEME, "Share of counts measured"),
}
"""Where a degradation has a second number that says something else."""


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
