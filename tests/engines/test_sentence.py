"""The sentence and the description say exactly the same."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.quality import (
    CLAIMED,
    Action,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    SentenceError,
    Severity,
    Verdict,
    format_amounts,
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
    (Action.REDUCE_NOISE,),
    Confidence.MEDIUM,
)
SENTENCE = (
    "CT, chest. Severe noise: 42.3 HU, on slices 3-20, worst on slice 12. No blur: 1.1 mm FWHM. "
    "Not assessed: undersampling, motion, metal, low count. Verdict: usable. "
    "Planned action: reduce noise. Confidence: medium."
)


def test_a_person_reads_plain_language() -> None:
    assert format_sentence(CHEST) == SENTENCE
    assert parse_sentence(SENTENCE) == CHEST


MIXTURE = QualityDescription(
    Modality.MR,
    "head",
    (
        Finding(
            Degradation.MOTION,
            Severity.SEVERE,
            3.2,
            "mm",
            (20, 110),
            57,
            (Amount(1.5, "degrees"),),
            "upper left",
        ),
        Finding(Degradation.UNDERSAMPLING, Severity.SEVERE, 4, "fold", place="throughout"),
    ),
    (Degradation.METAL,),
    Verdict.USABLE,
    (Action.CORRECT_MOTION, Action.RESTORE_RESOLUTION),
    Confidence.LOW,
)


def test_a_mixture_says_all_its_numbers_places_and_actions() -> None:
    sentence = (
        "MR, head. Severe undersampling: 4 fold, throughout the image. "
        "Severe motion: 3.2 mm and 1.5 degrees, in the upper left of the image, on slices 20-110, "
        "worst on slice 57. Not assessed: metal. Verdict: usable. "
        "Planned action: restore resolution, correct motion. Confidence: low."
    )
    assert format_sentence(MIXTURE) == sentence
    assert parse_sentence(sentence) == MIXTURE


def test_low_counts_say_the_noise_and_what_was_kept() -> None:
    finding = Finding(
        Degradation.LOW_COUNT, Severity.MODERATE, 22, "% of signal", None, None,
        (Amount(10, "% of counts"),), "along the rim",
    )  # fmt: skip
    text = format_sentence(replace(MIXTURE, modality=Modality.PT, findings=(finding,)))
    assert "low-count noise: 22 % of signal and 10 % of counts, along the rim of the image." in text
    assert finding.amounts == (Amount(22, "% of signal"), Amount(10, "% of counts"))
    assert finding.amount_in("% of counts") == 10
    assert finding.amount_in("HU") is None


def test_what_says_the_same_is_equal_whatever_the_order() -> None:
    turned = replace(CHEST, findings=CHEST.findings[::-1], not_assessed=CHEST.not_assessed[::-1])
    assert turned == CHEST


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
        ("42.3 HU", "42.3 fold", "Severe", "measured in HU, % of signal"),
        ("42.3 HU", "5 % of signal and 42.3 HU", "Severe", "in this order"),
        ("42.3 HU", "42.3 HU and 42.3 HU", "Severe", "each once"),
        ("42.3 HU", "42.3 HU and", " and,", "'. '"),
        ("42.3 HU", "42.3 HU, in the left", "in the left", "a place"),
        (
            "42.3 HU, on slices 3-20",
            "42.3 HU, on slices 3-20, throughout the image",
            ", thr",
            "'. '",
        ),
        ("reduce noise", "keep as is, reduce noise", "CT", "stands alone"),
        ("reduce noise", "reduce noise, reduce noise", "CT", "once"),
        (
            "reduce noise",
            "reduce metal streaks, reduce noise",
            "metal streaks",
            "'noise, reduce metal",
        ),
        ("motion, metal", "metal, motion", "metal,", "order of the vocabulary"),
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


def test_a_zero_has_no_sign() -> None:
    assert math.copysign(1, rounded(-0.0)) == math.copysign(1, rounded(-1e-9)) == 1
    assert format_amounts(Finding(Degradation.NOISE, Severity.NONE, -0.0, "HU")) == "0 HU"


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
        {"amount": 3.0, "unit": "fold"},
        {"amount": 2e6, "unit": "HU"},
        {"more": (Amount(3, "HU"),)},
        {"amount": 3.0, "unit": "HU", "more": (Amount(4, "HU"),)},
        {"amount": 3.0, "unit": "% of signal", "more": (Amount(4, "HU"),)},
        {"place": "patient's left"},
        {"slices": (1, 1_000_000)},
        {"worst_slice": 1_000_000},
    ],
)
def test_a_finding_that_cannot_be_said_cannot_be_made(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Finding(Degradation.NOISE, Severity.MILD, **arguments)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "actions",
    [(), (Action.REPEAT, Action.REPEAT), (Action.KEEP, Action.REDUCE_NOISE)],
)
def test_a_plan_without_sense_cannot_be_made(actions: tuple[Action, ...]) -> None:
    with pytest.raises(ValueError, match=r"action|once|alone"):
        replace(CHEST, actions=actions)


def test_only_actions_that_change_images_restore() -> None:
    assert CHEST.restores
    assert not replace(CHEST, actions=(Action.KEEP,)).restores
    assert not replace(CHEST, actions=(Action.REPEAT,)).restores
    assert replace(CHEST, actions=(Action.REPEAT, Action.REDUCE_METAL)).restores


def test_surer_words_claim_more() -> None:
    assert [CLAIMED[word] for word in Confidence] == [0.95, 0.8, 0.5]


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
