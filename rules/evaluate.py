"""Facts of a series in, a decision with its reasons out.

What the operators mean stands in ``rules.operators``. A decision holds header values, so that it
can be explained later: show it to those who may see the study, and don't log it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter
from pydicom.datadict import dictionary_VR, tag_for_keyword

from rules.condition import AnyOf, Condition, conditions_of
from rules.model import Action, NoteScope, RestoreMode, Rule, RuleSet
from rules.operators import Operator, Value, as_text, clean, holds
from rules.restoring import Restoring

_SHOWN_OF_THE_PATIENT = frozenset(
    {"PatientSex", "PatientAge", "PatientSize", "PatientWeight", "PatientBodyMassIndex"}
    | {"MeasuredAPDimension", "MeasuredLateralDimension", "QualityControlSubject"}
)
"""The only elements of group 0010 (patient) whose values are shown."""
_WITHHELD_GROUPS = frozenset({0x0010, 0x0038})
"""Patient; patient's visit and admission."""
_WITHHELD_VRS = frozenset({"PN", "LT", "ST", "UT", "UC", "UR"})
"""Names of persons, and text without a form, in which anything may stand."""
_WITHHELD_KEYWORDS = frozenset(
    {"AccessionNumber", "StudyID", "RequestedProcedureID", "ScheduledProcedureStepID"}
    | {"PerformedProcedureStepID", "InterpretationID", "ResultsID"}
    | {"PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest"}
    | {"PlacerOrderNumberProcedure", "FillerOrderNumberProcedure", "OrderCallbackPhoneNumber"}
    | {"PersonTelephoneNumbers", "SpecimenIdentifier", "ContainerIdentifier"}
    | {"AdmittingDiagnosesDescription", "ReasonForStudy", "ReasonForTheRequestedProcedure"}
    | {"ReasonForTheImagingServiceRequest"}
)
"""Numbers that lead to the patient in other systems, and why the patient came."""
_LONGEST_SHOWN = 120
_MOST_SHOWN = 3
_MOST_NAMED = 6
_WORDS = {
    Operator.EQUALS: "equals",
    Operator.NOT_EQUALS: "is not",
    Operator.ONE_OF: "is one of",
    Operator.NOT_ONE_OF: "is none of",
    Operator.PATTERN: "matches",
    Operator.AT_LEAST: "is at least",
    Operator.AT_MOST: "is at most",
    Operator.BETWEEN: "is between",
}
ABSENT = "(absent)"
WITHHELD = "(not shown)"


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What rules may ask of a series.

    ``elements`` maps a DICOM keyword to the distinct values that the series' instances hold, each
    a tuple of its components; an instance without the element, or without a value in it, adds the
    empty tuple where others have one. Sequences and bulk data are not among them.
    """

    calling_ae_title: str
    called_ae_title: str
    peer_host: str
    number_of_images: int
    elements: Mapping[str, Sequence[Value]]

    def values(self, keyword: str) -> tuple[Value, ...]:
        """The distinct values of ``keyword``, ``((),)`` where it is missing."""
        own: dict[str, str | int] = {
            "calling_ae_title": self.calling_ae_title,
            "called_ae_title": self.called_ae_title,
            "peer_host": self.peer_host,
            "number_of_images": self.number_of_images,
        }
        values = [(own[keyword],)] if keyword in own else self.elements.get(keyword, ())
        return tuple(dict.fromkeys(clean(value) for value in values)) or ((),)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a series, and why.

    ``rule`` None: no rule matched. ``restore`` is None unless the action is restore, and so is
    ``restoring``, which also is where the rule has no such options; ``engine`` None is the node's
    default. ``values_seen`` holds, for each keyword that was looked at, its
    value as shown to people. ``why_not`` holds the rules before the one that matched, each with
    the condition that kept it from matching.
    """

    rule: str | None
    action: Action
    restore: RestoreMode | None
    engine: str | None
    destinations: tuple[str, ...]
    forward_originals: bool
    values_seen: dict[str, str]
    why_not: tuple[tuple[str, str], ...]
    explanation: str
    note: NoteScope = NoteScope.SERIES
    restoring: Restoring | None = None

    def to_json(self) -> str:
        """The decision as JSON text; ``from_json`` reads it back."""
        return json.dumps(_DECISION.dump_python(self, mode="json"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Decision:
        """The decision that ``to_json`` wrote.

        Raises:
            ValueError: the text is no decision.
        """
        return _DECISION.validate_python(json.loads(text))


_DECISION = TypeAdapter(Decision)


def decide(ruleset: RuleSet, facts: SeriesFacts) -> Decision:
    """The decision of the first rule whose conditions all hold; ignore where none does."""
    seen: dict[str, str] = {}
    why_not: list[tuple[str, str]] = []
    for rule in ruleset.rules:
        reasons, failed = _judge(rule, facts, seen)
        if failed is not None:
            why_not.append((rule.name, failed))
            continue
        then = rule.then
        restoring = then.action is Action.RESTORE
        return Decision(
            rule=rule.name,
            action=then.action,
            restore=(then.restore or RestoreMode.WHEN_NEEDED) if restoring else None,
            engine=then.engine,
            destinations=then.destinations,
            forward_originals=then.forward_originals,
            values_seen=seen,
            why_not=tuple(why_not),
            explanation=_explain(rule, reasons),
            note=then.note,
            restoring=then.restoring,
        )
    explanation = "No rule matched, so the series is ignored."
    return Decision(None, Action.IGNORE, None, None, (), False, seen, tuple(why_not), explanation)


def _judge(rule: Rule, facts: SeriesFacts, seen: dict[str, str]) -> tuple[list[str], str | None]:
    """Why the rule matches, in words, and the first condition that failed, if one did."""
    reasons: list[str] = []
    for clause in rule.when:
        failures: list[str] = []
        for condition in conditions_of(clause):
            values = facts.values(condition.keyword)
            shown = seen[condition.keyword] = _shown(condition.keyword, values)
            if holds(condition.operator, condition.operand, values):
                reasons.append(_held(condition, shown))
                break
            failures.append(_failed(condition, shown))
        else:
            group = isinstance(clause, AnyOf)
            return reasons, f"none of: {'; '.join(failures)}" if group else failures[0]
    return reasons, None


def _operand(condition: Condition) -> str:
    if _identifies(condition.keyword):
        return WITHHELD
    operand = condition.operand
    many = operand if isinstance(operand, tuple) else (operand,)
    told = [f'"{_line(o)}"' if isinstance(o, str) else as_text(o) for o in many]
    if condition.operator is Operator.BETWEEN:
        return " and ".join(told)
    rest = len(told) - _MOST_NAMED
    return ", ".join(told) if rest <= 0 else f"{', '.join(told[:_MOST_NAMED])} ({rest} more)"


def _held(condition: Condition, shown: str) -> str:
    if condition.operator is Operator.EXISTS:
        return f"{condition.keyword} is {'present' if condition.operand else 'absent'}"
    words = f"{condition.keyword} {_WORDS[condition.operator]} {_operand(condition)}"
    return words if shown == _operand(condition) else f"{words} (it is {shown})"


def _failed(condition: Condition, shown: str) -> str:
    if condition.operator is Operator.EXISTS:
        wanted = "is present" if condition.operand else "is absent"
    else:
        wanted = f"{_WORDS[condition.operator]} {_operand(condition)}"
    return f"{condition.keyword} {wanted}: no, it is {shown}"


def _explain(rule: Rule, reasons: list[str]) -> str:
    because = f"because {', and '.join(reasons)}" if reasons else "as it asks nothing"
    then = rule.then
    engine = f" with engine {then.engine}" if then.engine else ""
    does = {
        Action.IGNORE: "the series is ignored",
        Action.ASSESS: f"the series is assessed{engine}",
        Action.RESTORE: f"the series is assessed and, where needed, restored{engine}",
    }[then.action]
    if then.restore is RestoreMode.ALWAYS:
        does = f"the series is assessed and always restored{engine}"
    if then.restoring is not None:
        does += f" ({then.restoring})"
    if then.action is not Action.IGNORE and then.destinations:
        does += f", the results go to {', '.join(then.destinations)}"
    if then.action is not Action.IGNORE and then.note is NoteScope.STUDY:
        does += ", in one note for the whole study"
    if then.forward_originals:
        does += f", the originals are forwarded to {', '.join(then.destinations)}"
    return f'Rule "{rule.name}" matched {because}: {does}.'


def _identifies(keyword: str) -> bool:
    """Whether a value may say who the patient is; such values are used but never shown."""
    tag = tag_for_keyword(keyword)
    if tag is None or keyword in _SHOWN_OF_THE_PATIENT:
        return False
    return (
        tag >> 16 in _WITHHELD_GROUPS
        or dictionary_VR(tag) in _WITHHELD_VRS
        or keyword in _WITHHELD_KEYWORDS
    )


def _shown(keyword: str, values: Sequence[Value]) -> str:
    """Distinct values for people: quoted text, a few of them, without control characters."""
    if all(value == () for value in values):
        return ABSENT
    if _identifies(keyword):
        return WITHHELD
    told = [_one_shown(value) for value in values[:_MOST_SHOWN]]
    rest = len(values) - len(told)
    return " or ".join(told) + (f" or {rest} more" if rest else "")


def _one_shown(value: Value) -> str:
    if value == ():
        return ABSENT
    text = _line("\\".join(map(as_text, value)))
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 3] + "..."
    return f'"{text}"' if any(isinstance(c, str) for c in value) else text


def _line(text: str) -> str:
    """The text on one line, without control characters or broken encodings."""
    return "".join(c if c.isprintable() else "?" for c in text)
