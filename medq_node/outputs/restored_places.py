"""Which restored object, and which frame of it, was made of a source image."""

from __future__ import annotations

from medq_node.outputs.content import ReportPart
from medq_node.outputs.image_library import Refer
from medq_node.outputs.uids import restored_instance_uid
from medq_node.pixels.instance import SourceInstance


def restored_of(part: ReportPart) -> Refer:
    """The map from the images of ``part`` to what was restored of them.

    A restored object has the frames of its stack alone, in the source's order.
    """
    frames: dict[str, list[int]] = {}
    for image in part.source.instances:
        if image.frame is not None:
            frames.setdefault(image.sop_instance_uid, []).append(image.frame)
    places = {
        (uid, frame): place
        for uid, numbers in frames.items()
        for place, frame in enumerate(sorted(numbers), start=1)
    }

    def refer(image: SourceInstance) -> tuple[str, int | None]:
        uid = restored_instance_uid(part.identity, image.sop_instance_uid, part.source.number)
        if image.frame is None:
            # Each image is in one stack alone, so that its number names nothing.
            return restored_instance_uid(part.identity, image.sop_instance_uid), None
        return uid, places[image.sop_instance_uid, image.frame]

    return refer
