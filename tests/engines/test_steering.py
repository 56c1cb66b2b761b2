"""What a restoration obeys where a rule has options."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.medq_uni.levels import EXPERTS, gates_of
from engines.quality import (
    APPLICABLE,
    UNITS_OF,
    Action,
    Degradation,
    Finding,
    QualityDescription,
    Severity,
    Verdict,
    format_sentence,
    parse_sentence,
)
from engines.severity import grade
from engines.steering import MENDED, NO_OPTIONS, Options, steer
from engines.verdict import verdict_of
from tests.engines.strategies import amounts, descriptions

CT = (
    "CT, chest. {noise}. No blur: 1.1 mm FWHM. {metal}. Verdict: {verdict}."
    " Planned action: {plan}. Confidence: medium."
)
SEVERE, MODERATE = "Severe noise: 48 HU, on slices 3-20", "Moderate metal artifact: 60 HU"


def ct(
    noise: str = SEVERE,
    metal: str = MODERATE,
    verdict: str = "usable",
    plan: str = "reduce noise, reduce metal streaks",
) -> QualityDescription:
    return parse_sentence(CT.format(noise=noise, metal=metal, verdict=verdict, plan=plan))


@st.composite
def own_words(draw: st.DrawFn, kind: Degradation) -> Finding:
    severity = draw(st.sampled_from(Severity))
    said = draw(amounts(kind)) if severity is not Severity.NONE else ()
    first = said[0] if said else None
    return Finding(
        kind,
        severity,
        first.value if first else None,
        first.unit if first else None,
        more=said[1:],
    )


kinds = st.sets(st.sampled_from(MENDED), min_size=1)
strengths = st.sampled_from([Severity.MILD, Severity.MODERATE, Severity.SEVERE])
needed = st.sampled_from([Severity.MODERATE, Severity.SEVERE])


@st.composite
def options(draw: st.DrawFn) -> Options:
    only = draw(st.none() | kinds.map(tuple))
    limits = draw(st.dictionaries(st.sampled_from(MENDED), needed))
    said = draw(st.sets(st.sampled_from(Degradation), max_size=3))
    return Options(
        only,
        draw(st.none() | strengths),
        tuple(limits.items()),
        tuple(draw(own_words(kind)) for kind in said),
    )


@given(descriptions())
def test_without_options_all_stays_as_the_engine_said(said: QualityDescription) -> None:
    steered = steer(said, NO_OPTIONS)
    assert steered.description is said
    assert steered.overridden == ()


@given(descriptions(), options(), st.floats(0, 3))
def test_what_is_obeyed_is_within_the_options_and_can_be_said(
    said: QualityDescription, asked: Options, pixel_mm: float
) -> None:
    obeyed = steer(said, asked, pixel_mm=pixel_mm).description
    assert parse_sentence(format_sentence(obeyed)) == obeyed
    for finding in obeyed.findings:
        kind = finding.degradation
        if kind not in MENDED or finding.severity is Severity.NONE:
            continue
        assert asked.only is None or kind in asked.only
        if asked.at_most:
            assert finding.severity.rank <= asked.at_most.rank
            graded = grade(kind, finding.amounts, said.modality, said.region, pixel_mm)
            assert graded is None or graded.rank <= asked.at_most.rank
    if asked.only is not None:
        acting = {kind for kind, gate in zip(EXPERTS, gates_of(obeyed), strict=True) if gate > 0}
        assert acting <= set(asked.only)


@given(descriptions(), options(), st.floats(0, 3))
def test_options_but_words_never_make_more_be_restored(
    said: QualityDescription, asked: Options, pixel_mm: float
) -> None:
    limits = Options(asked.only, asked.at_most, asked.thresholds)
    obeyed = steer(said, limits, pixel_mm=pixel_mm).description
    assert obeyed is said or set(obeyed.actions) <= {*said.actions, Action.KEEP, Action.REPEAT}
    assert said.restores or not obeyed.restores
    for finding in obeyed.findings:
        before = said.finding(finding.degradation)
        assert before is not None
        assert finding.severity.rank <= before.severity.rank
        for amount in finding.amounts:
            was = before.amount_in(amount.unit)
            assert was is not None
            assert amount.value <= was
    if said.verdict is Verdict.REJECT:
        assert obeyed.verdict is Verdict.REJECT


def judged(said: QualityDescription) -> QualityDescription:
    """The same with the verdict and the plan that follow from it."""
    verdict, actions = verdict_of(said.findings, said.modality, said.region, said.confidence)
    return replace(said, verdict=verdict, actions=actions)


@given(descriptions().map(judged), options(), st.floats(0, 3))
def test_obeying_twice_changes_nothing_more(
    said: QualityDescription, asked: Options, pixel_mm: float
) -> None:
    once = steer(said, asked, pixel_mm=pixel_mm).description
    # What was weakened below a threshold, or to mild, would be left alone the second time.
    needed = max([Severity.MODERATE.rank, *(least.rank for _, least in asked.thresholds)])
    if asked.at_most is None or asked.at_most.rank >= needed:
        assert steer(once, asked, pixel_mm=pixel_mm).description == once


@given(descriptions(), options())
def test_what_is_changed_is_told_and_nothing_else(said: QualityDescription, asked: Options) -> None:
    steered = steer(said, asked, asked_by='the rule "a"')
    told = list(steered.overridden)
    if steered.description is not said:
        assert told.pop() == f"What is obeyed: {format_sentence(steered.description)}"
        assert told
    assert all(text.startswith('The rule "a" ') and text.endswith(".") for text in told)


def test_the_greatest_strength_takes_the_number_along() -> None:
    steered = steer(ct(), Options(at_most=Severity.MODERATE), asked_by='the rule "children"')
    assert steered.description == ct("Moderate noise: 34.9 HU, on slices 3-20")
    assert steered.overridden[0] == (
        'The rule "children" asks to restore moderate noise at most: "Severe noise: 48 HU, on '
        'slices 3-20" is obeyed as "Moderate noise: 34.9 HU, on slices 3-20".'
    )


def test_the_greatest_strength_decides_how_much_is_done_and_not_whether() -> None:
    obeyed = steer(ct(), Options(at_most=Severity.MILD)).description
    assert [f.severity for f in obeyed.findings if f.degradation in MENDED] == [Severity.MILD] * 2
    assert obeyed.actions == ct().actions


def test_a_number_that_nothing_grades_goes_with_the_one_that_is_lowered() -> None:
    """5 % of the counts is not what a noise of 24.9 % comes from."""
    said = parse_sentence(
        "PT, chest. Severe low-count noise: 40 % of signal and 5 % of counts. Verdict: usable."
        " Planned action: recover counts. Confidence: high."
    )
    (obeyed,) = steer(said, Options(at_most=Severity.MODERATE)).description.findings
    assert [(a.value, a.unit) for a in obeyed.amounts] == [(24.9, "% of signal")]


def test_what_is_left_alone_is_none_and_no_longer_planned() -> None:
    for asked in (
        Options(only=(Degradation.NOISE,)),
        Options(thresholds=((Degradation.METAL, Severity.SEVERE),)),
    ):
        obeyed = steer(ct(), asked).description
        assert obeyed == ct(metal="No metal artifact", plan="reduce noise")


def test_words_of_the_rule_hold_for_the_whole_series() -> None:
    noise = Finding(Degradation.NOISE, Severity.MODERATE, 30.0, "HU")
    steered = steer(ct(), Options(words=(noise,)))
    assert steered.description == ct("Moderate noise: 30 HU")
    assert steered.overridden[0] == (
        'The rule says "Moderate noise: 30 HU", which is obeyed instead of the engine\'s '
        '"Severe noise: 48 HU, on slices 3-20".'
    )


def test_words_can_ask_for_what_the_engine_would_leave_alone() -> None:
    said = ct("No noise: 9 HU", "No metal artifact", "good", "keep as is")
    asked = Options(words=(Finding(Degradation.NOISE, Severity.MODERATE),))
    assert steer(said, asked).description.actions == (Action.REDUCE_NOISE,)


@pytest.mark.parametrize(
    ("noise", "reason"),
    [
        (Finding(Degradation.NOISE, Severity.MODERATE, 12.0, "HU"), "in MR noise is measured in"),
        (Finding(Degradation.LOW_COUNT, Severity.MILD), "low-count noise means nothing in MR"),
    ],
)
def test_words_of_another_modality_are_left_out_and_that_is_told(
    noise: Finding, reason: str
) -> None:
    said = parse_sentence(
        "MR, head. Severe noise: 30 % of signal. Verdict: usable. Planned action: reduce noise."
        " Confidence: high."
    )
    steered = steer(said, Options(words=(noise,)))
    assert steered.description is said
    (told,) = steered.overridden
    assert reason in told


def test_every_degradation_has_a_unit_in_each_modality_where_it_means_something() -> None:
    for modality, meant in APPLICABLE.items():
        for kind in meant:
            said = parse_sentence(
                f"{modality}, chest. Verdict: good. Planned action: keep as is. Confidence: low."
            )
            worded = [
                steer(said, Options(words=(Finding(kind, Severity.MILD, 1.0, unit),)))
                for unit in UNITS_OF[kind]
            ]
            assert any(steered.description is not said for steered in worded), (modality, kind)


UNFIT = ct("Severe noise: 200 HU", "Severe metal artifact: 300 HU", "reject", "consider repeating")
NO_NOISE = Finding(Degradation.NOISE, Severity.NONE)
NO_METAL = Finding(Degradation.METAL, Severity.NONE)


def test_only_words_on_all_that_made_a_series_unfit_make_it_fit() -> None:
    assert steer(UNFIT, Options(words=(NO_NOISE,))).description.verdict is Verdict.REJECT
    fit = steer(UNFIT, Options(words=(NO_NOISE, NO_METAL))).description
    assert (fit.verdict, fit.actions) == (Verdict.GOOD, (Action.KEEP,))


def test_words_can_make_a_series_unfit() -> None:
    asked = Options(words=(Finding(Degradation.CLIPPING, Severity.SEVERE, 30.0, "% of pixels"),))
    assert steer(ct(), asked).description.actions == (Action.REPEAT,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"only": ()},
        {"only": (Degradation.BLUR,)},
        {"only": (Degradation.NOISE, Degradation.NOISE)},
        {"at_most": Severity.NONE},
        {"thresholds": ((Degradation.NOISE, Severity.MILD),)},
        {"words": (NO_NOISE, NO_NOISE)},
    ],
)
def test_options_that_ask_nothing_sensible_cannot_be_made(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"options name|once|at least"):
        Options(**wrong)  # type: ignore[arg-type]


@given(options())
def test_the_same_options_have_the_same_line_in_whatever_order(asked: Options) -> None:
    turned = Options(
        asked.only[::-1] if asked.only else None,
        asked.at_most,
        asked.thresholds[::-1],
        asked.words[::-1],
    )
    assert str(turned) == str(asked)
    assert bool(str(asked)) is (asked != NO_OPTIONS)
