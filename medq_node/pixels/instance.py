"""One classic single-frame image of a series: what its header says, or why it can't be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from engines.quality import Modality
from medq_node.errors import Unprocessable
from medq_node.pixels.header import (
    PixelElement,
    integer,
    number,
    numbers,
    read_header,
    text,
    texts,
)

CLASSIC = {
    "1.2.840.10008.5.1.4.1.1.2": Modality.CT,
    "1.2.840.10008.5.1.4.1.1.4": Modality.MR,
    "1.2.840.10008.5.1.4.1.1.128": Modality.PT,
}
"""SOP Class UID of the classic single-frame image storage classes -> modality (PS3.4 B.5)."""

_MULTI_FRAME = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{tail}"
    for tail in ("2.1", "2.2", "4.1", "4.2", "4.3", "4.4", "130", "128.1")
)
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_LOCALIZERS = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM"})
_PET_UNITS = {"BQML": "Bq/ml", "CNTS": "counts", "GML": "SUV"}

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SourceInstance:
    """One image as its header describes it.

    ``position_mm`` is Image Position (Patient); ``orientation`` Image Orientation (Patient), row
    then column direction cosines; ``pixel_spacing_mm`` is (between rows, between columns).
    ``rescale_slope`` and ``rescale_intercept`` take stored values to ``unit``. ``padding`` is the
    declared inclusive range of stored values that are padding (PS3.3 C.7.5.1.1.2), ``None`` where
    none is declared. ``frame`` is the 1-based number of a frame of a multi-frame object, ``None``
    where the object is the image.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    transfer_syntax_uid: str
    frame_of_reference_uid: str
    modality: Modality
    instance_number: int | None
    acquisition_number: int | None
    temporal_position: int | None
    echo_time_ms: float | None
    position_mm: Vector
    orientation: tuple[float, float, float, float, float, float]
    pixel_spacing_mm: tuple[float, float]
    rescale_slope: float
    rescale_intercept: float
    unit: str
    padding: tuple[int, int] | None
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    body_part: str
    description: str
    frame: int | None = None

    @property
    def stored_range(self) -> tuple[int, int]:
        """Lowest and highest stored value that Bits Stored and Pixel Representation allow."""
        if self.is_signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """Integer type of the stored values in memory (native byte order)."""
        return np.dtype(f"{'i' if self.is_signed else 'u'}{self.bits_allocated // 8}")

    @property
    def normal(self) -> Vector:
        """Unit normal of the image plane, row direction x column direction."""
        a, b, c, d, e, f = self.orientation
        return b * f - c * e, c * d - a * f, a * e - b * d


