"""The preview as one HTML file that needs nothing else: no script, no network, no other file.

Everything that comes from a report or from the database is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from medq_node.console.story import RESEARCH
from medq_node.preview.content import (
    Evaluation,
    Group,
    Item,
    Number,
    ReportSeen,
    algorithm_words,
)
from medq_node.preview.form_html import form_lines
from medq_node.preview.found import ReportPreview, Standing, StudyPreview
from medq_node.preview.markup import details, marked_up
from medq_node.preview.style import STYLE
from medq_node.preview.words import (
    NO_DELIVERY,
    facts,
    flag_words,
    heading_words,
    missing_words,
    sending_words,
    standing_words,
    tone,
)

_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>Quality reports</title>
<style>"""


def write_html(found: StudyPreview, path: Path) -> None:
    """Write the preview to ``path``.

    Raises:
        OSError: it can't be written there.
    """
    path.write_text("".join(html_lines(found)), encoding="utf-8")


def html_lines(found: StudyPreview) -> Iterator[str]:
    """The page, piece by piece."""
    yield _HEAD
    yield f"{STYLE}</style>\n</head>\n<body>\n"
    yield f'<p class="banner" role="note">{escape(RESEARCH)}</p>\n<main>\n'
    yield f'<h1>Quality reports</h1>\n<p class="uid">Study {escape(found.study_instance_uid)}</p>\n'
    for one in found.reports:
        yield from _report(one)
    for without in found.without:
        yield f'<p class="notice warn">{escape(str(without).capitalize())}</p>\n'
    if found.others:
        yield f'<p class="quiet">Other reports of this study: {found.others}.</p>\n'
    yield "</main>\n</body>\n</html>\n"


def _report(one: ReportPreview) -> Iterator[str]:
    seen = one.report
    shade = "" if one.standing is Standing.CURRENT else " old"
    yield f'<article class="report{shade}">\n'
    title = seen.description or seen.title if seen else "Quality report, without its file"
    yield f"<h2>{escape(title)}</h2>\n"
    if words := standing_words(one):
        kind = "warn" if one.standing is Standing.SUPERSEDED else "bad"
        yield f'<p class="notice {kind}">{escape(words)}</p>\n'
    if seen is not None:
        yield f'<p class="flags">{escape(flag_words(seen).capitalize())}</p>\n'
        for group in seen.groups:
            yield from _group(seen, group)
        yield from _items("Also in the report", seen.further)
    else:
        yield f'<p class="notice warn">{escape(missing_words(one))}</p>\n'
        yield from (f'<p class="kept">{marked_up(sentence)}</p>\n' for sentence in one.kept)
    for form in one.forms:
        yield from form_lines(form)
    yield from (_picture(path) for path in one.pictures)
    yield from _deliveries(one)
    yield from _facts(one)
    yield "</article>\n"


def _group(seen: ReportSeen, group: Group) -> Iterator[str]:
    yield f'<section class="group">\n<h3>{escape(heading_words(group))}</h3>\n'
    for number, sentence in enumerate(group.sentences):
        yield f'<p class="{"lead" if number == 0 else "comment"}">{marked_up(sentence)}</p>\n'
    if group.about:
        yield f'<p class="quiet">About: {escape(group.about)}</p>\n'
    yield '<div class="tables">\n'
    yield from _numbers(seen, group.numbers)
    yield from _evaluations(seen, group.evaluations)
    yield "</div>\n"
    if group.images:
        yield f'<p class="images">Look at: {escape(seen.where(group.images))}</p>\n'
    if group.algorithm and not seen.algorithm:
        yield f'<p class="quiet">By: {escape(algorithm_words(group))}</p>\n'
    yield from _items("Also in this part", group.further)
    yield "</section>\n"


def _numbers(seen: ReportSeen, numbers: Sequence[Number]) -> Iterator[str]:
    if not numbers:
        return
    yield "<table><caption>Measured</caption><tbody>\n"
    for number in numbers:
        value = escape(f"{number.value} {number.unit}".strip())
        where = escape(seen.where(number.images))
        yield f'<tr><th scope="row">{escape(number.name)}</th><td>{value}'
        if where:
            yield f' <span class="quiet">{where}</span>'
        yield f"{details(number.details)}</td></tr>\n"
    yield "</tbody></table>\n"


def _evaluations(seen: ReportSeen, evaluations: Sequence[Evaluation]) -> Iterator[str]:
    if not evaluations:
        return
    yield "<table><caption>Judged</caption><tbody>\n"
    for answer in evaluations:
        yield (
            f'<tr><th scope="row">{escape(answer.name)}</th>'
            f'<td><span class="tone {tone(answer)}">{escape(answer.value)}</span>'
        )
        if where := escape(seen.where(answer.images)):
            yield f' <span class="quiet">{where}</span>'
        yield f"{details(answer.details)}</td></tr>\n"
    yield "</tbody></table>\n"


def _items(title: str, items: Sequence[Item]) -> Iterator[str]:
    if items:
        yield f'<div class="items"><h4>{escape(title)}</h4>{details(items)}</div>\n'


def _picture(path: Path) -> str:
    data = b64encode(path.read_bytes()).decode("ascii")
    return (
        '<figure><div class="scroll">'
        '<img alt="The worst slice before and after restoration, and the difference" '
        f'src="data:image/png;base64,{data}"></div><figcaption>A page of the node on this series. '
        "It is no part of the report and isn't sent.</figcaption></figure>\n"
    )


def _deliveries(one: ReportPreview) -> Iterator[str]:
    if one.sendings:
        yield '<ul class="sendings">\n'
        for sending in one.sendings:
            kind = "good" if sending.there else "warn"
            yield f'<li class="{kind}">{escape(sending_words(sending))}</li>\n'
        yield "</ul>\n"
    else:
        yield f'<p class="quiet">{NO_DELIVERY.capitalize()}.</p>\n'


def _facts(one: ReportPreview) -> Iterator[str]:
    yield '<dl class="facts">\n'
    for label, value in facts(one):
        if label:
            yield f"<dt>{escape(label)}</dt>"
        yield f"<dd>{escape(value)}</dd>\n"
    yield "</dl>\n"
    if one.report is not None and one.report.image_library:
        yield "<details><summary>Image library</summary>"
        yield f"{details(one.report.image_library)}</details>\n"
