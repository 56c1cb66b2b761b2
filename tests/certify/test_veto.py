"""The engine's second look may refuse what it restored; it never makes anything better."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from engines.quality import (
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
from medq_node.certify.veto import veto
from tests.engines.strategies import descriptions

NOISE = Finding(Degradation.NOISE, Severity.SEVERE, 40, "HU")
BLUR = Finding(Degradation.BLUR, Severity.NONE, 1.5, "mm FWHM")


def described(*findings: Finding, verdict: Verdict = Verdict.USABLE) -> QualityDescription:
    return QualityDescription(
        modality=Modality.CT,
        region="chest",
        findings=findings,
        not_assessed=(),
        verdict=verdict,
        actions=(Action.REDUCE_NOISE,),
        confidence=Confidence.HIGH,
    )


def test_less_noise_and_nothing_else_is_no_reason() -> None:
    quieter = replace(NOISE, severity=Severity.MILD, amount=17)
    assert veto(described(NOISE, BLUR), described(quieter, BLUR, verdict=Verdict.GOOD)) == ()


def test_blur_where_there_was_none_is_told_with_both_numbers() -> None:
    blurred = replace(BLUR, severity=Severity.MILD, amount=2.4)
    assert veto(described(NOISE, BLUR), described(NOISE, blurred)) == (
        "The engine's second look at the restored series finds mild blur (2.4 mm FWHM) where the"
        " original had no blur (1.5 mm FWHM).",
    )


def test_a_worse_verdict_is_told() -> None:
    (reason,) = veto(described(NOISE), described(NOISE, verdict=Verdict.REJECT))
    assert reason.endswith("finds it reject where the original was usable.")


@pytest.mark.parametrize(
    ("severity", "amount", "later_severity", "later_amount", "vetoed"),
    [
        ("none", 1.95, "mild", 2.0, False),  # stood near the cut-off before
        ("none", 1.5, "mild", 2.0, True),
        ("mild", 2.0, "mild", 2.4, False),  # no more than blur moves when noise goes
        ("mild", 2.0, "mild", 2.6, True),
        ("none", 0.9, "none", 1.9, False),  # "none" is no degradation
        ("moderate", 3.0, "mild", 3.9, False),
        ("none", 0.0, "mild", 0.2, True),
        ("none", None, "mild", None, True),
        ("mild", None, "mild", 3.0, True),  # nothing to compare: not passed in silence
        ("mild", 3.0, "mild", None, True),
        ("mild", None, "mild", None, False),
        ("moderate", None, "mild", 3.0, False),  # the words are better
    ],
)
def test_how_much_worse_is_worse(
    severity: str,
    amount: float | None,
    later_severity: str,
    later_amount: float | None,
    vetoed: bool,
) -> None:
    def blur(severity: str, amount: float | None) -> QualityDescription:
        unit = None if amount is None else "mm FWHM"
        return described(Finding(Degradation.BLUR, Severity(severity), amount, unit))

    assert bool(veto(blur(severity, amount), blur(later_severity, later_amount))) is vetoed


def test_any_number_that_grew_counts_and_fewer_counts_are_worse() -> None:
    moved = Finding(Degradation.MOTION, Severity.MILD, 0.8, "mm", more=(Amount(0.6, "degrees"),))
    turned = replace(moved, more=(Amount(0.9, "degrees"),))
    (reason,) = veto(described(moved), described(turned))
    assert "mild motion (0.8 mm and 0.9 degrees)" in reason
    assert veto(described(turned), described(moved)) == ()
    kept = Finding(Degradation.LOW_COUNT, Severity.MILD, 20, "% of counts")
    assert veto(described(kept), described(replace(kept, amount=10)))
    assert veto(described(kept), described(replace(kept, amount=40))) == ()
    assert veto(described(kept), described(replace(kept, amount=0)))


def mr_head(*findings: Finding) -> QualityDescription:
    return replace(described(*findings), modality=Modality.MR, region="head")


def test_only_numbers_that_are_bad_by_themselves_count() -> None:
    moved = Finding(
        Degradation.MOTION, Severity.MODERATE, 2.9, "mm", more=(Amount(0.1, "degrees"),)
    )
    less = replace(moved, amount=1.6, more=(Amount(0.13, "degrees"),))
    assert veto(mr_head(moved), mr_head(less)) == ()
    turned = replace(moved, amount=1.6, more=(Amount(0.6, "degrees"),))
    assert "1.6 mm and 0.6 degrees" in veto(mr_head(moved), mr_head(turned))[0]


def test_what_is_not_graded_counts_only_where_nothing_graded_is_common() -> None:
    streaks = Finding(
        Degradation.METAL, Severity.MODERATE, 79, "HU", more=(Amount(2, "% of pixels"),)
    )
    weaker = replace(streaks, amount=41, more=(Amount(2.6, "% of pixels"),))
    assert veto(described(streaks), described(weaker)) == ()
    area = Finding(Degradation.METAL, Severity.MODERATE, 2, "% of pixels")
    assert veto(described(area), described(weaker))
    assert veto(described(area), described(replace(area, amount=2.4))) == ()


def test_numbers_without_a_common_unit_are_told_and_not_passed_in_silence() -> None:
    relative = replace(NOISE, amount=30, unit="% of signal")
    (reason,) = veto(described(NOISE), described(relative))
    assert reason == (
        "The engine's second look at the restored series finds severe noise (30 % of signal), which"
        " can't be compared with the original's severe noise (40 HU)."
    )
    assert veto(described(NOISE), described(replace(relative, severity=Severity.MILD))) == ()
    # A common number that is none tells nothing of the one that is not.
    shifted = Finding(Degradation.MOTION, Severity.MILD, 0.6, "mm")
    turned = Finding(Degradation.MOTION, Severity.MILD, 0.3, "mm", more=(Amount(0.9, "degrees"),))
    assert "can't be compared" in veto(mr_head(shifted), mr_head(turned))[0]


def test_coarse_pixels_are_judged_as_such() -> None:
    blurred = Finding(Degradation.BLUR, Severity.MILD, 7, "mm FWHM")
    worse = replace(blurred, severity=Severity.MODERATE, amount=9)
    assert veto(described(blurred), described(worse), pixel_mm=2)


def test_what_could_not_be_judged_before_and_is_there_now_is_told() -> None:
    mild = replace(BLUR, severity=Severity.MILD)
    (reason,) = veto(described(NOISE), described(NOISE, mild))
    assert "mild blur" in reason
    assert "could not be judged" in reason
    assert veto(described(NOISE), described(NOISE, BLUR)) == ()


def test_what_can_no_longer_be_judged_is_told() -> None:
    (reason,) = veto(described(NOISE, BLUR), described(NOISE))
    assert reason.endswith("can no longer judge blur.")


@given(descriptions())
def test_an_unchanged_description_is_never_a_reason(description: QualityDescription) -> None:
    assert veto(description, description) == ()
