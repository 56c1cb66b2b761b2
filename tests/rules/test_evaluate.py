"""Decisions: total, deterministic, explained."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.condition import FACTS, AnyOf, Condition, conditions_of
from rules.evaluate import ABSENT, WITHHELD, Decision, SeriesFacts, decide
from rules.model import Action, NoteScope, Outcome, RestoreMode, Rule, RuleSet, load_rules
from rules.operators import Operator, holds, matches
from rules.restoring import Restoring

KEYWORDS = ["Modality", "ImageType", "SeriesDescription", "SliceThickness", "PatientAge"]
TEXTS = ["CT", "MR", "AXIAL", "ORIGINAL", "1.5", "5", "018Y", "20240131", "Low Dose", "a*b?"]


def facts(**elements: object) -> SeriesFacts:
    """Facts of a CT of 40 images; each element a tuple of distinct values."""
    return SeriesFacts("CT1", "MEDQ", "10.0.0.5", 40, elements)


scalars = st.sampled_from(TEXTS) | st.integers(0, 30) | st.floats(0, 10) | st.text(max_size=4)
values = st.lists(scalars, max_size=3).map(tuple)
series_facts = st.builds(
    SeriesFacts,
    calling_ae_title=st.sampled_from(["CT1", "MR1", ""]),
    called_ae_title=st.just("MEDQ"),
    peer_host=st.just("10.0.0.5"),
    number_of_images=st.integers(1, 500),
    elements=st.dictionaries(st.sampled_from(KEYWORDS), st.lists(values, max_size=3).map(tuple)),
)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from(list(Operator)))
    if operator is Operator.EXISTS:
        operand: object = draw(st.booleans())
    elif operator in (Operator.ONE_OF, Operator.NOT_ONE_OF):
        operand = tuple(draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)))
    elif operator is Operator.PATTERN:
        operand = draw(st.text("CTa*?", min_size=1, max_size=6))
    elif operator is Operator.BETWEEN:
        operand = tuple(sorted(draw(st.tuples(st.integers(0, 30), st.integers(0, 30)))))
    elif operator in (Operator.AT_LEAST, Operator.AT_MOST):
        operand = draw(st.integers(0, 30) | st.sampled_from(["018Y", "6M", "2024-01-31"]))
    else:
        operand = draw(st.sampled_from(TEXTS) | st.integers(0, 30))
    keyword = draw(st.sampled_from([*KEYWORDS, *FACTS]))
    return Condition(keyword=keyword, operator=operator, operand=operand)


groups = st.lists(conditions(), min_size=1, max_size=3).map(lambda many: AnyOf(any=tuple(many)))
clauses = st.lists(conditions() | groups, max_size=3).map(tuple)
outcomes = st.sampled_from(
    [
        Outcome(action=Action.IGNORE),
        Outcome(action=Action.ASSESS, destinations=("pacs",)),
        Outcome(action=Action.RESTORE, engine="classical", destinations=("pacs",)),
        Outcome(action=Action.RESTORE, restore=RestoreMode.ALWAYS),
        Outcome(action=Action.RESTORE, restoring=Restoring(only=("noise",), at_most="mild")),
        Outcome(
            action=Action.RESTORE,
            restoring=Restoring.model_validate(
                {"from": {"noise": "severe"}, "words": {"motion": "severe 3.25 mm and 2 degrees"}}
            ),
        ),
        Outcome(
            action=Action.RESTORE,
            restoring=Restoring.model_validate({"from": "severe", "words": {"noise": "none"}}),
        ),
    ]
)


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    names = draw(st.lists(st.text("abcdef", min_size=1, max_size=4), unique=True, max_size=5))
    return RuleSet(
        rules=tuple(Rule(name=n, when=draw(clauses), then=draw(outcomes)) for n in names)
    )


def holds_plainly(rule: Rule, of: SeriesFacts) -> bool:
    """The rule's meaning, said again in the shortest way."""
    return all(
        any(holds(c.operator, c.operand, of.values(c.keyword)) for c in conditions_of(clause))
        for clause in rule.when
    )


