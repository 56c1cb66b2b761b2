"""The structured sentence: a quality description as plain language, and back, without loss.

The grammar is closed and canonical: each description has exactly one sentence, and no other text
is understood. In EBNF, with the words of ``engines.description``::

    sentence     = modality ", " region "." {" " finding "."} [" Not assessed: " names "."]
                   " Verdict: " verdict "." " Planned action: " action "."
                   " Confidence: " confidence "."
    finding      = severity " " degradation [": " number " " unit]
                   [", on slice " n | ", on slices " n "-" n] [", worst on slice " n]
    severity     = "No" | "Mild" | "Moderate" | "Severe"
    number       = decimal without exponent: 3 significant digits, at most 4 decimals

Example: ``CT, chest. Severe noise: 42.3 HU, on slices 3-20, worst on slice 12. No blur: 1.1 mm
FWHM. Not assessed: motion, metal. Verdict: usable. Planned action: reduce noise. Confidence:
medium.``
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TypeVar

from engines.description import (
    REGIONS,
    UNITS,
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)

_SEVERITY_WORDS: dict[Severity, str] = {
    Severity.NONE: "No",
    Severity.MILD: "Mild",
    Severity.MODERATE: "Moderate",
    Severity.SEVERE: "Severe",
}
_DEGRADATION_WORDS: dict[Degradation, str] = {
    Degradation.NOISE: "noise",
    Degradation.BLUR: "blur",
    Degradation.UNDERSAMPLING: "undersampling",
    Degradation.MOTION: "motion",
    Degradation.METAL: "metal artifact",
    Degradation.LOW_COUNT: "low-count noise",
    Degradation.CLIPPING: "clipping",
}
_REGION_WORDS: dict[str, str] = {r: r for r in REGIONS} | {"unknown": "region unknown"}

K = TypeVar("K")


class SentenceError(ValueError):
    """A text is not a sentence of the grammar; ``position`` is the 0-based character it fails at.

    The message quotes nothing of the text beyond the words at that place.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.position = position


def format_sentence(description: QualityDescription) -> str:
    """The one sentence that says exactly what ``description`` holds."""
    parts = [f"{description.modality}, {_REGION_WORDS[description.region]}."]
    parts += [_format_finding(f) + "." for f in description.findings]
    if description.not_assessed:
        parts.append(f"Not assessed: {', '.join(d.value for d in description.not_assessed)}.")
    parts.append(f"Verdict: {description.verdict.value}.")
    parts.append(f"Planned action: {description.action.value}.")
    parts.append(f"Confidence: {description.confidence.value}.")
    return " ".join(parts)


def _format_finding(finding: Finding) -> str:
    text = f"{_SEVERITY_WORDS[finding.severity]} {_DEGRADATION_WORDS[finding.degradation]}"
    if finding.amount is not None:
        text += f": {_format_number(finding.amount)} {finding.unit}"
    if finding.slices is not None:
        first, last = finding.slices
        text += f", on slice {first}" if first == last else f", on slices {first}-{last}"
    if finding.worst_slice is not None:
        text += f", worst on slice {finding.worst_slice}"
    return text


def _format_number(amount: float) -> str:
    """Decimal digits without exponent or trailing zeros; ``float`` of it is ``amount`` again."""
    text = format(Decimal(repr(amount)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class _Reader:
    """A text and how far it has been understood."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def fail(self, expected: str, position: int | None = None) -> SentenceError:
        at = self.position if position is None else position
        found = self.text[at : at + 20]
        return SentenceError(f"expected {expected}, found {found!r}", at)

    def take(self, literal: str) -> bool:
        found = self.text.startswith(literal, self.position)
        if found:
            self.position += len(literal)
        return found

    def expect(self, literal: str) -> None:
        if not self.take(literal):
            raise self.fail(repr(literal))

    def word(self, words: dict[K, str], what: str) -> K:
        """The key whose word stands here; longer words first, so that none hides another."""
        for key, word in sorted(words.items(), key=lambda item: -len(item[1])):
            if self.take(word):
                return key
        raise self.fail(f"{what} ({', '.join(words.values())})")

    def number(self, pattern: str, what: str) -> str:
        match = re.compile(pattern, re.ASCII).match(self.text, self.position)
        if match is None:
            raise self.fail(what)
        self.position = match.end()
        return match.group()

    def slice_number(self) -> int:
        return int(self.number(r"[1-9]\d{0,8}", "a slice number counted from 1"))


def parse_sentence(text: str) -> QualityDescription:
    """The description that ``text`` says, where ``text`` is exactly ``format_sentence`` of it.

    Raises:
        SentenceError: the text is outside the grammar; it says where and what was expected.
    """
    reader = _Reader(text)
    modality = reader.word({m: m.value for m in Modality}, "a modality")
    reader.expect(", ")
    region = reader.word(_REGION_WORDS, "a region")
    reader.expect(". ")
    findings: list[Finding] = []
    while not text.startswith(("Not assessed: ", "Verdict: "), reader.position):
        findings.append(_parse_finding(reader))
        reader.expect(". ")
    not_assessed: list[Degradation] = []
    if reader.take("Not assessed: "):
        names = {d: d.value for d in Degradation}
        not_assessed.append(reader.word(names, "a degradation"))
        while reader.take(", "):
            not_assessed.append(reader.word(names, "a degradation"))
        reader.expect(". ")
    reader.expect("Verdict: ")
    verdict = reader.word({v: v.value for v in Verdict}, "a verdict")
    reader.expect(". Planned action: ")
    action = reader.word({a: a.value for a in Action}, "an action")
    reader.expect(". Confidence: ")
    confidence = reader.word({c: c.value for c in Confidence}, "a confidence")
    reader.expect(".")
    if reader.position != len(text):
        raise reader.fail("the end of the sentence")
    try:
        return QualityDescription(
            modality, region, tuple(findings), tuple(not_assessed), verdict, action, confidence
        )
    except ValueError as error:
        raise SentenceError(str(error), 0) from error


def _parse_finding(reader: _Reader) -> Finding:
    start = reader.position
    severity = reader.word(_SEVERITY_WORDS, "a severity, 'Not assessed: ' or 'Verdict: '")
    reader.expect(" ")
    degradation = reader.word(_DEGRADATION_WORDS, "a degradation")
    amount: float | None = None
    unit: str | None = None
    number_at, number = reader.position, ""
    if reader.take(": "):
        number_at = reader.position
        number = reader.number(r"\d{1,12}(\.\d{1,12})?", "a number")
        amount = float(number)
        reader.expect(" ")
        unit = reader.word({u: u for u in UNITS}, "a unit")
    slices: tuple[int, int] | None = None
    if reader.take(", on slices "):
        first = reader.slice_number()
        reader.expect("-")
        slices = (first, reader.slice_number())
        if slices[0] == slices[1]:
            raise SentenceError("one slice is written 'on slice'", start)
    elif reader.take(", on slice "):
        first = reader.slice_number()
        slices = (first, first)
    worst = reader.slice_number() if reader.take(", worst on slice ") else None
    try:
        finding = Finding(degradation, severity, amount, unit, slices, worst)
    except ValueError as error:
        raise SentenceError(str(error), start) from error
    if finding.amount is not None and _format_number(finding.amount) != number:
        wanted = _format_number(finding.amount)
        raise reader.fail(f"the number as {wanted} (3 significant digits)", number_at)
    return finding
