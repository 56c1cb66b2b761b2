"""One image of a series: what the header of its object, or of its frame, says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from engines.quality import Modality
from medq_node.errors import Unprocessable
from medq_node.pixels.header import Attributes, integer, number, numbers, text, texts
from medq_node.pixels.kinds import why_never_restored

_PET_UNITS = {
    "BQML": "Bq/ml",
    "CNTS": "counts",
    "CPS": "counts",
    "PROPCNTS": "counts",
    "PROPCPS": "counts",
    "GML": "SUV",
}
"""Units (0054,1001) -> unit of an engine, to which counts, their rate and what is proportional to
either are the same: it looks at ratios."""
_HOUNSFIELD = ("", "HU", "HU_MOD")
_PRIVATE_B_VALUES = ("0019100C", "00431039")
"""Siemens MR HEADER B_value, GE Diffusion."""
_AIR_STORED_AS_ZERO = (-1024.0, -1000.0)
"""Rescale Intercept of values that are in HU where Rescale Type leaves it open."""

Vector = tuple[float, float, float]


Orientation = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class SourceInstance:
    """One image as its header describes it.

    ``position_mm`` is Image Position (Patient); ``orientation`` Image Orientation (Patient), row
    then column direction cosines; ``pixel_spacing_mm`` is (between rows, between columns).
    ``rescale_slope`` and ``rescale_intercept`` take stored values to ``unit``. ``padding`` is the
    declared inclusive range of stored values that are padding (PS3.3 C.7.5.1.1.2), ``None`` where
    none is declared. ``frame`` is the 1-based number of a frame of a multi-frame object, ``None``
    where the object is the image. ``kind`` are the values of Image Type behind the second;
    ``view`` is that of a projection. An image that isn't ``is_located`` says nothing of where it
    lies: then position and orientation mean nothing, as does a spacing of 0.
    ``never_restored`` says why only words can be had of it, empty where nothing speaks against a
    restoration.
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
    orientation: Orientation
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
    kind: tuple[str, ...] = ()
    b_value: float | None = None
    gradient: tuple[float, ...] = ()
    trigger_ms: float | None = None
    kernel: str = ""
    is_located: bool = True
    view: str = ""
    never_restored: str = ""

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
    def is_projection(self) -> bool:
        """Whether it shows what lies behind each other on one plane, as a radiograph."""
        return self.modality not in (*Modality.sectional(), Modality.OT)

    @property
    def normal(self) -> Vector:
        """Unit normal of the image plane, row direction x column direction."""
        a, b, c, d, e, f = self.orientation
        return b * f - c * e, c * d - a * f, a * e - b * d


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What all frames of an object have in common."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    modality: Modality


def instance_of(
    facts: ObjectFacts, attributes: Attributes, frame: int | None = None
) -> SourceInstance:
    """The image that ``attributes`` describe: those of its object, or of one ``frame`` of it.

    Raises:
        Unprocessable: it can't be used; says why.
    """
    uid = name_of(facts, frame)
    if attributes.get("ModalityLUTSequence"):
        raise Unprocessable(f"image {uid} has a Modality LUT, which isn't supported")
    rows, columns = integer(attributes, "Rows"), integer(attributes, "Columns")
    if not rows or not columns or rows < 1 or columns < 1:
        raise Unprocessable(f"image {uid} has no Rows or Columns")
    bits_allocated, bits_stored, is_signed = bits_of(attributes, uid)
    if facts.modality not in Modality.sectional():
        place, scale = UNLOCATED, _projected(attributes, bits_stored, is_signed)
    else:
        place, scale = _place(attributes, uid), _rescale(attributes, uid, facts.modality)
    return SourceInstance(
        path=facts.path,
        sop_class_uid=facts.sop_class_uid,
        sop_instance_uid=facts.sop_instance_uid,
        series_instance_uid=_required_uid(attributes, uid, "SeriesInstanceUID"),
        study_instance_uid=_required_uid(attributes, uid, "StudyInstanceUID"),
        transfer_syntax_uid=facts.transfer_syntax_uid,
        frame_of_reference_uid=text(attributes, "FrameOfReferenceUID"),
        modality=_modality(facts.modality, scale.unit),
        instance_number=integer(attributes, "InstanceNumber"),
        acquisition_number=integer(attributes, "AcquisitionNumber"),
        temporal_position=integer(attributes, "TemporalPositionIdentifier"),
        echo_time_ms=number(attributes, "EchoTime"),
        position_mm=place.position_mm,
        orientation=place.orientation,
        pixel_spacing_mm=_spacing(attributes),
        rescale_slope=scale.slope,
        rescale_intercept=scale.intercept,
        unit=scale.unit,
        padding=_padding(attributes, bits_allocated, bits_stored, is_signed),
        rows=rows,
        columns=columns,
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        is_signed=is_signed,
        body_part=text(attributes, "BodyPartExamined"),
        description=" ".join(
            filter(None, (text(attributes, "SeriesDescription"), text(attributes, "ProtocolName")))
        ),
        frame=frame,
        kind=texts(attributes, "ImageType")[2:],
        b_value=_b_value(attributes),
        gradient=numbers(attributes, "DiffusionGradientOrientation"),
        trigger_ms=number(attributes, "TriggerTime"),
        kernel=text(attributes, "ConvolutionKernel"),
        is_located=place.is_known,
        view=_view(attributes),
        never_restored=(
            why_never_restored(attributes) or scale.why_not or _incomplete(attributes, place)
        ),
    )


