"""What a Structured Report refers to: the images of its evidence, the reports that it replaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import UID

from medq_node.preview.content import Evidence
from medq_node.preview.items import plain


class Place(NamedTuple):
    """Where an image stands in the evidence; counted from 1."""

    series: int
    slice: int
    slices: int


def evidence_of(dataset: Dataset) -> tuple[list[Evidence], Mapping[str, Place]]:
    """The series of the evidence, and the place of every object in it, by SOP Instance UID.

    A report of ours lists the images of a series in the order of its slices.
    """
    found: list[Evidence] = []
    places: dict[str, Place] = {}
    sequences = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
    for series in _series(dataset, sequences):
        objects = list(series.get("ReferencedSOPSequence") or ())
        kinds = dict.fromkeys(_kind(o.get("ReferencedSOPClassUID")) for o in objects)
        uid = plain(series.get("SeriesInstanceUID"))
        found.append(Evidence(uid, " and ".join(kinds), len(objects)))
        for number, item in enumerate(objects, start=1):
            image = plain(item.get("ReferencedSOPInstanceUID"))
            places.setdefault(image, Place(len(found), number, len(objects)))
    return found, places


def replaced_reports(dataset: Dataset) -> tuple[str, ...]:
    """SOP Instance UIDs of the documents that this one replaces (PS3.3 C.17.2)."""
    return tuple(
        plain(item.get("ReferencedSOPInstanceUID"))
        for series in _series(dataset, ("PredecessorDocumentsSequence",))
        for item in series.get("ReferencedSOPSequence") or ()
    )


def date_and_time(dataset: Dataset) -> str:
    """Content date and time, such as ``2026-01-31 14:05``; what isn't so written is left as is."""
    date, time = plain(dataset.get("ContentDate")), plain(dataset.get("ContentTime"))
    if len(date) == 8 and date.isdecimal():
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    if len(time) >= 4 and time[:4].isdecimal():
        time = f"{time[:2]}:{time[2:4]}"
    return f"{date} {time}".strip()


def _series(dataset: Dataset, sequences: Iterable[str]) -> Iterator[Dataset]:
    for keyword in sequences:
        for study in dataset.get(keyword) or ():
            yield from study.get("ReferencedSeriesSequence") or ()


def _kind(sop_class_uid: object) -> str:
    """Such as ``CT``; the whole name of a class that isn't one of CT, MR or PET."""
    name = plain(UID(str(sop_class_uid)).name)
    for words, kind in (("CT Image", "CT"), ("MR Image", "MR"), ("Positron", "PT"), ("PET", "PT")):
        if words in name and "Color" not in name:
            return kind
    return name.removesuffix(" Storage")
