"""Problems in config.yaml or in MEDQ_* variables, told so that an administrator can mend them.

Each is one line: where it stands (file and line, or the variable), which setting, what is wrong,
and where it can be known, the fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from rules.located_yaml import LocatedYaml, Location, closest

ENV_PREFIX = "MEDQ_"
NESTING = "__"
_SECRETS = frozenset({("database", "url"), ("database", "workflow_url")})
"""URLs may hold a password: their values are never shown."""
_SECRETS_OF_TARGETS = frozenset({"url", "password"})
"""The same for whoever is notified, by the last name: the URL of a webhook holds a token."""
_TARGETS = ("notifications", "targets")
_GROUP_EXPECTED = frozenset({"model_type", "model_attributes_type", "dict_type", "mapping_type"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one setting; ``location`` as in the file, e.g. ``("node", "data")``."""

    location: Location
    message: str
    from_environment: bool = False


def from_pydantic(
    error: ErrorDetails,
    known: Sequence[str],
    environment: Mapping[str, Any],
    located: LocatedYaml,
) -> Problem:
    """The problem behind one pydantic error.

    ``known`` are the names of settings that may stand beside it; ``environment`` is what the
    variables say, nested; ``located`` is the file.
    """
    kind, context = error["type"], error.get("ctx", {})
    location = _as_written(error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if kind == "located":
        location = tuple(context["location"])
    elif kind == "extra_forbidden":
        what = "section" if len(location) == 1 else "setting"
        message = unknown_word(what, str(location[-1]), known)
    elif kind == "missing":
        message = "is required but not written"
    elif kind == "union_tag_not_found":
        location, message = (*location, "kind"), "is required but not written"
    elif kind == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        location = (*location, "kind")
        what = "target" if location[:2] == _TARGETS else "destination"
        message = unknown_word(f"kind of {what}", str(context["tag"]), tags)
    elif kind in _GROUP_EXPECTED:
        message = "should be a group of settings, each on its own indented line"
    elif kind == "tuple_type":
        message = "should be a list such as [A, B]" + _found(location, error["input"])
    elif kind != "value_error":
        # "Input should be", but "URL scheme should be".
        first = message[:1] if message[:2].isupper() else message[:1].lower()
        message = first + message[1:] + _found(location, error["input"])
    by_variable = _depth(environment, location)
    by_file = _depth(located.data, location)
    whole = by_variable == len(location) > 0
    return Problem(location, message, from_environment=whole or by_variable > by_file)


def stray_variables(variables: Mapping[str, str], sections: Sequence[str]) -> list[Problem]:
    """Variables such as ``MEDQ_RECIEVER__PORT`` that would otherwise be passed over in silence."""
    problems = []
    for name in variables:
        section, nested, _ = name.upper().removeprefix(ENV_PREFIX).partition(NESTING)
        if name.upper().startswith(ENV_PREFIX) and nested and section.lower() not in sections:
            message = unknown_word("section", section.lower(), sections)
            problems.append(Problem((section.lower(),), message, from_environment=True))
    return problems


def unknown_word(kind: str, word: str, known: Iterable[str]) -> str:
    """``no destination named 'pasc'; did you mean 'pacs'?`` or the list of what there is."""
    guess = closest(word, known)
    if guess is not None:
        return f"no {kind} named {word!r}; did you mean {guess!r}?"
    return f"no {kind} named {word!r}; known: {', '.join(sorted(known)) or 'none'}"


def tell_all(
    problems: Sequence[Problem],
    source: str | None,
    located: LocatedYaml,
    variables: Mapping[str, str],
) -> str:
    """One line per problem, in the order of the file ``source``, those of variables first."""
    lines = []
    for problem in problems:
        name = ".".join(str(part) for part in problem.location)
        if problem.from_environment:
            variable = _variable(problem.location, variables)
            lines.append((0, f"{variable} (environment): {name}: {problem.message}"))
        elif source is None:
            lines.append((0, f"no config file: {name}: {problem.message}"))
        else:
            line = located.line(problem.location)
            setting = f"{name}: " if name else ""
            lines.append((line, f"{source}:{line}: {setting}{problem.message}"))
    return "\n".join(text for _, text in sorted(lines, key=lambda pair: pair[0]))


def _variable(location: Location, variables: Mapping[str, str]) -> str:
    """The variable that sets ``location``: itself, the nearest above it, or one below it."""
    names = {name.upper(): name for name in variables}
    for length in range(len(location), 0, -1):
        name = ENV_PREFIX + NESTING.join(str(part) for part in location[:length]).upper()
        if name in names:
            return names[name]
    wanted = ENV_PREFIX + NESTING.join(str(part) for part in location).upper() + NESTING
    below = sorted(written for name, written in names.items() if name.startswith(wanted))
    return below[0] if below else wanted.removesuffix(NESTING)


def _as_written(loc: tuple[str | int, ...]) -> Location:
    """Pydantic adds the chosen kind, or ``[key]``, after the name of a destination or target."""
    added = 2 if loc[:1] == ("destinations",) else 3 if loc[:2] == _TARGETS else None
    return tuple(part for i, part in enumerate(loc) if i != added)


def _depth(nested: object, location: Location) -> int:
    """How many parts of ``location`` are written in ``nested``."""
    for depth, part in enumerate(location):
        children = dict(enumerate(nested)) if isinstance(nested, list) else nested
        if not isinstance(children, Mapping) or part not in children:
            return depth
        nested = children[part]
    return len(location)


def _found(location: Location, value: object) -> str:
    if location in _SECRETS:
        return ""
    if location[:2] == _TARGETS and location[-1] in _SECRETS_OF_TARGETS:
        return ""
    shown = repr(value)
    return f" (found {shown if len(shown) <= 60 else shown[:57] + '...'})"
