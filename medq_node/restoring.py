"""The options of a rule that restores, from the rule's names to the engines' words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.quality import UNITS_OF, Amount, Degradation, Finding, Severity
from engines.sentence import DEGRADATION_WORDS
from engines.steering import MENDED, NEEDED, NO_OPTIONS, Options
from rules.restoring import Restoring, Said, Vocabulary

VOCABULARY = Vocabulary(
    units={word: UNITS_OF[kind] for kind, word in DEGRADATION_WORDS.items()},
    mended=tuple(DEGRADATION_WORDS[kind] for kind in MENDED),
    severities=tuple(Severity),
    needed=NEEDED,
)
"""What ``restoring`` may name: degradations as the structured sentence calls them."""

_KINDS = {word: kind for kind, word in DEGRADATION_WORDS.items()}


def options_of(written: Mapping[str, Any] | None) -> Options:
    """The options of a decision, as its row keeps them; none where it has none.

    Raises:
        ValueError: not what ``load_rules`` takes with ``VOCABULARY``.
    """
    if not written:
        return NO_OPTIONS
    restoring = Restoring.model_validate(written, context={"vocabulary": VOCABULARY})
    thresholds = (
        (kind, Severity(severity))
        for kind in MENDED
        if (severity := restoring.threshold_for(DEGRADATION_WORDS[kind])) is not None
    )
    return Options(
        only=_only(restoring),
        at_most=Severity(restoring.at_most) if restoring.at_most else None,
        thresholds=tuple(thresholds),
        words=tuple(_finding(said) for said in restoring.words.values()),
    )


def effective_action(restore: str, options: Options) -> str:
    """What decides the pixels besides the engine: when to restore, and the options if any."""
    asked = str(options)
    return f"{restore}; {asked}" if asked else restore


def _only(restoring: Restoring) -> tuple[Degradation, ...] | None:
    if restoring.only is None:
        return None
    return tuple(dict.fromkeys(_KINDS[name] for name in restoring.only))


def _finding(said: Said) -> Finding:
    kind = _KINDS[said.degradation]
    numbers = {unit: Amount(number, unit) for number, unit in said.amounts}
    amounts = [numbers[unit] for unit in UNITS_OF[kind] if unit in numbers]
    first, more = (amounts[0], tuple(amounts[1:])) if amounts else (None, ())
    return Finding(
        kind,
        Severity(said.severity),
        first.value if first else None,
        first.unit if first else None,
        more=more,
    )
