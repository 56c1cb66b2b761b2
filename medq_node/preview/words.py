"""How the preview words what is true of a report; the same in a terminal and in HTML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from medq_node.preview.content import Evaluation, Group, ReportSeen, series_letter
from medq_node.preview.found import FormPreview, ReportPreview, Sending, Standing

NO_DELIVERY: Final = "on its way to no destination"

_TONES: Final = {
    "none": "good",
    "good image quality": "good",
    "passed": "good",
    "mild": "fair",
    "moderate": "warn",
    "limited quality": "warn",
    "severe": "bad",
    "failed": "bad",
    "unusable - quality renders image unusable": "bad",
    "not assessed": "quiet",
}
"""How a coded answer is toned; the words alone say all."""


def tone(answer: Evaluation) -> str:
    """Tone of a coded answer: ``good``, ``fair``, ``warn``, ``bad`` or ``quiet``."""
    # Confidence has the same words as severity, and another meaning.
    if "confidence" in answer.name.lower():
        return "fair"
    return _TONES.get(answer.value.lower(), "fair")


def heading_words(group: Group) -> str:
    """What a group is about."""
    return f"{group.section}: {group.heading}" if group.section else group.heading


def flag_words(seen: ReportSeen) -> str:
    """How far the report may be trusted, and when it was written."""
    return f"{', '.join(seen.flags) or 'without a completion flag'}; written {seen.written}"


def standing_words(one: ReportPreview) -> str:
    """Whether a report still holds; empty where it does."""
    if one.standing is Standing.SUPERSEDED:
        return "SUPERSEDED: a later report on the same images has replaced it"
    if one.standing is Standing.NOT_SENT:
        return f"NOT SENT: {one.reason or 'it has not left the node'}"
    return ""


def missing_words(one: ReportPreview) -> str:
    """Why a report can't be shown, and what is shown instead."""
    instead = "the database kept these words, which aren't the report itself"
    nothing = "the database kept no words of it either"
    return f"The report can't be shown: {one.missing}; {instead if one.kept else nothing}."


def facts(one: ReportPreview) -> Iterator[tuple[str, str]]:
    """Where a report comes from: label and value."""
    seen = one.report
    if seen is not None:
        for place, series in enumerate(seen.evidence, start=1):
            yield f"series {series_letter(place)}", f"{series.kind}, {series.objects} images"
            yield "", series.series_instance_uid
        if seen.procedure:
            yield "procedure", ", ".join(seen.procedure)
        if seen.observer:
            yield "made by", ", ".join(item.value for item in seen.observer)
        if seen.algorithm:
            yield "algorithm", seen.algorithm
        for group in seen.groups:
            if group.tracking_uid:
                yield "tracking", group.tracking_uid
        if seen.language:
            yield "language", seen.language
        yield "study", seen.study_instance_uid
    yield "report", f"{one.handle}, number {one.number}"
    yield "", one.sop_instance_uid
    for old in seen.replaces if seen else ():
        yield "replaces", old


FORM_NAMES: Final = {
    "report": "structured report",
    "text report": "text report",
    "page": "page, as a picture",
    "pdf": "page, as a PDF",
    "quality issue": "key object",
}
"""What the forms of a note are called."""


def form_words(form: FormPreview) -> str:
    """What a form is and where it is."""
    told = [FORM_NAMES.get(form.kind, form.kind)]
    if form.missing:
        told.append(f"can't be shown, as {form.missing}")
    if form.there:
        told.append(f"it is at {', '.join(form.there)}")
    if form.awaited:
        told.append(f"it is not yet at {', '.join(form.awaited)}")
    if not form.there and not form.awaited:
        told.append(NO_DELIVERY)
    return "; ".join(told)


def sending_words(sending: Sending) -> str:
    """How far a report's way to one destination has come."""
    words = f"{sending.destination}: {'it is there' if sending.there else 'it is not there yet'}"
    words += f" ({sending.state}, {sending.confirmed} of {sending.total} objects)"
    if sending.last_error and not sending.there:
        words += f", last: {sending.last_error}"
    return words
