"""The key object that points at the worst originals: "look here" (Key Object Selection, A.35.4).

Its title is Quality Issue (113010, DCM). It says of an image what is wrong with it and rejects
none: what retires objects is another document with another title (``key_object``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import CodeContentItem, RelationshipTypeValues
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as standard

from engines.quality import Finding, format_finding
from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs import codes
from medq_node.outputs.content import ReportPart
from medq_node.outputs.document import DocumentHeader, device_observer, own_series, reference
from medq_node.outputs.files import write_object
from medq_node.outputs.labels import ascii_text
from medq_node.outputs.report import first_part
from medq_node.outputs.report_tree import TEXT_MAX
from medq_node.outputs.report_words import SeriesWords
from medq_node.outputs.slice_references import (
    each_object,
    image_items,
    without_purpose,
    worst_image,
    wrong_findings,
)
from medq_node.pixels.instance import SourceInstance

_KIND: Final = OutputKind.QUALITY_ISSUE
_CLOSING: Final = (
    "Found by software, for research use only; nobody has verified it. No image is rejected."
)


def write_quality_issue(
    parts: Sequence[ReportPart], identity: OutputIdentity, folder: Path, *, study: bool = False
) -> OutputObject | None:
    """Write the key object on ``parts`` into ``folder``; durable on return.

    ``None``, and no file, where nothing is wrong with any of them. See ``write_report``.

    Raises:
        OutputError: no part, several without ``study``, or parts of several studies.
    """
    first = first_part(parts, study)
    found = [(part, finding) for part in parts for finding in wrong_findings(part.content.before)]
    if not found:
        return None
    images = [worst_image(part.source, finding) for part, finding in found]
    header = DocumentHeader(first.source, identity)
    document = KeyObjectSelectionDocument(
        evidence=_evidence(header.dataset, images),
        content=_content(found, images, identity),
        **own_series(header, first.source, identity, _KIND, study=study),
        **header.arguments(),
    )
    without_purpose(document)
    document.copy_patient_and_study_information(header.dataset)
    header.finish(document)
    return write_object(document, _KIND, folder)


def _evidence(header: Dataset, images: Sequence[SourceInstance]) -> list[Dataset]:
    """The images; the first one carries patient and study, for highdicom to copy."""
    evidence = [_reference(image) for image in each_object(images)]
    first = Dataset()
    first.update(header)
    first.update(evidence[0])
    return [first, *evidence[1:]]


def _reference(image: SourceInstance) -> Dataset:
    return reference(
        image.sop_class_uid,
        image.sop_instance_uid,
        image.series_instance_uid,
        image.study_instance_uid,
    )


def _content(
    found: Sequence[tuple[ReportPart, Finding]],
    images: Sequence[SourceInstance],
    identity: OutputIdentity,
) -> KeyObjectSelection:
    """TID 2010: title, what is wrong (row 3: one code, of the worst), who, in words, the images."""
    worst_part, worst = found[0]
    selected = KeyObjectSelection(
        document_title=codes.QUALITY_ISSUE,
        referenced_objects=[_reference(images[0])],
        observer_device_context=device_observer(identity),
        description=ascii_text(" ".join([*_sentences(found), _CLOSING]), TEXT_MAX),
    )
    items = selected[0].ContentSequence
    # highdicom names no frames: its reference goes, and ours come.
    del items[-1]
    items.extend(image_items(images))
    items.insert(
        0,
        CodeContentItem(
            name=standard.DCM.DocumentTitleModifier,
            value=codes.issue(worst.degradation, worst_part.content.before.modality),
            relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD,
        ),
    )
    return selected


def _sentences(found: Sequence[tuple[ReportPart, Finding]]) -> list[str]:
    """What is wrong with which series, without the series' description: a list shows this."""
    said = []
    named = ""
    for part, finding in found:
        name = SeriesWords.of(part.source.header(0), part.source.label).source
        if name != named:
            said.append(f"{name[0].upper()}{name[1:]}:")
            named = name
        said.append(f"{format_finding(finding)}.")
    return said
