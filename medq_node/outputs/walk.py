"""Finding the sequences of a dataset without decoding everything else in it."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag


def value_representation(dataset: Dataset, tag: BaseTag) -> str:
    """VR of an element that may not have been decoded yet; the dictionary's where it has none."""
    vr = dataset.get_item(tag).VR
    if vr is not None and vr != "UN":
        return str(vr)
    return dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"


def sequence_elements(dataset: Dataset, *, empty: bool = False) -> Iterator[DataElement]:
    """The standard (not private) sequences directly in ``dataset`` that have items.

    With ``empty``, those without items too; their value may be None.
    """
    for tag in list(dataset.keys()):
        if tag.is_private or value_representation(dataset, tag) != "SQ":
            continue
        element = dataset[tag]
        if element.VR == "SQ" and (element.value or empty):
            yield element
