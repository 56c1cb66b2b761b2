"""The grammar of the structured sentence, spelt out with every word: as EBNF and as a pattern.

It is regular: no rule calls itself. What it leaves to ``engines.sentence`` to check: a range ends
after it begins, the worst slice lies in it, names and actions come once and in the order of their
vocabulary, a degradation that is found is not also "not assessed", "keep as is" stands alone, and
no amount is above a million.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engines.description import (
    PLACES,
    REGIONS,
    UNITS_OF,
    Action,
    Confidence,
    Degradation,
    Modality,
    Verdict,
)
from engines.sentence import DEGRADATION_WORDS, PLACE_WORDS, REGION_WORDS, SEVERITY_WORDS

_NUMBER = (
    '"0" | "0." ["0" ["0" ["0"]]] nonzero | "0." ["0" ["0"]] nonzero nonzero'
    ' | "0." ["0"] nonzero digit nonzero | nonzero [digit] | nonzero "." [digit] nonzero'
    ' | nonzero digit "." nonzero | nonzero digit digit ["0" ["0" ["0" ["0"]]]]'
)
"""Three significant digits, at most four decimals, no zero that says nothing."""

_TOKEN = re.compile(r'"[^"]*"|[a-z_]+|[\[\]{}()|]')
_SIGNS = {"[": "(?:", "]": ")?", "{": "(?:", "}": ")*", "(": "(?:", ")": ")", "|": "|"}


def rules() -> dict[str, str]:
    """Name of every rule -> its expression in EBNF (ISO/IEC 14977 without commas)."""
    kinds = {kind: kind.value.replace(" ", "_") for kind in Degradation}
    found = " ".join(f'[" " {name} "."]' for name in kinds.values())
    return {
        "sentence": f'modality ", " region "." {found} [" Not assessed: " name {{", " name}} "."]'
        ' " Verdict: " verdict "." " Planned action: " action {", " action} "."'
        ' " Confidence: " confidence "."',
        **{name: _finding(kind) for kind, name in kinds.items()},
        "where": '[", " place] [", on slice " slice | ", on slices " slice "-" slice]'
        ' [", worst on slice " slice]',
        "modality": _any(m.value for m in Modality),
        "region": _any(REGION_WORDS[region] for region in REGIONS),
        "severity": _any(SEVERITY_WORDS.values()),
        "place": _any(PLACE_WORDS[place] for place in PLACES),
        "name": _any(kind.value for kind in Degradation),
        "verdict": _any(v.value for v in Verdict),
        "action": _any(a.value for a in Action),
        "confidence": _any(c.value for c in Confidence),
        "number": _NUMBER,
        "slice": "nonzero [digit [digit [digit [digit [digit]]]]]",
        "digit": '"0" | nonzero',
        "nonzero": _any("123456789"),
    }


def ebnf() -> str:
    """The rules as text, one a line."""
    return "".join(f"{name} = {expression} ;\n" for name, expression in rules().items())


def pattern(name: str = "sentence") -> str:
    """A regular expression that all texts of the rule ``name`` match as a whole."""
    return _expanded(name, rules())


def _finding(kind: Degradation) -> str:
    units = [f'number " {unit}"' for unit in UNITS_OF[kind]]
    said = " | ".join(
        first + "".join(f' [" and " {other}]' for other in units[place + 1 :])
        for place, first in enumerate(units)
    )
    return f'severity " {DEGRADATION_WORDS[kind]}" [": " ({said})] where'


def _any(words: Iterable[str]) -> str:
    return " | ".join(f'"{word}"' for word in words)


def _expanded(name: str, named: dict[str, str]) -> str:
    parts = []
    for token in _TOKEN.findall(named[name]):
        if token[0] == '"':
            parts.append(re.escape(token[1:-1]))
        else:
            parts.append(_SIGNS.get(token) or _expanded(token, named))
    return f"(?:{''.join(parts)})"
