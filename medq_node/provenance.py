"""How the node names itself in what it makes, and how it knows its own work again."""

from __future__ import annotations

from pydicom.dataset import Dataset

MANUFACTURER = "MedQ Node"
"""Manufacturer (0008,0070) of our items in Contributing Equipment and of our reports."""

RESEARCH_LABEL = "MedQ RESEARCH"
"""How the Series Description of everything we make begins."""


def made_by_us(ds: Dataset) -> bool:
    """Whether Contributing Equipment (0018,A001) names this product."""
    return any(
        str(item.get("Manufacturer", "")).strip() == MANUFACTURER
        for item in ds.get("ContributingEquipmentSequence") or ()
    )
