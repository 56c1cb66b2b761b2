"""Decode the stored values of one image, whatever its transfer syntax."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED
from medq_node.pixels.codecs import decode, decoded_as
from medq_node.pixels.frames import Frames
from medq_node.pixels.header import read_whole
from medq_node.pixels.instance import SourceInstance


class OpenFrames:
    """The multi-frame objects of a series, each looked through once; safe to use from threads."""

    def __init__(self) -> None:
        self._frames: dict[Path, Frames] = {}
        self._lock = Lock()

    def of(self, path: Path) -> Frames:
        """The frames of the object at ``path``."""
        with self._lock:
            if path not in self._frames:
                self._frames[path] = Frames(path)
            return self._frames[path]


def decode_stored(instance: SourceInstance, frames: OpenFrames) -> NDArray[np.integer]:
    """Stored values of one image, (rows, columns), integer.

    Bits above Bits Stored (old overlays, junk) are dropped and the sign extended by the decoder.

    Raises:
        Unprocessable: pixel data is truncated or can't be decoded.
    """
    if instance.frame is not None:
        array = frames.of(instance.path).stored(instance.frame)
    else:
        array = _decode_whole(instance)
    if array.shape != (instance.rows, instance.columns):
        raise Unprocessable(
            f"image {instance.sop_instance_uid} decodes to {array.shape} where {instance.rows} x"
            f" {instance.columns} pixels are declared"
        )
    return np.array(array, dtype=instance.dtype)


def _decode_whole(instance: SourceInstance) -> NDArray[np.generic]:
    uid = instance.sop_instance_uid
    try:
        dataset = read_whole(instance.path)
    except Unprocessable as error:
        raise Unprocessable(f"image {uid} can't be read to its end: send it again") from error
    if str(dataset.get("SOPInstanceUID", "")) != uid:
        raise Unprocessable(f"image {uid} was replaced on disk by another object")
    try:
        dataset.file_meta.TransferSyntaxUID = decoded_as(instance.transfer_syntax_uid)
        array, _ = decode(dataset, instance.transfer_syntax_uid, raw=True)
    except (*MALFORMED, Unprocessable) as error:
        raise Unprocessable(
            f"image {uid} has pixel data that can't be decoded (Transfer Syntax"
            f" {instance.transfer_syntax_uid})"
        ) from error
    return array