@given(rule_sets(), series_facts)
def test_the_first_rule_that_holds_decides_and_those_before_it_say_why_not(
    ruleset: RuleSet, of: SeriesFacts
) -> None:
    decision = decide(ruleset, of)
    assert decision == decide(ruleset, of)
    holding = [rule for rule in ruleset.rules if holds_plainly(rule, of)]
    expected = holding[0] if holding else None
    assert decision.rule == (expected.name if expected else None)
    names = [rule.name for rule in ruleset.rules]
    before = names[: names.index(expected.name)] if expected else names
    assert [name for name, _ in decision.why_not] == before
    for rule, (_, words) in zip(ruleset.rules, decision.why_not, strict=False):
        failing = next(
            clause
            for clause in rule.when
            if not any(
                holds(c.operator, c.operand, of.values(c.keyword)) for c in conditions_of(clause)
            )
        )
        first = next(iter(conditions_of(failing)))
        prefix = "none of: " if isinstance(failing, AnyOf) else ""
        assert words.startswith(f"{prefix}{first.keyword} ")
        assert all(decision.values_seen[c.keyword] in words for c in conditions_of(failing))
    if expected is None:
        assert (decision.action, decision.destinations) == (Action.IGNORE, ())
    assert "\n" not in decision.explanation


@given(rule_sets(), series_facts)
def test_only_values_that_conditions_looked_at_are_kept(ruleset: RuleSet, of: SeriesFacts) -> None:
    decision = decide(ruleset, of)
    reached = ruleset.rules[: len(decision.why_not) + (decision.rule is not None)]
    asked = {c.keyword for rule in reached for clause in rule.when for c in conditions_of(clause)}
    assert set(decision.values_seen) <= asked


@given(rule_sets(), series_facts)
def test_a_decision_comes_back_from_json(ruleset: RuleSet, of: SeriesFacts) -> None:
    decision = decide(ruleset, of)
    assert Decision.from_json(decision.to_json()) == decision


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rule": 1}'])
def test_what_is_no_decision_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Decision.from_json(text)


@given(rule_sets(), series_facts)
def test_order_matters_a_rule_for_everything_put_first_decides(
    ruleset: RuleSet, of: SeriesFacts
) -> None:
    first = Rule(name="ALL", then=Outcome(action=Action.ASSESS))
    assert decide(RuleSet(rules=(first, *ruleset.rules)), of).rule == "ALL"
    put_last = decide(RuleSet(rules=(*ruleset.rules, first)), of)
    assert put_last.rule == (decide(ruleset, of).rule or "ALL")


@given(conditions(), series_facts)
def test_not_equals_and_not_one_of_are_equals_and_one_of_turned_round_on_one_value(
    condition: Condition, of: SeriesFacts
) -> None:
    one = of.values(condition.keyword)[:1]
    for positive, negative in (
        (Operator.EQUALS, Operator.NOT_EQUALS),
        (Operator.ONE_OF, Operator.NOT_ONE_OF),
    ):
        if condition.operator is positive:
            assert holds(negative, condition.operand, one) is not holds(
                positive, condition.operand, one
            )


RULES_ON_DESCRIPTION = """
rules:
  - name: low dose
    when:
      - Modality: {equals: CT}
      - SeriesDescription: {pattern: "*low dose*"}
      - SliceThickness: {at_most: 3}
    then: {action: restore, restore: always, engine: classical, destinations: [pacs, archive]}
  - name: any CT
    when: [{Modality: {equals: CT}}]
    then: {action: assess, destinations: [pacs], forward_originals: true}
"""


def test_an_admin_reads_why_a_series_was_restored() -> None:
    decision = decide(
        load_rules(RULES_ON_DESCRIPTION, "test"),
        facts(
            Modality=(("CT",),),
            SeriesDescription=(("Thorax Low Dose 1.5",),),
            SliceThickness=((1.5,),),
        ),
    )
    assert decision.explanation == (
        'Rule "low dose" matched because Modality equals "CT", and SeriesDescription matches '
        '"*low dose*" (it is "Thorax Low Dose 1.5"), and SliceThickness is at most 3 (it is 1.5): '
        "the series is assessed and always restored with engine classical, "
        "the results go to pacs, archive."
    )
    assert decision.restore is RestoreMode.ALWAYS
    assert decision.why_not == ()


