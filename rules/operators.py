r"""What the operators of the rule language mean.

An instance's value of an element is a tuple of its components (value multiplicity, PS3.5 6.4); an
empty tuple stands for an element that is missing or has no value, which is one and the same here.

- ``equals``, ``one_of``, ``pattern``, ``at_least``, ``at_most`` and ``between`` hold for a value
  where any of its components satisfies them. ``equals``, ``one_of`` and ``pattern`` also look at
  the whole, its components joined by backslashes (``ORIGINAL\PRIMARY\AXIAL``).
- ``not_equals`` and ``not_one_of`` hold exactly where ``equals`` and ``one_of`` do not.
- A series may hold several distinct values; an operator holds for it where it holds for each.
- For a missing value only ``exists: false``, ``not_equals`` and ``not_one_of`` hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

Scalar = str | int | float
Operand = Scalar | tuple[Scalar, ...]
Value = tuple[Scalar, ...]
"""Components of one instance's value."""

_NUMBER = re.compile(r"[-+]?([0-9]{1,64}(\.[0-9]{0,64})?|\.[0-9]{1,64})([eE][-+]?[0-9]{1,3})?")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_AGE = re.compile(r"([0-9]{1,3})([DWMY])")
_DAYS = {"D": Decimal(1), "W": Decimal(7), "M": Decimal("30.4375"), "Y": Decimal("365.25")}


class Operator(StrEnum):
    """The operators, by the words that rules use."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    ONE_OF = "one_of"
    NOT_ONE_OF = "not_one_of"
    PATTERN = "pattern"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BETWEEN = "between"
    EXISTS = "exists"


def holds(operator: Operator, operand: Operand, values: Sequence[Value]) -> bool:
    """Whether the operator holds for a series with these distinct ``values``; none is missing."""
    return all(_satisfied(operator, operand, clean(value)) for value in values or ((),))


def clean(value: Value) -> Value:
    """The components without padding; ``()`` where all of them are empty."""
    stripped = tuple(c.strip(" \0") if isinstance(c, str) else c for c in value)
    return stripped if any(c != "" for c in stripped) else ()


def as_text(component: Scalar) -> str:
    """A component as an administrator would write it: ``5`` rather than ``5.0``."""
    return str(component).removesuffix(".0") if isinstance(component, float) else str(component)


def rank(component: Scalar) -> tuple[str, Decimal] | None:
    """What orders a component: ``("number", x)`` or ``("age", days)``; ``None`` where unordered.

    Dates (DA, or 2024-01-31) are numbers such as 20240131; ages are VR AS (PS3.5 6.2), e.g. 018Y.
    """
    text = as_text(component)
    if age := _AGE.fullmatch(text):
        return "age", Decimal(age[1]) * _DAYS[age[2]]
    number = as_number("".join(date.groups()) if (date := _ISO_DATE.fullmatch(text)) else text)
    return None if number is None else ("number", number)


def as_number(component: Scalar) -> Decimal | None:
    """The number a component says, exactly; ``None`` where it says none."""
    text = str(component)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def matches(pattern: str, text: str) -> bool:
    """Glob match: ``*`` any text, ``?`` one character, all else itself; case doesn't matter.

    Takes time in proportion to both lengths multiplied at worst, whatever the pattern.
    """
    pattern, text = pattern.casefold(), text.casefold()
    p = t = 0
    star, resume = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, resume = p, t
            p += 1
        elif p < len(pattern) and pattern[p] in ("?", text[t]):
            p += 1
            t += 1
        elif star >= 0:  # let the last star take one character more
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return not pattern[p:].strip("*")


def _satisfied(operator: Operator, operand: Operand, value: Value) -> bool:
    if operator is Operator.EXISTS:
        return bool(value) is operand
    if operator is Operator.NOT_EQUALS:
        return not _satisfied(Operator.EQUALS, operand, value)
    if operator is Operator.NOT_ONE_OF:
        return not _satisfied(Operator.ONE_OF, operand, value)
    if not value:
        return False
    operands = operand if isinstance(operand, tuple) else (operand,)
    if operator in (Operator.EQUALS, Operator.ONE_OF, Operator.PATTERN):
        candidates = value if len(value) == 1 else (*value, "\\".join(map(as_text, value)))
        compare = _matches if operator is Operator.PATTERN else _same
        return any(compare(o, c) for o in operands for c in candidates)
    return any(_in_range(operator, operands, component) for component in value)


def _matches(pattern: Scalar, component: Scalar) -> bool:
    return matches(str(pattern), as_text(component))


def _same(operand: Scalar, component: Scalar) -> bool:
    """Equal as numbers where either is written as a number, else the same text, same case."""
    if not (isinstance(operand, str) and isinstance(component, str)):
        left, right = as_number(operand), as_number(component)
        if left is not None and right is not None:
            return left == right
    return as_text(operand) == as_text(component)


def _in_range(operator: Operator, bounds: tuple[Scalar, ...], component: Scalar) -> bool:
    place = rank(component)
    limits = [rank(bound) for bound in bounds]
    if place is None or any(limit is None or limit[0] != place[0] for limit in limits):
        return False
    low, high = limits[0], limits[-1]
    assert low is not None
    assert high is not None
    above = operator is Operator.AT_MOST or place[1] >= low[1]
    below = operator is Operator.AT_LEAST or place[1] <= high[1]
    return above and below
