"""The codes: every word has one, and a standard one means in the standard what we take it for."""

from __future__ import annotations

import pytest
from pydicom.sr.codedict import codes as standard
from pydicom.sr.coding import Code

from engines.quality import (
    PLACES,
    REGIONS,
    UNITS,
    UNITS_OF,
    Action,
    Confidence,
    Degradation,
    Modality,
    Severity,
    Verdict,
)
from medq_node.outputs import codes
from medq_node.outputs.codes_table import CodeRow, code_rows, private_codes
from medq_node.outputs.content import ActionTaken

ROWS = code_rows()
STANDARD = [row for row in ROWS if row.context_group is not None]
NAMED = [
    code
    for code in vars(codes).values()
    if isinstance(code, Code) and code.scheme_designator != codes.SCHEME
] + [codes.algorithm_family(engine) for engine in ("classical", "medq_uni")]


def words(vocabulary: str) -> set[str]:
    return {row.word for row in ROWS if row.vocabulary == vocabulary}


def test_every_word_of_the_vocabulary_has_a_code() -> None:
    assert words("modality") == words("procedure reported") == set(Modality)
    assert words("verdict") == set(Verdict)
    assert words("severity") == set(Severity)
    assert words("confidence") == set(Confidence)
    assert words("planned action") == set(Action)
    assert words("action taken") == set(ActionTaken)
    assert words("amount") == set(Degradation)
    assert words("unit") == set(UNITS)
    assert words("place") == set(PLACES)
    assert words("place of a degradation") == set(Degradation)
    assert words("region") == set(REGIONS) - {"unknown"}  # nothing is said of it
    for modality in Modality:
        for kind in Degradation:
            code = codes.degradation(kind, modality)
            assert any(row.code == code and row.word == kind for row in ROWS)


@pytest.mark.parametrize("row", STANDARD, ids=lambda row: f"{row.vocabulary}-{row.word}")
def test_a_standard_code_stands_in_its_context_group_with_its_meaning(row: CodeRow) -> None:
    group = getattr(standard, f"cid{row.context_group}").concepts.values()
    found = {(c.scheme_designator, c.value): c.meaning for c in group}
    assert found.get((row.code.scheme_designator, row.code.value)) == row.code.meaning
    assert row.origin.startswith(f"CID {row.context_group} ")


@pytest.mark.parametrize("code", NAMED, ids=lambda code: code.value)
def test_a_standard_concept_name_means_what_the_standard_says(code: Code) -> None:
    scheme = getattr(standard, code.scheme_designator).concepts.values()
    assert (code.value, code.meaning) in {(c.value, c.meaning) for c in scheme}


def test_private_codes_fit_and_none_means_two_things() -> None:
    private = private_codes()
    assert len({code.value for code in private}) == len(private)
    assert {code.scheme_designator for code in private} == {"99MEDQ"}
    for code in private:
        assert 0 < len(code.value) <= 16, code
        assert 0 < len(code.meaning) <= 64, code


def test_no_two_words_of_one_vocabulary_share_a_code() -> None:
    for modality in Modality:
        names = [codes.degradation(kind, modality) for kind in Degradation]
        assert len(set(names)) == len(names)
    for vocabulary in (
        "verdict",
        "severity",
        "confidence",
        "planned action",
        "action taken",
        "place",
    ):
        found = [row.code for row in ROWS if row.vocabulary == vocabulary]
        assert len(set(found)) == len(found)


def test_numbers_that_say_different_things_have_different_names() -> None:
    for kind in (Degradation.MOTION, Degradation.METAL, Degradation.LOW_COUNT):
        names = {codes.amount(kind, unit) for unit in UNITS_OF[kind]}
        assert len(names) == len(UNITS_OF[kind])
        assert {row.code for row in ROWS if row.word == kind} >= names


def test_a_row_reads_as_cells() -> None:
    reject = next(row for row in ROWS if row.word == "reject")
    assert reject.cells() == (
        "verdict",
        "reject",
        "111235",
        "DCM",
        "Unusable - Quality renders image unusable",
        "CID 3114 Study Quality",
    )


@pytest.mark.parametrize(
    ("text", "ucum"),
    [
        ("HU", "[hnsf'U]"),
        ("% of signal", "%"),
        ("mm FWHM", "mm"),
        ("mm", "mm"),
        ("degrees", "deg"),
        ("fold", "{ratio}"),
        ("% of counts", "%"),
        ("Bq/ml", "Bq/ml"),
        (None, "1"),
        ("furlong", "1"),
    ],
)
def test_units_become_ucum(text: str | None, ucum: str) -> None:
    assert codes.unit(text).value == ucum
