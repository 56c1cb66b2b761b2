"""A source's header made that of a derived object: stripped of what no longer holds, and renamed.

Kept: modality IOD, geometry, bit depth, rescale, window, units, scanner, dose, references, PET's
Series Date and Time (they define decay, PS3.3 C.8.9.1), graphics in overlay planes of their own.
Removed: private attributes but the Philips SUV factors; everything that shows or sums up the old
pixels (icons, histogram, smallest and largest value of the series, overlays hidden in unused bits,
retired curves); signatures and encrypted parts, which would no longer hold; what makes an object
part of a concatenation.
"""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ExplicitVRLittleEndian

from medq_node.objects import OutputIdentity
from medq_node.outputs import codes
from medq_node.outputs.labels import (
    RESTORED_LABEL,
    RESTORED_SERIES_OFFSET,
    series_description,
    series_number,
)
from medq_node.outputs.provenance import (
    contributing_equipment,
    file_meta_version,
    mark_creation,
)
from medq_node.outputs.times import creation_time
from medq_node.outputs.uids import frame_of_reference_uid, restored_series_uid
from medq_node.outputs.walk import sequence_elements
from medq_node.pixels.instance import SourceInstance

"""JPEG-LS near-lossless, JPEG 2000 and HTJ2K: lossy unless the header says ``00``."""

_SAFE_PRIVATE: Final = {(0x7053, "Philips PET Private Group"): (0x00, 0x09)}
"""(group, creator) -> elements kept: SUV and activity factors (PS3.15 Table E.3.10-1)."""

_DESCRIBES_OLD_PIXELS: Final = (
    "IconImageSequence",
    "HistogramSequence",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "SmallestImagePixelValueInPlane",
    "LargestImagePixelValueInPlane",
    "PixelDataProviderURL",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PlanarConfiguration",
    "DataSetTrailingPadding",
    "ConcatenationUID",
    "SOPInstanceUIDOfConcatenationSource",
    "InConcatenationNumber",
    "InConcatenationTotalNumber",
    "ConcatenationFrameOffsetNumber",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "EncryptedAttributesSequence",
)

_SAID_OF_THE_SOURCE: Final = (
    "InstanceCoercionDateTime",
    "SOPInstanceStatus",
    "SOPAuthorizationDateTime",
    "SOPAuthorizationComment",
    "AuthorizationEquipmentCertificationNumber",
)
"""Whether this very object was authorized or coerced (C.12.1): nobody did so with ours."""


def remove_unsafe(dataset: Dataset) -> None:
    """Take out private attributes and all that belongs to the old pixels."""
    for keyword in (*_DESCRIBES_OLD_PIXELS, *_SAID_OF_THE_SOURCE):
        if keyword in dataset:
            delattr(dataset, keyword)
    kept = _safe_private(dataset)
    for tag in list(dataset.keys()):
        curve = 0x5000 <= tag.group <= 0x501E
        hidden_overlay = 0x6000 <= tag.group <= 0x601E and Tag(tag.group, 0x3000) not in dataset
        if (tag.is_private and tag not in kept) or curve or hidden_overlay or tag.element == 0:
            del dataset[tag]
    _remove_private_in_items(dataset)


def _safe_private(dataset: Dataset) -> set[BaseTag]:
    kept: set[BaseTag] = set()
    for (group, creator), elements in _SAFE_PRIVATE.items():
        blocks = [tag for tag in list(dataset.keys()) if tag.group == group and tag.element < 0x100]
        for tag in blocks:
            if str(dataset[tag].value).strip() != creator:
                continue
            present = {Tag(group, tag.element << 8 | e) for e in elements} & set(dataset.keys())
            if present:
                kept |= present | {tag}
    return kept


def _remove_private_in_items(dataset: Dataset) -> None:
    for element in sequence_elements(dataset):
        for item in element.value:
            for tag in [t for t in list(item.keys()) if t.is_private or t.element == 0]:
                del item[tag]
            _remove_private_in_items(item)


def identify(
    dataset: Dataset, source: SourceInstance, sop_instance_uid: str, identity: OutputIdentity
) -> None:
    """Give ``dataset`` the new identity of an object of the restored series, in the same study."""
    dataset.SOPClassUID = UID(source.sop_class_uid)
    dataset.SOPInstanceUID = UID(sop_instance_uid)
    dataset.SeriesInstanceUID = UID(restored_series_uid(identity, source.series_instance_uid))
    if not dataset.get("FrameOfReferenceUID"):
        # Type 1 (C.7.4.1): what the source left open is one frame for all of the restored series.
        dataset.FrameOfReferenceUID = UID(
            frame_of_reference_uid(identity, source.series_instance_uid)
        )
    dataset.SeriesDescription = series_description(
        RESTORED_LABEL, str(dataset.get("SeriesDescription") or "")
    )
    if "SeriesDescriptionCodeSequence" in dataset:
        del dataset.SeriesDescriptionCodeSequence
    dataset.SeriesNumber = series_number(dataset, RESTORED_SERIES_OFFSET)
    created = creation_time(identity, dataset.get("TimezoneOffsetFromUTC"))
    dataset.ContentDate = created.date
    dataset.ContentTime = created.time
    mark_creation(dataset, identity, created)
    if dataset.Modality != "PT":
        dataset.SeriesDate = created.date
        dataset.SeriesTime = created.time
    items = list(dataset.get("ContributingEquipmentSequence") or ())
    dataset.ContributingEquipmentSequence = [*items, contributing_equipment(identity, created)]


def mark_restoration(dataset: Dataset) -> None:
    """Declare our own code of what was done (CID 7203 has none)."""
    schemes = [
        item
        for item in dataset.get("CodingSchemeIdentificationSequence") or ()
        if item.get("CodingSchemeDesignator") != codes.SCHEME
    ]
    dataset.CodingSchemeIdentificationSequence = [*schemes, codes.coding_scheme_item()]


def set_file_meta(dataset: Dataset) -> None:
    """File meta information of an object that we write (PS3.10 section 7.1)."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    file_meta_version(dataset)
