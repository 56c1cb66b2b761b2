"""Transfer syntaxes of pixels: which decoder reads them, and whether anything was lost in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import UID, JPEGLSLossless, RLELossless

from medq_node.alive import sign_of_life
from medq_node.errors import Unprocessable
from medq_node.malformed import MALFORMED

_RETIRED_JPEG: Final = frozenset({"1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"})
_JPEG_EXTENDED: Final = "1.2.840.10008.1.2.4.51"
_ALWAYS_LOSSY: Final = _RETIRED_JPEG | {"1.2.840.10008.1.2.4.50", _JPEG_EXTENDED}
_MAYBE_LOSSY: Final = frozenset(
    {"1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"}
)
_FASTEST: Final = {RLELossless: "pylibjpeg", JPEGLSLossless: "pyjpegls"}
"""Decoders that take a fraction of the time of those that pydicom tries first."""


def decoded_as(syntax: str) -> UID:
    """The syntax by which ``syntax`` is decoded.

    Retired progressive JPEG has no decoder of its own; the stream says by itself how it is coded.
    """
    return UID(_JPEG_EXTENDED if syntax in _RETIRED_JPEG else syntax)


def decoder_of(syntax: str) -> Decoder:
    """Pydicom's decoder of pixel data in ``syntax``.

    Raises:
        NotImplementedError: there is none.
    """
    return get_decoder(decoded_as(syntax))


def can_decode(syntax: str) -> bool:
    """Whether pixel data in ``syntax`` can be decoded here; not so for video."""
    try:
        return decoder_of(syntax).is_available
    except NotImplementedError:
        return False


def decode(
    source: Dataset | bytes,
    syntax: str,
    index: int = 0,
    *,
    raw: bool,
    attributes: Mapping[str, Any] | None = None,
) -> tuple[NDArray[np.generic], dict[str, Any]]:
    """Values of the frame at ``index``, from 0, and what pydicom found out about it.

    ``raw`` leaves colours as they are coded. Bare bytes need the Image Pixel ``attributes``, by
    pydicom's names.

    Raises:
        Unprocessable: it is malformed, cut off or in a coding that no decoder here reads.
    """
    sign_of_life()
    options: dict[str, Any] = {**(attributes or {}), "index": index, "raw": raw}
    try:
        decoder = decoder_of(syntax)
        if fastest := _FASTEST.get(decoded_as(syntax)):
            try:
                return decoder.as_array(source, decoding_plugin=fastest, **options)
            except RuntimeError:
                pass  # some streams only others read
        return decoder.as_array(source, **options)
    except (*MALFORMED, RuntimeError) as error:
        raise Unprocessable(f"its pixel data can't be decoded (Transfer Syntax {syntax})") from (
            error
        )


def was_lossy(dataset: Dataset, syntax: str) -> bool:
    """Whether pixels that come out of ``syntax`` have lost something.

    Once lossy, always lossy (PS3.3 C.7.6.1.1.5); some encoders forget to say so.
    """
    if syntax in _MAYBE_LOSSY:
        return bool(dataset.get("LossyImageCompression") != "00")
    return syntax in _ALWAYS_LOSSY
