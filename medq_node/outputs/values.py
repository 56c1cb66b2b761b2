"""Values that break the rules of their Value Representation, repaired without inventing any.

Real headers hold decimal strings of 19 characters, lower-case code strings, ages without a unit.
A derived object has to be valid, so such values are rewritten where the meaning is certain, and
left out where it isn't. The source object is never touched. Rules: PS3.5 Table 6.2-1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import format_number_as_ds

from medq_node.outputs.walk import sequence_elements, value_representation

_DS = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_IS = re.compile(r"[+-]?\d{1,11}")
_CS = re.compile(r"[A-Z0-9 _]{0,16}")
_AS = re.compile(r"\d{3}[DWMY]")
_DA = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_DA_ACR_NEMA = re.compile(r"(\d{4})[.\-/](\d{2})[.\-/](\d{2})")
_TM = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?")
_DT = re.compile(r"\d{4}(\d{2}(\d{2}(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?")


def _ds(text: str) -> str | None:
    if _DS.fullmatch(text) is None:
        return None
    if len(text) <= 16:
        return text
    number = float(text)
    return format_number_as_ds(number) if math.isfinite(number) else None


def _is(text: str) -> str | None:
    if _IS.fullmatch(text) is None:
        if _DS.fullmatch(text) is None or not float(text).is_integer():
            return None
        text = str(int(float(text)))
    return text if -(2**31) <= int(text) < 2**31 else None


def _cs(text: str) -> str | None:
    if _CS.fullmatch(text):
        return text
    return re.sub(r"[^A-Z0-9 _]", "_", text.upper())[:16].rstrip()


def _da(text: str) -> str | None:
    legacy = _DA_ACR_NEMA.fullmatch(text)
    if legacy is not None:
        text = "".join(legacy.groups())
    return text if _DA.fullmatch(text) else None


def _tm(text: str) -> str | None:
    text = text.replace(":", "")
    return text if _TM.fullmatch(text) else None


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    return lambda text: text if pattern.fullmatch(text) else None


_REPAIR: Final[dict[str, Callable[[str], str | None]]] = {
    "DS": _ds,
    "IS": _is,
    "CS": _cs,
    "AS": _matching(_AS),
    "DA": _da,
    "TM": _tm,
    "DT": _matching(_DT),
}
_TEXT: Final = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI"}
    | {"UR", "UT"}
)
"""VRs whose values are characters, so that one can be read as another."""
_MAX_LENGTH: Final = {"SH": 16, "LO": 64}
_IDENTIFIERS: Final = frozenset({"StudyID", "AccessionNumber", "PatientID", "IssuerOfPatientID"})
"""Cut, these would name something else; too long ones are left as they are or made empty."""
_MAY_BE_EMPTY: Final = frozenset({"StudyID", "AccessionNumber"})


def repair_values(dataset: Dataset) -> None:
    """Repair or leave out, in place and in every sequence, each value its VR doesn't allow.

    An element that carries another VR than PS3.6 gives it is written with the right one first. A
    multi-valued element loses its value as a whole, because positions carry meaning. An element
    that loses its value stays, empty: what may be absent altogether is decided elsewhere.
    """
    for tag in list(dataset.keys()):
        if tag.is_private or tag.element == 0:
            continue
        _retype(dataset, tag)
        item = dataset.get_item(tag)
        vr = value_representation(dataset, tag)
        if vr in _REPAIR:
            _repair_element(dataset, tag, item, vr)
        elif vr in _MAX_LENGTH:
            _repair_length(dataset, tag, item, vr)
    for element in sequence_elements(dataset):
        for child in element.value:
            repair_values(child)


def _retype(dataset: Dataset, tag: BaseTag) -> None:
    """Give an element of text the VR of the dictionary (PS3.6); other kinds stay as they are."""
    item = dataset.get_item(tag)
    if item.VR not in _TEXT or not dictionary_has_tag(tag):
        return
    vr = dictionary_VR(tag)
    if vr == item.VR or vr not in _TEXT:
        return
    if isinstance(item, RawDataElement):
        dataset[tag] = item._replace(VR=vr)
        return
    # Repaired before it is put in: pydicom warns of a value that its VR forbids, and quotes it.
    texts = [_REPAIR[vr](text) if vr in _REPAIR and text else text for text in _texts(item)]
    value = [text for text in texts if text is not None] if None not in texts else []
    dataset[tag] = DataElement(tag, vr, value or None)


def _texts(item: DataElement | RawDataElement) -> list[str]:
    """Values as written, without padding; raw elements aren't decoded, which keeps this cheap."""
    value = item.value
    if value is None:
        return []
    if isinstance(value, bytes):
        return [v.strip(" \0") for v in value.decode(default_encoding, "replace").split("\\")]
    values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return ["" if v is None else str(v).strip(" \0") for v in values]


def _repair_element(
    dataset: Dataset, tag: BaseTag, item: DataElement | RawDataElement, vr: str
) -> None:
    texts = _texts(item)
    repaired = [_REPAIR[vr](text) if text else "" for text in texts]
    if repaired == texts:
        return
    value = [text for text in repaired if text is not None] if None not in repaired else []
    dataset[tag] = DataElement(tag, vr, value or None)


def _repair_length(
    dataset: Dataset, tag: BaseTag, item: DataElement | RawDataElement, vr: str
) -> None:
    limit = _MAX_LENGTH[vr]
    raw = item.value
    if isinstance(raw, bytes) and b"\0" not in raw and len(raw) <= limit:
        return
    element = dataset[tag]
    values = _texts(element)
    repaired = [text.replace("\0", "") for text in values]
    if element.keyword in _IDENTIFIERS:
        if element.keyword in _MAY_BE_EMPTY and any(len(text) > limit for text in repaired):
            repaired = []
    else:
        repaired = [text[:limit].rstrip() for text in repaired]
    if repaired != values:
        dataset[tag] = DataElement(tag, vr, repaired or None)
