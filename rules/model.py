"""The rule set: rules in order, the first that matches decides; read from YAML and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from rules.condition import Clause
from rules.located_yaml import LocatedYaml, Location, YamlError, read_yaml, unknown_name
from rules.restoring import KEYS, Restoring, Vocabulary

Name = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=80, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
"""One line of text."""


class RuleError(ValueError):
    """Rules that can't be used; one line per problem, with line, rule and fix."""


class Action(StrEnum):
    """What is done with a series."""

    IGNORE = "ignore"
    """Nothing is made of it."""
    ASSESS = "assess"
    """Its quality is described in a report."""
    RESTORE = "restore"
    """Assessed, then restored after the rule's restore mode."""


class RestoreMode(StrEnum):
    """When a restored series is made."""

    WHEN_NEEDED = "when_needed"
    """Only where the assessment finds something wrong."""
    ALWAYS = "always"
    """Whatever the assessment finds; the report says so."""


class NoteScope(StrEnum):
    """What one report is about."""

    SERIES = "series"
    """Each series gets its own."""
    STUDY = "study"
    """All series of the study whose rule says so share one."""


class Outcome(BaseModel):
    """The ``then`` of a rule.

    ``engine`` None is the node's default engine; ``restoring`` None leaves it to the engine what is
    restored and how strongly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    restore: RestoreMode | None = None
    restoring: Restoring | None = Field(default=None, exclude_if=lambda value: value is None)
    engine: Name | None = None
    destinations: tuple[Name, ...] = ()
    forward_originals: bool = False
    note: NoteScope = NoteScope.SERIES

    @field_validator("restoring", mode="before")
    @classmethod
    def _says_something(cls, written: object) -> object:
        if written is None:
            raise ValueError(f"restoring: is empty; leave it out, or use {', '.join(KEYS)}")
        return written

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.restore is not None and self.action is not Action.RESTORE:
            raise ValueError("restore: goes with action: restore; leave it out")
        if self.restoring is not None and self.action is not Action.RESTORE:
            raise ValueError("restoring: goes with action: restore; leave it out")
        if self.engine is not None and self.action is Action.IGNORE:
            raise ValueError("an ignored series needs no engine; leave it out")
        if self.forward_originals and not self.destinations:
            raise ValueError("forward_originals needs destinations, e.g. destinations: [pacs]")
        if self.action is Action.IGNORE and self.destinations and not self.forward_originals:
            raise ValueError(
                "an ignored series sends nothing; leave destinations out, "
                "or forward the originals with forward_originals: true"
            )
        return self


class Rule(BaseModel):
    """One rule: when all conditions hold, then the outcome. No conditions: always."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    when: tuple[Clause, ...] = ()
    then: Outcome
    note: str | None = None


class RuleSet(BaseModel):
    """Rules in order; the first that matches decides, and none matching means ignore."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        first: dict[str, int] = {}
        for index, rule in enumerate(self.rules):
            if rule.name in first:
                raise PydanticCustomError(
                    "located",
                    "the name is taken by rule {number}; give each rule its own",
                    {"location": ("rules", index, "name"), "number": first[rule.name] + 1},
                )
            first[rule.name] = index
        return self

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what the rules say, whatever their comments and layout."""
        said = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


def load_rules(text: str, source: str, vocabulary: Vocabulary | None = None) -> RuleSet:
    """Read rules from YAML; ``source`` names the text in messages.

    ``vocabulary`` holds the words that ``restoring`` may use; without it any are taken.

    Raises:
        RuleError: one line per problem: ``source:line: rule "name": what is wrong; the fix``.
    """
    try:
        located = read_yaml(text)
    except YamlError as error:
        raise RuleError(f"{source}:{error.line}: {error}") from None
    if not isinstance(located.data, dict):
        raise RuleError(f"{source}:{located.line(())}: the text must begin with `rules:`")
    try:
        return RuleSet.model_validate(located.data, context={"vocabulary": vocabulary})
    except ValidationError as error:
        told = [_tell(e, source, located) for e in error.errors()]
        raise RuleError("\n".join(text for _, text in sorted(told, key=lambda t: t[0]))) from None


def check_names(
    ruleset: RuleSet, engines: Collection[str], destinations: Collection[str]
) -> list[str]:
    """Problems with names that rules use but the node does not know; empty where there are none."""
    problems = []
    for rule in ruleset.rules:
        used = [("destination", name, destinations) for name in rule.then.destinations]
        if rule.then.engine is not None:
            used.append(("engine", rule.then.engine, engines))
        for kind, name, known in used:
            if name not in known:
                problems.append(f'rule "{rule.name}": {unknown_name(kind, name, known)}')
    return problems


def _tell(error: ErrorDetails, source: str, located: LocatedYaml) -> tuple[int, str]:
    """The line of one pydantic error and what to say of it."""
    context = error.get("ctx", {})
    location = cast(Location, tuple(context.get("location", error["loc"])))
    # Pydantic names the chosen form of a clause or threshold in its locations; the text doesn't.
    if len(location) > 4 and location[2] == "when":
        location = (*location[:4], *location[5:])
    if len(location) > 5 and location[4] == "from":
        location = (*location[:5], *location[6:])
    message = error["msg"].removeprefix("Value error, ")
    written = str(location[-1]) if location else ""
    if error["type"] == "extra_forbidden":
        message = unknown_name("key", written, _keys_beside(location))
    elif error["type"] == "missing":
        message = f"{written} is required but not written"
    elif error["type"] in ("tuple_type", "model_type", "dict_type"):
        shape = "a list, each item begun with -" if error["type"] == "tuple_type" else "keys"
        message = f"{'each item' if written.isdigit() else written} should hold {shape}"
    elif error["type"] not in ("value_error", "located"):
        message = f"{written}: {message[:1].lower()}{message[1:]} (found {error['input']!r})"
    line = located.line(location)
    return line, f"{source}:{line}: {_rule_named(located, location)}{message}"


def _keys_beside(location: Location) -> Collection[str]:
    if len(location) == 1:
        return list(RuleSet.model_fields)
    if len(location) == 3:
        return list(Rule.model_fields)
    if "restoring" in location:
        return KEYS
    return ["any"] if "when" in location else list(Outcome.model_fields)


def _rule_named(located: LocatedYaml, location: Location) -> str:
    """``rule "name": `` of the rule that ``location`` is in; its number where it has no name."""
    if len(location) < 2 or location[0] != "rules" or not isinstance(location[1], int):
        return ""
    data = cast(dict[str, object], located.data)
    rule = cast(list[object], data["rules"])[location[1]]
    name = rule.get("name") if isinstance(rule, dict) else None
    return f'rule "{name}": ' if name else f"rule {location[1] + 1}: "
