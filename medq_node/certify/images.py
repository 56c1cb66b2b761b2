"""A restored image beside the source image that it names: derived, and nothing else moved.

Frames of an enhanced object name theirs in a functional group of their own, images in their header.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage

from medq_node.certify.references import Instances, items, named
from medq_node.certify.same import same_number, same_value
from medq_node.pixels.header import Attributes, integer, text, texts
from medq_node.pixels.images import ENHANCED
from medq_node.pixels.instance import SourceInstance
from medq_node.pixels.series import SeriesStack

Key = tuple[str, int | None]
"""SOP Instance UID, and the 1-based frame of a multi-frame object."""
Places = dict[Key, tuple[int, SeriesStack, int]]
"""Image -> (order among all, its stack, 0-based place in it)."""

_SOURCE_PURPOSE: Final = ("121322", "DCM")
_FIELDS: Final = {
    "sop_class_uid": "SOP Class UID",
    "modality": "Modality",
    "rows": "Rows",
    "columns": "Columns",
    "position_mm": "Image Position (Patient)",
    "orientation": "Image Orientation (Patient)",
    "pixel_spacing_mm": "Pixel Spacing",
    "frame_of_reference_uid": "Frame of Reference UID",
    "instance_number": "Instance Number",
    "acquisition_number": "Acquisition Number",
    "temporal_position": "Temporal Position Identifier",
    "echo_time_ms": "Echo Time",
    "unit": "unit",
    "rescale_slope": "Rescale Slope",
    "rescale_intercept": "Rescale Intercept",
    "bits_allocated": "Bits Allocated",
    "bits_stored": "Bits Stored",
    "is_signed": "Pixel Representation",
    "padding": "Pixel Padding Value",
    "b_value": "Diffusion b-value",
    "gradient": "Diffusion Gradient Orientation",
    "trigger_ms": "Trigger Time",
    "kernel": "Convolution Kernel",
}
"""Field of ``SourceInstance`` -> what it is called."""
_ATTRIBUTES: Final = (
    *("SliceThickness", "SpacingBetweenSlices", "SliceLocation", "PhotometricInterpretation"),
    *("SeriesType", "CorrectedImage", "DecayCorrection", "DecayFactor", "FrameReferenceTime"),
    *("ActualFrameDuration", "AcquisitionDate", "AcquisitionTime"),
)
"""Geometry, and what a PET value means (C.8.9.1, C.8.9.4)."""
_PET_SERIES_TIME: Final = ("SeriesDate", "SeriesTime")
"""PET's decay correction refers to them."""


def derivation_faults(dataset: Dataset, images: Instances) -> Iterator[str]:
    """Derived of one image among ``images``, and so every frame, each told once.

    PS3.3 C.7.6.1.1.2, C.7.6.1.1.4, C.8.9.4; of frames C.8.16.1, C.7.6.16.2.6.
    """
    sop_class_uid = text(dataset, "SOPClassUID")
    primary = sop_class_uid == PositronEmissionTomographyImageStorage or sop_class_uid in ENHANCED
    expected = ("DERIVED", "PRIMARY" if primary else "SECONDARY")
    if texts(dataset, "ImageType")[:2] != expected:
        yield f"its Image Type doesn't begin with {expected[0]}\\{expected[1]}"
    groups = list(items(dataset, "PerFrameFunctionalGroupsSequence"))
    found = [_derivation_faults(last_derivation(group), images) for group in groups]
    for faults in found or [_derivation_faults(dataset, images)]:
        yield from faults


def _derivation_faults(dataset: Dataset, images: Instances) -> Iterator[str]:
    if not text(dataset, "DerivationDescription"):
        yield "it has no Derivation Description"
    if not any(items(dataset, "DerivationCodeSequence")):
        yield "it has no Derivation Code"
    references = list(items(dataset, "SourceImageSequence"))
    if not references:
        yield "it names no source image"
    if len(references) > 1:
        yield "it names more than one source image"
    for reference in references:
        class_uid, uid = named(reference)
        if images.get(uid, ("", ""))[0] != class_uid:
            yield f"it names a source image {uid} that isn't in the source series"
        purpose = next(items(reference, "PurposeOfReferenceCodeSequence"), Dataset())
        code = (text(purpose, "CodeValue"), text(purpose, "CodingSchemeDesignator"))
        if code != _SOURCE_PURPOSE:
            yield "its reference to the source image doesn't say for what (121322, DCM)"


def places_of(sources: Sequence[SeriesStack]) -> Places:
    """Where each image of ``sources`` stands."""
    places: Places = {}
    for source in sources:
        for index, instance in enumerate(source.instances):
            key = (instance.sop_instance_uid, instance.frame)
            places.setdefault(key, (len(places), source, index))
    return places


def sources_of(dataset: Dataset, places: Places) -> list[tuple[SeriesStack, int] | None]:
    """Of each image or frame of ``dataset`` the stack and 0-based place of what it was made of.

    ``None`` where it names none of ``places``; of several the first in their order.
    """
    groups = list(items(dataset, "PerFrameFunctionalGroupsSequence"))
    return [
        _place(derived, places) for derived in [last_derivation(g) for g in groups] or [dataset]
    ]


def last_derivation(group: Dataset) -> Dataset:
    """Of a frame's derivations the last: that which we added."""
    return next(reversed(list(items(group, "DerivationImageSequence"))), Dataset())


def _place(derived: Dataset, places: Places) -> tuple[SeriesStack, int] | None:
    wanted = {
        (named(one)[1], integer(one, "ReferencedFrameNumber"))
        for one in items(derived, "SourceImageSequence")
    }
    found = [places[key] for key in wanted if key in places]
    return min(found, key=lambda place: place[0])[1:] if found else None


def image_faults(
    ours: SourceInstance, attributes: Attributes, source: SourceInstance, header: Attributes
) -> Iterator[str]:
    """Where geometry, order, format or units of the image ``ours`` are not the source's.

    ``attributes`` are those of ours, ``header`` those of the source image.
    """
    for field, words in _FIELDS.items():
        before = getattr(source, field)
        if field == "frame_of_reference_uid" and not before:
            continue  # what has none is given one
        if not _equal(before, getattr(ours, field)):
            yield f"its {words} differs from that of its source image"
    is_pet = source.sop_class_uid == PositronEmissionTomographyImageStorage
    for keyword in (*_ATTRIBUTES, *(_PET_SERIES_TIME if is_pet else ())):
        if not same_value(header, attributes, keyword):
            yield f"its {keyword} differs from that of its source image"
    if text(header, "LossyImageCompression") == "01" != text(attributes, "LossyImageCompression"):
        yield "it doesn't say that its source image was compressed with loss"


def _equal(before: object, after: object) -> bool:
    if isinstance(before, tuple) and isinstance(after, tuple):
        return len(before) == len(after) and all(map(_equal, before, after))
    if isinstance(before, float) and isinstance(after, float):
        return same_number(before, after)
    return before == after
