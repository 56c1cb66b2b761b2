"""YAML text as plain data that remembers on which line each key stands.

Stricter than YAML 1.1, so that what an administrator writes is what the node reads: only
``true``/``false`` are booleans (``NO`` and ``ON`` stay words), numbers with leading zeros and
dates stay text, duplicate keys, anchors and aliases are refused. Knows nothing of rules or
configuration; both are read with it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
Location = tuple[str | int, ...]

_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?")
_BARE_STAR = re.compile(r"[:\[{,-]\s*\*")
_DEEPEST = 32
_TAGS = frozenset(
    "tag:yaml.org,2002:" + kind
    for kind in ("null", "bool", "int", "float", "timestamp", "str", "value", "merge", "seq", "map")
)
"""Kinds that plain YAML resolves to; scalars among them are read by ``_scalar`` all the same."""


class YamlError(ValueError):
    """The text is not YAML that the node reads; ``line`` is 1-based."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class LocatedYaml:
    """Plain data and the 1-based line of every key and list item in it."""

    data: Plain
    lines: dict[Location, int]

    def line(self, location: Location) -> int:
        """Line of ``location``, or of its nearest parent that is written in the text."""
        for length in range(len(location), 0, -1):
            if (found := self.lines.get(location[:length])) is not None:
                return found
        return self.lines.get((), 1)


def read_yaml(text: str) -> LocatedYaml:
    """Read one YAML document.

    Raises:
        YamlError: syntax errors, duplicate keys, anchors or aliases, exotic tags.
    """
    try:
        _refuse_exotic(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Location, int] = {}
        data = None if root is None else _plain(root, (), lines)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise YamlError(line, "a character that YAML does not allow; delete it") from None
    return LocatedYaml(data, lines)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` probably means, or ``None``."""
    by_lower = {k.lower(): str(k) for k in known}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """What is told of a ``name`` that is none of those ``known``, with the one probably meant."""
    names = sorted(known)
    guess = closest(name, names)
    if guess is not None:
        return f"no {kind} named {name!r}; did you mean {guess!r}?"
    return f"no {kind} named {name!r}; known: {', '.join(names) or 'none'}"


def _refuse_exotic(text: str) -> None:
    """Refuse anchors, aliases and bottomless nesting before anything is built from them."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            raise YamlError(
                line,
                "anchors and aliases (& and *) are not read; write the value out, "
                'and put text that begins with * or & in quotes, e.g. "*low dose*"',
            )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise YamlError(line, f"nested more than {_DEEPEST} levels deep")


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    mark = error.problem_mark or error.context_mark
    line = 1 if mark is None else mark.line + 1
    written = text.splitlines()
    message = f"not valid YAML: {error.problem or error.context}"
    if 0 < line <= len(written):
        if _BARE_STAR.search(written[line - 1]):
            message += '; text that begins with * needs quotes, e.g. "*low dose*"'
        elif "\t" in written[line - 1]:
            message += "; indent with spaces, never with tabs"
    return YamlError(line, message)


def _plain(node: yaml.Node, at: Location, lines: dict[Location, int]) -> Plain:
    lines.setdefault(at, node.start_mark.line + 1)
    if node.tag not in _TAGS:
        raise YamlError(node.start_mark.line + 1, f"the tag {node.tag} is not read; leave it out")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, at, lines)
    if isinstance(node, yaml.SequenceNode):
        items: list[Plain] = []
        for index, child in enumerate(node.value):
            lines[(*at, index)] = child.start_mark.line + 1
            items.append(_plain(child, (*at, index), lines))
        return items
    assert isinstance(node, yaml.ScalarNode)  # the third and last kind of node
    return _scalar(node)


def _mapping(node: yaml.MappingNode, at: Location, lines: dict[Location, int]) -> Plain:
    mapping: dict[str, Plain] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise YamlError(line, "a key must be one word")
        key = str(key_node.value)
        if key in mapping:
            first = lines[(*at, key)]
            raise YamlError(line, f"{key!r} is already written on line {first}; keep one of them")
        lines[(*at, key)] = line
        mapping[key] = _plain(value_node, (*at, key), lines)
    return mapping


def _scalar(node: yaml.ScalarNode) -> Plain:
    """The value of a scalar after the core schema of YAML 1.2 (section 10.3), decimal only."""
    text = str(node.value)
    if node.style is not None:  # quoted or block text is text
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return text
