"""Are the objects we wrote fit to leave the node? Read back from disk, not trusted.

Checks what a receiver relies on: bytes as recorded, identity, links to the sources, required
attributes of the IOD (PS3.3 Annex A), patient, study and geometry as in the source, and that
everything says that it is ours and research. Faults name attributes and UIDs, never values.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    EncapsulatedPDFStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
)

from medq_node.certify.attributes import attribute_faults
from medq_node.certify.documents import document_faults, key_object_faults
from medq_node.certify.forms import page_faults, pdf_faults, quality_issue_faults
from medq_node.certify.images import (
    Key,
    Places,
    derivation_faults,
    image_faults,
    places_of,
    sources_of,
)
from medq_node.certify.references import Instances, instances_of, references_of
from medq_node.certify.same import study_faults
from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED
from medq_node.objects import OutputKind, OutputObject, OutputReference
from medq_node.pixels.frame_header import FrameHeader
from medq_node.pixels.header import read_header, read_whole, text
from medq_node.pixels.images import ENHANCED, read_images
from medq_node.pixels.series import SeriesStack
from medq_node.provenance import made_by_us

_STRUCTURED_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
_CLASSES = {
    OutputKind.TEXT: BasicTextSRStorage,
    OutputKind.PAGE: SecondaryCaptureImageStorage,
    OutputKind.PDF: EncapsulatedPDFStorage,
    OutputKind.QUALITY_ISSUE: KeyObjectSelectionDocumentStorage,
    OutputKind.KEY_OBJECT: KeyObjectSelectionDocumentStorage,
}
"""The one SOP class of each kind that has only one."""


@dataclass(frozen=True, slots=True)
class _Known:
    """All that outputs may be compared with; headers are those of each source's first image."""

    sources: Sequence[SeriesStack]
    headers: Sequence[Dataset]
    images: Instances
    places: Places
    ours: Instances
    superseded: Sequence[OutputReference]
    label: str


def check_objects(
    outputs: Sequence[OutputObject],
    sources: Sequence[SeriesStack],
    research_label: str,
    *,
    superseded: Sequence[OutputReference] = (),
    known: Sequence[OutputObject] = (),
) -> tuple[str, ...]:
    """What is wrong with ``outputs``, one sentence for each fault; empty where all is well.

    Args:
        outputs: what was made of ``sources``, as recorded.
        sources: the series they were made of; at least one, all of one study.
        research_label: what the Series Description of every output has to begin with.
        superseded: our own earlier objects that ``outputs`` replace; only these may be named as
            predecessors or in a key object.
        known: further objects of ours that ``outputs`` may refer to, as they leave too.
    """
    against = _Known(
        sources,
        [source.header(0) for source in sources],
        instances_of(sources),
        places_of(sources),
        references_of([*outputs, *known]),
        superseded,
        research_label,
    )
    faults = []
    derived: Counter[Key] = Counter()
    for output in outputs:
        found = list(_faults(output, against, derived))
        faults += [f"Object {output.sop_instance_uid}: {fault}." for fault in found]
    faults += [f"{fault}." for fault in _faults_among(outputs, against)]
    faults += [f"{fault}." for fault in _incomplete(outputs, sources, derived)]
    return tuple(faults)


def _faults(output: OutputObject, against: _Known, derived: Counter[Key]) -> Iterator[str]:
    """Faults of one object; ``derived`` counts by source image what was made of it."""
    try:
        with output.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != output.sha256:
            yield "its bytes are not those that were recorded (SHA-256 differs)"
        # An enhanced object may be larger than memory: its pixels are read frame by frame.
        enhanced = output.sop_class_uid in ENHANCED
        dataset = read_header(output.path)[0] if enhanced else read_whole(output.path)
        # Reading is lazy: touch every value, so that a broken one shows here and not later.
        dataset.walk(lambda _, element: element.value)
    except (Unprocessable, *MALFORMED) as error:
        # The name only: the reason is logged, and a parser's words may quote what it read.
        yield f"it can't be read back ({type(error).__name__})"
        return
    yield from _identity_faults(output, dataset, against)
    if not text(dataset, "SeriesDescription").startswith(against.label):
        yield f"its Series Description doesn't begin with {against.label!r}"
    if not made_by_us(dataset):
        yield "its Contributing Equipment doesn't name this node, so it would be taken as input"
    if output.kind is OutputKind.RESTORED:
        yield from _restored_faults(output, dataset, against, derived)
        return
    yield from attribute_faults(dataset, output.sop_class_uid, against.headers)
    yield from study_faults(dataset, against.headers)
    match output.kind:
        case OutputKind.REPORT | OutputKind.TEXT:
            ours = {uid: o for uid, o in against.ours.items() if uid != output.sop_instance_uid}
            allowed = against.images | ours
            yield from document_faults(dataset, output.kind, allowed, against.superseded)
        case OutputKind.PAGE:
            yield from page_faults(dataset, against.images)
        case OutputKind.PDF:
            yield from pdf_faults(dataset, against.images, against.superseded)
        case OutputKind.QUALITY_ISSUE:
            yield from quality_issue_faults(dataset, against.images)
        case OutputKind.KEY_OBJECT:
            yield from key_object_faults(dataset, against.images, against.superseded)


