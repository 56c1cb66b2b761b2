"""From a Structured Report to what a reader sees, by structure alone (PS3.3 C.17.3).

Any report of ours of whatever version is read: items are known by their coded names and value
types, never by their place. What is not known is shown generically; nothing is left out but what
could name a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pydicom.dataset import Dataset

from medq_node.errors import OutputError
from medq_node.malformed import MALFORMED
from medq_node.preview.content import (
    Evaluation,
    Group,
    ImageReference,
    Item,
    Number,
    ReportSeen,
)
from medq_node.preview.items import (
    Concept,
    ItemReader,
    children,
    code_meaning,
    concept,
    plain,
    value_type,
)
from medq_node.preview.references import date_and_time, evidence_of, replaced_reports

_IMAGE_LIBRARY: Final = Concept("111028", "DCM")
_MEASUREMENTS: Final = Concept("126010", "DCM")
_GROUP: Final = Concept("125007", "DCM")
_TRACKING_IDENTIFIER: Final = Concept("112039", "DCM")
_TRACKING_UID: Final = Concept("112040", "DCM")
_FINDING: Final = Concept("121071", "DCM")
_FINDING_SITE: Final = Concept("363698007", "SCT")
_COMMENT: Final = Concept("121106", "DCM")
_LANGUAGE: Final = Concept("121049", "DCM")
_PROCEDURE: Final = Concept("121058", "DCM")
_ALGORITHM: Final = {
    Concept(code, "DCM") for code in ("111000", "111001", "111002", "111003", "122405")
}
"""Family, name, parameters, version, manufacturer (TID 4019)."""
_OBSERVER: Final = {Concept(str(code), "DCM") for code in (121005, *range(121012, 121018))}
"""Type of the observer, and what identifies a device that observes (TID 1002, 1004)."""
_FLAGS: Final = ("PreliminaryFlag", "VerificationFlag", "CompletionFlag")


def parse_report(dataset: Dataset) -> ReportSeen:
    """What ``dataset``, a Structured Report, says.

    Raises:
        OutputError: it can't be read as a report.
    """
    try:
        return _report(dataset)
    except MALFORMED as error:
        raise OutputError(f"it isn't a readable report ({type(error).__name__})") from error


@dataclass(slots=True)
class _Tree:
    """What has been found so far below the root."""

    reader: ItemReader
    observer: list[Item] = field(default_factory=list)
    procedure: list[str] = field(default_factory=list)
    language: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    image_library: list[Item] = field(default_factory=list)
    further: list[Item] = field(default_factory=list)

    def gather(self, items: Iterable[Dataset], section: tuple[str, ...] = ()) -> None:
        """Sort ``items`` into groups and all else; ``section`` are the containers around them."""
        for item in items:
            try:
                self._sort(item, section)
            except MALFORMED:
                self.further += self.reader.generic(item)

    def _sort(self, item: Dataset, section: tuple[str, ...]) -> None:
        name, kind = concept(item), value_type(item)
        if kind == "CONTAINER" and name == _GROUP:
            self.groups.append(_group(item, section, self.reader))
        elif kind == "CONTAINER" and _holds_group(item):
            title = () if name == _MEASUREMENTS else (code_meaning(item),)
            self.gather(children(item), (*section, *title))
        elif kind == "CONTAINER" and name == _IMAGE_LIBRARY:
            self.image_library += self.reader.below(item)
        elif name in _OBSERVER and not children(item):
            self.observer += self.reader.generic(item)
        elif kind == "CODE" and name == _PROCEDURE and not children(item):
            self.procedure.append(self.reader.value(item))
        elif kind == "CODE" and name == _LANGUAGE and not children(item):
            self.language.append(self.reader.value(item))
        else:
            self.further += self.reader.generic(item)


def _report(dataset: Dataset) -> ReportSeen:
    evidence, places = evidence_of(dataset)
    tree = _Tree(ItemReader(places, len(evidence)))
    tree.gather(children(dataset))
    return ReportSeen(
        title=code_meaning(dataset),
        description=plain(dataset.get("SeriesDescription")),
        study_instance_uid=plain(dataset.get("StudyInstanceUID")),
        series_instance_uid=plain(dataset.get("SeriesInstanceUID")),
        sop_instance_uid=plain(dataset.get("SOPInstanceUID")),
        written=date_and_time(dataset),
        language=", ".join(tree.language),
        flags=tuple(plain(dataset[flag].value).lower() for flag in _FLAGS if dataset.get(flag)),
        observer=tuple(tree.observer),
        procedure=tuple(tree.procedure),
        evidence=tuple(evidence),
        replaces=replaced_reports(dataset),
        groups=tuple(tree.groups),
        image_library=tuple(tree.image_library),
        further=tuple(tree.further),
    )


def _holds_group(item: Dataset) -> bool:
    return any(
        value_type(child) == "CONTAINER" and (concept(child) == _GROUP or _holds_group(child))
        for child in children(item)
    )


@dataclass(slots=True)
class _Group:
    """What has been found so far in one measurement group."""

    reader: ItemReader
    headings: list[str] = field(default_factory=list)
    tracking: list[str] = field(default_factory=list)
    about: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    images: list[ImageReference] = field(default_factory=list)
    algorithm: list[Item] = field(default_factory=list)
    further: list[Item] = field(default_factory=list)

    def sort(self, item: Dataset) -> None:
        """Put ``item`` where it belongs; what has a place for one value holds the first."""
        name, kind, reader = concept(item), value_type(item), self.reader
        contained = item.get("RelationshipType") == "CONTAINS"
        leaf = not children(item)
        if kind == "TEXT" and name == _TRACKING_IDENTIFIER and leaf and not self.headings:
            self.headings.append(reader.value(item))
        elif kind == "UIDREF" and name == _TRACKING_UID and leaf and not self.tracking:
            self.tracking.append(reader.value(item))
        elif kind == "CODE" and name in (_FINDING, _FINDING_SITE) and leaf:
            self.about.append(reader.value(item))
        elif kind == "TEXT" and name == _COMMENT and leaf:
            self.sentences.append(reader.value(item))
        elif name in _ALGORITHM and leaf:
            self.algorithm += reader.generic(item)
        elif kind == "NUM":
            self.numbers.append(_number(item, reader))
        elif kind == "CODE" and contained:
            images, details = _below(item, reader)
            self.evaluations.append(
                Evaluation(code_meaning(item), reader.value(item), images, details)
            )
        elif contained and (image := reader.source_image(item)):
            self.images.append(image)
        else:
            self.further += reader.generic(item)


def _group(container: Dataset, section: tuple[str, ...], reader: ItemReader) -> Group:
    found = _Group(reader)
    for item in children(container):
        try:
            found.sort(item)
        except MALFORMED:
            found.further += reader.generic(item)
    return Group(
        heading="".join(found.headings) or code_meaning(container),
        section=", ".join(section),
        tracking_uid="".join(found.tracking),
        about=", ".join(found.about),
        sentences=tuple(found.sentences),
        evaluations=tuple(found.evaluations),
        numbers=tuple(found.numbers),
        images=tuple(found.images),
        algorithm=tuple(found.algorithm),
        further=tuple(found.further),
    )


def _number(item: Dataset, reader: ItemReader) -> Number:
    value, unit = reader.measured(item)
    return Number(code_meaning(item), value, unit, *_below(item, reader))


def _below(
    item: Dataset, reader: ItemReader
) -> tuple[tuple[ImageReference, ...], tuple[Item, ...]]:
    """What hangs on ``item``: the images that were looked at, and all else."""
    images: list[ImageReference] = []
    details: list[Item] = []
    for child in children(item):
        if image := reader.source_image(child):
            images.append(image)
        else:
            details += reader.generic(child)
    return tuple(images), tuple(details)
