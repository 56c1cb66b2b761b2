"""Restored frames of an enhanced object, written as an enhanced object of the same IOD.

Frames go to the disk one by one, in any order and from any thread, and are put behind the header at
the end: neither the source's pixels nor ours ever lie in memory whole. What is kept and what is
removed of the header: ``medq_node.outputs.derived``. Where the frames of one object are several
stacks, each becomes an object of its own with the frames of that stack.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from engines.base import FloatArray
from engines.quality import QualityDescription
from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs import codes
from medq_node.outputs.conformance import conform_frames
from medq_node.outputs.derived import (
    identify,
    mark_restoration,
    remove_unsafe,
    set_file_meta,
)
from medq_node.outputs.provenance import derivation_description
from medq_node.outputs.uids import restored_instance_uid
from medq_node.pixels.codecs import was_lossy
from medq_node.pixels.series import SeriesStack

_FRAME_TYPES: Final = (
    "CTImageFrameTypeSequence",
    "MRImageFrameTypeSequence",
    "PETFrameTypeSequence",
)
_LONGEST: Final = 0xFFFFFFFE
"""Bytes of native pixel data that a length of 32 bits can tell (PS3.5 7.1.2)."""


class RestoredFrames:
    """The restored frames of one object of ``source``, being written.

    ``indices`` are the 0-based slices of ``source`` that this object's frames are.
    """

    def __init__(
        self,
        source: SeriesStack,
        indices: Sequence[int],
        identity: OutputIdentity,
        folder: Path,
        description: QualityDescription | None,
    ) -> None:
        """Begin an object in ``folder``, which is there.

        Raises:
            OutputError: its frames are too many for native pixel data.
        """
        first = source.instances[indices[0]]
        self._source = source
        self._identity = identity
        self._description = description
        self._first = first
        self.sop_instance_uid = restored_instance_uid(
            identity, first.sop_instance_uid, source.number
        )
        frames = sorted(indices, key=lambda index: source.instances[index].frame or 0)
        self.places: dict[int, int] = {index: k for k, index in enumerate(frames)}
        """Slice of the source -> 0-based frame of this object."""
        self._length = first.rows * first.columns * first.bits_allocated // 8
        if self._length * len(frames) > _LONGEST:
            raise OutputError(
                f"object {first.sop_instance_uid}: its {len(frames)} frames are more than 4 GiB, "
                "which no uncompressed object holds"
            )
        self.path = folder / f"{self.sop_instance_uid}.dcm"
        self._pixels = self.path.with_suffix(".pixels")
        self._pixels.touch()
        self._changed: set[int] = set()

    def write(self, index: int, values: FloatArray) -> None:
        """Keep the restored values of slice ``index`` of the source, (rows, columns) in its unit.

        Raises:
            OutputError: the wrong shape, or values that aren't finite.
        """
        stored = self._source.to_stored(index, values)
        if not np.array_equal(stored, self._source.stored(index)):
            self._changed.add(index)
        little = stored.astype(stored.dtype.newbyteorder("<"), copy=False).tobytes()
        with self._pixels.open("r+b") as file:
            os.pwrite(file.fileno(), little, self.places[index] * self._length)

    def finish(self) -> OutputObject:
        """The object as it lies on disk, durable on return."""
        dataset = self.header()
        head = BytesIO()
        dcmwrite(head, dataset, enforce_file_format=True)
        length = self._length * len(self.places)
        with self.path.open("wb") as file, self._pixels.open("rb") as pixels:
            file.write(head.getvalue())
            word = b"OW" if self._first.bits_allocated > 8 else b"OB"
            file.write(struct.pack("<HH2sHL", 0x7FE0, 0x0010, word, 0, length + length % 2))
            shutil.copyfileobj(pixels, file, 1 << 20)
            file.write(b"\0" * (length % 2))
            file.flush()
            os.fsync(file.fileno())
        self._pixels.unlink()
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return OutputObject(
            kind=OutputKind.RESTORED,
            sop_class_uid=self._first.sop_class_uid,
            sop_instance_uid=self.sop_instance_uid,
            series_instance_uid=str(dataset.SeriesInstanceUID),
            path=self.path,
            sha256=digest,
        )

    def discard(self) -> None:
        """Remove the object, finished or not."""
        for path in (self.path, self._pixels):
            path.unlink(missing_ok=True)

    def header(self) -> Dataset:
        """All of the object but its pixels; which frames were changed is known at the end."""
        first = self._first
        dataset = self._source.header(next(iter(self.places)))
        lossy = was_lossy(dataset, first.transfer_syntax_uid)
        remove_unsafe(dataset)
        conform_frames(dataset)
        identify(dataset, first, self.sop_instance_uid, self._identity)
        dataset.ImageType = _derived_type(dataset.get("ImageType"))
        dataset.ContentQualification = "RESEARCH"
        dataset.LossyImageCompression = "01" if lossy else dataset.LossyImageCompression
        dataset.NumberOfFrames = len(self.places)
        mark_restoration(dataset)
        self._choose_frames(dataset)
        known = list(dataset.get("SourceImageEvidenceSequence") or ())
        dataset.SourceImageEvidenceSequence = [*known, self._evidence()]
        set_file_meta(dataset)
        return dataset

    def _choose_frames(self, dataset: Dataset) -> None:
        """Keep the functional groups of our frames, and say in each what it was made of."""
        shared = dataset.SharedFunctionalGroupsSequence[0]
        every = dataset.PerFrameFunctionalGroupsSequence
        inherited = list(shared.get("DerivationImageSequence") or ())
        if inherited:
            del shared.DerivationImageSequence
        _mark_type(shared)
        kept = []
        for index in self.places:
            number = self._source.instances[index].frame or 1
            group = every[number - 1]
            _mark_type(group)
            earlier = list(group.get("DerivationImageSequence") or inherited)
            group.DerivationImageSequence = [*earlier, self._derivation(index, number)]
            kept.append(group)
        dataset.PerFrameFunctionalGroupsSequence = kept

    def _evidence(self) -> Dataset:
        """The source as evidence in the hierarchy (PS3.3 Table C.8-83, C.17-3)."""
        first = self._first
        instance = Dataset()
        instance.ReferencedSOPClassUID = UID(first.sop_class_uid)
        instance.ReferencedSOPInstanceUID = UID(first.sop_instance_uid)
        series = Dataset()
        series.SeriesInstanceUID = UID(first.series_instance_uid)
        series.ReferencedSOPSequence = [instance]
        study = Dataset()
        study.StudyInstanceUID = UID(first.study_instance_uid)
        study.ReferencedSeriesSequence = [series]
        return study

    def _derivation(self, index: int, number: int) -> Dataset:
        """Of what frame and how (C.7.6.16.2.6)."""
        reference = Dataset()
        reference.ReferencedSOPClassUID = UID(self._first.sop_class_uid)
        reference.ReferencedSOPInstanceUID = UID(self._first.sop_instance_uid)
        reference.ReferencedFrameNumber = number
        reference.PurposeOfReferenceCodeSequence = [codes.code_item(codes.SOURCE_IMAGE)]
        item = Dataset()
        item.DerivationDescription = derivation_description(
            self._identity, self._description, "", index in self._changed
        )
        item.DerivationCodeSequence = [codes.code_item(codes.RESTORATION)]
        item.SourceImageSequence = [reference]
        return item


def _derived_type(value: object) -> list[str]:
    """Derived, and value 2 PRIMARY (C.8.16.1.2); four values, the rest as in the source."""
    values = [] if value is None or isinstance(value, str) else list(value)  # type: ignore[call-overload]
    further = [str(v) for v in values[2:4]]
    return ["DERIVED", "PRIMARY", *further, *["NONE"] * (2 - len(further))]


def _mark_type(group: Dataset) -> None:
    for keyword in _FRAME_TYPES:
        for item in group.get(keyword) or ():
            item.FrameType = _derived_type(item.get("FrameType"))
