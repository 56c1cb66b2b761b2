"""In which transfer syntaxes an object may go, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless

from medq_node.delivery.parcel import Parcel
from medq_node.delivery.recompress import NATIVE, can_become_native
from medq_node.errors import DeliveryError

COMPRESSIONS = {
    "jpeg-ls": JPEGLSLossless,
    "jpeg-2000": JPEG2000Lossless,
    "rle": RLELossless,
}
"""A destination's words for ``compress`` -> transfer syntax; all without loss."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a parcel is, the syntax of its file, and all syntaxes that it may go in, best first."""

    sop_class_uid: UID
    stored: UID
    syntaxes: tuple[UID, ...]

    @property
    def contexts(self) -> tuple[tuple[UID, UID], ...]:
        """(abstract syntax, transfer syntax) of each presentation context that it asks for."""
        return tuple((self.sop_class_uid, syntax) for syntax in self.syntaxes)


def offer(parcel: Parcel, compress: Sequence[str] = ()) -> Offer:
    """In what ``parcel`` may go to a destination that wants our images compressed so.

    What others made goes as it is stored wherever that is taken, and uncompressed else.

    Raises:
        DeliveryError: its file can't be read.
    """
    try:
        meta = read_file_meta_info(parcel.path)
        sop_class, stored = UID(meta.MediaStorageSOPClassUID), UID(meta.TransferSyntaxUID)
    except FileNotFoundError as error:
        raise DeliveryError(f"{parcel.sop_instance_uid}: its file is gone", permanent=True) from (
            error
        )
    except (InvalidDicomError, AttributeError) as error:
        raise DeliveryError(
            f"{parcel.sop_instance_uid} has no file meta information to send it by", permanent=True
        ) from error
    ours = parcel.sha256 is not None
    # Documents have no pixels; that an image class is asked for in vain does no harm.
    small = [COMPRESSIONS[word] for word in compress] if ours and "Image" in sop_class.name else []
    large = NATIVE if can_become_native(stored) else ()
    return Offer(sop_class, stored, tuple(dict.fromkeys([*small, stored, *large])))