def test_one_note_for_the_study_is_asked_for_by_rule() -> None:
    text = "rules: [{name: all, then: {action: assess, destinations: [pacs], note: study}}]"
    decision = decide(load_rules(text, "test"), facts())
    assert decision.note is NoteScope.STUDY
    assert decision.explanation.endswith("the results go to pacs, in one note for the whole study.")
    assert Decision.from_json(decision.to_json()) == decision


def test_the_options_of_a_restoration_are_explained() -> None:
    text = (
        "rules: [{name: all, then: {action: restore, restoring: {only: [noise], at_most: mild, "
        "from: {noise: severe}, words: {motion: none}}}}]"
    )
    assert decide(load_rules(text, "test"), facts()).explanation.endswith(
        "the series is assessed and, where needed, restored "
        "(only noise; at most mild; noise from severe on; motion taken as none)."
    )


def test_an_admin_reads_why_a_series_was_not_restored() -> None:
    decision = decide(
        load_rules(RULES_ON_DESCRIPTION, "test"),
        facts(Modality=(("CT",),), SliceThickness=(("1.5",),)),
    )
    assert decision.rule == "any CT"
    assert decision.forward_originals
    assert decision.note is NoteScope.SERIES
    assert decision.restore is None
    assert decision.why_not == (
        ("low dose", f'SeriesDescription matches "*low dose*": no, it is {ABSENT}'),
    )
    assert decision.values_seen == {"Modality": '"CT"', "SeriesDescription": ABSENT}


def test_a_rule_on_the_patient_works_but_never_shows_who_it_is() -> None:
    rules = load_rules(
        "rules: [{name: x, when: [{PatientID: {equals: Q77}}, {PatientName: {exists: true}}, "
        "{PatientName: {pattern: 'Doe*'}}], then: {action: assess}}]",
        "test",
    )
    decision = decide(rules, facts(PatientID=(("Q77",),), PatientName=(("Doe^Jane",),)))
    assert decision.rule == "x"
    assert decision.values_seen == {"PatientID": WITHHELD, "PatientName": WITHHELD}
    text = decision.to_json() + decide(rules, facts(PatientID=(("Q78",),))).to_json()
    assert not any(secret in text for secret in ("Q77", "Q78", "Doe"))


SECRETS = [
    *("OtherPatientIDs", "PatientBirthDate", "PatientBirthName", "PatientTelephoneNumbers"),
    *("EthnicGroup", "MilitaryRank", "PatientComments", "AdditionalPatientHistory"),
    *("AccessionNumber", "AdmissionID", "StudyID", "InstitutionAddress", "ImageComments"),
    *("DerivationDescription", "TextValue", "ReferringPhysicianName", "CurrentPatientLocation"),
    *("RequestedProcedureID", "AdmittingDiagnosesDescription", "RetrieveURL"),
]


@pytest.mark.parametrize("keyword", SECRETS)
def test_what_may_name_the_patient_decides_but_is_shown_nowhere(keyword: str) -> None:
    rules = load_rules(
        f"rules: [{{name: no, when: [{{any: [{{{keyword}: {{equals: Hidden1}}}}]}}], "
        f"then: {{action: ignore}}}}, {{name: x, when: [{{{keyword}: {{pattern: 'Hid*'}}}}], "
        "then: {action: assess}}]",
        "test",
    )
    decision = decide(rules, facts(**{keyword: (("Hidden2",), ("Hidden3",))}))
    assert decision.rule == "x"
    assert decision.values_seen == {keyword: WITHHELD}
    assert "Hid" not in decision.to_json()


@pytest.mark.parametrize(
    "keyword", ["PatientSex", "PatientAge", "PatientWeight", "PatientPosition", "StudyDescription"]
)
def test_what_names_nobody_is_shown(keyword: str) -> None:
    rules = load_rules(
        f"rules: [{{name: x, when: [{{{keyword}: {{equals: Q}}}}], then: {{action: assess}}}}]",
        "test",
    )
    assert decide(rules, facts(**{keyword: (("Q",),)})).values_seen == {keyword: '"Q"'}


