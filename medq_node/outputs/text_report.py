"""The quality note as plain text: a Basic Text SR (PS3.3 A.35.1), for viewers and for people.

The same sentences as in the quality report, and the worst slices to click on. Viewers that know
TID 1500 measurements only by their coordinates show a report of this kind as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from highdicom.sr import (
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    EnhancedSR,
    LanguageOfContentItemAndDescendants,
    RelationshipTypeValues,
    TextContentItem,
)
from pydicom.sr.coding import Code
from pydicom.uid import BasicTextSRStorage

from medq_node.objects import OutputIdentity, OutputKind, OutputObject
from medq_node.outputs import codes
from medq_node.outputs.content import ReportPart, worst_slices
from medq_node.outputs.document import DocumentHeader, device_observer, own_series
from medq_node.outputs.files import write_object
from medq_node.outputs.labels import ascii_text
from medq_node.outputs.report import evidence, first_part, predecessors
from medq_node.outputs.report_tree import ENGLISH, TEXT_MAX
from medq_node.outputs.report_words import SeriesWords, series_words
from medq_node.outputs.restored_places import restored_of
from medq_node.outputs.slice_references import image_items

_KIND: Final = OutputKind.TEXT


def write_text_report(
    parts: Sequence[ReportPart], identity: OutputIdentity, folder: Path, *, study: bool = False
) -> OutputObject:
    """Write the text report on ``parts`` into ``folder``; durable on return. See ``write_report``.

    Raises:
        OutputError: no part, several without ``study``, or parts of several studies.
    """
    first = first_part(parts, study)
    header = DocumentHeader(first.source, identity)
    # highdicom has no class for it. The two IODs have the same modules; Basic Text allows fewer
    # kinds of content items, and those used here are among them.
    report = EnhancedSR(
        evidence=evidence(parts, header.dataset),
        content=_content(parts, identity),
        is_complete=True,
        is_final=False,
        is_verified=False,
        previous_versions=predecessors(parts, _KIND),
        **own_series(header, first.source, identity, _KIND, study=study),
        **header.arguments(),
    )
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    header.finish(report)
    return write_object(report, _KIND, folder)


def _content(parts: Sequence[ReportPart], identity: OutputIdentity) -> ContainerContentItem:
    root = ContainerContentItem(codes.TEXT_TITLE, is_content_continuous=False)
    root.ContentSequence = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(ENGLISH),
            *device_observer(identity),
            *(_section(part) for part in parts),
        ],
        is_root=False,
    )
    return root


def _section(part: ReportPart) -> ContainerContentItem:
    """What is said of one series, then its worst slices, as received and restored."""
    content = part.content
    names = SeriesWords.of(part.source.header(0), part.source.label)
    sentence, *done, closing = series_words(content, names)
    said = [(codes.FINDING, f"{_upper(names.source)}: {sentence}")]
    if content.sentence_after:
        said.append((codes.FINDING, f"{_upper(names.restored)}: {content.sentence_after}"))
    # Few items: viewers put a heading over each.
    told = "\n".join(done).removeprefix("Action taken: ")
    said += [(codes.ACTION_TAKEN, _upper(told)), (codes.COMMENT, closing)]
    places = worst_slices(content.before, len(part.source.instances))
    images = [part.source.instances[place] for place in places]
    numbers = ", ".join(str(place + 1) for place in places)
    slices = f"slice {numbers}" if len(places) == 1 else f"slices {numbers}"
    section = _container(codes.FINDINGS)
    section.ContentSequence = ContentSequence(
        [
            *(_text(name, words) for name, words in said),
            _images(f"As received, {slices}", image_items(images)),
        ]
    )
    if content.restored_series_instance_uid is not None:
        restored = image_items(images, restored_of(part))
        section.ContentSequence.append(_images(f"Restored, {slices}", restored))
    return section


def _images(title: str, items: Sequence[ContentItem]) -> ContainerContentItem:
    container = _container(codes.KEY_IMAGES)
    container.ContentSequence = ContentSequence([_text(codes.COMMENT, title), *items])
    return container


def _container(name: Code) -> ContainerContentItem:
    return ContainerContentItem(
        name, is_content_continuous=False, relationship_type=RelationshipTypeValues.CONTAINS
    )


def _text(name: Code, words: str) -> TextContentItem:
    # A line ends with both characters (PS3.5 section 6.1.3).
    lines = ascii_text(words, TEXT_MAX).replace("\n", "\r\n")
    return TextContentItem(name, lines, relationship_type=RelationshipTypeValues.CONTAINS)


def _upper(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
