"""Are the objects we wrote fit to leave the node? Read back from disk, not trusted.

Checks what a receiver relies on: bytes as recorded, identity, links to the source, required
attributes of the IOD (PS3.3 Annex A), and that every image says that it is derived and research.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache

from highdicom._standard_utils import (
    get_iod_module_map,
    get_module_attribute_map,
    get_sop_class_iod_map,
)
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, PositronEmissionTomographyImageStorage

from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED
from medq_node.objects import OutputKind, OutputObject
from medq_node.pixels.header import read_whole, text, texts
from medq_node.pixels.series import SeriesStack

_VARIANT_MODULES = frozenset({"sr-document-content"})
"""Modules whose required attributes depend on the value type of each item (PS3.3 C.17.3)."""


def check_objects(
    outputs: Sequence[OutputObject],
    source: SeriesStack,
    research_label: str,
    report_label: str | None = None,
) -> tuple[str, ...]:
    """What is wrong with ``outputs``, one sentence for each fault; empty where all is well.

    Args:
        outputs: what was made of ``source``, as recorded.
        source: the series they were made of.
        research_label: what the Series Description of every restored image has to begin with.
        report_label: the same for reports; without it theirs has to say RESEARCH somewhere.
    """
    own = {output.sop_instance_uid: output.sop_class_uid for output in outputs}
    faults = []
    if len(own) < len(outputs):
        faults.append("Two of the objects have the same SOP Instance UID.")
    for output in outputs:
        label = research_label if output.kind is OutputKind.RESTORED else report_label
        faults += [
            f"Object {output.sop_instance_uid}: {fault}."
            for fault in _faults(output, source, own, label)
        ]
    return tuple(faults)


def _faults(
    output: OutputObject, source: SeriesStack, own: dict[str, str], label: str | None
) -> Iterator[str]:
    try:
        digest = hashlib.sha256(output.path.read_bytes()).hexdigest()
        if digest != output.sha256:
            yield "its bytes are not those that were recorded (SHA-256 differs)"
        dataset = read_whole(output.path)
        # Reading is lazy: touch every value, so that a broken one shows here and not later.
        dataset.walk(lambda _, element: element.value)
    except (Unprocessable, *MALFORMED) as error:
        # The name only: the reason is logged, and a parser's words may quote what it read.
        yield f"it can't be read back ({type(error).__name__})"
        return
    yield from _identity_faults(output, dataset, source)
    yield from _missing_attributes(dataset, output.sop_class_uid)
    description = text(dataset, "SeriesDescription")
    if label is not None and not description.startswith(label):
        yield f"its Series Description doesn't begin with {label!r}"
    if label is None and "RESEARCH" not in description:
        yield "its Series Description doesn't say RESEARCH"
    if output.kind is OutputKind.RESTORED:
        yield from _derivation_faults(dataset, source)
    else:
        yield from _evidence_faults(dataset, source, own)


def _identity_faults(
    output: OutputObject, dataset: FileDataset, source: SeriesStack
) -> Iterator[str]:
    """Own UIDs valid, new and as recorded; the study the source's; file meta in agreement."""
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
    first = source.instances[0]
    if text(dataset, "StudyInstanceUID") != first.study_instance_uid:
        yield "its Study Instance UID is not the source's"
    if output.series_instance_uid == first.series_instance_uid:
        yield "it stands in the source's own series"
    if any(i.sop_instance_uid == output.sop_instance_uid for i in source.instances):
        yield "it has the SOP Instance UID of a source image"
    meta = dataset.file_meta
    if str(meta.get("MediaStorageSOPInstanceUID", "")) != text(dataset, "SOPInstanceUID"):
        yield "its file meta names another SOP Instance UID"
    if str(meta.get("MediaStorageSOPClassUID", "")) != text(dataset, "SOPClassUID"):
        yield "its file meta names another SOP Class UID"
    if not UID(str(meta.get("TransferSyntaxUID", ""))).is_transfer_syntax:
        yield "its file meta names no transfer syntax"


@cache
def _required(sop_class_uid: str) -> tuple[tuple[str, bool], ...] | None:
    """Top-level attributes of the IOD's mandatory modules: (keyword, must have a value)."""
    iod = get_sop_class_iod_map().get(sop_class_uid)
    if iod is None:
        return None
    attributes = get_module_attribute_map()
    needed: dict[str, bool] = {}
    for module in get_iod_module_map()[iod]:
        if module["usage"] != "M" or module["key"] in _VARIANT_MODULES:
            continue
        for attribute in attributes[module["key"]]:
            if not attribute["path"] and attribute["type"] in ("1", "2"):
                keyword = attribute["keyword"]
                needed[keyword] = needed.get(keyword, False) or attribute["type"] == "1"
    return tuple(needed.items())


def _missing_attributes(dataset: Dataset, sop_class_uid: str) -> Iterator[str]:
    required = _required(sop_class_uid)
    if required is None:
        yield f"its SOP Class {sop_class_uid} is not known"
        return
    for keyword, needs_value in required:
        if keyword not in dataset:
            yield f"it lacks {keyword}"
        elif needs_value and dataset[keyword].is_empty:
            yield f"its {keyword} is empty"


def _derivation_faults(dataset: Dataset, source: SeriesStack) -> Iterator[str]:
    """Derived of images that stand in the source (PS3.3 C.7.6.1.1.2, C.7.6.1.1.4, C.8.9.4)."""
    pet = text(dataset, "SOPClassUID") == PositronEmissionTomographyImageStorage
    expected = ("DERIVED", "PRIMARY" if pet else "SECONDARY")
    if texts(dataset, "ImageType")[:2] != expected:
        yield f"its Image Type doesn't begin with {expected[0]}\\{expected[1]}"
    if not text(dataset, "DerivationDescription"):
        yield "it has no Derivation Description"
    references = list(_items(dataset, "SourceImageSequence"))
    if not references:
        yield "it names no source image"
    classes = {i.sop_instance_uid: i.sop_class_uid for i in source.instances}
    for reference in references:
        uid = text(reference, "ReferencedSOPInstanceUID")
        if classes.get(uid) != text(reference, "ReferencedSOPClassUID"):
            yield f"it names a source image {uid} that isn't in the source series"


def _evidence_faults(dataset: Dataset, source: SeriesStack, own: dict[str, str]) -> Iterator[str]:
    """What a report refers to is the source's or ours (PS3.3 C.17.2.3)."""
    known = {i.sop_instance_uid: i.sop_class_uid for i in source.instances} | own
    for study in _items(dataset, "CurrentRequestedProcedureEvidenceSequence"):
        for series in _items(study, "ReferencedSeriesSequence"):
            for reference in _items(series, "ReferencedSOPSequence"):
                uid = text(reference, "ReferencedSOPInstanceUID")
                if known.get(uid) != text(reference, "ReferencedSOPClassUID"):
                    yield f"its evidence names {uid}, which is neither a source image nor ours"


def _items(dataset: Dataset, keyword: str) -> Iterator[Dataset]:
    value = dataset.get(keyword)
    if isinstance(value, DicomSequence):
        yield from value
