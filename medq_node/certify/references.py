"""Who may be referred to: instances by UID, with the class and the series they stand in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medq_node.objects import OutputObject, OutputReference
from medq_node.pixels.header import text
from medq_node.pixels.series import SeriesStack

Instances = dict[str, tuple[str, str]]
"""SOP Instance UID -> (SOP Class UID, Series Instance UID)."""


def instances_of(sources: Sequence[SeriesStack]) -> Instances:
    """Every image of ``sources``."""
    return {
        i.sop_instance_uid: (i.sop_class_uid, i.series_instance_uid)
        for source in sources
        for i in source.instances
    }


def references_of(outputs: Sequence[OutputObject | OutputReference]) -> Instances:
    """Objects of ours."""
    return {o.sop_instance_uid: (o.sop_class_uid, o.series_instance_uid) for o in outputs}


def listed(dataset: Dataset, keyword: str) -> Iterator[tuple[str, str, str, str]]:
    """(study, series, class, instance) of what a hierarchical SOP instance reference names.

    PS3.3 Table C.17-3: evidence, predecessor and identical documents.
    """
    for study in items(dataset, keyword):
        for series in items(study, "ReferencedSeriesSequence"):
            for reference in items(series, "ReferencedSOPSequence"):
                yield (
                    text(study, "StudyInstanceUID"),
                    text(series, "SeriesInstanceUID"),
                    *named(reference),
                )


def named(reference: Dataset) -> tuple[str, str]:
    """(class, instance) of a SOP instance reference (PS3.3 Table 10-11)."""
    return text(reference, "ReferencedSOPClassUID"), text(reference, "ReferencedSOPInstanceUID")


def items(dataset: Dataset, keyword: str) -> Iterator[Dataset]:
    """Items of a sequence; none where it is absent, empty or something else."""
    value = dataset.get(keyword)
    if isinstance(value, DicomSequence):
        yield from value
