"""One received file, as far as its header tells."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pydicom
from pydicom.filereader import read_file_meta_info

from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED

_NEEDED = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "Modality",
)
_LONGEST_UID = 64


@dataclass(frozen=True, slots=True)
class Arrival:
    """A received object: who it is, who sent it, when, and the digest of its data set."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    modality: str | None
    calling_ae_title: str | None
    called_ae_title: str | None
    peer_host: str | None
    arrived_at: datetime
    digest: str


def read_arrival(path: Path) -> Arrival:
    """Read what grouping needs from a file's header, pixels untouched.

    Raises:
        Unprocessable: not a data set, or one without the UIDs that grouping needs.
    """
    try:
        ds = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_NEEDED), force=True)
        values = {name: _text(ds.get(name)) for name in _NEEDED}
    except MALFORMED as error:
        raise Unprocessable(f"not a readable DICOM data set ({type(error).__name__})") from error
    missing = [name for name in _NEEDED if not values[name] and name != "Modality"]
    if len(missing) == len(_NEEDED) - 1:
        raise Unprocessable("not a DICOM object: it names no SOP class, study or series")
    if missing:
        raise Unprocessable(f"no {' and no '.join(missing)}: it can't be put into a series")
    too_long = [name for name, value in values.items() if value and len(value) > _LONGEST_UID]
    if too_long:
        raise Unprocessable(f"{' and '.join(too_long)} with more than {_LONGEST_UID} characters")
    meta = ds.file_meta
    return Arrival(
        path=path,
        sop_class_uid=str(values["SOPClassUID"]),
        sop_instance_uid=str(values["SOPInstanceUID"]),
        series_instance_uid=str(values["SeriesInstanceUID"]),
        study_instance_uid=str(values["StudyInstanceUID"]),
        modality=values["Modality"],
        calling_ae_title=_text(meta.get("SendingApplicationEntityTitle")),
        called_ae_title=_text(meta.get("ReceivingApplicationEntityTitle")),
        peer_host=_host(_text(meta.get("SendingPresentationAddress"))),
        arrived_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        digest=data_set_digest(path),
    )


def calling_ae_title_of(path: Path) -> str | None:
    """Who sent a file whose data set can't be read, from its file meta; ``None`` if unknown."""
    try:
        meta = read_file_meta_info(path)
        return _text(meta.get("SendingApplicationEntityTitle"))
    except MALFORMED:
        return None


def sop_instance_uid_of(path: Path) -> str | None:
    """SOP Instance UID from the file meta alone; ``None`` if unknown."""
    try:
        meta = read_file_meta_info(path)
        return _text(meta.get("MediaStorageSOPInstanceUID"))
    except MALFORMED:
        return None


def data_set_digest(path: Path) -> str:
    """SHA-256 (hex) of the data set, the file meta left out: a re-send has the same digest.

    The file meta differs with the association; its length is its first element (PS3.10 7.1).
    """
    with path.open("rb") as file:
        head = file.read(144)
        if head[128:132] == b"DICM" and head[132:136] == b"\x02\x00\x00\x00":
            file.seek(144 + int.from_bytes(head[140:144], "little"))
        else:
            file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(value: object) -> str | None:
    text = "" if value is None else str(value).strip(" \0")
    return text or None


def _host(address: str | None) -> str | None:
    if address is None:
        return None
    return urlsplit(address).hostname or address