def read_instance(path: Path) -> SourceInstance:
    """What the header of one image says.

    Raises:
        Unprocessable: not a usable classic CT, MR or PET image; the message says why.
    """
    dataset, element = read_header(path)
    uid = text(dataset, "SOPInstanceUID")
    if not uid:
        raise Unprocessable("a file has no SOP Instance UID")
    sop_class_uid = text(dataset, "SOPClassUID")
    modality = _modality(dataset, uid, sop_class_uid, element)
    _refuse_unsuited_kinds(dataset, uid)
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    if not rows or not columns or rows < 1 or columns < 1:
        raise Unprocessable(f"image {uid} has no Rows or Columns")
    bits_allocated, bits_stored, is_signed = _bits(dataset, uid)
    _refuse_truncated(uid, element, rows * columns * bits_allocated // 8)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if not syntax:
        raise Unprocessable(f"image {uid} has no Transfer Syntax UID in its file meta")
    position, orientation, spacing = _geometry(dataset, uid)
    slope, intercept, unit = _rescale(dataset, uid, modality)
    return SourceInstance(
        path=path,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=uid,
        series_instance_uid=_required_uid(dataset, uid, "SeriesInstanceUID"),
        study_instance_uid=_required_uid(dataset, uid, "StudyInstanceUID"),
        transfer_syntax_uid=syntax,
        frame_of_reference_uid=text(dataset, "FrameOfReferenceUID"),
        modality=modality,
        instance_number=integer(dataset, "InstanceNumber"),
        acquisition_number=integer(dataset, "AcquisitionNumber"),
        temporal_position=integer(dataset, "TemporalPositionIdentifier"),
        echo_time_ms=number(dataset, "EchoTime"),
        position_mm=position,
        orientation=orientation,
        pixel_spacing_mm=spacing,
        rescale_slope=slope,
        rescale_intercept=intercept,
        unit=unit,
        padding=_padding(dataset, bits_allocated, bits_stored, is_signed),
        rows=rows,
        columns=columns,
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        is_signed=is_signed,
        body_part=text(dataset, "BodyPartExamined"),
        description=" ".join(
            filter(None, (text(dataset, "SeriesDescription"), text(dataset, "ProtocolName")))
        ),
    )


def _required_uid(dataset: Dataset, uid: str, keyword: str) -> str:
    value = text(dataset, keyword)
    if not value:
        raise Unprocessable(f"image {uid} has no {keyword}")
    return value


def _modality(
    dataset: Dataset, uid: str, sop_class_uid: str, element: PixelElement | None
) -> Modality:
    """The modality of a classic single-frame image; everything else is refused."""
    if sop_class_uid in _MULTI_FRAME:
        raise Unprocessable(f"object {uid} is an enhanced multi-frame image: not yet supported")
    if sop_class_uid.startswith(_SECONDARY_CAPTURE):
        raise Unprocessable(f"object {uid} is a secondary capture, not an acquired image")
    if sop_class_uid not in CLASSIC:
        raise Unprocessable(
            f"object {uid} is not a CT, MR or PET image (SOP Class {sop_class_uid or 'missing'})"
        )
    if element is None:
        raise Unprocessable(f"object {uid} has no pixel data")
    if element.is_float:
        raise Unprocessable(f"object {uid} has floating-point pixel data, which isn't supported")
    if (integer(dataset, "NumberOfFrames") or 1) > 1:
        raise Unprocessable(f"object {uid} has more than one frame: not yet supported")
    return CLASSIC[sop_class_uid]


def _refuse_unsuited_kinds(dataset: Dataset, uid: str) -> None:
    """Refuse colour, localizers, mosaics and screen shots."""
    samples = integer(dataset, "SamplesPerPixel")
    photometric = text(dataset, "PhotometricInterpretation")
    if (samples or 1) > 1 or (photometric and not photometric.startswith("MONOCHROME")):
        raise Unprocessable(f"image {uid} is a colour image ({photometric or samples})")
    image_type = [value.upper() for value in texts(dataset, "ImageType")]
    if _LOCALIZERS.intersection(image_type[2:]):
        raise Unprocessable(f"image {uid} is a localizer, which isn't assessed")
    if "MOSAIC" in image_type:
        raise Unprocessable(f"image {uid} is a mosaic of slices, which isn't supported")
    if "SCREEN SAVE" in image_type:
        raise Unprocessable(f"image {uid} is a screen capture, not an acquired image")


def _bits(dataset: Dataset, uid: str) -> tuple[int, int, bool]:
    """Bits Allocated, Bits Stored, and whether the values are signed."""
    allocated, stored = integer(dataset, "BitsAllocated"), integer(dataset, "BitsStored")
    representation = integer(dataset, "PixelRepresentation")
    if allocated not in (8, 16) or stored is None or not 1 <= stored <= allocated:
        raise Unprocessable(
            f"image {uid} has {allocated} bits allocated and {stored} stored; 8 or 16 bits are read"
        )
    if representation not in (0, 1):
        raise Unprocessable(f"image {uid} has no valid Pixel Representation")
    high_bit = integer(dataset, "HighBit")
    if high_bit is not None and high_bit != stored - 1:
        raise Unprocessable(f"image {uid} has High Bit {high_bit} with {stored} bits stored")
    return allocated, stored, representation == 1


def _refuse_truncated(uid: str, element: PixelElement | None, expected: int) -> None:
    """Refuse native pixel data that is too short, declared or on disk; in bytes."""
    if element is None or element.length is None:
        return
    present = min(element.length, element.available)
    if present < element.length or present < expected:
        raise Unprocessable(
            f"image {uid} is truncated: {present} bytes of pixel data where {expected} are needed"
        )


def _geometry(
    dataset: Dataset, uid: str
) -> tuple[Vector, tuple[float, float, float, float, float, float], tuple[float, float]]:
    """Image Position, Image Orientation and Pixel Spacing, in mm."""
    position = numbers(dataset, "ImagePositionPatient")
    orientation = numbers(dataset, "ImageOrientationPatient")
    spacing = numbers(dataset, "PixelSpacing")
    if len(position) != 3:
        raise Unprocessable(f"image {uid} has no Image Position (Patient)")
    if len(orientation) != 6:
        raise Unprocessable(f"image {uid} has no Image Orientation (Patient)")
    if len(spacing) != 2 or min(spacing) <= 0:
        raise Unprocessable(f"image {uid} has no Pixel Spacing")
    if not text(dataset, "FrameOfReferenceUID"):
        # Type 1 in every IOD that we write (C.7.4.1); a position without a frame is nowhere.
        raise Unprocessable(f"image {uid} has no Frame of Reference UID")
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if any(abs(length - 1) > 0.01 for length in lengths) or abs(row @ column) > 0.01:
        raise Unprocessable(f"image {uid} has direction cosines that aren't unit and orthogonal")
    x, y, z = position
    a, b, c, d, e, f = orientation
    return (x, y, z), (a, b, c, d, e, f), (spacing[0], spacing[1])


def _rescale(dataset: Dataset, uid: str, modality: Modality) -> tuple[float, float, str]:
    """Slope, intercept and the unit they lead to (PS3.3 C.11.1, C.8.2.1, C.8.9.4)."""
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    if modality is Modality.MR:
        slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if slope is None or intercept is None:
        raise Unprocessable(f"image {uid} has no Rescale Slope or Rescale Intercept")
    if slope <= 0:
        raise Unprocessable(f"image {uid} has Rescale Slope {slope:g}")
    if modality is Modality.MR:
        return slope, intercept, "signal"
    if modality is Modality.CT:
        kind = text(dataset, "RescaleType").upper()
        if kind not in ("", "HU"):
            raise Unprocessable(f"image {uid} is rescaled to {kind}, not to HU")
        return slope, intercept, "HU"
    units = text(dataset, "Units").upper()
    if units not in _PET_UNITS:
        raise Unprocessable(
            f"image {uid} has Units {units or 'missing'}; BQML, CNTS and GML are read"
        )
    return slope, intercept, _PET_UNITS[units]


def _padding(
    dataset: Dataset, bits_allocated: int, bits_stored: int, is_signed: bool
) -> tuple[int, int] | None:
    """Declared padding as an inclusive range of stored values.

    The value's VR often disagrees with Pixel Representation (63536 for -2000), so both ends are
    read as bit patterns. A range that no stored value can reach is dropped.
    """
    value = numbers(dataset, "PixelPaddingValue")
    limit = numbers(dataset, "PixelPaddingRangeLimit")
    if len(value) != 1:
        return None
    ends = [int(v) for v in (*value, *(limit if len(limit) == 1 else value))]
    low, high = sorted(_as_stored(v, bits_allocated, is_signed) for v in ends)
    lowest, highest = (
        (-(1 << (bits_stored - 1)), (1 << (bits_stored - 1)) - 1)
        if is_signed
        else (0, (1 << bits_stored) - 1)
    )
    if high < lowest or low > highest:
        return None
    return max(low, lowest), min(high, highest)


def _as_stored(value: int, bits: int, is_signed: bool) -> int:
    pattern = value & ((1 << bits) - 1)
    return pattern - (1 << bits) if is_signed and pattern >> (bits - 1) else pattern
