"""The quality report as a DICOM object: Enhanced SR, unverified, preliminary, research.

Same study as the images, own series. The same content and identity give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from highdicom.sr import EnhancedSR
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs import codes
from medq_node.outputs.conformance import conform_study
from medq_node.outputs.content import ActionTaken, ReportContent
from medq_node.outputs.files import write_object
from medq_node.outputs.labels import (
    REPORT_LABEL,
    REPORT_SERIES_OFFSET,
    ascii_text,
    series_description,
    series_number,
)
from medq_node.outputs.provenance import (
    contributing_equipment,
    file_meta_version,
    mark_creation,
    software_versions,
)
from medq_node.outputs.report_tree import measurement_report
from medq_node.outputs.times import creation_time
from medq_node.outputs.uids import INSTANCE_PART, SERIES_PART, derived_uid, restored_instance_uid
from medq_node.pixels.series import SeriesStack
from medq_node.provenance import MANUFACTURER

__all__ = ["ActionTaken", "ReportContent", "write_report"]

_ENHANCED_SR: Final = "1.2.840.10008.5.1.4.1.1.88.22"


def write_report(
    source: SeriesStack, content: ReportContent, identity: OutputIdentity, folder: Path
) -> OutputObject:
    """Write the quality report on ``source`` into ``folder``; the file is durable on return.

    Patient and study come from the first image's header; whatever it lacks stays empty.
    """
    first = source.instances[0]
    header = source.header(0)
    conform_study(header)
    created = creation_time(identity, header.get("TimezoneOffsetFromUTC"))
    # highdicom warns of unusual names and character sets, and its warnings print the name.
    patient_name = header["PatientName"]
    del header.PatientName
    header.PatientName = None
    report = EnhancedSR(
        evidence=_evidence(source, content, identity, header),
        content=measurement_report(source, content, identity)[0],
        series_instance_uid=_uid(identity, first.series_instance_uid, SERIES_PART),
        series_number=series_number(header, REPORT_SERIES_OFFSET),
        sop_instance_uid=_uid(identity, first.series_instance_uid, INSTANCE_PART),
        instance_number=identity.revision,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=ascii_text(identity.engine_name, 64),
        device_serial_number=ascii_text(identity.node_uid, 64),
        institution_name=(
            ascii_text(identity.institution_name, 64) if identity.institution_name else None
        ),
        series_description=series_description(
            REPORT_LABEL, str(header.get("SeriesDescription") or "")
        ),
        is_complete=True,
        is_final=False,
        is_verified=False,
        previous_versions=_predecessor(content, first.study_instance_uid),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set=None,
        content_date=created.date,
        content_time=created.time,
        series_date=created.date,
        series_time=created.time,
    )
    report["PatientName"] = patient_name
    for keyword in ("SpecificCharacterSet", "TimezoneOffsetFromUTC"):
        if keyword in header:
            report[keyword] = header[keyword]
    report.StationName = ascii_text(identity.station_name, 16)
    report.add_new("SoftwareVersions", "LO", software_versions(identity))
    equipment: list[Dataset] = list(report.get("ContributingEquipmentSequence") or ())
    for scanner in equipment:
        # highdicom dates the scanner's contribution with the time of writing.
        scanner.pop("ContributionDateTime", None)
    equipment.append(contributing_equipment(identity, created))
    report.add_new("ContributingEquipmentSequence", "SQ", equipment)
    report.CodingSchemeIdentificationSequence = [codes.coding_scheme_item()]
    mark_creation(report, identity, created)
    file_meta_version(report)
    return write_object(report, OutputKind.REPORT, folder)


def _uid(identity: OutputIdentity, series_uid: str, part: str) -> str:
    return derived_uid(identity, series_uid, OutputKind.REPORT, part)


def _evidence(
    source: SeriesStack, content: ReportContent, identity: OutputIdentity, header: Dataset
) -> Sequence[Dataset]:
    """Every image that the report is about; the first one carries patient and study."""
    first, *others = source.instances
    evidence = [header]
    evidence += [
        _reference(i.sop_class_uid, i.sop_instance_uid, i.series_instance_uid, i.study_instance_uid)
        for i in others
    ]
    restored = content.restored_series_instance_uid
    if restored is not None:
        evidence += [
            _reference(
                i.sop_class_uid,
                restored_instance_uid(identity, i.sop_instance_uid),
                restored,
                first.study_instance_uid,
            )
            for i in source.instances
        ]
    return evidence


def _predecessor(content: ReportContent, study_uid: str) -> Sequence[Dataset] | None:
    if content.predecessor is None:
        return None
    series_uid, instance_uid = content.predecessor
    return [_reference(_ENHANCED_SR, instance_uid, series_uid, study_uid)]


def _reference(class_uid: str, instance_uid: str, series_uid: str, study_uid: str) -> Dataset:
    item = Dataset()
    item.SOPClassUID = UID(class_uid)
    item.SOPInstanceUID = UID(instance_uid)
    item.SeriesInstanceUID = UID(series_uid)
    item.StudyInstanceUID = UID(study_uid)
    return item
