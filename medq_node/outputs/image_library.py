"""The image library of a report: the few images that it points at (TID 1600, PS3.16).

One group per series. What is the same for all its images is said once for the group, the rest with
each image, as TID 1600 allows; all the other images of a series stand in the evidence alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    RelationshipTypeValues,
    UIDRefContentItem,
)
from pydicom.sr.codedict import codes as standard
from pydicom.sr.coding import Code

from medq_node.outputs import codes
from medq_node.outputs.document import write_plainly
from medq_node.pixels.instance import SourceInstance

_CONTEXT = RelationshipTypeValues.HAS_ACQ_CONTEXT
_PIXELS = Code("{pixels}", "UCUM", "Pixels")
_COSINE = Code("{-1:1}", "UCUM", "{-1:1}")
_MM = standard.UCUM.Millimeter
_SOURCE = Code("260753009", "SCT", "Source")

Value = str | float | Code

Refer = Callable[[SourceInstance], tuple[str, int | None]]
"""A source image -> SOP Instance UID and 1-based frame, if any, of what is referred to for it."""


def image_library(
    groups: Sequence[tuple[Sequence[SourceInstance], Refer]],
) -> ContainerContentItem:
    """The library of ``groups``: images, and the map from them to what is referred to."""
    library = _container(standard.DCM.ImageLibrary)
    library.ContentSequence = ContentSequence(
        [_group(images, refer) for images, refer in groups if images]
    )
    return library


def _group(images: Sequence[SourceInstance], refer: Refer) -> ContainerContentItem:
    described = [_descriptors(image) for image in images]
    shared = {
        name
        for name, value in described[0].items()
        if all(other[name] == value for other in described)
    }
    group = _container(standard.DCM.ImageLibraryGroup)
    group.ContentSequence = ContentSequence(
        [_item(name, value) for name, value in described[0].items() if name in shared]
    )
    for image, descriptors in zip(images, described, strict=True):
        uid, frame = refer(image)
        entry = ImageContentItem(
            name=_SOURCE,
            referenced_sop_class_uid=image.sop_class_uid,
            referenced_sop_instance_uid=uid,
            referenced_frame_numbers=frame,
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
        own = [_item(name, value) for name, value in descriptors.items() if name not in shared]
        if own:
            entry.ContentSequence = ContentSequence(own)
        group.ContentSequence.append(entry)
    return group


def _descriptors(image: SourceInstance) -> dict[Code, tuple[Value, Code | None]]:
    """TID 1602 and 1604: concept name -> value and, for a number, its unit."""
    dcm = standard.DCM
    between_rows, between_columns = image.pixel_spacing_mm
    result: dict[Code, tuple[Value, Code | None]] = {
        dcm.Modality: (codes.MODALITIES[image.modality], None),
        dcm.PixelDataRows: (image.rows, _PIXELS),
        dcm.PixelDataColumns: (image.columns, _PIXELS),
    }
    if between_rows and between_columns:
        result[dcm.HorizontalPixelSpacing] = (between_columns, _MM)
        result[dcm.VerticalPixelSpacing] = (between_rows, _MM)
    if image.frame_of_reference_uid:
        result[dcm.FrameOfReferenceUID] = (image.frame_of_reference_uid, None)
    if not image.is_located:
        return result
    positions = (dcm.ImagePositionPatientX, dcm.ImagePositionPatientY, dcm.ImagePositionPatientZ)
    result |= {name: (v, _MM) for name, v in zip(positions, image.position_mm, strict=True)}
    cosines = (
        *(dcm.ImageOrientationPatientRowX, dcm.ImageOrientationPatientRowY),
        *(dcm.ImageOrientationPatientRowZ, dcm.ImageOrientationPatientColumnX),
        *(dcm.ImageOrientationPatientColumnY, dcm.ImageOrientationPatientColumnZ),
    )
    return result | {n: (v, _COSINE) for n, v in zip(cosines, image.orientation, strict=True)}


def _item(name: Code, described: tuple[Value, Code | None]) -> ContentItem:
    value, unit = described
    if isinstance(value, Code):
        return CodeContentItem(name=name, value=value, relationship_type=_CONTEXT)
    if isinstance(value, str):
        return UIDRefContentItem(name=name, value=value, relationship_type=_CONTEXT)
    number = NumContentItem(
        name=name, value=value, unit=unit or codes.unit(None), relationship_type=_CONTEXT
    )
    write_plainly(number)
    return number


def _container(name: Code) -> ContainerContentItem:
    return ContainerContentItem(name=name, relationship_type=RelationshipTypeValues.CONTAINS)
