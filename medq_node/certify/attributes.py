"""Required attributes of an object, by the mandatory modules of its IOD (PS3.3 Annex A)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

from highdicom._standard_utils import (
    get_iod_module_map,
    get_module_attribute_map,
    get_sop_class_iod_map,
)
from pydicom.dataset import Dataset

_VARIANT_MODULES = frozenset({"sr-document-content"})
"""Modules whose required attributes depend on the value type of each item (PS3.3 C.17.3)."""


def attribute_faults(
    dataset: Dataset, sop_class_uid: str, sources: Sequence[Dataset]
) -> Iterator[str]:
    """Top-level attributes that are missing or empty and must not be (PS3.5 section 7.4).

    A fault that every one of ``sources`` has too is told as such, and remains one. An empty
    conditional attribute that a source left empty as well isn't told: it is a scanner's habit.
    """
    required = _required(sop_class_uid)
    if required is None:
        yield f"its SOP Class {sop_class_uid} is not known"
        return
    for keyword, kind in required:
        if not _lacks(dataset, keyword):
            continue
        too = all(_lacks(source, keyword) for source in sources)
        suffix = ", as does the source" if too and sources else ""
        if keyword not in dataset:
            if kind != "1C":
                yield f"it lacks {keyword}{suffix}"
        elif kind != "2":
            if kind == "1":
                suffix = ", and the source has no value either" if suffix else ""
                yield f"its {keyword} is empty{suffix}"
            elif not any(keyword in s and s[keyword].is_empty for s in sources):
                yield f"its {keyword} is empty, which it must not be where it is present"


def _lacks(dataset: Dataset, keyword: str) -> bool:
    return keyword not in dataset or dataset[keyword].is_empty


@cache
def _required(sop_class_uid: str) -> tuple[tuple[str, str], ...] | None:
    """(keyword, type) of each attribute that is Type 1, 2 or 1C wherever the IOD names it.

    Of 1C one thing is certain without knowing the condition: present, it has a value.
    """
    iod = get_sop_class_iod_map().get(sop_class_uid)
    if iod is None:
        return None
    attributes = get_module_attribute_map()
    types: dict[str, set[str]] = defaultdict(set)
    for module in get_iod_module_map()[iod]:
        if module["usage"] != "M" or module["key"] in _VARIANT_MODULES:
            continue
        for attribute in attributes[module["key"]]:
            if not attribute["path"]:
                types[attribute["keyword"]].add(attribute["type"])
    needed = {k: "1" if "1" in t else "2" if "2" in t else "1C" for k, t in types.items()}
    return tuple((k, kind) for k, kind in needed.items() if kind != "1C" or types[k] == {"1C"})