def _modality(modality: Modality, unit: str) -> Modality:
    """CT in another unit than HU is no CT to an engine."""
    return Modality.OT if modality is Modality.CT and unit != "HU" else modality


def name_of(facts: ObjectFacts, frame: int | None) -> str:
    """How an image is called in a reason."""
    uid = facts.sop_instance_uid
    return uid if frame is None else f"{uid} frame {frame}"


def _required_uid(attributes: Attributes, uid: str, keyword: str) -> str:
    value = text(attributes, keyword)
    if not value:
        raise Unprocessable(f"image {uid} has no {keyword}")
    return value


def bits_of(dataset: Attributes, uid: str) -> tuple[int, int, bool]:
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Image Position and Image Orientation (Patient), in mm and cosines."""

    position_mm: Vector
    orientation: Orientation
    is_known: bool = True


UNLOCATED: Final = _Place((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), is_known=False)


@dataclass(frozen=True, slots=True)
class _Scale:
    """What takes stored values to ``unit``, and why such are never restored, if so."""

    slope: float
    intercept: float
    unit: str
    why_not: str = ""


def _place(attributes: Attributes, uid: str) -> _Place:
    position = numbers(attributes, "ImagePositionPatient")
    orientation = numbers(attributes, "ImageOrientationPatient")
    if len(position) != 3 or len(orientation) != 6:
        return UNLOCATED
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if any(abs(length - 1) > 0.01 for length in lengths) or abs(row @ column) > 0.01:
        raise Unprocessable(f"image {uid} has direction cosines that aren't unit and orthogonal")
    x, y, z = position
    a, b, c, d, e, f = orientation
    return _Place((x, y, z), (a, b, c, d, e, f))


def _spacing(attributes: Attributes) -> tuple[float, float]:
    """Between rows and between columns in mm, at the detector of a projection; 0 if unknown."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        spacing = numbers(attributes, keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            return spacing[0], spacing[1]
    return 0.0, 0.0


def _incomplete(attributes: Attributes, place: _Place) -> str:
    """What is missing that a restored object must have (C.7.6.2)."""
    if not place.is_known:
        return "the images don't say where they lie (Image Position and Orientation, Patient)"
    if 0.0 in _spacing(attributes):
        return "the images have no Pixel Spacing"
    return ""


def _view(attributes: Attributes) -> str:
    """Which side and direction a projection shows, as its header puts it."""
    side = text(attributes, "ImageLaterality") or text(attributes, "Laterality")
    return " ".join(filter(None, (side, text(attributes, "ViewPosition"))))


def _projected(attributes: Attributes, bits_stored: int, is_signed: bool) -> _Scale:
    """Projections have no unit; brighter on the screen is more, as in sections (C.7.6.3.1.2)."""
    why = "projections are assessed and never restored"
    slope = number(attributes, "RescaleSlope") or 1.0
    intercept = number(attributes, "RescaleIntercept") or 0.0
    if text(attributes, "PhotometricInterpretation") != "MONOCHROME1":
        return _Scale(slope, intercept, "signal", why)
    highest = (1 << (bits_stored - 1 if is_signed else bits_stored)) - 1
    return _Scale(-slope, slope * highest + intercept, "signal", why)


def _rescale(attributes: Attributes, uid: str, modality: Modality) -> _Scale:
    """Slope, intercept and the unit they lead to.

    PS3.3 C.11.1, C.8.2.1, C.8.9.4. Where Rescale Type leaves the unit of CT open, values are in HU
    if the intercept is that of Hounsfield units; if not, they only are a signal.
    """
    slope, intercept = number(attributes, "RescaleSlope"), number(attributes, "RescaleIntercept")
    if modality is Modality.MR:
        slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if slope is None or intercept is None:
        raise Unprocessable(f"image {uid} has no Rescale Slope or Rescale Intercept")
    if slope <= 0:
        raise Unprocessable(f"image {uid} has Rescale Slope {slope:g}")
    if modality is Modality.MR:
        return _Scale(slope, intercept, "signal")
    if modality is Modality.CT:
        kind = text(attributes, "RescaleType").upper()
        if kind in _HOUNSFIELD:
            return _Scale(slope, intercept, "HU")
        why = f"their values are rescaled to {kind}, not to HU"
        unit = "HU" if kind == "US" and intercept in _AIR_STORED_AS_ZERO else "signal"
        return _Scale(slope, intercept, unit, why)
    units = text(attributes, "Units").upper()
    if units not in _PET_UNITS:
        raise Unprocessable(
            f"image {uid} has Units {units or 'missing'}; {', '.join(_PET_UNITS)} are read"
        )
    return _Scale(slope, intercept, _PET_UNITS[units])


def _b_value(attributes: Attributes) -> float | None:
    """Diffusion b-value in s/mm2: the standard's, or where Siemens and GE write it.

    GE adds multiples of 1e9 to it.
    """
    value = number(attributes, "DiffusionBValue")
    for tag in _PRIVATE_B_VALUES:
        if value is None:
            value = number(attributes, tag)
    return None if value is None else value % 1e9


def _padding(
    dataset: Attributes, bits_allocated: int, bits_stored: int, is_signed: bool
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
