"""The images in one file: one of a classic object, one for each frame of an enhanced one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydicom.dataset import FileDataset
from pydicom.uid import UID

from engines.quality import Modality
from medq_node.errors import Unprocessable, UnsuitedKind
from medq_node.malformed import MALFORMED
from medq_node.pixels.frame_header import FrameHeader
from medq_node.pixels.header import PixelElement, integer, read_header, text
from medq_node.pixels.instance import ObjectFacts, SourceInstance, bits_of, instance_of
from medq_node.pixels.kinds import refuse_unsuited_kinds

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
CLASSIC: Final = {
    f"{_STORAGE}2": Modality.CT,
    f"{_STORAGE}4": Modality.MR,
    f"{_STORAGE}128": Modality.PT,
}
"""SOP Class UID of the classic single-frame image storage classes -> modality (PS3.4 B.5)."""
ENHANCED: Final = {
    f"{_STORAGE}2.1": Modality.CT,
    f"{_STORAGE}2.2": Modality.CT,
    f"{_STORAGE}4.1": Modality.MR,
    f"{_STORAGE}4.4": Modality.MR,
    f"{_STORAGE}130": Modality.PT,
    f"{_STORAGE}128.1": Modality.PT,
}
"""The enhanced multi-frame ones, and those that classic images were converted to."""
STILLS: Final = {
    f"{_STORAGE}1": Modality.CR,
    f"{_STORAGE}1.1": Modality.DX,
    f"{_STORAGE}1.1.1": Modality.DX,
    f"{_STORAGE}1.2": Modality.MG,
    f"{_STORAGE}1.2.1": Modality.MG,
    f"{_STORAGE}12.1": Modality.XA,
    f"{_STORAGE}12.2": Modality.XA,
}
"""Projections, of which single images are assessed and none is restored."""
_SECONDARY_CAPTURE: Final = f"{_STORAGE}7"


def read_images(path: Path) -> tuple[SourceInstance, ...]:
    """Every image in the file at ``path``, in the order of frames.

    Raises:
        UnsuitedKind: what it holds is of a kind that is never assessed.
        Unprocessable: it can't be used; the message says why.
    """
    dataset, element = read_header(path)
    uid = text(dataset, "SOPInstanceUID")
    if not uid:
        raise Unprocessable("a file has no SOP Instance UID")
    sop_class_uid = text(dataset, "SOPClassUID")
    modality = _modality(uid, sop_class_uid)
    element = _pixels(dataset, uid, element)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if not syntax:
        raise Unprocessable(f"image {uid} has no Transfer Syntax UID in its file meta")
    facts = ObjectFacts(path, sop_class_uid, uid, syntax, modality)
    frames = integer(dataset, "NumberOfFrames") or 1
    if sop_class_uid not in ENHANCED:
        if frames > 1 and sop_class_uid in STILLS:
            raise UnsuitedKind(
                f"object {uid} is a run of {frames} frames; only stills are assessed"
            )
        if frames > 1:
            raise Unprocessable(f"object {uid} has {frames} frames, and its kind has but one")
        refuse_unsuited_kinds(dataset, uid)
        images: tuple[SourceInstance, ...] = (instance_of(facts, dataset),)
    else:
        images = tuple(_frame(facts, dataset, k) for k in range(frames))
    bits_allocated = bits_of(dataset, uid)[0]
    expected = images[0].rows * images[0].columns * bits_allocated // 8 * frames
    _refuse_truncated(uid, element, expected)
    return images


def read_instance(path: Path) -> SourceInstance:
    """The one image in the file at ``path``.

    Raises:
        Unprocessable: there are several, or it can't be used; the message says why.
    """
    images = read_images(path)
    if len(images) > 1:
        uid = images[0].sop_instance_uid
        raise Unprocessable(f"object {uid} has {len(images)} frames where one image is wanted")
    return images[0]


def _frame(facts: ObjectFacts, dataset: FileDataset, k: int) -> SourceInstance:
    """Frame ``k``, 0-based."""
    header = FrameHeader(dataset, k)
    name = f"{facts.sop_instance_uid} frame {k + 1}"
    try:
        refuse_unsuited_kinds(header, name)
        return instance_of(facts, header, k + 1)
    except MALFORMED as error:
        kind = type(error).__name__
        raise Unprocessable(f"image {name} has a header that can't be read ({kind})") from error


def _modality(uid: str, sop_class_uid: str) -> Modality:
    """The modality of what holds images that can be assessed; everything else is refused."""
    if sop_class_uid.startswith(_SECONDARY_CAPTURE):
        raise UnsuitedKind(f"object {uid} is a secondary capture, not an acquired image")
    modality = (CLASSIC | ENHANCED | STILLS).get(sop_class_uid)
    if modality is None:
        name = UID(sop_class_uid).name if sop_class_uid else "it names no SOP Class"
        raise UnsuitedKind(f"object {uid} is not a CT, MR or PET image ({name})")
    return modality


def _pixels(dataset: FileDataset, uid: str, element: PixelElement | None) -> PixelElement:
    if element is None:
        raise Unprocessable(f"object {uid} has no pixel data")
    if element.is_float:
        raise Unprocessable(f"object {uid} has floating-point pixel data, which isn't supported")
    return element


def _refuse_truncated(uid: str, element: PixelElement, expected: int) -> None:
    """Refuse native pixel data that is too short, declared or on disk; in bytes."""
    if element.length is None:
        return
    present = min(element.length, element.available)
    if present < element.length or present < expected:
        raise Unprocessable(
            f"image {uid} is truncated: {present} bytes of pixel data where {expected} are needed"
        )
