"""Where things lie below the data folder."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one node; all on one file system, so that a rename is atomic."""

    data: Path

    @property
    def incoming(self) -> Path:
        """Durable objects that intake hasn't seen yet."""
        return self.data / "incoming"

    @property
    def part(self) -> Path:
        """Objects that are being received; nothing here was ever answered with Success."""
        return self.incoming / ".part"

    @property
    def series(self) -> Path:
        """Originals, a folder per series."""
        return self.data / "series"

    @property
    def output(self) -> Path:
        """What we made, a folder per revision."""
        return self.data / "output"

    @property
    def quarantine(self) -> Path:
        """Received objects that could not be grouped, kept for a person."""
        return self.data / "quarantine"

    @property
    def sending(self) -> Path:
        """Copies in another transfer syntax; each is gone when it is sent."""
        return self.data / "sending"

    def make(self) -> None:
        """Create what is missing."""
        for folder in (self.part, self.series, self.output, self.quarantine):
            folder.mkdir(parents=True, exist_ok=True)

    def series_folder(self, series_instance_uid: str) -> Path:
        """Folder of the originals of a series."""
        return self.series / file_name(series_instance_uid)

    def original(self, series_instance_uid: str, sop_instance_uid: str) -> Path:
        """Where an original lies."""
        return self.series_folder(series_instance_uid) / f"{file_name(sop_instance_uid)}.dcm"

    def output_folder(self, series_instance_uid: str, revision: int) -> Path:
        """Folder of a finished revision's outputs; while being made it ends in ``.part``."""
        return self.output / f"{file_name(series_instance_uid)}.r{revision}"

    def study_folder(self, study_instance_uid: str, number: int) -> Path:
        """Folder of the note on a whole study; as ``output_folder`` while being made."""
        return self.output / f"study-{file_name(study_instance_uid)}.n{number}"

    def relative(self, path: Path) -> str:
        """``path`` as rows store it."""
        return path.relative_to(self.data).as_posix()

    def absolute(self, stored: str) -> Path:
        """A row's path on this machine."""
        return self.data / stored


def file_name(uid: str) -> str:
    """A safe file name for a UID as received; a UID no standard allows becomes its digest."""
    if _UID.fullmatch(uid) and uid.strip("."):
        return uid
    return "x" + hashlib.sha256(uid.encode()).hexdigest()[:40]


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
