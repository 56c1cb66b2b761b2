"""The quality report as a DICOM object: Enhanced SR, unverified, preliminary, research.

Same study as the images, own series. The same content and identity give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from highdicom.sr import EnhancedSR
from pydicom.dataset import Dataset

from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs.content import ActionTaken, ReportContent, ReportPart
from medq_node.outputs.document import DocumentHeader, reference
from medq_node.outputs.files import write_object
from medq_node.outputs.labels import (
    REPORT_LABEL,
    REPORT_SERIES_OFFSET,
    STUDY_REPORT_LABEL,
    series_description,
    series_number,
)
from medq_node.outputs.report_tree import measurement_report
from medq_node.outputs.restored_places import restored_of
from medq_node.outputs.uids import INSTANCE_PART, SERIES_PART, derived_uid

__all__ = [
    "ActionTaken",
    "ReportContent",
    "ReportPart",
    "evidence",
    "first_part",
    "predecessors",
    "write_report",
]


def write_report(
    parts: Sequence[ReportPart], identity: OutputIdentity, folder: Path, *, study: bool = False
) -> OutputObject:
    """Write the quality report on ``parts`` into ``folder``; the file is durable on return.

    Patient and study come from the first image's header; whatever it lacks stays empty. With
    ``study`` the report is on the whole study: its UIDs hang on the Study Instance UID, so that it
    never is the report on one of its series.

    Raises:
        OutputError: no part, several without ``study``, or parts of several studies.
    """
    first = first_part(parts, study)
    header = DocumentHeader(first.source, identity)
    named = first.source.instances[0]
    about = named.study_instance_uid if study else named.series_instance_uid
    label = STUDY_REPORT_LABEL if study else REPORT_LABEL
    described = header.dataset.get("StudyDescription" if study else "SeriesDescription")
    report = EnhancedSR(
        evidence=evidence(parts, header.dataset),
        content=measurement_report(parts, identity)[0],
        series_instance_uid=derived_uid(identity, about, OutputKind.REPORT, SERIES_PART),
        series_number=series_number(header.dataset, REPORT_SERIES_OFFSET),
        sop_instance_uid=derived_uid(identity, about, OutputKind.REPORT, INSTANCE_PART),
        series_description=series_description(label, str(described or "")),
        is_complete=True,
        is_final=False,
        is_verified=False,
        previous_versions=predecessors(parts, OutputKind.REPORT),
        **header.arguments(),
    )
    header.finish(report)
    return write_object(report, OutputKind.REPORT, folder)


def first_part(parts: Sequence[ReportPart], study: bool) -> ReportPart:
    """The part whose first image gives patient and study.

    Raises:
        OutputError: no part, several without ``study``, or parts of several studies.
    """
    if not parts:
        raise OutputError("a report needs a series to be about")
    if len({part.source.instances[0].series_instance_uid for part in parts}) > 1 and not study:
        raise OutputError("a report on several series is one on their study")
    if len({part.source.instances[0].study_instance_uid for part in parts}) > 1:
        raise OutputError("a report is about the series of one study")
    return parts[0]


def evidence(parts: Sequence[ReportPart], header: Dataset) -> list[Dataset]:
    """Every object that the report is about, once; the first carries patient and study."""
    named: dict[str, tuple[str, str, str, str]] = {}
    for part in parts:
        restored, refer = part.content.restored_series_instance_uid, restored_of(part)
        for image in part.source.instances:
            uid, study = image.sop_instance_uid, image.study_instance_uid
            named[uid] = (image.sop_class_uid, uid, image.series_instance_uid, study)
        for image in part.source.instances if restored is not None else ():
            uid = refer(image)[0]
            named[uid] = (image.sop_class_uid, uid, restored or "", image.study_instance_uid)
    named.pop(parts[0].source.instances[0].sop_instance_uid)
    return [header, *(reference(*uids) for uids in named.values())]


def predecessors(parts: Sequence[ReportPart], kind: OutputKind) -> list[Dataset] | None:
    """Documents of ``kind`` that this one replaces, each once (C.17.2 Predecessor Documents)."""
    study_uid = parts[0].source.instances[0].study_instance_uid
    superseded = dict.fromkeys(old for part in parts for old in part.content.superseded)
    return [
        reference(old.sop_class_uid, old.sop_instance_uid, old.series_instance_uid, study_uid)
        for old in superseded
        if old.kind is kind
    ] or None
