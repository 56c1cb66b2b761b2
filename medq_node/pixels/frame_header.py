"""The attributes of one frame of an enhanced object, under the names that classic images use.

Functional groups hold them, shared by all frames or for each (PS3.3 C.7.6.16). A frame's own group
goes before a shared one, and both before the object's own attribute.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

_PLACES: Final[dict[str, tuple[str, str]]] = {
    "ImagePositionPatient": ("PlanePositionSequence", "ImagePositionPatient"),
    "ImageOrientationPatient": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "PixelSpacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "SliceThickness": ("PixelMeasuresSequence", "SliceThickness"),
    "RescaleSlope": ("PixelValueTransformationSequence", "RescaleSlope"),
    "RescaleIntercept": ("PixelValueTransformationSequence", "RescaleIntercept"),
    "RescaleType": ("PixelValueTransformationSequence", "RescaleType"),
    "InstanceNumber": ("FrameContentSequence", "InStackPositionNumber"),
    "AcquisitionNumber": ("FrameContentSequence", "FrameAcquisitionNumber"),
    "TemporalPositionIdentifier": ("FrameContentSequence", "TemporalPositionIndex"),
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
    "ConvolutionKernel": ("CTReconstructionSequence", "ConvolutionKernel"),
    "TriggerTime": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    "ComplexImageComponent": ("MRImageFrameTypeSequence", "ComplexImageComponent"),
}
"""Keyword -> functional group macro, and the keyword within it."""
_TYPES: Final = ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence")
_UNASSIGNED: Final = (
    "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)
_UNITS: Final = {
    ("Bq/ml", "UCUM"): "BQML",
    ("{counts}", "UCUM"): "CNTS",
    ("{counts}/s", "UCUM"): "CPS",
    ("{propcounts}", "UCUM"): "PROPCNTS",
    ("{propcounts}/s", "UCUM"): "PROPCPS",
    ("g/ml{SUVbw}", "UCUM"): "GML",
    ("{SUVbw}g/ml", "UCUM"): "GML",
    ("g/ml", "UCUM"): "GML",
}
"""Unit of a real world value (CID 83, CID 84) -> Units (0054,1001) of a classic PET image."""


class FrameHeader:
    """What one frame's header says; ``get`` as of a data set."""

    def __init__(self, dataset: Dataset, frame: int) -> None:
        """``frame`` is 0-based; what lacks functional groups has only the object's attributes."""
        self._dataset = dataset
        self._groups = [
            group
            for group in (
                _item(dataset, "PerFrameFunctionalGroupsSequence", frame),
                _item(dataset, "SharedFunctionalGroupsSequence", 0),
            )
            if group is not None
        ]

    def get(self, keyword: str, /) -> object:
        """The value of an attribute of this frame, ``None`` where it is absent."""
        match keyword:
            case "ImageType":
                return self._first((name, "FrameType") for name in _TYPES) or self._own(keyword)
            case "Units":
                return self._own(keyword) or self._unassigned(keyword) or self._units()
            case "BodyPartExamined":
                return self._own(keyword) or self._region()
            case "DiffusionGradientOrientation":
                return self._gradient()
            case "ComplexImageComponent" | "InstanceNumber":
                # The object's own says MIXED, or counts objects.
                return self._first([_PLACES[keyword]])
        place = _PLACES.get(keyword)
        found = self._first([place]) if place else None
        if found is None:
            found = self._own(keyword)
        return self._unassigned(keyword) if found is None else found

    def _own(self, keyword: str) -> object:
        return self._dataset.get(keyword)

    def _unassigned(self, keyword: str) -> object:
        """Of what was converted, attributes that have no functional group (C.7.6.16.2.25)."""
        return self._first((name, keyword) for name in _UNASSIGNED)

    def _first(self, places: Iterable[tuple[str, str]]) -> object:
        for name, keyword in places:
            for group in self._groups:
                macro = _item(group, name, 0)
                value = None if macro is None else macro.get(keyword)
                if value is not None:
                    return value
        return None

    def _macro(self, name: str) -> Dataset | None:
        return next((m for m in (_item(g, name, 0) for g in self._groups) if m is not None), None)

    def _units(self) -> str | None:
        mapping = self._macro("RealWorldValueMappingSequence")
        unit = None if mapping is None else _item(mapping, "MeasurementUnitsCodeSequence", 0)
        if unit is None:
            return None
        code = (str(unit.get("CodeValue", "")), str(unit.get("CodingSchemeDesignator", "")))
        return _UNITS.get(code, code[0])

    def _region(self) -> str | None:
        anatomy = self._macro("FrameAnatomySequence")
        region = None if anatomy is None else _item(anatomy, "AnatomicRegionSequence", 0)
        return None if region is None else str(region.get("CodeMeaning", ""))

    def _gradient(self) -> object:
        diffusion = self._macro("MRDiffusionSequence")
        if diffusion is None:
            return None
        direction = _item(diffusion, "DiffusionGradientDirectionSequence", 0)
        return None if direction is None else direction.get("DiffusionGradientOrientation")


def _item(dataset: Dataset, keyword: str, index: int) -> Dataset | None:
    """An item of a sequence; ``None`` where it isn't there, or no sequence is."""
    value = dataset.get(keyword)
    if not isinstance(value, DicomSequence) or len(value) <= index:
        return None
    found: Dataset = value[index]
    return found
