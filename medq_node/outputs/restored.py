"""One image of a restored series: the source's header, new pixels, and where they came from.

Kept: modality IOD, geometry, bit depth, rescale, window, units, scanner, dose, references, PET's
Series Date and Time (they define decay, PS3.3 C.8.9.1), graphics in overlay planes of their own.
Removed: private attributes but the Philips SUV factors; everything that shows or sums up the old
pixels (icons, histogram, smallest and largest value of the series, overlays hidden in unused bits,
retired curves); signatures and encrypted parts, which would no longer hold.
Left out on purpose: Synthetic Data (0008,001C), Type 3. A restored image is neither made up
("YES" would have archives hide it among training data) nor a plain rendering of the acquisition
("NO" would promise what only the do-no-harm gate can support). A source that states it keeps it.
Content Qualification: only enhanced IODs have it; the classic ones that we write don't.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from engines.quality import QualityDescription
from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs import codes
from medq_node.outputs.conformance import conform_image
from medq_node.outputs.files import write_object
from medq_node.outputs.labels import (
    RESTORED_LABEL,
    RESTORED_SERIES_OFFSET,
    series_description,
    series_number,
)
from medq_node.outputs.provenance import (
    contributing_equipment,
    derivation_description,
    file_meta_version,
    mark_creation,
)
from medq_node.outputs.times import creation_time
from medq_node.outputs.uids import restored_instance_uid, restored_series_uid
from medq_node.outputs.walk import sequence_elements
from medq_node.pixels.instance import SourceInstance
from medq_node.pixels.series import SeriesStack

_SUPPORTED: Final = frozenset(
    {CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage}
)
_ALWAYS_LOSSY: Final = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
_MAYBE_LOSSY: Final = frozenset(
    {"1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"}
)
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


def write_restored_instance(
    source: SeriesStack,
    index: int,
    values: NDArray[np.float32],
    identity: OutputIdentity,
    folder: Path,
    description: QualityDescription | None = None,
) -> OutputObject:
    """Write the restored version of slice ``index`` of ``source`` into ``folder``.

    ``values`` is float32 (rows, columns) in the unit of ``source.info``. ``description`` is the
    assessment that the restoration was conditioned on; its numbers go into the derivation text.
    Geometry, padding and stored format are those of the source; the file is durable on return.

    Raises:
        OutputError: ``values`` has the wrong shape or holds NaN or infinity, or the source is of
            an IOD that we don't write.
    """
    instance = source.instances[index]
    if instance.sop_class_uid not in _SUPPORTED:
        raise OutputError(
            f"image {instance.sop_instance_uid}: no restored object for SOP class "
            f"{UID(instance.sop_class_uid).name}"
        )
    expected = (source.info.rows, source.info.columns)
    if values.shape != expected:
        raise OutputError(
            f"image {instance.sop_instance_uid}: restored values are {values.shape}, "
            f"the source is {expected}"
        )
    if not np.isfinite(values).all():
        raise OutputError(f"image {instance.sop_instance_uid}: restored values are not all finite")
    dataset = source.header(index)
    lossy = _was_lossy(dataset, instance.transfer_syntax_uid)
    _remove_unsafe(dataset)
    conform_image(dataset)
    _identify(dataset, source, index, identity)
    stored = source.to_stored(index, values)
    changed = not np.array_equal(stored, source.stored(index))
    _derive(dataset, instance, identity, description, changed)
    if lossy:
        dataset.LossyImageCompression = "01"
    _set_pixels(dataset, stored)
    _set_file_meta(dataset)
    return write_object(dataset, OutputKind.RESTORED, folder)


def _was_lossy(dataset: Dataset, transfer_syntax_uid: str) -> bool:
    """Once lossy, always lossy (C.7.6.1.1.5); some encoders forget to say so."""
    if transfer_syntax_uid in _MAYBE_LOSSY:
        return bool(dataset.get("LossyImageCompression") != "00")
    return transfer_syntax_uid in _ALWAYS_LOSSY


def _remove_unsafe(dataset: Dataset) -> None:
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


def _identify(dataset: Dataset, source: SeriesStack, index: int, identity: OutputIdentity) -> None:
    """New identity in the same study."""
    instance = source.instances[index]
    dataset.SOPClassUID = UID(instance.sop_class_uid)
    dataset.SOPInstanceUID = UID(restored_instance_uid(identity, instance.sop_instance_uid))
    dataset.SeriesInstanceUID = UID(restored_series_uid(identity, instance.series_instance_uid))
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


def _derive(
    dataset: Dataset,
    instance: SourceInstance,
    identity: OutputIdentity,
    description: QualityDescription | None,
    changed: bool,
) -> None:
    """Say that the image is derived, of what and how (C.7.6.1.1.2 to C.7.6.1.1.4)."""
    dataset.ImageType = _image_type(dataset)
    reference = Dataset()
    reference.ReferencedSOPClassUID = UID(instance.sop_class_uid)
    reference.ReferencedSOPInstanceUID = UID(instance.sop_instance_uid)
    reference.PurposeOfReferenceCodeSequence = [codes.code_item(codes.SOURCE_IMAGE)]
    dataset.SourceImageSequence = [reference]
    dataset.DerivationDescription = derivation_description(
        identity, description, str(dataset.get("DerivationDescription") or ""), changed
    )
    steps = list(dataset.get("DerivationCodeSequence") or ())
    dataset.DerivationCodeSequence = [*steps, codes.code_item(codes.RESTORATION)]
    schemes = [
        item
        for item in dataset.get("CodingSchemeIdentificationSequence") or ()
        if item.get("CodingSchemeDesignator") != codes.SCHEME
    ]
    dataset.CodingSchemeIdentificationSequence = [*schemes, codes.coding_scheme_item()]


def _image_type(dataset: Dataset) -> list[str]:
    """Derived, secondary (PET: primary, C.8.9.4.1.1), what it shows as in the source.

    CT and MR need a value 3 (C.8.2.1.1.1, C.8.3.1.1.1); where the source has none it is the one
    that says least.
    """
    value = dataset.get("ImageType")
    source = list(value) if isinstance(value, MultiValue) else []
    further = [str(v) for v in source[2:]]
    match dataset.get("Modality"):
        case "PT":
            return ["DERIVED", "PRIMARY", *further]
        case "CT":
            return ["DERIVED", "SECONDARY", *(further or ["AXIAL"])]
        case _:
            return ["DERIVED", "SECONDARY", *(further or ["OTHER"])]


def _set_pixels(dataset: Dataset, stored: NDArray[Any]) -> None:
    """Put ``stored``, an integer array (rows, columns) of the source's own type, into place."""
    signed = np.issubdtype(stored.dtype, np.signedinteger)
    if stored.dtype.itemsize * 8 != dataset.BitsAllocated or signed != bool(
        dataset.PixelRepresentation
    ):
        raise OutputError(
            f"image {dataset.SOPInstanceUID}: stored values are {stored.dtype}, the header says "
            f"{dataset.BitsAllocated} bits, representation {dataset.PixelRepresentation}"
        )
    little = stored.astype(stored.dtype.newbyteorder("<"), copy=False)
    content = little.tobytes()
    word = "OW" if dataset.BitsAllocated > 8 else "OB"
    dataset[0x7FE00010] = DataElement(0x7FE00010, word, content + b"\0" * (len(content) % 2))
    value_vr = "SS" if signed else "US"
    for tag, value in ((0x00280106, stored.min()), (0x00280107, stored.max())):
        if tag in dataset:
            dataset[tag] = DataElement(tag, value_vr, int(value))
    for tag in (0x00280120, 0x00280121):  # Pixel Padding Value, Range Limit: US or SS
        if tag in dataset and value_vr != dataset[tag].VR:
            _retype(dataset, tag, value_vr)


def _retype(dataset: Dataset, tag: int, vr: str) -> None:
    """Give a 16-bit value the VR that Pixel Representation asks for, bit pattern unchanged."""
    value = dataset[tag].value
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], sys.byteorder)
    if value is None:
        return
    pattern = int(value) & 0xFFFF
    signed = pattern - 0x10000 if vr == "SS" and pattern >= 0x8000 else pattern
    dataset[tag] = DataElement(tag, vr, signed)


def _set_file_meta(dataset: Dataset) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    file_meta_version(dataset)
