"""What a restoration obeys where a rule has options: the engine's words, as far as these allow.

The rule's own words come first and replace the engine's. Then what may not be restored, or is too
mild to be, is said to be none; verdict and plan are made anew of what is left
(``engines.verdict``); last, what is worse than the greatest strength is said at that, with a number
that goes with it. So the greatest strength decides how much is done, never whether.

Options hold back, but for words: only these make restored what the engine leaves alone, and only
words on all that made a series unfit make it fit. What nothing mends (blur, clipping) is no matter
of options.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from engines.description import (
    APPLICABLE,
    RESTORING,
    UNITS_OF,
    Action,
    Amount,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
    rounded,
)
from engines.sentence import DEGRADATION_WORDS, format_finding, format_sentence
from engines.severity import cut_offs
from engines.verdict import MENDED_BY, plan, unfit, verdict_of

MENDED: tuple[Degradation, ...] = tuple(kind for kind in Degradation if MENDED_BY[kind])
"""What anything can be done about."""
NEEDED = Severity.MODERATE
"""What is milder is never restored by itself (``engines.verdict.plan``)."""
_FOREIGN: dict[Modality, frozenset[str]] = {
    modality: frozenset({"% of signal" if modality is Modality.CT else "HU"})
    for modality in Modality
}
"""Units that nothing is measured in."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a rule asks of a restoration; by default nothing.

    ``only``: what may be restored, ``None`` for all. ``at_most``: the greatest strength.
    ``thresholds``: milder findings of these degradations are left alone. ``words``: findings that
    are obeyed instead of the engine's. All are kept in the order of the vocabulary.

    Raises:
        ValueError: ``only`` is empty, nothing mends what it or a threshold names, ``at_most`` is
            none, a threshold is too mild to change anything, or something is named twice.
    """

    only: tuple[Degradation, ...] | None = None
    at_most: Severity | None = None
    thresholds: tuple[tuple[Degradation, Severity], ...] = ()
    words: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        kinds = list(Degradation)
        limited = [kind for kind, _ in self.thresholds]
        said = [finding.degradation for finding in self.words]
        for named in (self.only or (), limited, said):
            if len(set(named)) < len(named):
                raise ValueError("a degradation is named once")
        if self.only == () or not {*(self.only or ()), *limited} <= set(MENDED):
            raise ValueError(f"options name what can be restored: {', '.join(MENDED)}")
        if self.at_most is Severity.NONE:
            raise ValueError("the greatest strength is at least mild")
        if any(severity.rank < NEEDED.rank for _, severity in self.thresholds):
            raise ValueError(f"a threshold is at least {NEEDED}")
        if self.only is not None:
            object.__setattr__(self, "only", tuple(sorted(self.only, key=kinds.index)))
        ordered = tuple(sorted(self.thresholds, key=lambda pair: kinds.index(pair[0])))
        words = tuple(sorted(self.words, key=lambda finding: kinds.index(finding.degradation)))
        object.__setattr__(self, "thresholds", ordered)
        object.__setattr__(self, "words", words)

    def __str__(self) -> str:
        """All of them on one line, the same for the same options; empty where there are none."""
        parts = [f"only {_listed(self.only)}"] if self.only else []
        if self.at_most:
            parts.append(f"at most {self.at_most}")
        severities = {severity for _, severity in self.thresholds}
        if len(self.thresholds) == len(MENDED) and len(severities) == 1:
            parts.append(f"from {severities.pop()} on")
        else:
            parts += [f"{_listed([kind])} from {least} on" for kind, least in self.thresholds]
        parts += [f"taken as {_lower(finding)}" for finding in self.words]
        return "; ".join(parts)


NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True)
class Steered:
    """``description``: what the restoration obeys; ``overridden``: what differs and why.

    The latter are whole sentences for people, none where all is as the engine said.
    """

    description: QualityDescription
    overridden: tuple[str, ...] = ()


def steer(
    said: QualityDescription,
    options: Options,
    restorable: Collection[Action] = RESTORING,
    *,
    asked_by: str = "the rule",
    pixel_mm: float = 0.0,
) -> Steered:
    """What a restoration obeys where the engine has ``said`` this and a rule has ``options``.

    ``restorable`` are the actions that the engine can carry out; ``asked_by`` begins the sentences;
    ``pixel_mm`` is the in-plane spacing, 0 where unknown. Where the options change nothing the
    description is ``said`` itself.
    """
    told: list[str] = []
    worded = _worded(said, options, restorable, pixel_mm, told)
    limited = _limited(worded, options, restorable, pixel_mm, told)
    obeyed = _weakened(limited, options, pixel_mm, told)
    overridden = [f"{asked_by[:1].upper()}{asked_by[1:]} {what}" for what in told]
    if obeyed is not said:
        overridden.append(f"What is obeyed: {format_sentence(obeyed)}")
    return Steered(obeyed, tuple(overridden))


def _worded(
    said: QualityDescription,
    options: Options,
    restorable: Collection[Action],
    pixel_mm: float,
    told: list[str],
) -> QualityDescription:
    """``said`` with the rule's own words, for the whole series."""
    findings = {finding.degradation: finding for finding in said.findings}
    replaced: set[Degradation] = set()
    for finding in options.words:
        kind = finding.degradation
        before = findings.get(kind)
        if before == finding or (before and before.severity is finding.severity is Severity.NONE):
            continue
        if why := _meaningless(finding, said.modality):
            told.append(f"says {_quoted(finding)}, which is left out: {why}.")
            continue
        where = f"where the engine says nothing on {_listed([kind])}"
        if before is not None:
            where = f"instead of the engine's {_quoted(before)}"
        told.append(f"says {_quoted(finding)}, which is obeyed {where}.")
        findings[kind] = finding
        replaced.add(kind)
    if not replaced:
        return said
    found = tuple(findings.values())
    silent = tuple(kind for kind in said.not_assessed if kind not in findings)
    verdict, actions = _judged(said, found, replaced, restorable, pixel_mm)
    return replace(said, findings=found, not_assessed=silent, verdict=verdict, actions=actions)


