"""Words of slices smoothed over their neighbours, and words of a series told to its slices."""

from __future__ import annotations

import pytest

from engines.description import Amount, Confidence, Degradation, Finding, Modality, Severity
from engines.medq_uni.levels import GATES, gates_of
from engines.medq_uni.series import (
    HELD,
    SliceWords,
    confidence_of,
    number_for,
    smoothed,
    words_of_slice,
)
from engines.medq_uni.weights_file import Calibration
from engines.severity import graded_finding
from tests.engines.medq_uni.made import noise, words
from tests.engines.stacks import info

CT = info(Modality.CT, (9, 64, 64))
SURE = (0.05, 0.05, 0.05, 0.85)


def said(index: int, hu: float, metal_hu: float | None = None) -> SliceWords:
    finding = graded_finding(Degradation.NOISE, [Amount(hu, "HU")], Modality.CT, "unknown")
    findings = {Degradation.NOISE: finding}
    if metal_hu is not None:
        findings[Degradation.METAL] = graded_finding(
            Degradation.METAL, [Amount(metal_hu, "HU")], Modality.CT, "unknown", place="centre"
        )
    return SliceWords(index, findings, dict.fromkeys(findings, SURE))


def test_a_slip_on_one_slice_is_smoothed_away_and_graded_again() -> None:
    series = [said(k, 90 if k == 4 else 12) for k in range(9)]
    found = [one.findings[Degradation.NOISE] for one in smoothed(series, CT)]
    assert {f.amount for f in found} == {12}
    assert {f.severity for f in found} == {Severity.NONE}


def test_metal_on_one_slice_stays() -> None:
    series = [said(k, 12, 200 if k == 4 else 1) for k in range(9)]
    found = [one.findings[Degradation.METAL] for one in smoothed(series, CT)]
    assert [f.severity for f in found].count(Severity.SEVERE) == 1
    assert found[4].place == "centre"


def test_a_step_along_the_series_stays_where_it_is() -> None:
    series = [said(k, 12 if k < 5 else 40) for k in range(9)]
    found = [one.findings[Degradation.NOISE].amount for one in smoothed(series, CT)]
    assert found == [12] * 5 + [40] * 4


def test_two_slices_and_slices_far_apart_have_no_middle() -> None:
    assert smoothed([said(0, 12), said(1, 40)], CT) == [said(0, 12), said(1, 40)]
    far = [said(20 * k, 90 if k == 4 else 12) for k in range(9)]
    assert smoothed(far, CT) == far


def test_nothing_said_without_a_number_counts_as_none_of_it() -> None:
    none = Finding(Degradation.NOISE, Severity.NONE)
    series = [said(k, 30) for k in range(5)]
    silent = [SliceWords(k, {Degradation.NOISE: none}, series[k].chances) for k in range(5)]
    mixed = [series[2] if k == 2 else silent[k] for k in range(5)]
    assert smoothed(mixed, CT)[2].findings[Degradation.NOISE] == none


def test_confidence_is_the_chance_that_all_severities_are_right() -> None:
    calibration = Calibration(high=0.8, medium=0.7)
    assert confidence_of(said(0, 90), calibration) is Confidence.HIGH
    assert confidence_of(said(0, 90, 200), calibration) is Confidence.MEDIUM  # 0.85 squared
    assert confidence_of(said(0, 12), calibration) is Confidence.LOW


def test_outside_the_slices_named_a_slice_is_judged_by_itself_and_milder() -> None:
    series = words(Modality.CT, noise(Modality.CT, Severity.SEVERE, 50, (3, 5)))

    def gate(number: int, hu: float) -> tuple[Severity, float]:
        here = words_of_slice(series, said(0, hu).findings, number)
        found = here.finding(Degradation.NOISE)
        assert found is not None and found.slices is None
        return found.severity, gates_of(here)[0]

    assert gate(4, 12) == (Severity.SEVERE, GATES[Severity.SEVERE])
    assert gate(1, 12) == (Severity.NONE, 0.0)
    assert gate(6, 20) == (Severity.MILD, GATES[Severity.MILD])
    assert gate(6, 90) == (Severity.MODERATE, GATES[Severity.MODERATE])
    unsaid = words_of_slice(series, {}, 1).finding(Degradation.NOISE)
    assert unsaid is not None and unsaid.severity is Severity.NONE


@pytest.mark.parametrize(
    ("own", "wanted"),
    [(40, 40), (44.1, 42), (1, 40 * HELD[0]), (1000, 40 * HELD[1])],
)
def test_a_slice_moves_the_words_number_a_little_and_no_further(own: float, wanted: float) -> None:
    told = words(Modality.CT, noise(Modality.CT, Severity.SEVERE, 40))
    mine = said(0, own).findings[Degradation.NOISE]
    assert number_for(told, mine, Degradation.NOISE, 0.8) == pytest.approx(wanted, rel=1e-3)


def test_words_without_a_number_tell_the_middle_of_their_severity() -> None:
    told = words(Modality.CT, noise(Modality.CT, Severity.MODERATE, None))
    number = number_for(told, None, Degradation.NOISE, 0.8)
    assert number is not None and 25 < number < 35
    assert number_for(told, None, Degradation.METAL, 0.8) is None
