"""The structured sentence: a quality description as plain language, and back, without loss.

The grammar is closed and canonical: each description has exactly one sentence, and no other text
is understood. In EBNF, with the words of ``engines.description``::

    sentence     = modality ", " region "." {" " finding "."} [" Not assessed: " names "."]
                   " Verdict: " verdict "." " Planned action: " action {", " action} "."
                   " Confidence: " confidence "."
    finding      = severity " " degradation [": " amount {" and " amount}] [", " place]
                   [", on slice " n | ", on slices " n "-" n] [", worst on slice " n]
    amount       = number " " unit
    severity     = "No" | "Mild" | "Moderate" | "Severe"
    number       = decimal without exponent: 3 significant digits, at most 4 decimals

``engines.grammar`` spells it out with every word.

Example: ``CT, chest. Severe noise: 42.3 HU, on slices 3-20, worst on slice 12. Moderate metal
artifact: 80 HU, in the upper left of the image. No blur: 1.1 mm FWHM. Not assessed: motion.
Verdict: usable. Planned action: reduce noise, reduce metal streaks. Confidence: medium.``
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TypeVar

from engines.description import (
    PLACES,
    REGIONS,
    UNITS,
    Action,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)

SEVERITY_WORDS: dict[Severity, str] = {
    Severity.NONE: "No",
    Severity.MILD: "Mild",
    Severity.MODERATE: "Moderate",
    Severity.SEVERE: "Severe",
}
DEGRADATION_WORDS: dict[Degradation, str] = {
    Degradation.NOISE: "noise",
    Degradation.BLUR: "blur",
    Degradation.UNDERSAMPLING: "undersampling",
    Degradation.MOTION: "motion",
    Degradation.METAL: "metal artifact",
    Degradation.LOW_COUNT: "low-count noise",
    Degradation.CLIPPING: "clipping",
}
REGION_WORDS: dict[str, str] = {r: r for r in REGIONS} | {"unknown": "region unknown"}
PLACE_WORDS: dict[str, str] = {p: f"in the {p} of the image" for p in PLACES} | {
    "throughout": "throughout the image",
    "along the rim": "along the rim of the image",
}
"""How a sentence says where in the image."""

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
    parts = [f"{description.modality}, {REGION_WORDS[description.region]}."]
    parts += [format_finding(f) + "." for f in description.findings]
    if description.not_assessed:
        parts.append(f"Not assessed: {', '.join(d.value for d in description.not_assessed)}.")
    parts.append(f"Verdict: {description.verdict.value}.")
    parts.append(f"Planned action: {', '.join(a.value for a in description.actions)}.")
    parts.append(f"Confidence: {description.confidence.value}.")
    return " ".join(parts)


def format_finding(finding: Finding) -> str:
    """What the sentence says of ``finding``, without the full stop."""
    text = f"{SEVERITY_WORDS[finding.severity]} {DEGRADATION_WORDS[finding.degradation]}"
    if finding.amounts:
        text += f": {format_amounts(finding)}"
    if finding.place is not None:
        text += f", {PLACE_WORDS[finding.place]}"
    if finding.slices is not None:
        first, last = finding.slices
        text += f", on slice {first}" if first == last else f", on slices {first}-{last}"
    if finding.worst_slice is not None:
        text += f", worst on slice {finding.worst_slice}"
    return text


def format_amounts(finding: Finding) -> str:
    """All numbers of ``finding`` with their units, as ``3.2 mm and 1.5 degrees``; may be empty."""
    return " and ".join(format_amount(amount) for amount in finding.amounts)


def format_amount(amount: Amount) -> str:
    """One number with its unit, as ``3.2 mm``."""
    return f"{_format_number(amount.value)} {amount.unit}"


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

    def words(self, words: dict[K, str], what: str) -> list[K]:
        """One or more of ``words``, with commas between them."""
        found = [self.word(words, what)]
        while self.take(", "):
            found.append(self.word(words, what))
        return found

    def number(self, pattern: str, what: str) -> str:
        match = re.compile(pattern, re.ASCII).match(self.text, self.position)
        if match is None:
            raise self.fail(what)
        self.position = match.end()
        return match.group()

    def slice_number(self) -> int:
        return int(self.number(r"[1-9]\d{0,5}", "a slice number counted from 1"))


def parse_sentence(text: str) -> QualityDescription:
    """The description that ``text`` says, where ``text`` is exactly ``format_sentence`` of it.

    Raises:
        SentenceError: the text is outside the grammar; it says where and what was expected.
    """
    reader = _Reader(text)
    modality = reader.word({m: m.value for m in Modality}, "a modality")
    reader.expect(", ")
    region = reader.word(REGION_WORDS, "a region")
    reader.expect(". ")
    findings: list[Finding] = []
    while not text.startswith(("Not assessed: ", "Verdict: "), reader.position):
        findings.append(_parse_finding(reader))
        reader.expect(". ")
    not_assessed: list[Degradation] = []
    if reader.take("Not assessed: "):
        names = {d: d.value for d in Degradation}
        not_assessed = reader.words(names, "a degradation")
        reader.expect(". ")
    reader.expect("Verdict: ")
    verdict = reader.word({v: v.value for v in Verdict}, "a verdict")
    reader.expect(". Planned action: ")
    actions = reader.words({a: a.value for a in Action}, "an action")
    reader.expect(". Confidence: ")
    confidence = reader.word({c: c.value for c in Confidence}, "a confidence")
    reader.expect(".")
    if reader.position != len(text):
        raise reader.fail("the end of the sentence")
    try:
        description = QualityDescription(
            modality,
            region,
            tuple(findings),
            tuple(not_assessed),
            verdict,
            tuple(actions),
            confidence,
        )
    except ValueError as error:
        raise SentenceError(str(error), 0) from error
    _refuse_other_orders(reader, format_sentence(description))
    return description


def _refuse_other_orders(reader: _Reader, canonical: str) -> None:
    """All words are right, so what differs is the order of findings, names or actions."""
    pairs = enumerate(zip(canonical, reader.text, strict=False))
    place = next((k for k, (wanted, found) in pairs if wanted != found), None)
    if place is not None:
        start = canonical.rfind(" ", 0, place) + 1
        raise reader.fail(f"the order of the vocabulary, {canonical[start : start + 20]!r}", start)


def _parse_finding(reader: _Reader) -> Finding:
    start = reader.position
    severity = reader.word(SEVERITY_WORDS, "a severity, 'Not assessed: ' or 'Verdict: '")
    reader.expect(" ")
    degradation = reader.word(DEGRADATION_WORDS, "a degradation")
    amounts: list[Amount] = []
    if reader.take(": "):
        amounts.append(_parse_amount(reader))
        while reader.take(" and "):
            amounts.append(_parse_amount(reader))
    place: str | None = None
    slices: tuple[int, int] | None = None
    worst: int | None = None
    slices_next = reader.text.startswith((", on slice", ", worst on"), reader.position)
    if not slices_next and reader.take(", "):
        place = reader.word(PLACE_WORDS, "a place or slices")
    if reader.take(", on slices "):
        first = reader.slice_number()
        reader.expect("-")
        slices = (first, reader.slice_number())
        if slices[0] == slices[1]:
            raise SentenceError("one slice is written 'on slice'", start)
    elif reader.take(", on slice "):
        first = reader.slice_number()
        slices = (first, first)
    if reader.take(", worst on slice "):
        worst = reader.slice_number()
    amount, unit = (amounts[0].value, amounts[0].unit) if amounts else (None, None)
    try:
        return Finding(
            degradation, severity, amount, unit, slices, worst, tuple(amounts[1:]), place
        )
    except ValueError as error:
        raise SentenceError(str(error), start) from error


def _parse_amount(reader: _Reader) -> Amount:
    start = reader.position
    number = reader.number(r"\d{1,12}(\.\d{1,12})?", "a number")
    reader.expect(" ")
    unit = reader.word({u: u for u in UNITS}, "a unit")
    try:
        amount = Amount(float(number), unit)
    except ValueError as error:
        raise SentenceError(str(error), start) from error
    wanted = _format_number(amount.value)
    if wanted != number:
        raise reader.fail(f"the number as {wanted} (3 significant digits)", start)
    return amount
