"""The key object that retires our own superseded outputs (Key Object Selection, PS3.3 A.35.4).

Archives that follow IHE Imaging Object Change Management hide what it names. So it may name nothing
that somebody else made: the one who writes it refuses to.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import CodeContentItem, RelationshipTypeValues
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as standard

from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity, OutputKind, OutputObject, OutputReference
from medq_node.outputs import codes
from medq_node.outputs.document import DocumentHeader, device_observer, reference
from medq_node.outputs.files import write_object
from medq_node.outputs.labels import (
    KEY_OBJECT_LABEL,
    KEY_OBJECT_SERIES_OFFSET,
    series_description,
    series_number,
)
from medq_node.outputs.uids import INSTANCE_PART, SERIES_PART, derived_uid
from medq_node.pixels.series import SeriesStack

_DESCRIPTION: Final = (
    "Research outputs of MedQ Node that a new revision replaces, after a late or corrected image. "
    "Everything named here was made by this node. No original image is meant, and none is rejected."
)


def write_key_object(
    source: SeriesStack,
    superseded: Sequence[OutputReference],
    identity: OutputIdentity,
    folder: Path,
    *,
    study: bool = False,
) -> OutputObject:
    """Write a key object of title (113001, DCM) on ``superseded``; durable on return.

    It names outputs of ours and nothing else: no original is ever rejected. Patient and study come
    from the first image of ``source``. With ``study`` they are outputs on the whole study, and the
    key object's UIDs hang on the Study Instance UID.

    Raises:
        OutputError: nothing is superseded, or ``superseded`` names the source series, one of its
            images or an object of this very revision.
    """
    first = source.instances[0]
    about = first.study_instance_uid if study else first.series_instance_uid
    own_uid = derived_uid(identity, about, OutputKind.KEY_OBJECT, INSTANCE_PART)
    retired = tuple(dict.fromkeys(superseded))
    _refuse_originals(source, retired)
    header = DocumentHeader(source, identity)
    document = KeyObjectSelectionDocument(
        evidence=_evidence(header.dataset, retired, first.study_instance_uid),
        content=_content(source, retired, identity),
        series_instance_uid=derived_uid(identity, about, OutputKind.KEY_OBJECT, SERIES_PART),
        series_number=series_number(header.dataset, KEY_OBJECT_SERIES_OFFSET),
        sop_instance_uid=own_uid,
        series_description=series_description(
            KEY_OBJECT_LABEL,
            str(header.dataset.get("StudyDescription" if study else "SeriesDescription") or ""),
        ),
        **header.arguments(),
    )
    for item in document.ContentSequence:
        if "ReferencedSOPSequence" in item:
            # Selected objects have no purpose of reference (TID 2010 rows 8 to 10).
            item.pop("ConceptNameCodeSequence", None)
    document.copy_patient_and_study_information(header.dataset)
    header.finish(document)
    return write_object(document, OutputKind.KEY_OBJECT, folder)


def _refuse_originals(source: SeriesStack, retired: Sequence[OutputReference]) -> None:
    if not retired:
        raise OutputError("a key object needs something to retire")
    originals = {image.sop_instance_uid for image in source.instances}
    series_uid = source.instances[0].series_instance_uid
    for old in retired:
        if old.sop_instance_uid in originals or old.series_instance_uid == series_uid:
            raise OutputError(f"object {old.sop_instance_uid} is an original: it is never rejected")


def _evidence(header: Dataset, retired: Sequence[OutputReference], study: str) -> list[Dataset]:
    """The retired objects; the first one carries patient and study, for highdicom to copy."""
    evidence = [
        reference(old.sop_class_uid, old.sop_instance_uid, old.series_instance_uid, study)
        for old in retired
    ]
    first = Dataset()
    first.update(header)
    first.update(evidence[0])
    return [first, *evidence[1:]]


def _content(
    source: SeriesStack, retired: Sequence[OutputReference], identity: OutputIdentity
) -> KeyObjectSelection:
    """TID 2010: title, why (row 3, mandatory with this title), who, in words, and the objects."""
    study = source.instances[0].study_instance_uid
    objects = []
    for old in retired:
        item = reference(old.sop_class_uid, old.sop_instance_uid, old.series_instance_uid, study)
        if old.kind in (OutputKind.RESTORED, OutputKind.PAGE):
            # By these highdicom tells an image from another object.
            item.Rows, item.Columns = source.info.rows, source.info.columns
        objects.append(item)
    content = KeyObjectSelection(
        document_title=codes.REJECTED,
        referenced_objects=objects,
        observer_device_context=device_observer(identity),
        description=_DESCRIPTION,
    )
    content[0].ContentSequence.insert(
        0,
        CodeContentItem(
            name=standard.DCM.DocumentTitleModifier,
            value=codes.SUPERSEDED,
            relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD,
        ),
    )
    return content
