"""Who made an object, of what, and how: the attributes that let anyone trace it back."""

from __future__ import annotations

import json
import uuid

from pydicom.dataset import Dataset
from pydicom.uid import UID

from engines.quality import QualityDescription, format_amounts
from medq_node import __version__
from medq_node.objects import OutputIdentity
from medq_node.outputs import codes
from medq_node.outputs.labels import ascii_text
from medq_node.outputs.times import CreationTime
from medq_node.provenance import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, MANUFACTURER

_ST_MAX = 1024
_LO_MAX = 64
_SH_MAX = 16
_ALGORITHMS = uuid.UUID("0d8a1f0e-3c52-5b0a-8f1e-7b6c2f4d9a31")


def contributing_equipment(identity: OutputIdentity, created: CreationTime) -> Dataset:
    """This node as an item of Contributing Equipment Sequence (PS3.3 C.12.1).

    The loop firewall knows our own objects by this item. It also is what IHE AI Results asks for
    (AIR 6.5.3.1, General Result Encoding Requirements): each algorithm with manufacturer, model
    name, software versions and a device UID that changes with it. AIR's code for the purpose is
    still a placeholder ("Newcode1"), so it is the one of CID 7005.
    """
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [codes.code_item(codes.PROCESSING_EQUIPMENT)]
    item.Manufacturer = MANUFACTURER
    if identity.institution_name:
        item.InstitutionName = ascii_text(identity.institution_name, _LO_MAX)
    item.StationName = ascii_text(identity.station_name, _SH_MAX)
    item.ManufacturerModelName = ascii_text(identity.engine_name, _LO_MAX)
    item.DeviceSerialNumber = ascii_text(identity.node_uid, _LO_MAX)
    item.DeviceUID = algorithm_uid(identity)
    item.SoftwareVersions = software_versions(identity)
    item.ContributionDateTime = created.date_time
    item.ContributionDescription = ascii_text(
        f"Quality assessment and restoration by engine {identity.engine_name} "
        f"{identity.engine_version}, action {identity.action}. Research use only.",
        _ST_MAX,
    )
    return item


def algorithm_uid(identity: OutputIdentity) -> UID:
    """UID of the engine as it is: another one with every change of weights or parameters."""
    name = json.dumps([identity.engine_name, identity.engine_version, identity.engine_digest])
    return UID(f"2.25.{uuid.uuid5(_ALGORITHMS, name).int}")


def software_versions(identity: OutputIdentity) -> list[str]:
    """Node version, engine version and the digest of all that determines the engine's result."""
    return [
        f"medq-node {__version__}",
        ascii_text(f"{identity.engine_name} {identity.engine_version}", _LO_MAX).replace("\\", "/"),
        ascii_text(identity.engine_digest, _LO_MAX).replace("\\", "/"),
    ]


def derivation_description(
    identity: OutputIdentity, description: QualityDescription | None, earlier: str, changed: bool
) -> str:
    """One plain paragraph for Derivation Description (ST, 1024 characters).

    ``earlier`` is what the source already says of its own derivation; it stays in front.
    ``changed`` is whether any stored pixel value differs from the source.
    """
    sentences = [
        f"Restored by MedQ Node {__version__} with engine {identity.engine_name} "
        f"{identity.engine_version} (digest {identity.engine_digest[:16]}), "
        f"action: {identity.action}.",
    ]
    if description is not None:
        measured = ", ".join(
            f"{found.degradation.value} {found.severity.value} {format_amounts(found)}".rstrip()
            for found in description.findings
        )
        sentences.append(f"Source as measured: {measured or 'no finding'}.")
    differ = "differ from" if changed else "equal"
    sentences.append(f"Pixel values {differ} those of the source image. Research use only.")
    own = ascii_text(" ".join(sentences), _ST_MAX)
    room = _ST_MAX - len(own) - 1
    return f"{earlier.strip()[:room]} {own}".strip()


def mark_creation(dataset: Dataset, identity: OutputIdentity, created: CreationTime) -> None:
    """Say when and by which node ``dataset`` was created (SOP Common, C.12.1)."""
    dataset.InstanceCreationDate = created.date
    dataset.InstanceCreationTime = created.time
    dataset.InstanceCreatorUID = UID(identity.node_uid)


def file_meta_version(dataset: Dataset) -> None:
    """Put our implementation into the file meta of ``dataset`` (PS3.10 section 7.1)."""
    dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    dataset.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
