"""Bytes of an object, on disk and named by their digest."""

from __future__ import annotations

import hashlib
import os
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite

from medq_node.objects import OutputKind, OutputObject


def write_object(dataset: Dataset, kind: OutputKind, folder: Path) -> OutputObject:
    """Write ``dataset`` as ``<SOP Instance UID>.dcm`` into ``folder``, durable on return.

    The folder is made if need be; to sync and to rename it is the caller's part: it is complete as
    a whole or not at all. A file of a try that died is overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    content = buffer.getbuffer()
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return OutputObject(
        kind=kind,
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
        series_instance_uid=str(dataset.SeriesInstanceUID),
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
    )
