"""The options of a rule that restores: read, refused with the fix, handed on as engines' words."""

from __future__ import annotations

import pytest

from engines.quality import Amount, Degradation, Finding, Severity
from engines.steering import MENDED, NO_OPTIONS, Options
from medq_node.restoring import VOCABULARY, effective_action, options_of
from rules.model import RuleError, RuleSet, load_rules

HEAD = "rules:\n  - name: chest\n    then:\n      action: restore\n      restoring:\n"


def options(*lines: str) -> Options:
    """The options written as ``lines``, through the form that a decision's row keeps."""
    text = HEAD + "".join(f"        {line}\n" for line in lines)
    ruleset = load_rules(text, "rules.yaml", VOCABULARY)
    assert RuleSet.model_validate(ruleset.model_dump(mode="json")) == ruleset
    restoring = ruleset.rules[0].then.restoring
    assert restoring is not None
    return options_of(restoring.model_dump(mode="json"))


def test_everything_that_can_be_written_reaches_the_engine() -> None:
    assert options(
        "only: [metal artifact, noise]",
        "at_most: moderate",
        "from: {metal artifact: severe}",
        "words:",
        "  noise: moderate 30.25 HU",
        "  motion: severe 1.5 degrees and 3 mm",
        "  blur: none",
    ) == Options(
        only=(Degradation.NOISE, Degradation.METAL),
        at_most=Severity.MODERATE,
        thresholds=((Degradation.METAL, Severity.SEVERE),),
        words=(
            Finding(Degradation.NOISE, Severity.MODERATE, 30.25, "HU"),
            Finding(Degradation.BLUR, Severity.NONE),
            Finding(Degradation.MOTION, Severity.SEVERE, 3.0, "mm", more=(Amount(1.5, "degrees"),)),
        ),
    )


def test_one_threshold_holds_for_all_that_can_be_restored() -> None:
    assert options("from: severe").thresholds == tuple((kind, Severity.SEVERE) for kind in MENDED)


def test_what_decides_the_pixels_is_named_and_unchanged_without_options() -> None:
    assert effective_action("when_needed", NO_OPTIONS) == "when_needed"
    assert options_of(None) is NO_OPTIONS
    asked = options("only: [noise]", "from: severe", "words: {noise: moderate 30 HU}")
    assert effective_action("always", asked) == (
        "always; only noise; from severe on; taken as moderate noise: 30 HU"
    )
    same = options("words: {noise: moderate 30.0 HU}", "from: severe", "only: [noise, noise]")
    assert str(same) == str(asked)


MISTAKES = [
    (["only: [nose]"], 6, "no degradation named 'nose'; did you mean 'noise'?"),
    (["only: [metal]"], 6, "no degradation named 'metal'; known: low-count noise, metal artifact,"),
    (["only:", "  - noise", "  - clipping"], 8, "nothing restores clipping; leave it out"),
    (["only: []"], 6, "would restore nothing; write action: assess, or leave it out"),
    (["only:"], 6, "only: is empty"),
    (["only: noise"], 6, "should hold a list"),
    (["at_most: sever"], 6, "no severity named 'sever'; did you mean 'severe'?"),
    (["at_most: none"], 6, "restores nothing; write action: assess"),
    (["at_most: 3"], 6, "should be a valid string (found 3)"),
    (["from: mild"], 6, "what is milder than moderate is never restored by itself"),
    (["from:", "  noise: severe", "  nosie: severe"], 8, "did you mean 'noise'?"),
    (["from:", "  noise: severe", "  motion: bad"], 8, "no severity named 'bad'; known: mild,"),
    (["from: {blur: severe}"], 6, "nothing restores blur"),
    (["from: [severe]"], 6, "from: "),
    (["words: {noise: bad}"], 6, "noise: no severity named 'bad'"),
    (["words:", "  blur: none", "  nois: none"], 8, "did you mean 'noise'?"),
    (["words: {noise: moderate 30}"], 6, "the number 30 has no unit"),
    (["words: {noise: 30}"], 6, "noise needs a severity in words"),
    (["words: {noise: }"], 6, "noise needs a severity in words"),
    (["words: {noise: [severe]}"], 6, "noise needs a severity in words"),
    (["words: {noise: moderate 30 mm}"], 6, "measured in HU or % of signal, not in 'mm'"),
    (["words: {noise: moderate -3 HU}"], 6, "'-3 HU' is not a number above 0"),
    (["words: {noise: moderate 0 HU}"], 6, "'0 HU' is not a number above 0"),
    (["words: {noise: none 3 HU}"], 6, "none takes no number"),
    (["words: {motion: severe 3 mm and 4 mm}"], 6, "each unit is given once"),
    (["words: severe"], 6, "words should hold keys"),
    (["onyl: [noise]"], 6, "no key named 'onyl'; did you mean 'only'?"),
    (["{}"], 5, "restoring: is empty"),
    ([], 5, "restoring: is empty"),
]


@pytest.mark.parametrize(("lines", "line", "fix"), MISTAKES)
def test_a_mistake_is_told_with_its_line_and_the_fix(lines: list[str], line: int, fix: str) -> None:
    with pytest.raises(RuleError) as caught:
        options(*lines)
    (told,) = str(caught.value).splitlines()
    assert told.startswith(f'rules.yaml:{line}: rule "chest": ')
    assert fix in told


def test_every_mistake_has_a_line_of_its_own() -> None:
    with pytest.raises(RuleError) as caught:
        options("only: [nose]", "from:", "  nosie: severe", "words:", "  noise: bad", "  x: none")
    assert [told.split(" ")[0] for told in str(caught.value).splitlines()] == [
        f"rules.yaml:{line}:" for line in (6, 8, 10, 11)
    ]


def test_options_go_with_restoring_alone() -> None:
    text = "rules: [{name: a, then: {action: assess, restoring: {at_most: mild}}}]"
    with pytest.raises(RuleError, match="restoring: goes with action: restore; leave it out"):
        load_rules(text, "rules.yaml", VOCABULARY)
