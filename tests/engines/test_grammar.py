"""The grammar as written down is the one that is spoken; the page tells what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engines.grammar import ebnf, pattern, rules
from engines.quality import (
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
from tests.engines.strategies import descriptions

SENTENCE = re.compile(pattern(), re.ASCII)
NUMBER = re.compile(pattern("number"), re.ASCII)
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
        reasons = r"once|alone|order|range|among the slices|never both|1000000|'on slice'"
        assert re.search(reasons, str(error)), text
    else:
        assert format_sentence(description) == text


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


def _bare(expression: str) -> str:
    return re.sub(r'"[^"]*"', " ", expression)
