"""Whatever the logits, what is said is a sentence that keeps its own rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.description import PLACES, Confidence, Degradation, Modality, Severity
from engines.medq_uni import spoken, tokens
from engines.quality import REGIONS, format_sentence, parse_sentence
from engines.severity import cut_offs, grade

SIZE = len(tokens.VOCABULARY)

scenes = st.builds(
    spoken.Scene,
    st.sampled_from(Modality.sectional()),
    st.sampled_from(REGIONS),
    st.sampled_from([0.0, 0.5, 2.0]),
)


@st.composite
def logits(draw: st.DrawFn) -> spoken.Logits:
    """Random ones, flat or peaked, some tokens far above all others, some no numbers."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    strength = draw(st.sampled_from([0.0, 1.0, 30.0]))
    loud = draw(st.lists(st.integers(0, SIZE - 1), max_size=4))
    odd = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e30]))
    where = draw(st.lists(st.integers(0, SIZE - 1), max_size=40))

    def found(said: np.ndarray) -> np.ndarray:
        made = rng.normal(0, strength, (len(said), SIZE)).astype(np.float32)
        made[:, loud] += 1000
        made[:, where] = odd
        return made

    return found


@settings(max_examples=150, deadline=None)
@given(scenes, logits())
def test_whatever_the_logits_what_is_said_is_a_sentence(
    scene: spoken.Scene, found: spoken.Logits
) -> None:
    for said in spoken.say(found, scene, 2):
        findings = spoken.findings_of(said, scene)
        words = spoken.description_of(findings, scene, Confidence.MEDIUM)
        assert parse_sentence(format_sentence(words)) == words
        assert {f.degradation for f in findings} == {k for k, _ in tokens.SPOKEN[scene.modality]}
        for finding in findings:
            graded = grade(
                finding.degradation,
                finding.amounts,
                scene.modality,
                scene.region,
                scene.pixel_mm,
            )
            assert graded in (None, finding.severity)
            for amount in finding.amounts:
                low, high = spoken.PLAUSIBLE.get(amount.unit, (0, np.inf))
                assert low <= amount.value <= high
            assert finding.place is None or finding.severity is not Severity.NONE
        severity = {finding.degradation: finding.severity for finding in findings}
        for kind, chances in said.chances.items():
            assert sum(chances) == pytest.approx(1)
            assert chances[severity[kind].rank] == said.sure[kind]


@settings(max_examples=80, deadline=None)
@given(scenes, logits())
def test_what_was_said_is_encoded_as_it_was_said(scene: spoken.Scene, found: spoken.Logits) -> None:
    (said,) = spoken.say(found, scene, 1)
    findings = spoken.findings_of(said, scene)
    again, known = tokens.encode(spoken.description_of(findings, scene, Confidence.HIGH))
    slots = tokens.slots(scene.modality)
    assert len(again) == len(said.tokens) == len(slots)
    assert all(known[3:])
    for at, slot in enumerate(slots):
        if slot.what == tokens.NUMBER and said.tokens[at] != tokens.NO_NUMBER:
            # The finer number may be up to the neighbours away that it is the mean of.
            assert abs(again[at] - said.tokens[at]) <= spoken.NEIGHBOURS
        else:
            assert again[at] == said.tokens[at]


@given(st.sampled_from(Modality.sectional()), st.sampled_from(REGIONS))
def test_every_severity_of_what_is_graded_can_be_said_with_a_number(
    modality: Modality, region: str
) -> None:
    scene = spoken.Scene(modality, region, 1.0)
    for kind, units in tokens.SPOKEN[modality]:
        for severity in Severity:
            said = tokens.prefix(modality, region)
            for other, more in tokens.SPOKEN[modality]:
                if other is kind:
                    break
                said += [tokens.state_token(other, Severity.NONE)]
                said += [tokens.NO_NUMBER] * len(more) + [tokens.NO_PLACE]
            said.append(tokens.state_token(kind, severity))
            open_ = spoken.allowed(said, scene)
            graded = cut_offs(modality, kind, region, 1.0, units[0]) is not None
            assert open_[tokens.FIRST_NUMBER :].any()
            assert open_[tokens.NO_NUMBER] == (severity is Severity.NONE or not graded)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda found: sum(found) > 0.1))
def test_the_middle_severity_is_said_of_what_is_more_likely_there_than_not(
    weights: list[float],
) -> None:
    chances = np.array(weights) / sum(weights)
    said = spoken.severity_in(chances).rank
    if said == 0:
        assert chances[0] >= 0.5
    else:
        assert chances[0] < 0.5
        half = chances[1:].sum() / 2 + 1e-9
        assert chances[1:said].sum() <= half
        assert chances[said + 1 :].sum() <= half


@pytest.mark.parametrize(
    ("chances", "said"),
    [
        ((0.6, 0.3, 0.1, 0.0), Severity.NONE),
        ((0.4, 0.2, 0.2, 0.2), Severity.MODERATE),
        ((0.0, 0.4, 0.15, 0.45), Severity.MODERATE),
        ((0.45, 0.05, 0.1, 0.4), Severity.SEVERE),
    ],
)
def test_unlike_guesses_meet_in_the_middle(chances: tuple[float, ...], said: Severity) -> None:
    assert spoken.severity_in(np.array(chances)) is said


def test_a_lower_temperature_is_surer() -> None:
    rng = np.random.default_rng(0)
    fixed = rng.normal(0, 1, SIZE).astype(np.float32)
    scene = spoken.Scene(Modality.CT, "chest", 0.8)

    def sure(temperature: float) -> float:
        (said,) = spoken.say(lambda so_far: fixed[None], scene, 1, temperature)
        return said.sure[Degradation.NOISE]

    assert sure(0.5) > sure(1.0) > sure(2.0) > 0.25


def test_every_place_round_trips() -> None:
    for place in (None, *PLACES):
        assert tokens.place_of_token(tokens.place_token(place)) == place
