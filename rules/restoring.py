"""The options of a rule that restores: what, how strongly, from when on, and words of its own.

What degradations, severities and units there are is told by the node as names, since rules know no
engines; without being told, any name is taken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictStr,
    Tag,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from rules.located_yaml import unknown_name

KEYS = ("only", "at_most", "from", "words")
"""What may stand below ``restoring:``."""

_AMOUNT = re.compile(r"(?P<number>\d{1,6}(\.\d{1,4})?)( (?P<unit>\S.*))?", re.ASCII)
_HOW = "write it as none, as severe, or as moderate 30 HU"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that options may use.

    ``units`` are those of every degradation, by its name; ``mended`` are the degradations that
    anything can be done about; ``severities`` begin with the one that says "not there"; ``needed``
    is the mildest of them that makes a restored series.
    """

    units: Mapping[str, Collection[str]]
    mended: Collection[str]
    severities: Sequence[str]
    needed: str


def _told(info: ValidationInfo) -> Vocabulary | None:
    return info.context["vocabulary"] if info.context else None


def _mended(name: str, info: ValidationInfo) -> str:
    known = _told(info)
    if known is not None and name in known.units and name not in known.mended:
        raise ValueError(f"nothing restores {name}; leave it out")
    if known is not None and name not in known.mended:
        raise ValueError(unknown_name("degradation", name, known.mended))
    return name


def _severity(name: str, info: ValidationInfo) -> str:
    known = _told(info)
    if known is not None and name not in known.severities:
        raise ValueError(unknown_name("severity", name, known.severities))
    return name


def _strength(name: str, info: ValidationInfo) -> str:
    known = _told(info)
    if known is not None and _severity(name, info) == known.severities[0]:
        raise ValueError(f"at_most: {name} restores nothing; write action: assess instead")
    return name


def _threshold(name: str, info: ValidationInfo) -> str:
    known = _told(info)
    if known is None:
        return name
    named = list(known.severities)
    if named.index(_severity(name, info)) < named.index(known.needed):
        least = " or ".join(named[named.index(known.needed) :])
        raise ValueError(
            f"from: {name} changes nothing, as what is milder than {known.needed} is never "
            f"restored by itself; write {least}"
        )
    return name


Mended = Annotated[StrictStr, AfterValidator(_mended)]
Strength = Annotated[StrictStr, AfterValidator(_strength)]
Threshold = Annotated[StrictStr, AfterValidator(_threshold)]


def _form(written: object) -> str:
    return "each" if isinstance(written, dict) else "all"


class Said(BaseModel):
    """Words of the rule on one degradation; written ``noise: moderate 30 HU``.

    ``amounts`` are numbers with their units as written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    degradation: str
    severity: str
    amounts: tuple[tuple[float, str], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, written: object) -> object:
        if not isinstance(written, dict) or "text" not in written:
            return written
        name, text = written["degradation"], written["text"]
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{name} needs a severity in words; {_HOW}")
        severity, _, rest = " ".join(text.split()).partition(" ")
        amounts = [_amount(name, part) for part in rest.split(" and ")] if rest else []
        return {"degradation": name, "severity": severity, "amounts": amounts}

    @model_validator(mode="after")
    def _uses_known_names(self, info: ValidationInfo) -> Self:
        known = _told(info)
        if known is None:
            return self
        units = known.units.get(self.degradation)
        if units is None:
            raise ValueError(unknown_name("degradation", self.degradation, known.units))
        if self.severity not in known.severities:
            fault = unknown_name("severity", self.severity, known.severities)
            raise ValueError(f"{self.degradation}: {fault}")
        if self.amounts and self.severity == known.severities[0]:
            raise ValueError(f"{self.degradation}: {self.severity} takes no number; leave it out")
        used = [unit for _, unit in self.amounts]
        for unit in used:
            if unit not in units:
                raise ValueError(
                    f"{self.degradation} is measured in {' or '.join(units)}, not in {unit!r}"
                )
        if len(set(used)) < len(used):
            raise ValueError(f"{self.degradation}: each unit is given once")
        return self

    @property
    def text(self) -> str:
        """As it is written in a rule, without the degradation."""
        numbers = ((f"{number:.4f}".rstrip("0").rstrip("."), unit) for number, unit in self.amounts)
        told = [f"{number} {unit}" for number, unit in numbers]
        return f"{self.severity} {' and '.join(told)}".strip()


def _amount(degradation: str, part: str) -> tuple[float, str]:
    """``30 HU`` as number and unit.

    Raises:
        ValueError: with the fix.
    """
    match = _AMOUNT.fullmatch(part)
    if match is None or not float(match["number"]) > 0:
        raise ValueError(
            f"{degradation}: {part!r} is not a number above 0 (at most 6 digits, 4 decimals) with "
            f"its unit; {_HOW}"
        )
    if match["unit"] is None:
        raise ValueError(f"{degradation}: the number {part} has no unit; {_HOW}")
    return float(match["number"]), match["unit"]


class Restoring(BaseModel):
    """The ``restoring`` of a rule.

    ``only``: what may be restored; ``None`` is all that the engine can. ``at_most``: the greatest
    strength. ``thresholds`` (written ``from``): milder findings are left alone, one severity for
    all or one for each degradation. ``words``: obeyed instead of the engine's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    only: tuple[Mended, ...] | None = None
    at_most: Strength | None = None
    thresholds: (
        Annotated[
            Annotated[Threshold, Tag("all")] | Annotated[dict[Mended, Threshold], Tag("each")],
            Discriminator(_form),
        ]
        | None
    ) = Field(default=None, alias="from")
    words: dict[str, Said] = Field(default_factory=dict)

    @field_validator("only", "at_most", "thresholds", "words", mode="before")
    @classmethod
    def _is_written(cls, written: object, info: ValidationInfo) -> object:
        name = "from" if info.field_name == "thresholds" else info.field_name
        if written is None or written in ([], {}, ()):
            nothing = ", which would restore nothing" if name == "only" else ""
            instead = "write action: assess, or " if name == "only" else ""
            raise ValueError(f"{name}: is empty{nothing}; {instead}leave it out")
        if name == "words" and isinstance(written, dict):
            return {
                key: said if isinstance(said, Said) else {"degradation": str(key), "text": said}
                for key, said in written.items()
            }
        return written

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.only is None and not (self.at_most or self.thresholds or self.words):
            raise ValueError(f"restoring: is empty; leave it out, or use {', '.join(KEYS)}")
        return self

    @model_serializer
    def _terse(self) -> dict[str, Any]:
        written = {
            "only": None if self.only is None else list(self.only),
            "at_most": self.at_most,
            "from": self.thresholds,
            "words": {name: said.text for name, said in self.words.items()},
        }
        return {key: value for key, value in written.items() if value}

    def threshold_for(self, degradation: str) -> str | None:
        """The severity from which on ``degradation`` is restored, ``None`` where none is given."""
        if isinstance(self.thresholds, dict):
            return self.thresholds.get(degradation)
        return self.thresholds

    def __str__(self) -> str:
        parts = [f"only {', '.join(self.only)}"] if self.only else []
        if self.at_most:
            parts.append(f"at most {self.at_most}")
        if isinstance(self.thresholds, dict):
            parts += [f"{name} from {severity} on" for name, severity in self.thresholds.items()]
        elif self.thresholds:
            parts.append(f"from {self.thresholds} on")
        parts += [f"{name} taken as {said.text}" for name, said in self.words.items()]
        return "; ".join(parts)
