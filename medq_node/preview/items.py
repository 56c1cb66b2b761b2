"""Reading one content item of a Structured Report, whatever it is (PS3.3 C.17.3, C.18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from medq_node.malformed import MALFORMED
from medq_node.preview.content import ImageReference, Item

if TYPE_CHECKING:
    from medq_node.preview.references import Place


class Concept(NamedTuple):
    """A coded name, without its meaning: that may be worded otherwise."""

    value: str
    scheme: str


HIDDEN: Final = "(not shown here)"
"""In place of what could name a person."""

_PERSONAL: Final = {
    Concept(code, "DCM")
    for code in (
        "121008",  # Person Observer Name
        "121022",  # Accession Number
        "121029",  # Subject Name
        "121030",  # Subject ID
        "121031",  # Subject Birth Date
    )
}
_SOURCES: Final = (Concept("121112", "DCM"), Concept("121324", "DCM"))
"""Source of Measurement; Source Image."""
_UNITS: Final = {
    "[hnsf'U]": "HU",
    "%": "%",
    "1": "",
    "{ratio}": "",
    "deg": "degrees",
    "g/ml{SUVbw}": "SUV",
    "Bq/ml": "Bq/ml",
    "{counts}": "counts",
    "dB": "dB",
}
"""UCUM codes as radiologists write them; of others the meaning is shown."""

_VALUES: Final = {
    "TEXT": "TextValue",
    "UIDREF": "UID",
    "DATE": "Date",
    "TIME": "Time",
    "DATETIME": "DateTime",
}
_POINTS: Final = {"SCOORD": "GraphicType", "SCOORD3D": "GraphicType", "TCOORD": "TemporalRangeType"}


@dataclass(frozen=True, slots=True)
class ItemReader:
    """Reads items of one report; ``places`` are those of its evidence, in ``series`` series."""

    places: Mapping[str, Place]
    series: int

    def generic(self, item: Dataset, depth: int = 0) -> list[Item]:
        """``item`` and all below it, whatever they are."""
        try:
            return [
                Item(depth, code_meaning(item), self.value(item)),
                *self.below(item, depth + 1),
            ]
        except MALFORMED as error:
            return [Item(depth, "content item", f"(unreadable: {type(error).__name__})")]

    def below(self, item: Dataset, depth: int = 0) -> list[Item]:
        """All below ``item``."""
        return [found for child in children(item) for found in self.generic(child, depth)]

    def value(self, item: Dataset) -> str:
        """The value of ``item`` in words; empty for a container."""
        kind = value_type(item)
        if kind == "PNAME" or (kind != "CONTAINER" and concept(item) in _PERSONAL):
            return HIDDEN
        if kind in _VALUES:
            return plain(item.get(_VALUES[kind]))
        if kind == "CODE":
            return _meaning(item, "ConceptCodeSequence")
        if kind == "NUM":
            return " ".join(self.measured(item)).strip()
        if kind == "CONTAINER":
            return ""
        if kind in _POINTS:
            return f"({kind} {plain(item.get(_POINTS[kind]))})"
        if reference := item.get("ReferencedContentItemIdentifier"):
            numbers = reference if isinstance(reference, MultiValue) else [reference]
            return f"(item {'.'.join(map(str, numbers))} of the report)"
        if kind == "IMAGE" and item.get("ReferencedSOPSequence"):
            return self._image(item).words(self.series)
        if item.get("ReferencedSOPSequence"):
            return f"object {_reference(item)}"
        return f"({kind or 'no value type'})"

    def measured(self, item: Dataset) -> tuple[str, str]:
        """Number and unit as written; where there is none, why not, and no unit."""
        if concept(item) in _PERSONAL:
            return HIDDEN, ""
        measured = item.get("MeasuredValueSequence")
        if not measured:
            return _meaning(item, "NumericValueQualifierCodeSequence") or "(no number)", ""
        unit = measured[0].get("MeasurementUnitsCodeSequence")
        code = _concept(unit[0]).value if unit else "1"
        number = plain(measured[0].get("NumericValue")) or "(no number)"
        if (shown := _UNITS.get(code)) is None:
            shown = _meaning(measured[0], "MeasurementUnitsCodeSequence")
        return number, shown

    def source_image(self, item: Dataset) -> ImageReference | None:
        """The image that ``item`` names as the one looked at; None where it is anything else."""
        looked_at = concept(item) in (None, *_SOURCES) and not children(item)
        if value_type(item) != "IMAGE" or not looked_at or not item.get("ReferencedSOPSequence"):
            return None
        return self._image(item)

    def _image(self, item: Dataset) -> ImageReference:
        frames = item.ReferencedSOPSequence[0].get("ReferencedFrameNumber")
        if frames is not None and not isinstance(frames, MultiValue):
            frames = [frames]
        uid = _reference(item)
        place = self.places.get(uid)
        return ImageReference(
            uid,
            place.series if place else None,
            place.slice if place else None,
            place.slices if place else None,
            tuple(int(frame) for frame in frames or ()),
        )


def children(item: Dataset) -> list[Dataset]:
    """Items directly below ``item``.

    Raises:
        TypeError: what should be a sequence of items is none.
    """
    below = item.get("ContentSequence") or ()
    if below and not isinstance(below, Sequence):
        raise TypeError
    return list(below)


def value_type(item: Dataset) -> str:
    """Such as ``TEXT``; empty for a reference to another item of the tree."""
    return plain(item.get("ValueType"))


def concept(item: Dataset) -> Concept | None:
    """What ``item`` is about; None where that isn't said."""
    names = item.get("ConceptNameCodeSequence")
    return _concept(names[0]) if names else None


def code_meaning(item: Dataset) -> str:
    """The name of ``item`` in words; its value type where it has none."""
    return _meaning(item, "ConceptNameCodeSequence") or value_type(item).lower() or "item"


def plain(value: object) -> str:
    """``value`` as printable text: nothing in it may steer a terminal, or turn its direction."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()


def _meaning(item: Dataset, keyword: str) -> str:
    codes = item.get(keyword)
    if not codes:
        return ""
    return plain(codes[0].get("CodeMeaning")) or _concept(codes[0]).value


def _concept(code: Dataset) -> Concept:
    keywords = ("CodeValue", "LongCodeValue", "URNCodeValue")
    value = next((plain(code.get(k)) for k in keywords if code.get(k)), "")
    return Concept(value, plain(code.get("CodingSchemeDesignator")))


def _reference(item: Dataset) -> str:
    return plain(item.ReferencedSOPSequence[0].get("ReferencedSOPInstanceUID"))
