"""One image of a restored series: the source's header, new pixels, and where they came from.

What is kept and what is removed of the header: ``medq_node.outputs.derived``.
Left out on purpose: Synthetic Data (0008,001C), Type 3. A restored image is neither made up
("YES" would have archives hide it among training data) nor a plain rendering of the acquisition
("NO" would promise what only the do-no-harm gate can support). A source that states it keeps it.
Content Qualification: only enhanced IODs have it; the classic ones that we write don't.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    UID,
    CTImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from engines.quality import QualityDescription
from medq_node.errors import OutputError
from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs import codes
from medq_node.outputs.conformance import conform_image
from medq_node.outputs.derived import (
    identify,
    mark_restoration,
    remove_unsafe,
    set_file_meta,
)
from medq_node.outputs.files import write_object
from medq_node.outputs.provenance import (
    derivation_description,
)
from medq_node.outputs.uids import restored_instance_uid
from medq_node.pixels.codecs import was_lossy
from medq_node.pixels.instance import SourceInstance
from medq_node.pixels.series import SeriesStack

_SUPPORTED: Final = frozenset(
    {CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage}
)


def write_restored_instance(
    source: SeriesStack,
    index: int,
    values: NDArray[np.float32],
    identity: OutputIdentity,
    folder: Path,
    description: QualityDescription | None = None,
) -> OutputObject:
    """Write the restored version of slice ``index`` of ``source`` into ``folder``.

    ``values`` is float32 (rows, columns) in the unit of ``source.info``. ``description`` is the
    assessment that the restoration was conditioned on; its numbers go into the derivation text.
    Geometry, padding and stored format are those of the source; the file is durable on return.

    Raises:
        OutputError: ``values`` has the wrong shape or holds NaN or infinity, or the source is of
            an IOD that we don't write.
    """
    instance = source.instances[index]
    if instance.sop_class_uid not in _SUPPORTED:
        raise OutputError(
            f"image {instance.sop_instance_uid}: no restored object for SOP class "
            f"{UID(instance.sop_class_uid).name}"
        )
    expected = (source.info.rows, source.info.columns)
    if values.shape != expected:
        raise OutputError(
            f"image {instance.sop_instance_uid}: restored values are {values.shape}, "
            f"the source is {expected}"
        )
    if not np.isfinite(values).all():
        raise OutputError(f"image {instance.sop_instance_uid}: restored values are not all finite")
    stored = source.to_stored(index, values)
    changed = not np.array_equal(stored, source.stored(index))
    dataset = restored_header(source, index, identity, description, changed=changed)
    _set_pixels(dataset, stored)
    set_file_meta(dataset)
    return write_object(dataset, OutputKind.RESTORED, folder)


def restored_header(
    source: SeriesStack,
    index: int,
    identity: OutputIdentity,
    description: QualityDescription | None,
    *,
    changed: bool,
) -> Dataset:
    """All of the restored version of slice ``index`` but its pixels; ``changed`` if these are."""
    instance = source.instances[index]
    dataset = source.header(index)
    lossy = was_lossy(dataset, instance.transfer_syntax_uid)
    remove_unsafe(dataset)
    conform_image(dataset)
    uid = restored_instance_uid(identity, instance.sop_instance_uid)
    identify(dataset, instance, uid, identity)
    _derive(dataset, instance, identity, description, changed)
    if lossy:
        dataset.LossyImageCompression = "01"
    return dataset


def _derive(
    dataset: Dataset,
    instance: SourceInstance,
    identity: OutputIdentity,
    description: QualityDescription | None,
    changed: bool,
) -> None:
    """Say that the image is derived, of what and how (C.7.6.1.1.2 to C.7.6.1.1.4)."""
    dataset.ImageType = _image_type(dataset)
    reference = Dataset()
    reference.ReferencedSOPClassUID = UID(instance.sop_class_uid)
    reference.ReferencedSOPInstanceUID = UID(instance.sop_instance_uid)
    reference.PurposeOfReferenceCodeSequence = [codes.code_item(codes.SOURCE_IMAGE)]
    dataset.SourceImageSequence = [reference]
    dataset.DerivationDescription = derivation_description(
        identity, description, str(dataset.get("DerivationDescription") or ""), changed
    )
    steps = list(dataset.get("DerivationCodeSequence") or ())
    dataset.DerivationCodeSequence = [*steps, codes.code_item(codes.RESTORATION)]
    mark_restoration(dataset)


def _image_type(dataset: Dataset) -> list[str]:
    """Derived, secondary (PET: primary, C.8.9.4.1.1), what it shows as in the source.

    CT and MR need a value 3 (C.8.2.1.1.1, C.8.3.1.1.1); where the source has none it is the one
    that says least.
    """
    value = dataset.get("ImageType")
    source = list(value) if isinstance(value, MultiValue) else []
    further = [str(v) for v in source[2:]]
    match dataset.get("Modality"):
        case "PT":
            return ["DERIVED", "PRIMARY", *further]
        case "CT":
            return ["DERIVED", "SECONDARY", *(further or ["AXIAL"])]
        case _:
            return ["DERIVED", "SECONDARY", *(further or ["OTHER"])]


def _set_pixels(dataset: Dataset, stored: NDArray[Any]) -> None:
    """Put ``stored``, an integer array (rows, columns) of the source's own type, into place."""
    signed = np.issubdtype(stored.dtype, np.signedinteger)
    if stored.dtype.itemsize * 8 != dataset.BitsAllocated or signed != bool(
        dataset.PixelRepresentation
    ):
        raise OutputError(
            f"image {dataset.SOPInstanceUID}: stored values are {stored.dtype}, the header says "
            f"{dataset.BitsAllocated} bits, representation {dataset.PixelRepresentation}"
        )
    little = stored.astype(stored.dtype.newbyteorder("<"), copy=False)
    content = little.tobytes()
    word = "OW" if dataset.BitsAllocated > 8 else "OB"
    dataset[0x7FE00010] = DataElement(0x7FE00010, word, content + b"\0" * (len(content) % 2))
    value_vr = "SS" if signed else "US"
    for tag, value in ((0x00280106, stored.min()), (0x00280107, stored.max())):
        if tag in dataset:
            dataset[tag] = DataElement(tag, value_vr, int(value))
    for tag in (0x00280120, 0x00280121):  # Pixel Padding Value, Range Limit: US or SS
        if tag in dataset and value_vr != dataset[tag].VR:
            _retype(dataset, tag, value_vr)


def _retype(dataset: Dataset, tag: int, vr: str) -> None:
    """Give a 16-bit value the VR that Pixel Representation asks for, bit pattern unchanged."""
    value = dataset[tag].value
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], sys.byteorder)
    if value is None:
        return
    pattern = int(value) & 0xFFFF
    signed = pattern - 0x10000 if vr == "SS" and pattern >= 0x8000 else pattern
    dataset[tag] = DataElement(tag, vr, signed)
