"""The mapping table of the documents, made from the codes themselves.

``code_rows`` lists every word of the closed vocabulary with its code; ``private_codes`` what the
private scheme ``99MEDQ`` holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydicom.sr.coding import Code

from engines.quality import UNITS, Degradation, Modality
from medq_node.outputs import codes

PRIVATE: Final = "private"

_GROUPS: Final = {
    29: "Acquisition Modality",
    75: "Low, High or Equal",
    83: "Real World Value Mapping Unit",
    100: "Quantitative Diagnostic Imaging Procedure",
    3114: "Study Quality",
    3716: "Severity",
    4031: "Common Anatomic Region",
    6315: "Prostate MRI Series Quality Finding",
    6316: "MR Imaging Artifact",
    7036: "Image Quality Assessment",
    7181: "Abstract Multi-dimensional Image Model Component Unit",
    7183: "Abstract Multi-dimensional Image Model Dimension Unit",
}
"""Context groups of PS3.16 that our standard codes are taken from."""

_GROUP_OF: Final = {
    **dict.fromkeys(codes.MODALITIES.values(), 29),
    **dict.fromkeys(codes.CONFIDENCES.values(), 75),
    **dict.fromkeys(codes.PROCEDURES.values(), 100),
    **dict.fromkeys(codes.VERDICTS.values(), 3114),
    **dict.fromkeys(codes.SEVERITIES.values(), 3716),
    **dict.fromkeys(codes.REGIONS.values(), 4031),
    **dict.fromkeys(codes.STANDARD_DEGRADATIONS.values(), 6316),
    codes.STANDARD_DEGRADATIONS[Degradation.NOISE, Modality.MR]: 6315,
    Code("RID13", "RADLEX", "Limited quality"): 7036,
    codes.unit("HU"): 83,
    codes.unit("%"): 83,
    codes.unit("mm"): 7183,
    codes.unit("degrees"): 7183,
    codes.unit("fold"): 7181,
}


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A word, what it is a word for, its code, and where the code comes from.

    ``context_group`` is a number of PS3.16 Annex B, None for a private code.
    """

    vocabulary: str
    word: str
    code: Code
    context_group: int | None

    @property
    def origin(self) -> str:
        """The context group by number and name, or ``private``."""
        number = self.context_group
        return PRIVATE if number is None else f"CID {number} {_GROUPS[number]}"

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """The row as text: what for, word, code value, scheme, meaning, origin."""
        code = self.code
        designator = code.scheme_designator
        return self.vocabulary, self.word, code.value, designator, code.meaning, self.origin


def code_rows() -> tuple[CodeRow, ...]:
    """Every word of the closed vocabulary (``engines.quality``) and of the node, with its code."""
    return tuple(
        CodeRow(
            vocabulary,
            word,
            code,
            None if code.scheme_designator == codes.SCHEME else _GROUP_OF[code],
        )
        for vocabulary, word, code in _words()
    )


def private_codes() -> tuple[Code, ...]:
    """Every code of the private scheme, each once: the words' and those that name things."""
    named = [code for code in vars(codes).values() if isinstance(code, Code)]
    every = [*named, *(row.code for row in code_rows())]
    return tuple(dict.fromkeys(c for c in every if c.scheme_designator == codes.SCHEME))


def _words() -> Iterator[tuple[str, str, Code]]:
    tables = (
        ("modality", codes.MODALITIES),
        ("procedure reported", codes.PROCEDURES),
        ("region", codes.REGIONS),
        ("verdict", codes.VERDICTS),
        ("severity", codes.SEVERITIES),
        ("confidence", codes.CONFIDENCES),
        ("planned action", codes.ACTIONS),
        ("action taken", codes.ACTIONS_TAKEN),
    )
    for vocabulary, table in tables:
        for word, code in table.items():
            yield vocabulary, str(word), code
    for kind in Degradation:
        by_code: dict[Code, list[str]] = {}
        for modality in Modality:
            by_code.setdefault(codes.degradation(kind, modality), []).append(modality.value)
        for code, modalities in by_code.items():
            where = "" if len(modalities) == len(Modality) else f" in {', '.join(modalities)}"
            yield f"degradation{where}", kind.value, code
    for kind in Degradation:
        yield "amount", kind.value, codes.amount(kind)
    for (kind, other_unit), code in codes.OTHER_AMOUNTS.items():
        yield f"amount in {other_unit}", kind.value, code
    for kind in Degradation:
        yield "place of a degradation", kind.value, codes.place(kind)
    for place, code in codes.PLACES.items():
        yield "place", place, code
    for unit in UNITS:
        yield "unit", unit, codes.unit(unit)
    yield "value of a degradation", "not assessed", codes.NOT_ASSESSED
