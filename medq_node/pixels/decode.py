"""Decode the stored values of one image, whatever its transfer syntax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED
from medq_node.pixels.header import read_whole
from medq_node.pixels.instance import SourceInstance


def decode_stored(instance: SourceInstance) -> NDArray[np.integer]:
    """Stored values of one image, (rows, columns), integer.

    Bits above Bits Stored (old overlays, junk) are dropped and the sign extended by the decoder.

    Raises:
        Unprocessable: pixel data is truncated or can't be decoded.
    """
    uid = instance.sop_instance_uid
    try:
        dataset = read_whole(instance.path)
    except Unprocessable as error:
        raise Unprocessable(f"image {uid} can't be read to its end: send it again") from error
    if str(dataset.get("SOPInstanceUID", "")) != uid:
        raise Unprocessable(f"image {uid} was replaced on disk by another object")
    try:
        decoder = get_decoder(UID(instance.transfer_syntax_uid))
        array, _ = decoder.as_array(dataset, index=0, raw=True)
    except (*MALFORMED, RuntimeError) as error:
        raise Unprocessable(
            f"image {uid} has pixel data that can't be decoded (Transfer Syntax"
            f" {instance.transfer_syntax_uid})"
        ) from error
    if array.shape != (instance.rows, instance.columns):
        raise Unprocessable(
            f"image {uid} decodes to {array.shape} where {instance.rows} x {instance.columns}"
            " pixels are declared"
        )
    return np.array(array, dtype=instance.dtype)
