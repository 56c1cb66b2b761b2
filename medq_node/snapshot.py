"""The header snapshot of a revision: what rules may look at, now and on a later replay."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.valuerep import VR

from medq_node.malformed import MALFORMED
from medq_node.provenance import made_by_us, source_image_uids

_BULK = {
    VR.OB, VR.OD, VR.OF, VR.OL, VR.OV, VR.OW, VR.UN, VR.SQ,
    VR.OB_OW, VR.US_OW, VR.US_SS_OW,
}  # fmt: skip
_MOST_VALUES = 1000

Component = str | float | int
Snapshot = dict[str, list[list[Component]]]

MADE_BY_US = "MadeByThisProduct"
"""Not a DICOM keyword: set where Contributing Equipment names this product (loop firewall)."""

SOURCE_IMAGE_UIDS = "SourceImageUIDs"
"""Not a DICOM keyword: SOP Instance UIDs in Source Image Sequence (loop firewall)."""


def header_snapshot(paths: Iterable[Path]) -> Snapshot:
    """Keyword -> distinct values over all images, each a list of components.

    Bulk data, sequences and private elements are left out. An element that some image lacks has
    the empty value ``[]`` among its values; so has one that can't be decoded. At most 1000 distinct
    values are kept per keyword. Two keys are no keywords: ``MADE_BY_US`` and ``SOURCE_IMAGE_UIDS``,
    each only where there is something to note.
    """
    seen: dict[str, dict[tuple[Component, ...], None]] = {}
    ours = False
    sources: dict[str, None] = {}
    for number, path in enumerate(paths):
        ds = Dataset()
        # What is wrong with an unreadable one is said when its pixels are read.
        with suppress(*MALFORMED):
            ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        ours = ours or made_by_us(ds)
        if len(sources) < _MOST_VALUES:
            sources.update(dict.fromkeys(source_image_uids(ds)))
        values = dict(_elements(ds))
        for keyword in values.keys() - seen.keys():
            seen[keyword] = {(): None} if number else {}
        for keyword, distinct in seen.items():
            if len(distinct) < _MOST_VALUES:
                distinct[values.get(keyword, ())] = None
    snapshot: Snapshot = {k: [list(v) for v in distinct] for k, distinct in sorted(seen.items())}
    if ours:
        snapshot[MADE_BY_US] = [["YES"]]
    if sources:
        snapshot[SOURCE_IMAGE_UIDS] = [[uid] for uid in list(sources)[:_MOST_VALUES]]
    return snapshot


def _elements(ds: Dataset) -> Iterable[tuple[str, tuple[Component, ...]]]:
    for tag in list(ds.keys()):
        try:
            element = ds[tag]
            if not element.keyword or element.VR in _BULK or element.tag.is_private:
                continue
            value = element.value
            parts = value if isinstance(value, (list, tuple)) or element.VM > 1 else [value]
            components = tuple(_component(part) for part in parts if part not in (None, ""))
        except MALFORMED:
            continue
        yield element.keyword, components


def _component(value: object) -> Component:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # DS and IS are subclasses with extra state; the database wants plain numbers.
        number = int(value) if isinstance(value, int) else float(value)
        return number if math.isfinite(number) else str(number)
    return str(value)
