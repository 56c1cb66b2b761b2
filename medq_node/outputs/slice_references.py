"""The worst slices as what a document points at: objects, and frames of objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from highdicom.sr import CodedConcept, ImageContentItem, RelationshipTypeValues
from pydicom.dataset import Dataset

from engines.quality import Finding, QualityDescription, Severity
from medq_node.outputs.content import worst_first
from medq_node.outputs.image_library import Refer
from medq_node.pixels.instance import SourceInstance
from medq_node.pixels.series import SeriesStack

_SOURCE = CodedConcept("260753009", "SCT", "Source")


def wrong_findings(description: QualityDescription) -> list[Finding]:
    """What is wrong at all, the worst first."""
    return [f for f in worst_first(description) if f.severity is not Severity.NONE]


def worst_image(source: SeriesStack, finding: Finding) -> SourceInstance:
    """The image that a finding is worst on; in the middle of its slices where none is named."""
    slices = len(source.instances)
    first, last = finding.slices or (1, slices)
    number = finding.worst_slice or (first + last) // 2
    return source.instances[min(number, slices) - 1]


def itself(image: SourceInstance) -> tuple[str, int | None]:
    """The image as received."""
    return image.sop_instance_uid, image.frame


def image_items(images: Iterable[SourceInstance], refer: Refer = itself) -> list[ImageContentItem]:
    """Content items that point at ``images``, each once; highdicom wants a name for each.

    ``refer`` maps a source image to what is meant. Of a multi-frame object the frame is named
    (Referenced Frame Number, PS3.3 C.18.4).
    """
    items = []
    for image in dict.fromkeys(images):
        uid, frame = refer(image)
        item = ImageContentItem(
            name=_SOURCE,
            referenced_sop_class_uid=image.sop_class_uid,
            referenced_sop_instance_uid=uid,
            referenced_frame_numbers=None if frame is None else [frame],
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
        items.append(item)
    return items


def without_purpose(item: Dataset) -> None:
    """Take the names from all that points at images, in ``item`` and below: none is asked for."""
    for child in item.get("ContentSequence", ()):
        if "ReferencedSOPSequence" in child:
            child.pop("ConceptNameCodeSequence", None)
        without_purpose(child)


def each_object(images: Sequence[SourceInstance]) -> list[SourceInstance]:
    """``images`` without further frames of an object that is there already."""
    return list({image.sop_instance_uid: image for image in reversed(images)}.values())[::-1]
