"""What our reports, pages and key objects have in common: patient, equipment, observer, times.

All stand in the study of the images they are about, in series of their own. highdicom builds them;
here it is given what decides the bytes, and what it adds of its own (the time of writing, warnings
that print names) is kept out.
"""

from __future__ import annotations

from typing import Any

from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as standard
from pydicom.uid import UID, ExplicitVRLittleEndian

from medq_node.objects import OutputIdentity, OutputKind
from medq_node.outputs import codes
from medq_node.outputs.conformance import conform_study
from medq_node.outputs.labels import (
    FORM_LABELS,
    FORM_SERIES_OFFSETS,
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
from medq_node.outputs.times import CreationTime, creation_time
from medq_node.outputs.uids import INSTANCE_PART, SERIES_PART, derived_uid
from medq_node.pixels.series import SeriesStack
from medq_node.provenance import MANUFACTURER


class DocumentHeader:
    """Patient and study of a document, taken from the first image of ``source``.

    ``dataset`` is valid and has no name in it: highdicom's warnings of unusual names print them.
    """

    def __init__(self, source: SeriesStack, identity: OutputIdentity) -> None:
        self.dataset: Dataset = source.header(0)
        conform_study(self.dataset)
        self._patient_name: DataElement = self.dataset["PatientName"]
        del self.dataset.PatientName  # the element itself would be emptied, and it is kept
        self.dataset.PatientName = None
        self._identity = identity
        self._created: CreationTime = creation_time(
            identity, self.dataset.get("TimezoneOffsetFromUTC")
        )

    def arguments(self) -> dict[str, Any]:
        """What highdicom's constructors of documents are told alike."""
        identity, created = self._identity, self._created
        institution = identity.institution_name
        return {
            "instance_number": identity.revision,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": ascii_text(identity.engine_name, 64),
            "device_serial_number": ascii_text(identity.node_uid, 64),
            "institution_name": ascii_text(institution, 64) if institution else None,
            "transfer_syntax_uid": ExplicitVRLittleEndian,
            "specific_character_set": None,
            "content_date": created.date,
            "content_time": created.time,
            "series_date": created.date,
            "series_time": created.time,
        }

    def finish(self, document: Dataset) -> None:
        """Put into ``document`` what its constructor doesn't take."""
        identity, created = self._identity, self._created
        document["PatientName"] = self._patient_name
        for keyword in ("SpecificCharacterSet", "TimezoneOffsetFromUTC"):
            if keyword in self.dataset:
                document[keyword] = self.dataset[keyword]
        document.StationName = ascii_text(identity.station_name, 16)
        document.add_new("SoftwareVersions", "LO", software_versions(identity))
        equipment: list[Dataset] = list(document.get("ContributingEquipmentSequence") or ())
        for scanner in equipment:
            # highdicom dates the scanner's contribution with the time of writing.
            scanner.pop("ContributionDateTime", None)
        equipment.append(contributing_equipment(identity, created))
        document.add_new("ContributingEquipmentSequence", "SQ", equipment)
        document.CodingSchemeIdentificationSequence = [codes.coding_scheme_item()]
        mark_creation(document, identity, created)
        file_meta_version(document)


def own_series(
    header: DocumentHeader,
    source: SeriesStack,
    identity: OutputIdentity,
    kind: OutputKind,
    *,
    study: bool,
) -> dict[str, Any]:
    """Series and instance of a form of the note on ``source``, for highdicom's constructors.

    With ``study`` the note is on the whole study and its UIDs hang on the Study Instance UID.
    """
    named = source.instances[0]
    about = named.study_instance_uid if study else named.series_instance_uid
    label = FORM_LABELS[kind] + (", whole study" if study else "")
    described = header.dataset.get("StudyDescription" if study else "SeriesDescription")
    return {
        "series_instance_uid": derived_uid(identity, about, kind, SERIES_PART),
        "sop_instance_uid": derived_uid(identity, about, kind, INSTANCE_PART),
        "series_number": series_number(header.dataset, FORM_SERIES_OFFSETS[kind]),
        "series_description": series_description(label, str(described or "")),
    }


def device_observer(identity: OutputIdentity) -> ObserverContext:
    """This node as the observer (TID 1002, TID 1004)."""
    return ObserverContext(
        observer_type=standard.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=identity.node_uid,
            name=ascii_text(identity.station_name, 64),
            manufacturer_name=MANUFACTURER,
            model_name=ascii_text(f"{identity.engine_name} {identity.engine_version}", 64),
        ),
    )


def write_plainly(item: Dataset) -> None:
    """Write the number of a NUM item as people do: ``42``, not ``42.0``."""
    measured = item.MeasuredValueSequence[0]
    measured.NumericValue = f"{float(measured.NumericValue):.9g}"


def reference(class_uid: str, instance_uid: str, series_uid: str, study_uid: str) -> Dataset:
    """The four UIDs that highdicom makes a line of evidence of."""
    item = Dataset()
    item.SOPClassUID = UID(class_uid)
    item.SOPInstanceUID = UID(instance_uid)
    item.SeriesInstanceUID = UID(series_uid)
    item.StudyInstanceUID = UID(study_uid)
    return item
