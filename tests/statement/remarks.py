"""What tables can't find out by themselves: how a value that follows from others is made.

One line for each attribute that isn't told well enough by what it follows from.
"""

from __future__ import annotations

FOLLOWS = {
    "source": "the source image",
    "node": "the node's UID",
    "engine": "the engine, its version and digest",
    "rule": "what the rule asks for",
    "revision": "the revision",
    "time": "the revision's time",
    "config": "the settings",
}

OF_KIND: dict[tuple[str, str], str] = {
    ("restored", "ImageType"): "DERIVED; SECONDARY, in PET PRIMARY; further values as in the "
    "source, where CT has none AXIAL, where MR has none OTHER",
    ("restored", "PixelData"): "new; bits, sign and rescale as in the source",
    ("restored", "SmallestImagePixelValue"): "of the new pixels, where the source has it",
    ("restored", "LargestImagePixelValue"): "of the new pixels, where the source has it",
}
"""(kind of output, keyword) -> how it is made."""

OF: dict[str, str] = {
    "SOPInstanceUID": "new, see [UIDs](README.md#uids)",
    "SeriesInstanceUID": "new, see [UIDs](README.md#uids)",
    "DerivationDescription": "the source's, then engine, version, digest, findings",
    "ContentSequence": "the content tree, below",
    "CurrentRequestedProcedureEvidenceSequence": "every object that is spoken of",
    "PredecessorDocumentsSequence": "the report that this one replaces",
    "InstanceNumber": "the number of the revision",
    "DeviceUID": "changes with the engine's version and digest",
    "InstanceCreatorUID": "the node's UID",
    "DeviceSerialNumber": "the node's UID",
    "ContributingEquipmentSequence": "the last item; in documents the scanner stands before it",
    "SoftwareVersions": "the node's version; the engine's version; the engine's digest",
    "ManufacturerModelName": "name of the engine",
    "InstitutionName": "`node.institution_name`",
    "StationName": "`node.ae_title`",
}
"""Keyword -> how it is made, whatever the kind."""

OF_CONTENT: dict[str, str] = {
    "GATE": '(PASSED, 99MEDQ, "Passed") or (FAILED, 99MEDQ, "Failed")',
    "111000": "(123102, DCM) for filters, (123110, DCM) for learned ones",
}
"""Code of the concept -> values that one object can't show."""
