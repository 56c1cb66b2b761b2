"""The sentences that a person reads in a report: short, plain, and of ASCII only.

``content.sentence_before`` says how the series is; these say what was done about it, what that
changed, and why not where nothing was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from pydicom.dataset import Dataset

from engines.quality import Finding, QualityDescription, format_amounts, format_finding
from engines.sentence import DEGRADATION_WORDS
from medq_node.objects import NOTES, GateMeasure, GateVerdict, OutputKind, OutputReference
from medq_node.outputs.content import ActionTaken, ReportContent
from medq_node.outputs.labels import (
    RESTORED_LABEL,
    RESTORED_SERIES_OFFSET,
    ascii_text,
    series_description,
    series_number,
)

RESEARCH_ONLY = "For research use only. Made by software; nobody has verified it."


@dataclass(frozen=True, slots=True)
class SeriesWords:
    """How the source series and the restored one are called, as series lists show them.

    Number first, then the description in quotes where it has only plain characters.
    """

    source: str
    restored: str

    @classmethod
    def of(cls, header: Dataset, label: str = "") -> SeriesWords:
        """Names after the ``header`` of any image of the source series.

        ``label`` tells the stack that is meant from the others of its series.
        """
        description = str(header.get("SeriesDescription") or "")
        number = series_number(header, 0)
        stack = f", {ascii_text(label, 64)}" if label else ""
        restored = series_description(RESTORED_LABEL, description)
        return cls(
            _called(number, description) + stack,
            _called(series_number(header, RESTORED_SERIES_OFFSET), restored) + stack,
        )


def _called(number: int, description: str) -> str:
    words = f"series {number}" if number else "the series"
    plain = ascii_text(" ".join(description.split()), 64)
    # Where letters were lost to question marks the number alone says more.
    if plain and plain.count("?") == description.count("?"):
        words += f' "{plain}"'
    return words


def slices_words(slices: tuple[int, int] | None) -> str:
    """``slice 3`` or ``slices 3-20``; ``all slices`` for None."""
    if slices is None:
        return "all slices"
    first, last = slices
    return f"slice {first}" if first == last else f"slices {first}-{last}"


def finding_words(finding: Finding) -> str:
    """One finding of a range of slices as a sentence, with its numbers, place and worst slice."""
    return f"{format_finding(replace(finding, slices=None))}."


def action_words(content: ReportContent, names: SeriesWords) -> Iterator[str]:
    """What was done and why, alarms, what that changed, and what the checks measured."""
    match content.action:
        case ActionTaken.RESTORED:
            yield f"Action taken: restored, as {names.restored}. The originals are unchanged."
        case ActionTaken.REFUSED:
            yield "Action taken: none. A restoration was made, refused and not sent."
        case ActionTaken.ASSESSED_ONLY:
            yield "Action taken: none. No restoration was asked for."
        case ActionTaken.UNCHANGED:
            yield "Action taken: none. No restoration was needed."
        case ActionTaken.UNMENDABLE:
            yield "Action taken: none. This engine can mend nothing of what is wrong."
        case ActionTaken.WITHHELD:
            yield "Action taken: none. The engine is not trusted to restore."
        case ActionTaken.UNFIT:
            yield "Action taken: none. The images are unfit, and what is unfit is not restored."
    refused = content.action is ActionTaken.REFUSED
    gate_reasons = content.gate.reasons if content.gate else ()
    for reason in dict.fromkeys((*content.reasons, *gate_reasons)):
        yield f"{'Refused because' if refused else 'Reason'}: {_sentence(reason)}"
    yield from content.left_out
    yield from content.alarms
    yield from content.overridden
    if content.after is not None:
        yield from _changes(content.before, content.after)
    if content.gate is not None:
        yield from gate_words(content.gate)


def gate_words(gate: GateVerdict) -> Iterator[str]:
    """What the do-no-harm gate measured, but for the failures that its reasons speak of."""
    if not gate.reasons:
        for measure in gate.measures:
            if not measure.passed:
                yield f"Do-no-harm check failed: {_measured(measure)}."
    passed = [_measured(measure) for measure in gate.measures if measure.passed]
    if passed:
        title = "Do-no-harm check passed" if gate.passed else "Other do-no-harm checks passed"
        yield f"{title}: {'; '.join(passed)}."


def superseded_words(superseded: Sequence[OutputReference]) -> Iterator[str]:
    """What of an earlier revision this report and its restored series replace."""
    kinds = {old.kind for old in superseded}
    names = ((NOTES, "the report"), ({OutputKind.RESTORED}, "the restored series"))
    old = [name for meant, name in names if kinds & meant]
    if old:
        yield f"Supersedes {' and '.join(old)} of an earlier revision."


def series_words(content: ReportContent, names: SeriesWords) -> list[str]:
    """All that the group on the whole series as received has to say, most important first."""
    return list(
        chain(
            [content.sentence_before],
            action_words(content, names),
            superseded_words(content.superseded),
            [RESEARCH_ONLY],
        )
    )


def _changes(before: QualityDescription, after: QualityDescription) -> Iterator[str]:
    changed, same = [], []
    for then in before.findings:
        now = after.finding(then.degradation)
        if now is None:
            continue
        name = DEGRADATION_WORDS[then.degradation]
        if (then.amounts, then.severity) == (now.amounts, now.severity):
            same.append(f"{name} {_state(now)}")
        else:
            changed.append(f"{name} from {_state(then)} to {_state(now)}")
    if changed:
        yield f"What the restoration changed: {'; '.join(changed)}."
    if same:
        yield f"Measured alike before and after: {'; '.join(same)}."


def _state(finding: Finding) -> str:
    amount = format_amounts(finding)
    return f"{amount} ({finding.severity.value})" if amount else finding.severity.value


def _measured(measure: GateMeasure) -> str:
    unit = f" {measure.unit}" if measure.unit else ""
    return f"{measure.name} {measure.value:.3g}{unit} (limit {measure.limit:.3g})"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
