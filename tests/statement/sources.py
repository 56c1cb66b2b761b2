"""Images that state everything their IOD may state, and images that state as little as may be.

What the node keeps, changes, removes and adds shows where one goes in and another comes out. The
modules of an IOD and their attributes are those of PS3.3, as highdicom brings them along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from highdicom._standard_utils import (
    get_iod_module_map,
    get_module_attribute_map,
    get_sop_class_iod_map,
)
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from medq_node.pixels.series import SeriesStack, open_series
from tests.build import ct_series, mr_series, pet_series

BUILDERS: dict[str, Callable[..., list[Path]]] = {
    "CT": ct_series,
    "MR": mr_series,
    "PT": pet_series,
}
"""One line for each kind of source image."""

_TEXT_VRS = ("LO", "LT", "SH", "ST", "UC", "UT", "PN", "CS", "AE")
_UID = {"A": "2.25.71", "B": "2.25.72"}
_NOT_STATED = frozenset(
    {"FloatPixelData", "DoubleFloatPixelData", "PixelData", "NumberOfFrames", "ModalityLUTSequence"}
    | {"SpecificCharacterSet", "PatientPosition", "PatientOrientationCodeSequence"}
    | {"PatientOrientation", "SmallestValidPixelValue"}
)
"""What stands in the way of a classic image in one place, or has been stated by the builder."""
_ONLY_SENSIBLE: dict[str, Any] = {
    "PatientSex": "F",
    "PatientIdentityRemoved": "YES",
    "PlanarConfiguration": 0,
    "PixelPaddingValue": 30000,
    "PixelPaddingRangeLimit": 30001,
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
    "Laterality": "L",
    "ImageLaterality": "L",
    "ScanOptions": "CG",
    "SeriesType": ["GATED", "IMAGE"],
    "VOILUTFunction": "LINEAR",
    "PresentationLUTShape": "IDENTITY",
    "AnatomicalOrientationType": "BIPED",
}
"""Values that mean something to the node, the same in every variant."""


_DEFINITE = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW"}


@cache
def modules_of(sop_class_uid: str) -> tuple[str, ...]:
    """Keys of the modules of an IOD, in the order of PS3.3."""
    return tuple(m["key"] for m in get_iod_module_map()[get_sop_class_iod_map()[sop_class_uid]])


@cache
def attributes_of(module: str, path: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Keywords of a module, or of the items of its sequence at ``path``."""
    rows = get_module_attribute_map()[module]
    return tuple(row["keyword"] for row in rows if tuple(row["path"]) == path)


def rich(modality: str, variant: str, folder: Path) -> SeriesStack:
    """One image that states every attribute of its IOD; ``variant`` is A or B, which differ."""
    series = _built(modality, folder)
    dataset = pydicom.dcmread(series)
    for module in modules_of(dataset.SOPClassUID):
        for keyword in attributes_of(module):
            if tag_for_keyword(keyword) is None:
                continue  # of a group that repeats: stated below
            if keyword not in dataset or keyword in _ONLY_SENSIBLE or _varies(keyword):
                _state(dataset, module, (), keyword, variant)
    dataset.ImageType = [*dataset.ImageType, f"X{variant}"]
    dataset.SeriesNumber = {"A": 3, "B": 5}[variant]
    _add_what_no_module_names(dataset, variant)
    pixels = dataset.pixel_array + ord(variant)
    dataset.PixelData = pixels.astype(f"<i{pixels.itemsize}").tobytes()
    dataset.save_as(series)
    return open_series([series])


def bare(modality: str, folder: Path) -> SeriesStack:
    """One image that states only what the node needs to read it."""
    path = _built(modality, folder)
    needed = {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality"}
    needed |= {"FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient"}
    needed |= {"PixelSpacing", "RescaleSlope", "RescaleIntercept", "Units", "PixelData"}
    needed |= {"Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"}
    needed |= {"BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"}
    dataset = pydicom.dcmread(path)
    for element in list(dataset):
        if element.keyword not in needed:
            del dataset[element.tag]
    dataset.save_as(path)
    return open_series([path])


def _built(modality: str, folder: Path) -> Path:
    return BUILDERS[modality](folder, slices=1, rows=32, columns=32)[0]


def _varies(keyword: str) -> bool:
    """Free text and times may say what they like; codes and geometry of the builder stay."""
    vr = dictionary_VR(tag_for_keyword(keyword) or 0)
    return vr in ("LO", "LT", "SH", "ST", "UT", "PN", "DA", "TM", "DT") and keyword != "RescaleType"


def _state(
    dataset: Dataset, module: str, path: tuple[str, ...], keyword: str, variant: str
) -> None:
    tag = tag_for_keyword(keyword)
    if tag is None or keyword in _NOT_STATED or "PaletteColor" in keyword:
        return
    vr = dictionary_VR(tag)
    if vr == "SQ":
        value: Any = [_item(module, (*path, keyword), variant)]
    else:
        value = _ONLY_SENSIBLE.get(keyword, _probe(vr, variant))
    if value is not None:
        dataset.add_new(tag, _DEFINITE.get(vr, vr), value)


def _item(module: str, path: tuple[str, ...], variant: str) -> Dataset:
    item = Dataset()
    children = attributes_of(module, path)
    if "CodeValue" in children:
        item.CodeValue, item.CodingSchemeDesignator = f"T{variant}", "99SITE"
        item.CodeMeaning = f"Term {variant}"
        return item
    for keyword in children:
        if dictionary_VR(tag_for_keyword(keyword) or 0) != "SQ":
            _state(item, module, path, keyword, variant)
    return item


def _probe(vr: str, variant: str) -> Any:
    number = {"A": 3, "B": 5}[variant]
    if vr in _TEXT_VRS:
        return f"X{variant}"
    match vr:
        case "UI":
            return f"{_UID[variant]}.9"
        case "DA":
            return f"2024010{number}"
        case "TM":
            return f"10150{number}"
        case "DT":
            return f"2024010{number}101500"
        case "AS":
            return f"0{number}0Y"
        case "UR":
            return f"http://{variant.lower()}.example"
        case "DS" | "IS":
            return str(number)
        case "FD" | "FL":
            return float(number)
        case "AT":
            return 0x00100010
        case "US" | "UL" | "SS" | "SL" | "US or SS" | "SV" | "UV":
            return number
        case "OB" | "OW" | "OB or OW" | "US or OW" | "OF" | "OD" | "OL" | "OV":
            return bytes([number] * 8)
    return None


def _add_what_no_module_names(dataset: Dataset, variant: str) -> None:
    """Private attributes, curves, overlays, and what old or careless writers leave behind."""
    dataset.private_block(0x0009, "SITE PRIVATE", create=True).add_new(0x01, "LO", f"X{variant}")
    if dataset.Modality == "PT":
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", "1.5")
        block.add_new(0x09, "DS", "1.5")
    dataset.add_new(0x50000005, "US", 1)  # Curve Dimensions, retired
    dataset.TimezoneOffsetFromUTC = {"A": "+0100", "B": "+0200"}[variant]
    mask = np.zeros(32 * 32 // 8, np.uint8).tobytes()
    for keyword, vr, value in _overlay(mask):
        dataset.add_new((0x6000, keyword), vr, value)
    dataset.add_new((0x6002, 0x0102), "US", 12)  # an overlay hidden in unused bits


def _overlay(mask: bytes) -> Iterable[tuple[int, str, Any]]:
    return (
        (0x0010, "US", 32),
        (0x0011, "US", 32),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", mask),
    )
