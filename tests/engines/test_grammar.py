"""The grammar as written down is the one that is spoken; the page tells what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.grammar import ebnf, pattern, rules
from engines.quality import (
    APPLICABLE,
    UNITS,
    UNITS_OF,
    Degradation,
    Finding,
    QualityDescription,
    SentenceError,
    Severity,
    format_amounts,
    format_sentence,
    parse_sentence,
)
from engines.quality_page import page
from engines.sentence import DEGRADATION_WORDS
from tests.engines.strategies import descriptions

SENTENCE = re.compile(pattern(), re.ASCII)
NUMBER = re.compile(pattern("number"), re.ASCII)
REFUSED_FOR_ITS_SENSE = re.compile(
    r"(an action is planned once"
    r"|'keep as is' stands alone"
    r"|a degradation is either found once or not assessed, never both"
    r"|slices \(\d+, \d+\) are not a range from 1 to 999999"
    r"|worst slice \d+ is not among the slices named"
    r"|one slice is written 'on slice'"
    r"|amount [\d.e+]+ is not between 0 and 1000000"
    r"|expected the order of the vocabulary, .*, found .*) \(at character \d+\)"
)
"""Whole messages: a word of one is also a word of others."""
PAGE = Path(__file__).resolve().parents[2] / "docs" / "quality.md"


@given(descriptions())
def test_every_sentence_is_in_the_grammar(description: QualityDescription) -> None:
    assert SENTENCE.fullmatch(format_sentence(description))


@settings(max_examples=50)
@given(st.from_regex(SENTENCE, fullmatch=True))
def test_what_the_grammar_makes_is_understood_or_refused_for_its_sense(text: str) -> None:
    try:
        description = parse_sentence(text)
    except SentenceError as error:
        assert REFUSED_FOR_ITS_SENSE.fullmatch(str(error)), text
    else:
        assert format_sentence(description) == text


@pytest.mark.parametrize("kind", Degradation)
def test_no_degradation_is_measured_in_another_ones_unit(kind: Degradation) -> None:
    for unit in UNITS:
        text = (
            f"CT, chest. Mild {DEGRADATION_WORDS[kind]}: 3 {unit}. Verdict: good."
            " Planned action: keep as is. Confidence: high."
        )
        if unit in UNITS_OF[kind]:
            assert SENTENCE.fullmatch(text)
            assert format_sentence(parse_sentence(text)) == text
        else:
            assert not SENTENCE.fullmatch(text)
            with pytest.raises(SentenceError, match=f"{kind} is measured in"):
                parse_sentence(text)


@pytest.mark.parametrize("kind", [kind for kind in Degradation if len(UNITS_OF[kind]) > 1])
def test_two_numbers_have_their_order(kind: Degradation) -> None:
    first, second = UNITS_OF[kind]
    rule = re.compile(pattern(kind.value.replace(" ", "_")))
    words = f"Mild {DEGRADATION_WORDS[kind]}"
    assert rule.fullmatch(f"{words}: 3 {first} and 4 {second}")
    assert not rule.fullmatch(f"{words}: 4 {second} and 3 {first}")
    assert not rule.fullmatch(f"{words}: 3 {first} and 4 {first}")


@given(st.floats(0, 1e6))
def test_every_number_is_spelt_as_the_grammar_says(amount: float) -> None:
    words = format_amounts(Finding(Degradation.NOISE, Severity.MILD, amount, "HU"))
    assert NUMBER.fullmatch(words.removesuffix(" HU")) or words == "1000000 HU"


def test_every_unit_belongs_to_something_and_every_degradation_has_one() -> None:
    assert set(UNITS_OF) == set(Degradation)
    assert {unit for units in UNITS_OF.values() for unit in units} == set(UNITS)


def test_no_rule_is_left_over_or_missing() -> None:
    used = {word for text in rules().values() for word in re.findall(r"[a-z_]+", _bare(text))}
    assert used | {"sentence"} == set(rules())
    assert ebnf().count(" ;\n") == len(rules())


def test_the_page_is_made_from_the_program() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "python -m engines.quality_page > docs/quality.md"
    )


def test_examples_are_silent_about_nothing() -> None:
    examples = re.findall(r"^> (.+)$", page(), re.MULTILINE)
    assert len(examples) == 3
    for text in examples:
        said = parse_sentence(text)
        named = {finding.degradation for finding in said.findings} | set(said.not_assessed)
        assert named == set(APPLICABLE[said.modality])


def _bare(expression: str) -> str:
    return re.sub(r'"[^"]*"', " ", expression)
