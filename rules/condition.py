"""One condition of a rule, and a group of which one must hold, in their terse YAML form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    model_serializer,
    model_validator,
)
from pydicom.datadict import dictionary_VR, keyword_dict, tag_for_keyword

from rules.located_yaml import closest
from rules.operators import Operator, Scalar, as_text, rank

FACTS = ("calling_ae_title", "called_ae_title", "peer_host", "number_of_images")
"""What conditions may ask besides DICOM keywords."""

_LISTS = (Operator.ONE_OF, Operator.NOT_ONE_OF)
_ORDERED = (Operator.AT_LEAST, Operator.AT_MOST, Operator.BETWEEN)
_NOT_SEEN = frozenset(
    {"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW", "US or OW", "US or SS or OW"}
)
"""Value representations that a header snapshot leaves out: sequences and bulk data."""
_LONGEST_TEXT = 256

ScalarField = StrictBool | StrictInt | StrictFloat | StrictStr


class Condition(BaseModel):
    """One keyword, one operator, one operand; written ``Modality: {equals: CT}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keyword: str
    operator: Operator
    operand: ScalarField | tuple[ScalarField, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_terse(cls, written: object) -> object:
        if not isinstance(written, dict) or "operator" in written:
            return written
        if len(written) != 1:
            raise ValueError("a condition asks one keyword; begin each condition with its own -")
        ((keyword, asked),) = written.items()
        _check_keyword(str(keyword))
        if not isinstance(asked, dict) or len(asked) != 1:
            raise ValueError(
                f"{keyword} needs one operator, such as {keyword}: {{equals: ...}}; "
                f"operators: {', '.join(Operator)}"
            )
        ((operator, operand),) = asked.items()
        if operator not in list(Operator):
            guess = closest(str(operator), Operator)
            fix = f"did you mean {guess!r}?" if guess else f"operators: {', '.join(Operator)}"
            raise ValueError(f"{keyword} has no operator {operator!r}; {fix}")
        _check_shape(str(keyword), Operator(operator), operand)
        return {"keyword": keyword, "operator": operator, "operand": operand}

    @model_validator(mode="after")
    def _is_askable(self) -> Self:
        _check_keyword(self.keyword)
        _check_shape(self.keyword, self.operator, self.operand)
        return self

    @model_serializer
    def _terse(self) -> dict[str, Any]:
        operand = list(self.operand) if isinstance(self.operand, tuple) else self.operand
        return {self.keyword: {self.operator.value: operand}}


class AnyOf(BaseModel):
    """A group that holds where any of its conditions holds; written ``any: [...]``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    any: tuple[Condition, ...]

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if not self.any:
            raise ValueError("any: needs at least one condition")
        return self


def _kind(written: object) -> str:
    group = isinstance(written, AnyOf) or (isinstance(written, dict) and "any" in written)
    return "group" if group else "condition"


Clause = Annotated[
    Annotated[Condition, Tag("condition")] | Annotated[AnyOf, Tag("group")],
    Discriminator(_kind),
]


def conditions_of(clause: Condition | AnyOf) -> Iterator[Condition]:
    """The conditions within a clause."""
    yield from clause.any if isinstance(clause, AnyOf) else (clause,)


def _check_keyword(keyword: str) -> None:
    tag = tag_for_keyword(keyword)
    if keyword in FACTS or (tag is not None and _is_seen(tag)):
        return
    if tag is not None:
        raise ValueError(f"{keyword} is a sequence, bulk data or file meta; it can't be asked")
    if keyword == "any":
        raise ValueError("a group within a group is not read; write two rules instead")
    guess = closest(keyword, [*FACTS, *(k for k in keyword_dict if k)])
    fix = f"did you mean {guess!r}?" if guess else "see the DICOM data dictionary, PS3.6"
    raise ValueError(f"{keyword!r} is no DICOM keyword; {fix}")


def _is_seen(tag: int) -> bool:
    """Whether a header snapshot holds the element: in the data set, and with a plain value."""
    return tag >> 16 > 0x0002 and dictionary_VR(tag) not in _NOT_SEEN


def _check_shape(keyword: str, operator: Operator, operand: object) -> None:
    """Refuse an operand that the operator can't use.

    Raises:
        ValueError: with the fix.
    """
    asked = f"{keyword}: {operator.value}"
    if operator is Operator.EXISTS:
        if not isinstance(operand, bool):
            raise ValueError(f"{asked} takes true or false")
        return
    several = operator in _LISTS or operator is Operator.BETWEEN
    if several != isinstance(operand, list | tuple):
        raise ValueError(f"{asked} takes {'a list such as [A, B]' if several else 'one value'}")
    written = list(operand) if isinstance(operand, list | tuple) else [operand]
    operands = [o for o in written if isinstance(o, str | int | float) and not isinstance(o, bool)]
    if len(operands) != len(written):
        raise ValueError(
            f"{asked} takes text or numbers; put words such as true or null in quotes, "
            "and ask exists: false for a missing element"
        )
    if not operands or any(not as_text(o).strip() for o in operands):
        raise ValueError(f"{asked} needs a value; ask exists: false for a missing element")
    if any(len(as_text(o)) > _LONGEST_TEXT for o in operands):
        raise ValueError(f"{asked} takes at most {_LONGEST_TEXT} characters")
    if operator is Operator.PATTERN and not isinstance(operand, str):
        raise ValueError(f'{asked} takes text in quotes, such as "*low dose*"')
    if operator in _ORDERED:
        _check_order(asked, operator, operands)


def _check_order(asked: str, operator: Operator, operands: Sequence[Scalar]) -> None:
    places = [place for place in map(rank, operands) if place is not None]
    if len(places) != len(operands) or len({kind for kind, _ in places}) != 1:
        raise ValueError(f"{asked} takes numbers, dates such as 20240131, or ages such as 018Y")
    if operator is Operator.BETWEEN:
        if len(places) != 2:
            raise ValueError(f"{asked} takes two values, [lowest, highest]")
        if places[0][1] > places[1][1]:
            raise ValueError(f"{asked} needs the lower value first")
