"""The other forms of a note, read from the objects as they lie on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import pydicom
from PIL import Image

from medq_node.config import Destination
from medq_node.errors import OutputError
from medq_node.layout import Layout
from medq_node.malformed import MALFORMED
from medq_node.objects import NOTES, OutputKind
from medq_node.preview.content import ReportSeen
from medq_node.preview.found import FormPreview, Sending
from medq_node.preview.parse import parse_report
from medq_node.store.handover import unasked_kinds
from medq_node.store.states import Content, DeliveryState
from medq_node.store.tables import Delivery, Output, Revision, StudyNote

_DOCUMENTS = (OutputKind.REPORT, OutputKind.TEXT, OutputKind.QUALITY_ISSUE)
"""Forms that have a content tree."""


def read_report(layout: Layout, output: Output) -> tuple[ReportSeen | None, str | None]:
    """What a document on disk says, or why it can't be shown."""
    content, missing = _content(layout, output)
    if content is None:
        return None, missing
    try:
        return parse_report(pydicom.dcmread(BytesIO(content))), None
    except (OutputError, *MALFORMED) as error:
        why = str(error) if isinstance(error, OutputError) else type(error).__name__
        return None, f"the file can't be read: {why}"


def leading(outputs: Sequence[Output]) -> Output | None:
    """The form of a note that stands for it: the report, else the next that there is."""
    forms = [output for output in outputs if output.kind in NOTES]
    order = list(OutputKind)
    return min(forms, key=lambda o: (order.index(OutputKind(o.kind)), o.id), default=None)


def other_forms(
    layout: Layout,
    made: Revision | StudyNote,
    shown: Output | None,
    destinations: Mapping[str, Destination],
) -> tuple[FormPreview, ...]:
    """Every form of the note of ``made`` but ``shown``, in the order of making."""
    forms = sorted((o for o in made.outputs if o.kind in NOTES), key=lambda output: output.id)
    return tuple(_form(layout, output, destinations) for output in forms if output is not shown)


def sendings_of(output: Output, destinations: Mapping[str, Destination]) -> list[Sending]:
    """The way of ``output`` to each destination that it goes to."""
    made = output.revision or output.study_note
    assert made is not None
    return [
        _sending(delivery, output, made, destinations)
        for delivery in made.deliveries
        if delivery.content is Content.OUTPUTS
        and output.kind not in unasked_kinds(delivery.destination, destinations)
    ]


def png_of(page: Path) -> bytes:
    """The picture of a page on disk.

    Raises:
        OSError: the file is gone.
    """
    dataset = pydicom.dcmread(page)
    size = (int(dataset.Columns), int(dataset.Rows))
    picture = Image.frombytes("RGB", size, dataset.PixelData[: 3 * size[0] * size[1]])
    png = BytesIO()
    picture.save(png, format="PNG", optimize=True)
    return png.getvalue()


def pdf_of(document: Path) -> bytes:
    """The PDF of an encapsulated one on disk.

    Raises:
        OSError: the file is gone.
    """
    dataset = pydicom.dcmread(document)
    return bytes(dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength])


def _form(layout: Layout, output: Output, destinations: Mapping[str, Destination]) -> FormPreview:
    said: ReportSeen | None = None
    if output.kind in _DOCUMENTS:
        said, missing = read_report(layout, output)
    else:
        missing = _content(layout, output)[1]
    there: list[str] = []
    awaited: list[str] = []
    for sending in sendings_of(output, destinations):
        (there if sending.there else awaited).append(sending.destination)
    return FormPreview(
        kind=output.kind,
        sop_instance_uid=output.sop_instance_uid,
        file=layout.absolute(output.path) if output.path and missing is None else None,
        missing=missing,
        said=said,
        there=tuple(there),
        awaited=tuple(awaited),
    )


def _content(layout: Layout, output: Output) -> tuple[bytes | None, str | None]:
    """The file as it was made, or why there is none."""
    if output.path is None:
        return None, "retention has removed the file"
    try:
        content = layout.absolute(output.path).read_bytes()
    except OSError as error:
        return None, f"the file can't be read: {error.strerror}"
    if hashlib.sha256(content).hexdigest() != output.sha256:
        return None, "the file isn't the one that was made: its SHA-256 differs"
    return content, None


def _sending(
    delivery: Delivery,
    output: Output,
    made: Revision | StudyNote,
    destinations: Mapping[str, Destination],
) -> Sending:
    """Objects go in the order of their rows; after a try that failed, ``left`` names the rest."""
    if delivery.state is DeliveryState.CONFIRMED:
        there = True
    elif delivery.left is not None:
        there = output.sop_instance_uid not in delivery.left
    else:
        unasked = unasked_kinds(delivery.destination, destinations)
        before = sum(o.id < output.id for o in made.outputs if o.kind not in unasked)
        there = before < delivery.confirmed
    return Sending(
        destination=delivery.destination,
        state=delivery.state,
        there=there,
        confirmed=delivery.confirmed,
        total=delivery.total,
        last_error=delivery.last_error,
    )
