"""A restored stack being written: image by image, or frame by frame where the source is enhanced.

``write`` may be called for slices in any order and from several threads, ``finish`` once after
the last. The restored stack is what was written, read back from disk, in the source's order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pydicom.dataset import Dataset

from engines.base import FloatArray
from engines.quality import QualityDescription
from medq_node.objects import OutputIdentity, OutputObject
from medq_node.outputs.content import ReportPart
from medq_node.outputs.restored import restored_header, write_restored_instance
from medq_node.outputs.restored_frames import RestoredFrames
from medq_node.outputs.restored_places import restored_of
from medq_node.pixels.images import read_images
from medq_node.pixels.instance import SourceInstance
from medq_node.pixels.series import SeriesStack, stack_of


class RestoredWriter(Protocol):
    """Writes the restored version of one stack."""

    def header(self) -> Dataset:
        """The header of the first object to be, as far as the source's decides it."""
        ...

    def write(self, index: int, values: FloatArray) -> Path | None:
        """Write slice ``index``, 0-based; the file it lies in, if that is whole now.

        Raises:
            OutputError: the values have the wrong shape or aren't finite, or no restored object
                can be made of this kind of source.
        """
        ...

    def finish(self) -> list[OutputObject]:
        """The objects, durable on return but for the sync of their folder."""
        ...

    def restored(self) -> SeriesStack:
        """What was written, after ``finish``.

        Raises:
            Unprocessable: it can't be read back.
        """
        ...

    def discard(self) -> None:
        """Remove all that was written, finished or not."""
        ...


def restored_writer(
    source: SeriesStack,
    identity: OutputIdentity,
    folder: Path,
    description: QualityDescription | None = None,
) -> RestoredWriter:
    """What writes the restored version of ``source`` into ``folder``, which is there.

    ``description`` is the assessment that the restoration was conditioned on.

    Raises:
        OutputError: no restored object can be made of such a source.
    """
    kind = _Images if source.instances[0].frame is None else _Frames
    return kind(source, identity, folder, description)


def reread(part: ReportPart, paths: Mapping[str, Path]) -> SeriesStack:
    """What was restored of ``part``, from the objects at ``paths`` by SOP Instance UID.

    Raises:
        Unprocessable: it can't be read back.
    """
    refer = restored_of(part)
    read: dict[str, tuple[SourceInstance, ...]] = {}
    images = []
    for image in part.source.instances:
        uid, frame = refer(image)
        if uid not in read:
            read[uid] = read_images(paths[uid])
        images.append(read[uid][0 if frame is None else frame - 1])
    return stack_of(images, part.source.label, part.source.number)


class _Images:
    """An object for each slice."""

    def __init__(
        self,
        source: SeriesStack,
        identity: OutputIdentity,
        folder: Path,
        description: QualityDescription | None,
    ) -> None:
        self._source = source
        self._identity = identity
        self._folder = folder
        self._description = description
        self._written: dict[int, OutputObject] = {}

    def header(self) -> Dataset:
        return restored_header(self._source, 0, self._identity, self._description, changed=True)

    def write(self, index: int, values: FloatArray) -> Path:
        written = write_restored_instance(
            self._source, index, values, self._identity, self._folder, self._description
        )
        self._written[index] = written
        return written.path

    def finish(self) -> list[OutputObject]:
        return [self._written[index] for index in range(len(self._source.instances))]

    def discard(self) -> None:
        for output in self._written.values():
            output.path.unlink(missing_ok=True)

    def restored(self) -> SeriesStack:
        images = [read_images(output.path)[0] for output in self.finish()]
        return stack_of(images, self._source.label, self._source.number)


class _Frames:
    """An object for each one of the source, with a frame for each slice."""

    def __init__(
        self,
        source: SeriesStack,
        identity: OutputIdentity,
        folder: Path,
        description: QualityDescription | None,
    ) -> None:
        self._source = source
        frames: dict[Path, list[int]] = {}
        for index, instance in enumerate(source.instances):
            frames.setdefault(instance.path, []).append(index)
        self._objects = [
            RestoredFrames(source, indices, identity, folder, description)
            for indices in frames.values()
        ]
        self._of = {index: one for one in self._objects for index in one.places}

    def header(self) -> Dataset:
        return self._objects[0].header()

    def write(self, index: int, values: FloatArray) -> None:
        self._of[index].write(index, values)

    def finish(self) -> list[OutputObject]:
        return [one.finish() for one in self._objects]

    def discard(self) -> None:
        for one in self._objects:
            one.discard()

    def restored(self) -> SeriesStack:
        images: dict[int, SourceInstance] = {}
        for one in self._objects:
            frames = read_images(one.path)
            images |= {index: frames[place] for index, place in one.places.items()}
        ordered = [images[index] for index in range(len(self._source.instances))]
        return stack_of(ordered, self._source.label, self._source.number)
