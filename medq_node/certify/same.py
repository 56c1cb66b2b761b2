"""Is a value still the source's? Told without ever saying the value.

What is written may differ from what a scanner wrote where that broke the rules of its Value
Representation (PS3.5 Table 6.2-1): rewritten in another form, or left empty. Nothing else may.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from highdicom._standard_utils import get_module_attribute_map
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.valuerep import validate_value

from medq_node.pixels.header import Attributes, texts

_MODULES: Final = ("patient", "general-study", "patient-study")
_LEFT_OUT: Final = frozenset({"DeidentificationMethod"})
"""Must be filled where the source says that it is de-identified, and not how (C.7.1.1)."""
_MUST_STAY: Final = frozenset(
    {"PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"}
    | {"StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"}
    | {"ReferringPhysicianName"}
)
"""What a viewer or an archive files an object by; in an image every attribute has to stay."""
_SEXES: Final = ("M", "F", "O")
_MAY_BE_CUT: Final = {"LO": 64, "SH": 16}
_IDENTIFIERS: Final = frozenset({"PatientID", "IssuerOfPatientID", "StudyID", "AccessionNumber"})
_SPECIALS: Final = {"DA": r"\D", "TM": r"[^\d.]", "CS": r"[^A-Za-z0-9]"}
"""Characters that a rewritten value may lose."""


def study_faults(
    dataset: Dataset, sources: Sequence[Dataset], *, whole: bool = False
) -> Iterator[str]:
    """Patient and study attributes that are those of none of ``sources`` (C.7.1.1, C.7.2.1).

    With ``whole`` an attribute may not be left out; else only those that objects are filed by.
    """
    for keyword in _study_keywords():
        if keyword not in dataset and not whole and keyword not in _MUST_STAY:
            continue
        if not any(same_value(source, dataset, keyword) for source in sources):
            yield f"its {keyword} differs from the source's"


@cache
def _study_keywords() -> tuple[str, ...]:
    attributes = get_module_attribute_map()
    keywords = (a["keyword"] for m in _MODULES for a in attributes[m] if not a["path"])
    return tuple(
        k for k in dict.fromkeys(keywords) if k not in _LEFT_OUT and not k.endswith("Sequence")
    )


def same_value(source: Attributes, ours: Attributes, keyword: str) -> bool:
    """Whether our value of an attribute is the source's, or the source's put right."""
    vr = dictionary_VR(keyword)
    before, after = _values(source, keyword), _values(ours, keyword)
    if before == after:
        return True
    if not after:
        return not all(_is_valid(vr, keyword, value) for value in before)
    if len(before) != len(after):
        return False
    return all(_agree(vr, keyword, *pair) for pair in zip(before, after, strict=True))


def _values(dataset: Attributes, keyword: str) -> tuple[str, ...]:
    """Without padding; an empty tuple where no value has a character."""
    values = tuple(value.replace("\0", "").strip() for value in texts(dataset, keyword))
    return values if any(values) else ()


def _is_valid(vr: str, keyword: str, value: str) -> bool:
    if keyword == "PatientSex" and value not in _SEXES:
        return False
    try:
        validate_value(vr, value, RAISE)
    except ValueError:
        return False
    return True


def _agree(vr: str, keyword: str, before: str, after: str) -> bool:
    if before == after:
        return True
    if vr in ("DS", "IS"):
        return same_number(before, after)
    if vr in _SPECIALS:
        before, after = (re.sub(_SPECIALS[vr], "", value).upper() for value in (before, after))
        return before == after or (vr == "CS" and len(before) >= 16 and before.startswith(after))
    limit = _MAY_BE_CUT.get(vr, len(before))
    return keyword not in _IDENTIFIERS and len(before) > limit and after == before[:limit].rstrip()


def same_number(before: float | str, after: float | str) -> bool:
    """Whether two numbers are one, but for the rounding to the 16 characters of a DS."""
    try:
        return math.isclose(float(before), float(after), rel_tol=1e-6, abs_tol=1e-9)
    except ValueError:
        return False
