"""The sentence and the description say exactly the same."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.quality import (
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    SentenceError,
    Severity,
    Verdict,
    format_sentence,
    parse_sentence,
    region_from_words,
    rounded,
)
from tests.engines.strategies import descriptions

CHEST = QualityDescription(
    Modality.CT,
    "chest",
    (
        Finding(Degradation.NOISE, Severity.SEVERE, 42.3181, "HU", (3, 20), 12),
        Finding(Degradation.BLUR, Severity.NONE, 1.1, "mm FWHM"),
    ),
    (Degradation.MOTION, Degradation.METAL, Degradation.UNDERSAMPLING, Degradation.LOW_COUNT),
    Verdict.USABLE,
    Action.REDUCE_NOISE,
    Confidence.MEDIUM,
)
SENTENCE = (
    "CT, chest. Severe noise: 42.3 HU, on slices 3-20, worst on slice 12. No blur: 1.1 mm FWHM. "
    "Not assessed: motion, metal, undersampling, low count. Verdict: usable. "
    "Planned action: reduce noise. Confidence: medium."
)


def test_a_person_reads_plain_language() -> None:
    assert format_sentence(CHEST) == SENTENCE
    assert parse_sentence(SENTENCE) == CHEST


@given(descriptions())
def test_no_description_is_lost_in_words(description: QualityDescription) -> None:
    assert parse_sentence(format_sentence(description)) == description


@given(descriptions(), st.data())
def test_a_damaged_sentence_is_refused_or_means_just_what_it_says(
    description: QualityDescription, data: st.DataObject
) -> None:
    text = format_sentence(description)
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + 1 :]
    try:
        understood = parse_sentence(damaged)
    except SentenceError as error:
        assert 0 <= error.position <= len(damaged)
    else:
        assert format_sentence(understood) == damaged


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("chest", "Chest", "Chest", "a region"),
        ("Severe noise", "Awful noise", "Awful", "a severity"),
        ("noise: 42.3", "snow: 42.3", "snow", "a degradation"),
        ("42.3 HU", "42.3 hu", "hu,", "a unit"),
        ("42.3 HU", "42.31 HU", "42.31", "42.3 (3 significant digits)"),
        ("slices 3-20", "slices 20-3", "Severe", "range"),
        ("worst on slice 12", "worst on slice 21", "Severe", "worst slice 21"),
        ("slices 3-20", "slices 0-20", "0-20", "slice number"),
        ("usable", "fine", "fine", "a verdict"),
        ("medium.", "medium. Thanks", " Thanks", "the end"),
        ("No blur: 1.1 mm FWHM", "No motion", "CT", "never both"),
    ],
)
def test_what_is_outside_the_grammar_is_refused_with_its_place(
    old: str, new: str, place: str, said: str
) -> None:
    text = SENTENCE.replace(old, new)
    with pytest.raises(SentenceError) as caught:
        parse_sentence(text)
    assert caught.value.position == text.index(place)
    assert said in str(caught.value)


@given(st.floats(0, 1e6))
def test_rounding_settles_at_once_and_stays_close(amount: float) -> None:
    once = rounded(amount)
    assert rounded(once) == once
    assert once == pytest.approx(amount, rel=0.005, abs=0.00005)


@pytest.mark.parametrize(
    "arguments",
    [
        {"amount": 3.0},
        {"unit": "HU"},
        {"amount": math.nan, "unit": "HU"},
        {"amount": -1.0, "unit": "HU"},
        {"amount": 3.0, "unit": "furlong"},
        {"slices": (0, 3)},
        {"slices": (4, 3)},
        {"slices": (4, 6), "worst_slice": 7},
    ],
)
def test_a_finding_that_cannot_be_said_cannot_be_made(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Finding(Degradation.NOISE, Severity.MILD, **arguments)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("body_part", "description", "region"),
    [
        ("CHEST", None, "chest"),
        ("LUNG", "DYNAMIC MODE", "chest"),
        ("HEAD", None, "head"),
        (None, "CT CH/AB/PEL", "whole body"),
        ("CHESTABDPELVIS", None, "whole body"),
        ("EXTREMITY", "AXIAL SE T1 - RESEARCH", "unknown"),
        ("EXTREMITY", "T1 left thigh", "leg"),
        ("CSPINE", None, "spine"),
        (None, "T2 C-Spine sag", "spine"),
        ("WHOLEBODY", None, "whole body"),
        (None, "ThoraxRoutine  8.0.0  B70f", "chest"),
        (None, "SAG MPRAGE 220 FOV", "head"),
        (None, "Sagittal-IR_3DFGRE", "unknown"),
        (None, None, "unknown"),
        ("", "", "unknown"),
    ],
)
def test_dicom_words_become_regions(
    body_part: str | None, description: str | None, region: str
) -> None:
    assert region_from_words(body_part, description) == region
