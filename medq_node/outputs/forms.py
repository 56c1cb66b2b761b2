"""All forms of one quality note that somebody asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from medq_node.objects import Form, OutputIdentity, OutputObject
from medq_node.outputs.content import ReportPart
from medq_node.outputs.encapsulated import write_pages, write_pdf
from medq_node.outputs.note_page import quality_page
from medq_node.outputs.quality_issue import write_quality_issue
from medq_node.outputs.report import write_report
from medq_node.outputs.text_report import write_text_report
from medq_node.pixels.series import SeriesStack


def write_forms(
    forms: Collection[Form],
    parts: Sequence[ReportPart],
    restored: Sequence[SeriesStack | None],
    identity: OutputIdentity,
    folder: Path,
    *,
    study: bool = False,
) -> list[OutputObject]:
    """Write the note on ``parts`` in each of ``forms``, each in its own folder below ``folder``.

    ``restored`` has, for each part, the series made of it that leaves the node, or None; without a
    page or a PDF it isn't looked at. The forms
    know nothing of each other: which others are asked for changes no byte of one. With nothing
    wrong there is no key object.

    Raises:
        OutputError: no part, several without ``study``, parts of several studies, or a restored
            series of another shape than its source.
        Unprocessable: pixel data can't be decoded.
    """
    written: list[OutputObject] = []
    if Form.SR in forms:
        written.append(write_report(parts, identity, folder / "report", study=study))
    if Form.TEXT in forms:
        written.append(write_text_report(parts, identity, folder / "text", study=study))
    if {Form.PAGE, Form.PDF} & set(forms):
        sheets = [quality_page(*pair) for pair in zip(parts, restored, strict=True)]
        if Form.PAGE in forms:
            written += write_pages(parts, sheets, identity, folder / "page", study=study)
        if Form.PDF in forms:
            written.append(write_pdf(parts, sheets, identity, folder / "pdf", study=study))
    if Form.KEY in forms:
        issue = write_quality_issue(parts, identity, folder / "key", study=study)
        written += [issue] if issue is not None else []
    return written
