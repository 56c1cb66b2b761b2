"""Rules as administrators write them: read, refused with the fix, shipped and documented."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medq_node.restoring import VOCABULARY
from rules.evaluate import SeriesFacts, decide
from rules.model import Action, RestoreMode, RuleError, RuleSet, check_names, load_rules
from tests.rules.test_evaluate import rule_sets

ROOT = Path(__file__).resolve().parents[2]
STARTER = (ROOT / "rules" / "starter.yaml").read_text(encoding="utf-8")


def in_a_rule(condition: str) -> str:
    return (
        f"rules:\n  - name: chest\n    when:\n      - {condition}\n    then: {{action: assess}}\n"
    )


MISTAKES = [
    (
        in_a_rule("Modalty: {equals: CT}"),
        4,
        "'Modalty' is no DICOM keyword; did you mean 'Modality'",
    ),
    (in_a_rule("caling_ae_title: {equals: CT}"), 4, "did you mean 'calling_ae_title'?"),
    (in_a_rule("Modality: {equal: CT}"), 4, "did you mean 'equals'?"),
    (in_a_rule("Modality: CT"), 4, "Modality: {equals: ...}"),
    (in_a_rule("Modality: {equals: CT, exists: true}"), 4, "needs one operator"),
    (in_a_rule("{Modality: {equals: CT}, PatientID: {exists: true}}"), 4, "begin each condition"),
    (in_a_rule("Modality: {one_of: CT}"), 4, "takes a list such as [A, B]"),
    (in_a_rule("Modality: {equals: [CT, MR]}"), 4, "takes one value"),
    (in_a_rule("Modality: {equals: null}"), 4, "exists: false"),
    (in_a_rule("Modality: {equals: true}"), 4, "in quotes"),
    (in_a_rule("Modality: {one_of: []}"), 4, "needs a value"),
    (in_a_rule("Modality: {exists: 1}"), 4, "takes true or false"),
    (in_a_rule("SeriesDescription: {pattern: *low dose*}"), 4, "in quotes"),
    (in_a_rule("SliceThickness: {at_least: thin}"), 4, "numbers, dates such as 20240131, or ages"),
    (in_a_rule("PatientAge: {between: [018Y, 20]}"), 4, "numbers, dates such as 20240131, or ages"),
    (in_a_rule("SliceThickness: {between: [3, 1]}"), 4, "the lower value first"),
    (in_a_rule("SliceThickness: {between: [1, 2, 3]}"), 4, "[lowest, highest]"),
    (in_a_rule("PixelData: {exists: true}"), 4, "can't be asked"),
    (in_a_rule("ReferencedStudySequence: {exists: true}"), 4, "can't be asked"),
    (in_a_rule("TransferSyntaxUID: {equals: x}"), 4, "can't be asked"),
    (in_a_rule("any: []"), 4, "at least one condition"),
    (in_a_rule("any: [{any: [{Modality: {equals: CT}}]}]"), 4, "write two rules instead"),
    ("rules:\n  - name: chest\n    then: {action: igore}\n", 3, "'ignore', 'assess' or 'restore'"),
    ("rules:\n  - name: chest\n    then: {actoin: ignore}\n", 3, "did you mean 'action'?"),
    ("rules:\n  - name: chest\n    thn: {action: ignore}\n", 3, "did you mean 'then'?"),
    ("rules:\n  - name: chest\n", 2, "then is required"),
    (
        "rules:\n  - name: chest\n    then:\n      action: assess\n      restore: always\n",
        3,
        "leave it out",
    ),
    ("rules:\n  - name: chest\n    then: {action: ignore, engine: x}\n", 3, "needs no engine"),
    (
        "rules:\n  - name: chest\n    then: {action: ignore, destinations: [x]}\n",
        3,
        "sends nothing",
    ),
    (
        "rules:\n  - name: chest\n    then: {action: assess, forward_originals: true}\n",
        3,
        "needs dest",
    ),
    (
        "rules:\n  - {name: a, then: {action: ignore}}\n  - {name: a, then: {action: ignore}}\n",
        3,
        "taken by rule 1",
    ),
    (
        "rules:\n  - name: chest\n    name: head\n    then: {action: ignore}\n",
        3,
        "already written on line 2",
    ),
    ("rules:\n\t- name: chest\n", 2, "never with tabs"),
    ("rules: chest\n", 1, "a list, each item begun with -"),
    ("- name: chest\n", 1, "begin with `rules:`"),
    ("", 1, "begin with `rules:`"),
    ("rules: []\nextra: 1\n", 2, "no key named 'extra'"),
    ("rules:\n  - chest\n", 2, "should hold keys"),
    ("rules: &a []\n", 1, "anchors"),
    ("rules: !!python/name:os.system []\n", 1, "leave it out"),
]


@pytest.mark.parametrize(("text", "line", "fix"), MISTAKES)
def test_a_mistake_is_told_with_its_line_and_the_fix(text: str, line: int, fix: str) -> None:
    with pytest.raises(RuleError) as caught:
        load_rules(text, "rules.yaml")
    told = str(caught.value).splitlines()
    assert any(text.startswith(f"rules.yaml:{line}: ") and fix in text for text in told)
    assert len(told) == (2 if "did you mean 'action'" in fix or "'then'" in fix else 1)


def test_a_mistake_is_told_with_the_name_of_its_rule() -> None:
    with pytest.raises(RuleError, match='rule "chest": '):
        load_rules(in_a_rule("Modalty: {equals: CT}"), "rules.yaml")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_text() -> None:
    text = (
        "rules:\n  - name: a\n    when:\n      - Modalty: {equals: CT}\n    then: {action: go}\n"
        "  - name: b\n    when:\n      - any:\n          - Modality: {equals: CT}\n"
        "          - Modality: {like: CT}\n    then: {action: ignore}\n"
    )
    with pytest.raises(RuleError) as caught:
        load_rules(text, "r")
    assert [line.split(" ")[0] for line in str(caught.value).splitlines()] == [
        "r:4:",
        "r:5:",
        "r:10:",
    ]


@given(st.text(max_size=200) | st.text("rules:- {}[]&*!\n\t'\"name", max_size=80))
def test_any_text_is_rules_or_is_refused(text: str) -> None:
    try:
        load_rules(text, "rules.yaml")
    except RuleError as error:
        assert re.match(r"rules\.yaml:\d+: ", str(error))


def test_text_nested_without_end_is_refused() -> None:
    with pytest.raises(RuleError, match="nested more than"):
        load_rules("rules: " + "[" * 5000 + "]" * 5000, "rules.yaml")


@given(rule_sets())
def test_rules_come_back_from_their_terse_form(ruleset: RuleSet) -> None:
    assert RuleSet.model_validate(ruleset.model_dump(mode="json")) == ruleset


def test_words_stay_words() -> None:
    """YAML 1.1 reads NO as false, 0012 as octal ten and 12:30:00 as 45000."""
    text = in_a_rule("StationName: {one_of: [NO, ON, 0012, 12:30:00, 2024-01-31]}")
    operand = load_rules(text, "r").model_dump(mode="json")["rules"][0]["when"][0]["StationName"]
    assert operand == {"one_of": ["NO", "ON", "0012", "12:30:00", "2024-01-31"]}


def test_the_digest_is_of_what_rules_say_not_of_how_they_are_laid_out() -> None:
    one = load_rules("rules: [{name: a, then: {action: ignore}}]", "r")
    same = load_rules("# a comment\nrules:\n  - name: a\n    then:\n      action: ignore\n", "r")
    other = load_rules("rules: [{name: a, then: {action: assess}}]", "r")
    assert one.digest == same.digest != other.digest


def test_names_that_the_node_does_not_know_are_told() -> None:
    ruleset = load_rules(
        "rules: [{name: a, then: {action: restore, engine: clasical, destinations: [pacs, pasc]}}]",
        "r",
    )
    assert check_names(ruleset, ["classical"], ["pacs"]) == [
        "rule \"a\": no destination named 'pasc'; did you mean 'pacs'?",
        "rule \"a\": no engine named 'clasical'; did you mean 'classical'?",
    ]
    assert check_names(ruleset, ["clasical"], ["pacs", "pasc"]) == []


def test_every_example_in_the_documentation_is_read() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert blocks
    for block in blocks:
        load_rules(block, "docs/rules.md", VOCABULARY)
    examples = re.findall(r"\| `([A-Za-z]+: \{.*?\})` \|", page)
    assert len(examples) >= 6
    for example in examples:
        load_rules(in_a_rule(example), "docs/rules.md")


CT = {
    "Modality": (("CT",),),
    "ImageType": (("ORIGINAL", "PRIMARY", "AXIAL"),),
    "SOPClassUID": (("1.2.840.10008.5.1.4.1.1.2",),),
    "PhotometricInterpretation": (("MONOCHROME2",),),
}
STARTER_SAYS = [
    ({}, "CT"),
    ({"ImageType": (("ORIGINAL", "PRIMARY", "LOCALIZER"),)}, "localizer"),
    ({"ImageType": (("DERIVED", "SECONDARY", "MPR"),)}, "derived"),
    (
        {"ImageType": (("ORIGINAL", "PRIMARY", "AXIAL"), ("DERIVED", "PRIMARY", "AXIAL"))},
        "everything else",
    ),
    ({"ImageType": ()}, "everything else"),
    ({"SOPClassUID": (("1.2.840.10008.5.1.4.1.1.7",),)}, "secondary capture"),
    ({"SeriesDescription": (("low dose skeletal survey",),)}, "CT"),
    ({"Modality": (("SR",),)}, "not an image"),
    ({"Modality": (("US",),)}, "everything else"),
    ({"Modality": ()}, "everything else"),
    ({"PhotometricInterpretation": (("RGB",),)}, "colour"),
    ({"Modality": (("MR",),), "ImageType": (("ORIGINAL", "PRIMARY", "M", "ND"),)}, "MR"),
    (
        {"Modality": (("MR",),), "ImageType": (("ORIGINAL", "PRIMARY", "P", "ND"),)},
        "MR phase, real or imaginary part, mosaic",
    ),
    (
        {"Modality": (("MR",),), "SeriesDescription": (("AAHead_Scout",),)},
        "MR localizer by its description",
    ),
    ({"Modality": (("PT",),), "ImageType": (("ORIGINAL", "PRIMARY"),)}, "PET"),
]


@pytest.mark.parametrize(("changed", "rule"), STARTER_SAYS)
def test_the_starter_rules_on_a_series(changed: dict[str, object], rule: str) -> None:
    facts = SeriesFacts("CT1", "MEDQ", "10.0.0.5", 40, {**CT, **changed})
    decision = decide(load_rules(STARTER, "rules/starter.yaml"), facts)
    assert decision.rule == rule
    if rule in ("CT", "MR", "PET"):
        assert (decision.action, decision.restore) == (Action.RESTORE, RestoreMode.WHEN_NEEDED)
        assert decision.destinations == ("pacs",)
    else:
        assert decision.action is Action.IGNORE


REAL_SERIES = [
    ("ct_crlm1004_abdomen", "CT"),
    ("ct_kits00072_kidney", "CT"),
    ("mr_thigh_t1_sts001", "MR"),
    ("mr_brain_pd_ge15", "MR"),  # an original that the scanner calls MPR
    ("mr_abdomen_adc_toshiba", "derived"),
    ("pet_wb_fdg_sts001", "PET"),
]


@pytest.mark.data
@pytest.mark.parametrize(("name", "rule"), REAL_SERIES)
def test_the_starter_rules_on_real_series(
    dev_series: Callable[[str], list[Path]], name: str, rule: str
) -> None:
    files = dev_series(name)
    assert files
    keywords = [*CT, "SeriesDescription"]
    elements: dict[str, dict[tuple[str, ...], None]] = {keyword: {} for keyword in keywords}
    for file in files:
        ds = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*keywords])
        for keyword in keywords:
            value = ds.get(keyword)
            many = value if isinstance(value, pydicom.multival.MultiValue) else [value]
            elements[keyword][tuple(str(v) for v in many if v is not None)] = None
    facts = SeriesFacts(
        "CT1", "MEDQ", "::1", len(files), {k: tuple(v) for k, v in elements.items()}
    )
    decision = decide(load_rules(STARTER, "rules/starter.yaml"), facts)
    assert decision.rule == rule, decision.why_not