def _restored_faults(
    output: OutputObject, dataset: FileDataset, against: _Known, derived: Counter[Key]
) -> Iterator[str]:
    yield from dict.fromkeys(derivation_faults(dataset, against.images))
    found = sources_of(dataset, against.places)
    named = [one for one in found if one is not None]
    headers = [named[0][0].header(named[0][1])] if named else against.headers
    for source, index in named:
        image = source.instances[index]
        derived[image.sop_instance_uid, image.frame] += 1
    missing = list(attribute_faults(dataset, output.sop_class_uid, headers))
    yield from missing
    yield from study_faults(dataset, headers, whole=True)
    if named and not missing:
        yield from _place_faults(output, dataset, found, headers[0])


def _place_faults(
    output: OutputObject,
    dataset: Dataset,
    found: Sequence[tuple[SeriesStack, int] | None],
    header: Dataset,
) -> Iterator[str]:
    """Where images or frames don't lie where, or mean what, their sources do; each told once."""
    try:
        images = read_images(output.path)
    except Unprocessable as problem:
        yield f"it can't be used as an image: {problem}"
        return
    faults: Counter[str] = Counter()
    for image, place in zip(images, found, strict=False):
        if place is None:
            faults["it doesn't say which frame of the source it was made of"] += 1
            continue
        source = place[0].instances[place[1]]
        if image.frame is None or source.frame is None:
            faults.update(image_faults(image, dataset, source, header))
            continue
        ours, theirs = FrameHeader(dataset, image.frame - 1), FrameHeader(header, source.frame - 1)
        faults.update(image_faults(image, ours, source, theirs))
    if len(images) != len(found):
        faults["it has not as many frames as functional groups"] += 1
    for fault, count in faults.items():
        yield fault if len(images) == 1 else f"{fault} ({count} of {len(images)} frames)"


def _identity_faults(output: OutputObject, dataset: FileDataset, against: _Known) -> Iterator[str]:
    """Own UIDs valid, new and as recorded; the study the sources'; file meta in agreement."""
    for keyword, recorded in (
        ("SOPClassUID", output.sop_class_uid),
        ("SOPInstanceUID", output.sop_instance_uid),
        ("SeriesInstanceUID", output.series_instance_uid),
    ):
        value = text(dataset, keyword)
        if value != recorded:
            yield f"its {keyword} is not the recorded one"
        if not UID(value).is_valid:
            yield f"its {keyword} is no valid UID"
    if not _fits(output, against.sources):
        yield f"its SOP Class is not one of a {output.kind}"
    firsts = [source.instances[0] for source in against.sources]
    if text(dataset, "StudyInstanceUID") not in {i.study_instance_uid for i in firsts}:
        yield "its Study Instance UID is not the source's"
    if output.series_instance_uid in {i.series_instance_uid for i in firsts}:
        yield "it stands in the source's own series"
    elsewhere = {i.study_instance_uid for i in firsts} | {i.frame_of_reference_uid for i in firsts}
    if output.sop_instance_uid in against.images:
        yield "it has the SOP Instance UID of a source image"
    elif {output.sop_instance_uid, output.series_instance_uid} & elsewhere:
        yield "it has a UID that the source uses for something else"
    if output.sop_instance_uid in {old.sop_instance_uid for old in against.superseded}:
        yield "it has the SOP Instance UID of an object that it replaces"
    meta = dataset.file_meta
    if str(meta.get("MediaStorageSOPInstanceUID", "")) != text(dataset, "SOPInstanceUID"):
        yield "its file meta names another SOP Instance UID"
    if str(meta.get("MediaStorageSOPClassUID", "")) != text(dataset, "SOPClassUID"):
        yield "its file meta names another SOP Class UID"
    if not UID(str(meta.get("TransferSyntaxUID", ""))).is_transfer_syntax:
        yield "its file meta names no transfer syntax"


def _fits(output: OutputObject, sources: Sequence[SeriesStack]) -> bool:
    """Whether an object of its kind may be of its SOP Class."""
    uid = output.sop_class_uid
    if output.kind is OutputKind.RESTORED:
        return any(source.instances[0].sop_class_uid == uid for source in sources)
    if output.kind is OutputKind.REPORT:
        return uid.startswith(_STRUCTURED_REPORTS) and uid not in _CLASSES.values()
    return uid == _CLASSES[output.kind]


def _faults_among(outputs: Sequence[OutputObject], against: _Known) -> Iterator[str]:
    """UIDs that two objects share; a series holds objects of one kind (PS3.3 C.7.3.1)."""
    if len({output.sop_instance_uid for output in outputs}) < len(outputs):
        yield "Two of the objects have the same SOP Instance UID"
    kinds: dict[str, set[OutputKind]] = {}
    for output in outputs:
        kinds.setdefault(output.series_instance_uid, set()).add(output.kind)
    for uid, found in kinds.items():
        if len(found) > 1:
            yield f"Series {uid} holds objects of several kinds"
    if {output.sop_instance_uid for output in outputs} & kinds.keys():
        yield "An object has the UID of a series"


def _incomplete(
    outputs: Sequence[OutputObject], sources: Sequence[SeriesStack], derived: Counter[Key]
) -> Iterator[str]:
    """A restored series has one image for each image of its source, and stands alone."""
    restored = [output for output in outputs if output.kind is OutputKind.RESTORED]
    for source in sources:
        made = [derived[i.sop_instance_uid, i.frame] for i in source.instances]
        if not any(made):
            continue
        if missing := made.count(0):
            yield f"The restored series lacks {missing} of {len(made)} images"
        if doubled := sum(count > 1 for count in made):
            yield f"The restored series has {doubled} source images more than once"
    if len({output.series_instance_uid for output in restored}) > len(sources):
        yield "The restored images stand in several series"