def _meaningless(finding: Finding, modality: Modality) -> str:
    """Why words can't be obeyed in a modality; empty where they can."""
    name = _listed([finding.degradation])
    if finding.degradation not in APPLICABLE[modality]:
        return f"{name} means nothing in {modality}"
    wrong = [a.unit for a in finding.amounts if a.unit in _FOREIGN[modality]]
    units = [u for u in UNITS_OF[finding.degradation] if u not in _FOREIGN[modality]]
    return f"in {modality} {name} is measured in {' or '.join(units)}" if wrong else ""


def _judged(
    said: QualityDescription,
    found: tuple[Finding, ...],
    replaced: Collection[Degradation],
    restorable: Collection[Action],
    pixel_mm: float,
) -> tuple[Verdict, tuple[Action, ...]]:
    """Verdict and plan where findings of the kinds ``replaced`` are the rule's."""
    # What the engine found in too few slices to reject for stays so.
    local = () if said.verdict is Verdict.REJECT else set(Degradation) - set(replaced)
    verdict, _ = verdict_of(
        found,
        said.modality,
        said.region,
        said.confidence,
        restorable,
        local=local,
        pixel_mm=pixel_mm,
    )
    if said.verdict is Verdict.REJECT:
        unfit_for = {
            finding.degradation
            for finding in said.findings
            if unfit(finding, said.modality, said.region, restorable, pixel_mm=pixel_mm)
        }
        if not unfit_for or not unfit_for <= set(replaced):
            verdict = Verdict.REJECT
    return verdict, plan(found, verdict, restorable)


