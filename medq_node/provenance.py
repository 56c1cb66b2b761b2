"""How the node names itself in what it makes, and how it knows its own work again."""

from __future__ import annotations

from pydicom.dataset import Dataset

from medq_node import __version__
from medq_node.malformed import MALFORMED

IMPLEMENTATION_CLASS_UID = "2.25.219557960559321866068358000351755802313"
"""Implementation Class UID (PS3.7 D.3.3.2) on every association and in every file we write."""

IMPLEMENTATION_VERSION_NAME = f"MEDQ_NODE_{__version__}"[:16]

MANUFACTURER = "MedQ Node"
"""Manufacturer (0008,0070) of our items in Contributing Equipment and of our reports."""

RESEARCH_LABEL = "MedQ RESEARCH"
"""How the Series Description of everything we make begins."""


def made_by_us(ds: Dataset) -> bool:
    """Whether Contributing Equipment (0018,A001) names this product."""
    try:
        return any(
            str(item.get("Manufacturer", "")).strip() == MANUFACTURER
            for item in ds.get("ContributingEquipmentSequence") or ()
        )
    except MALFORMED:
        return False


def source_image_uids(ds: Dataset) -> tuple[str, ...]:
    """SOP Instance UIDs of the images that this one was made from (0008,2112)."""
    try:
        items = ds.get("SourceImageSequence") or ()
        uids = (str(item.get("ReferencedSOPInstanceUID", "")).strip(" \0") for item in items)
        return tuple(uid for uid in uids if uid)
    except MALFORMED:
        return ()
