"""Presentation contexts: what may be sent to us, and in which encodings.

SOP classes: every storage class that pynetdicom knows, the retired ones that old archives still
send, and private ones by configuration; as an acceptor we are not bound to the 128 contexts of a
requestor. Transfer syntaxes: those that the node's decoders can read; pixels that nobody here
could decode are better refused at the association than kept for ever.
"""

from __future__ import annotations

from typing import Any

from pydicom import uid
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import register_uid, uid_to_service_class

VERIFICATION = "1.2.840.10008.1.1"

TRANSFER_SYNTAXES: tuple[str, ...] = (
    # The acceptor's order decides where one context offers several: plain first, explicit VR before
    # implicit (private elements keep their VR), lossless before lossy, retired last.
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.RLELossless,
    uid.DeflatedExplicitVRLittleEndian,
    uid.JPEG2000,
    uid.HTJ2K,
    uid.JPEGLSNearLossless,
    uid.JPEGExtended12Bit,
    uid.JPEGBaseline8Bit,
    uid.ExplicitVRBigEndian,
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.55",
)
"""What pylibjpeg, pyjpegls and pydicom decode, in the order in which we prefer them. The last two,
JPEG Spectral Selection and Full Progression, are long retired and still in archives."""

RETIRED_STORAGE_CLASSES: dict[str, str] = {
    "1.2.840.10008.5.1.4.1.1.3": "UltrasoundMultiFrameImageStorageRetired",
    "1.2.840.10008.5.1.4.1.1.5": "NuclearMedicineImageStorageRetired",
    "1.2.840.10008.5.1.4.1.1.6": "UltrasoundImageStorageRetired",
    "1.2.840.10008.5.1.4.1.1.8": "StandaloneOverlayStorage",
    "1.2.840.10008.5.1.4.1.1.9": "StandaloneCurveStorage",
    "1.2.840.10008.5.1.4.1.1.10": "StandaloneModalityLUTStorage",
    "1.2.840.10008.5.1.4.1.1.11": "StandaloneVOILUTStorage",
    "1.2.840.10008.5.1.4.1.1.12.3": "XRayAngiographicBiPlaneImageStorage",
    "1.2.840.10008.5.1.4.1.1.129": "StandalonePETCurveStorage",
}
"""Retired storage classes (PS3.6 table A-1) that pynetdicom leaves out: UID -> keyword."""


class SharedContexts(list[PresentationContext]):
    """Contexts that ``copy.deepcopy`` doesn't copy.

    pynetdicom deep-copies the server's contexts for each connection; 180 classes times 18 syntaxes
    cost more than the rest of an association, and negotiation only reads them.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedContexts:
        return self


def supported_contexts(private_sop_classes: tuple[str, ...] = ()) -> SharedContexts:
    """Contexts for Storage and Verification; private classes are registered with pynetdicom."""
    storage = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]
    extra = dict(RETIRED_STORAGE_CLASSES)
    extra.update({u: "Private" + u.replace(".", "_") for u in private_sop_classes})
    for sop_class_uid, keyword in extra.items():
        if uid_to_service_class(sop_class_uid) is not StorageServiceClass:
            register_uid(sop_class_uid, keyword, StorageServiceClass)
    syntaxes = list(TRANSFER_SYNTAXES)
    classes = dict.fromkeys([*storage, *extra])
    contexts = SharedContexts(build_context(c, syntaxes) for c in classes)
    contexts.append(
        build_context(VERIFICATION, [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
    )
    return contexts