def _limited(
    worded: QualityDescription,
    options: Options,
    restorable: Collection[Action],
    pixel_mm: float,
    told: list[str],
) -> QualityDescription:
    """``worded`` with "none" for all that is to be left alone."""
    least = dict(options.thresholds)
    kept: list[Finding] = []
    for finding in worded.findings:
        kind = finding.degradation
        why = ""
        if kind in MENDED and finding.severity is not Severity.NONE:
            if options.only is not None and kind not in options.only:
                why = f"asks to restore {_listed(options.only)} only"
            elif kind in least and finding.severity.rank < least[kind].rank:
                why = f"asks to restore {_listed([kind])} from {least[kind]} on"
        if why:
            told.append(f"{why}: {_quoted(finding)} is left alone.")
        kept.append(Finding(kind, Severity.NONE) if why else finding)
    findings = tuple(kept)
    if findings == worded.findings:
        return worded
    verdict = worded.verdict
    if verdict is not Verdict.REJECT:
        verdict, _ = verdict_of(
            findings,
            worded.modality,
            worded.region,
            worded.confidence,
            restorable,
            local=tuple(Degradation),
            pixel_mm=pixel_mm,
        )
    wanted = plan(findings, verdict, restorable)
    if verdict is not Verdict.REJECT:
        # What the engine doesn't plan for its own reasons isn't planned for it.
        wanted = tuple(action for action in wanted if action in worded.actions) or (Action.KEEP,)
    return replace(worded, findings=findings, verdict=verdict, actions=wanted)


def _weakened(
    limited: QualityDescription, options: Options, pixel_mm: float, told: list[str]
) -> QualityDescription:
    """``limited`` with nothing above the greatest strength."""
    most = options.at_most
    if most is None:
        return limited
    findings = []
    for finding in limited.findings:
        weaker = finding
        if finding.degradation in MENDED:
            weaker = _at_most(finding, most, limited, pixel_mm)
        if weaker != finding:
            told.append(
                f"asks to restore {most} {_listed([finding.degradation])} at most: "
                f"{_quoted(finding)} is obeyed as {_quoted(weaker)}."
            )
        findings.append(weaker)
    if tuple(findings) == limited.findings:
        return limited
    return replace(limited, findings=tuple(findings))


def _at_most(
    finding: Finding, most: Severity, said: QualityDescription, pixel_mm: float
) -> Finding:
    """``finding`` at ``most``, its numbers within what that spans.

    Numbers that nothing grades are kept only where the graded ones are: they speak of the same.
    """
    if finding.severity is Severity.NONE:
        return finding
    severity = min(finding.severity, most, key=lambda one: one.rank)
    graded: dict[str, float] = {}
    for amount in finding.amounts:
        row = cut_offs(said.modality, finding.degradation, said.region, pixel_mm, amount.unit)
        if row is not None:
            edges = {Severity.MILD: row.moderate, Severity.MODERATE: row.severe}
            edge = edges.get(most, math.inf)
            graded[amount.unit] = amount.value if amount.value < edge else _just_below(edge)
    lowered = severity is not finding.severity or any(
        graded.get(amount.unit, amount.value) != amount.value for amount in finding.amounts
    )
    if not lowered:
        return finding
    amounts = [Amount(value, unit) for unit, value in graded.items()]
    first, more = (amounts[0], tuple(amounts[1:])) if amounts else (None, ())
    return replace(
        finding,
        severity=severity,
        amount=first.value if first else None,
        unit=first.unit if first else None,
        more=more,
    )


def _just_below(edge: float) -> float:
    """The largest number of 3 digits, or nearly, below ``edge``: 34.9 for 35."""
    step = 10.0 ** (math.floor(math.log10(edge)) - 2)
    return next(value for k in range(3) if (value := rounded(edge - k * step)) < edge)


def _listed(kinds: Collection[Degradation]) -> str:
    return ", ".join(DEGRADATION_WORDS[kind] for kind in kinds)


def _quoted(finding: Finding) -> str:
    return f'"{format_finding(finding)}"'


def _lower(finding: Finding) -> str:
    text = format_finding(finding)
    return f"{text[:1].lower()}{text[1:]}"