O = Operator  # noqa: E741 - a table of operators reads better short
MEANING = [
    # operator, operand, distinct values, holds
    (O.EQUALS, "AXIAL", [("ORIGINAL", "PRIMARY", "AXIAL")], True),
    (O.EQUALS, r"ORIGINAL\PRIMARY\AXIAL", [("ORIGINAL", "PRIMARY", "AXIAL")], True),
    (O.EQUALS, "AXIAL", [("ORIGINAL", "PRIMARY", "AXIAL"), ("ORIGINAL", "PRIMARY")], False),
    (O.EQUALS, "ct", [("CT",)], False),
    (O.EQUALS, "DERIVED", [("DERIVED ", "PRIMARY")], True),
    (O.EQUALS, 5, [("5.00",)], True),
    (O.EQUALS, 5, [(5.0,)], True),
    (O.EQUALS, "5", [(5,)], True),
    (O.EQUALS, "5", [("5.0",)], False),
    (O.EQUALS, "007", [("7",)], False),
    (O.EQUALS, 9007199254740993, [("9007199254740992",)], False),
    (O.EQUALS, "CT", [], False),
    (O.EQUALS, "CT", [("CT",), ()], False),
    (O.NOT_EQUALS, "AXIAL", [("ORIGINAL", "PRIMARY", "AXIAL")], False),
    (O.NOT_EQUALS, "CT", [], True),
    (O.NOT_EQUALS, "CT", [("MR",), ("CT",)], False),
    (O.ONE_OF, ("CT", "MR"), [("CT",), ("MR",)], True),
    (O.NOT_ONE_OF, ("CT", "MR"), [("PT",)], True),
    (O.NOT_ONE_OF, ("CT", "MR"), [()], True),
    (O.PATTERN, "*LOW DOSE*", [("Thorax low dose",)], True),
    (O.PATTERN, r"DERIVED\*", [("DERIVED", "PRIMARY")], True),
    (O.PATTERN, r"DERIVED\*", [("ORIGINAL", "DERIVED")], False),
    (O.PATTERN, "*", [], False),
    (O.AT_LEAST, 2, [("2.0",)], True),
    (O.AT_LEAST, 2, [("1.9",), ("3",)], False),
    (O.AT_LEAST, 2, [("thick",)], False),
    (O.AT_LEAST, "2024-01-31", [("20240131",)], True),
    (O.AT_MOST, "2024-01-31", [("20240201",)], False),
    (O.AT_MOST, "017Y", [("011M",)], True),
    (O.AT_LEAST, "018Y", [("017Y",)], False),
    (O.AT_LEAST, "018Y", [(99,)], False),
    (O.BETWEEN, (1, 3), [(1,), ("3",)], True),
    (O.BETWEEN, (1, 3), [(3.01,)], False),
    (O.EXISTS, True, [("",)], False),
    (O.EXISTS, False, [("  ",)], True),
    (O.EXISTS, False, [], True),
    (O.EXISTS, False, [("CT",), ()], False),
    (O.EXISTS, True, [(0,)], True),
]


@pytest.mark.parametrize(("operator", "operand", "distinct", "expected"), MEANING)
def test_meaning(
    operator: Operator, operand: object, distinct: list[object], expected: bool
) -> None:
    assert holds(operator, operand, distinct) is expected


@given(st.text("aAb*?", max_size=8), st.text("aAb", max_size=8))
def test_glob_agrees_with_its_definition(pattern: str, text: str) -> None:
    def plainly(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "*":
            return plainly(p[1:], t) or (bool(t) and plainly(p, t[1:]))
        return bool(t) and (p[0] in ("?", t[0])) and plainly(p[1:], t[1:])

    assert matches(pattern, text) is plainly(pattern.lower(), text.lower())


@given(st.text(max_size=20))
def test_every_text_matches_itself_as_a_pattern(text: str) -> None:
    assert matches(text, text)
    assert matches("*", text)


@pytest.mark.timeout(30)  # a backtracking matcher would need centuries
@pytest.mark.parametrize("pattern", ["*a" * 100 + "b", "*" * 250 + "b", "*?a" * 80 + "b"])
def test_no_pattern_makes_the_node_think_for_ever(pattern: str) -> None:
    assert not matches(pattern, "a" * 2_000)
