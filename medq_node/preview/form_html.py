"""The other forms of a note in the HTML preview: as near as can be to what a viewer shows."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from html import escape

from medq_node.objects import OutputKind
from medq_node.preview.content import ReportSeen
from medq_node.preview.forms import pdf_of, png_of
from medq_node.preview.found import FormPreview
from medq_node.preview.markup import details
from medq_node.preview.words import form_words


def form_lines(form: FormPreview) -> Iterator[str]:
    """One form with its name, and where it is."""
    words = form_words(form)
    title = escape(words[0].upper() + words[1:])
    if form.missing is not None or form.file is None:
        yield f'<p class="notice warn">{title}</p>\n'
        return
    if form.kind == OutputKind.PAGE:
        data = b64encode(png_of(form.file)).decode("ascii")
        yield (
            '<figure class="page"><img alt="The page on this series as a viewer shows it" '
            f'src="data:image/png;base64,{data}"><figcaption>{title}</figcaption></figure>\n'
        )
    elif form.kind == OutputKind.PDF:
        data = b64encode(content := pdf_of(form.file)).decode("ascii")
        yield (
            f'<p class="form">{title}: <a download="quality-{escape(form.sop_instance_uid)}.pdf" '
            f'href="data:application/pdf;base64,{data}">save it</a> '
            f'<span class="quiet">({max(1, len(content) // 1024)} KiB)</span></p>\n'
        )
    elif form.said is not None:
        yield from _document(form.said, title)


def _document(said: ReportSeen, title: str) -> Iterator[str]:
    """A document with its title and all its items, folded away: it says what is said above."""
    yield f'<details class="form"><summary>{title}</summary>\n'
    yield f"<h4>{escape(said.title)}</h4>{details(said.further)}</details>\n"
