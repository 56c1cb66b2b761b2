"""A restored image beside the source image that it names: derived, and nothing else moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage

from medq_node.certify.references import Instances, items, named
from medq_node.certify.same import same_number, same_value
from medq_node.errors import Unprocessable
from medq_node.pixels.header import text, texts
from medq_node.pixels.instance import SourceInstance, read_instance
from medq_node.pixels.series import SeriesStack

Places = dict[str, tuple[int, SeriesStack, int]]
"""SOP Instance UID -> (order among all, its series, 0-based place in it)."""

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
    """Derived of one image among ``images`` (C.7.6.1.1.2, C.7.6.1.1.4, C.8.9.4)."""
    pet = text(dataset, "SOPClassUID") == PositronEmissionTomographyImageStorage
    expected = ("DERIVED", "PRIMARY" if pet else "SECONDARY")
    if texts(dataset, "ImageType")[:2] != expected:
        yield f"its Image Type doesn't begin with {expected[0]}\\{expected[1]}"
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
            places.setdefault(instance.sop_instance_uid, (len(places), source, index))
    return places


def source_of(dataset: Dataset, places: Places) -> tuple[SeriesStack, int] | None:
    """The series and the 0-based place in it of the image that ``dataset`` names as its source.

    Of several the first in the order of ``places``.
    """
    wanted = {named(reference)[1] for reference in items(dataset, "SourceImageSequence")}
    found = [places[uid] for uid in wanted if uid in places]
    return min(found, key=lambda place: place[0])[1:] if found else None


def image_faults(
    path: Path, dataset: Dataset, source: SourceInstance, header: Dataset
) -> Iterator[str]:
    """Where geometry, order, format or units of the image at ``path`` are not the source's.

    ``header`` is that of the source image.
    """
    try:
        ours = read_instance(path)
    except Unprocessable as problem:
        yield f"it can't be used as an image: {problem}"
        return
    for field, words in _FIELDS.items():
        if not _equal(getattr(source, field), getattr(ours, field)):
            yield f"its {words} differs from that of its source image"
    is_pet = source.sop_class_uid == PositronEmissionTomographyImageStorage
    for keyword in (*_ATTRIBUTES, *(_PET_SERIES_TIME if is_pet else ())):
        if not same_value(header, dataset, keyword):
            yield f"its {keyword} differs from that of its source image"
    if text(header, "LossyImageCompression") == "01" != text(dataset, "LossyImageCompression"):
        yield "it doesn't say that its source image was compressed with loss"


def _equal(before: object, after: object) -> bool:
    if isinstance(before, tuple) and isinstance(after, tuple):
        return len(before) == len(after) and all(map(_equal, before, after))
    if isinstance(before, float) and isinstance(after, float):
        return same_number(before, after)
    return before == after
