"""One revision from files to finished outputs, and what the gate does to an engine that cheats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from engines import base
from engines.base import FloatArray, Slab, StackInfo
from engines.classical.engine import ClassicalEngine
from engines.quality import (
    Action,
    Degradation,
    Finding,
    QualityDescription,
    Severity,
    Verdict,
    parse_sentence,
)
from engines.steering import Options
from medq_node.certify.gate import check_restored
from medq_node.objects import CertifySettings, GateLimits, OutputIdentity, OutputKind
from medq_node.outputs.content import ActionTaken
from medq_node.outputs.restored import write_restored_instance
from medq_node.pixels.series import open_series
from medq_node.workshop.certify import certify
from medq_node.workshop.order import Wanted, WorkOrder, WorkResult
from medq_node.workshop.produce import produce
from tests.build import ct_series, mr_series, phantom
from tests.reading import told_in

pytestmark = pytest.mark.usefixtures("untested_engines")


class CheatingEngine(ClassicalEngine):
    """Shifts every value by 10 HU."""

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        return slab.values + np.float32(10)


@pytest.fixture
def order(tmp_path: Path) -> WorkOrder:
    """A noisy CT series, to be restored always."""
    body = phantom(4, 128, 128) * 1040 - 1000
    noise = np.random.default_rng(5).normal(0, 40, body.shape)
    pixels = np.clip(body + noise, -1024, 3071).round().astype(np.int16) + np.int16(1024)
    return WorkOrder(
        paths=tuple(ct_series(tmp_path / "ct", pixels=pixels)),
        folder=tmp_path / "out" / "series.r1",
        engine=Wanted("classical"),
        restore="always",
        node_uid="2.25.1",
        station_name="MEDQ",
        institution_name=None,
        revision=1,
        created_at="2026-01-01T00:00:00+00:00",
        slab_slices=3,
        limits=GateLimits(),
        judging=CertifySettings(judges=()),
    )


def codes_of(report: Path, name: str) -> list[str]:
    """Values of the coded items called ``name`` (a code value)."""
    found: list[str] = []

    def walk(ds: pydicom.Dataset) -> None:
        if ds.get("ValueType") == "CODE" and ds.ConceptNameCodeSequence[0].CodeValue == name:
            found.append(ds.ConceptCodeSequence[0].CodeValue)
        for item in ds.get("ContentSequence", []):
            walk(item)

    walk(pydicom.dcmread(report))
    return found


def test_a_noisy_series_becomes_a_restored_series_and_a_report(order: WorkOrder) -> None:
    result = produce(order)
    kinds = [o.kind for o in result.outputs]
    assert kinds == [OutputKind.RESTORED] * 4 + [OutputKind.REPORT]
    assert result.taken == ActionTaken.RESTORED
    assert result.page is not None
    assert result.page.exists()
    assert certify(order) == ()


def test_a_second_try_adopts_what_the_first_has_finished(order: WorkOrder) -> None:
    first = produce(order)
    # Nothing is computed again: not even the engine is there any more.
    assert produce(replace(order, engine=Wanted("gone"))) == first


def test_an_unfinished_try_is_thrown_away(order: WorkOrder) -> None:
    part = order.folder.with_name(order.folder.name + ".part")
    (part / "restored").mkdir(parents=True)
    (part / "restored" / "half.dcm").write_bytes(b"half")
    produce(order)
    assert not part.exists()
    assert not list(order.folder.rglob("half.dcm"))


def test_the_same_order_makes_the_same_bytes(order: WorkOrder, tmp_path: Path) -> None:
    again = replace(order, folder=tmp_path / "again" / "series.r1")
    digests = [[o.sha256 for o in produce(o).outputs] for o in (order, again)]
    assert digests[0] == digests[1]


def test_how_the_series_is_cut_into_slabs_changes_nothing(order: WorkOrder, tmp_path: Path) -> None:
    whole = replace(order, folder=tmp_path / "whole" / "series.r1", slab_slices=100)
    digests = [[o.sha256 for o in produce(o).outputs] for o in (order, whole)]
    assert digests[0] == digests[1]


def test_the_images_and_the_verdict_are_those_of_a_plain_loop(
    order: WorkOrder, tmp_path: Path
) -> None:
    result = produce(order)
    engine, source = ClassicalEngine(), open_series(order.paths)
    description = engine.assess(source)
    identity = OutputIdentity(
        node_uid=order.node_uid,
        revision=order.revision,
        engine_name=engine.name,
        engine_version=engine.version,
        engine_digest=engine.digest,
        action=order.restore,
        created_at=order.created_at,
        station_name=order.station_name,
    )
    plain = []
    for i in range(source.info.slices):
        [image] = engine.restore(source.slab(i, i + 1), source.info, description)
        folder = tmp_path / "plain"
        plain.append(write_restored_instance(source, i, image, identity, folder, description))
    made = [o for o in result.outputs if o.kind is OutputKind.RESTORED]
    assert [o.sha256 for o in made] == [o.sha256 for o in plain]
    assert result.gate == check_restored(source, open_series([o.path for o in plain]), order.limits)


def test_assess_only_makes_a_report_alone(order: WorkOrder) -> None:
    result = produce(replace(order, restore="never"))
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    assert result.taken == ActionTaken.ASSESSED_ONLY


def test_good_images_get_a_report_and_no_restored_series(order: WorkOrder, tmp_path: Path) -> None:
    body = phantom(3, 128, 128) * 1040 - 1000
    noise = np.random.default_rng(5).normal(0, 5, body.shape)
    pixels = (body + noise + 1024).clip(0, 4095).round().astype(np.int16)
    good = tuple(ct_series(tmp_path / "good", pixels=pixels))
    result = produce(replace(order, paths=good, restore="when_needed"))
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    assert result.taken == ActionTaken.UNCHANGED


@pytest.mark.parametrize(
    ("actions", "taken", "reason"),
    [
        (
            (Action.REDUCE_NOISE, Action.REDUCE_METAL),
            ActionTaken.RESTORED,
            "the assessment plans to reduce noise, reduce metal streaks",
        ),
        (
            (Action.CORRECT_MOTION, Action.REPEAT),
            ActionTaken.RESTORED,
            "the assessment plans to correct motion, consider repeating",
        ),
    ],
)
def test_any_action_that_restores_makes_a_restored_series(
    order: WorkOrder,
    monkeypatch: pytest.MonkeyPatch,
    actions: tuple[Action, ...],
    taken: ActionTaken,
    reason: str,
) -> None:
    assess = ClassicalEngine.assess
    monkeypatch.setattr(
        ClassicalEngine, "assess", lambda self, s: replace(assess(self, s), actions=actions)
    )
    result = produce(replace(order, restore="when_needed"))
    assert (result.taken, result.reasons[0]) == (taken, reason)


@pytest.mark.parametrize(
    ("verdict", "action", "taken", "code", "words"),
    [
        (
            Verdict.GOOD,
            Action.KEEP,
            ActionTaken.UNCHANGED,
            "UNCHANGED",
            "No restoration was needed.",
        ),
        (
            Verdict.USABLE,
            Action.KEEP,
            ActionTaken.UNMENDABLE,
            "UNMENDABLE",
            "This engine can mend nothing of what is wrong.",
        ),
        (
            Verdict.REJECT,
            Action.REPEAT,
            ActionTaken.UNFIT,
            "UNFIT",
            "The images are unfit, and what is unfit is not restored.",
        ),
    ],
)
def test_why_a_series_is_not_restored_is_told_by_its_verdict(
    order: WorkOrder,
    monkeypatch: pytest.MonkeyPatch,
    verdict: Verdict,
    action: Action,
    taken: ActionTaken,
    code: str,
    words: str,
) -> None:
    assess = ClassicalEngine.assess
    monkeypatch.setattr(
        ClassicalEngine,
        "assess",
        lambda self, s: replace(assess(self, s), verdict=verdict, actions=(action,)),
    )
    result = produce(replace(order, restore="when_needed"))
    assert result.taken == taken
    assert result.reasons == (f"the assessment plans to {action}",)
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    told = told_in(result.outputs[0].path)
    assert words in told
    assert ("No restoration was needed" in told) is (verdict is Verdict.GOOD)
    assert codes_of(result.outputs[0].path, "ACTION-TAKEN") == [code]


def test_a_cheating_engine_is_refused_and_the_report_says_why(
    order: WorkOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(base.REGISTRY, "cheat", f"{__name__}:CheatingEngine")
    result = produce(replace(order, engine=Wanted("cheat")))
    assert result.taken == ActionTaken.REFUSED
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    assert not (order.folder / "restored").exists()
    assert any("HU" in reason for reason in result.reasons)
    assert result.reasons[0] in told_in(result.outputs[0].path)


def test_always_on_a_perfect_image_says_that_nothing_was_changed(
    order: WorkOrder, tmp_path: Path
) -> None:
    clean = (phantom(3, 128, 128) * 1040 - 1000 + 1024).clip(0, 4095).round().astype(np.int16)
    noise = np.random.default_rng(5).normal(0, 4, clean.shape).round().astype(np.int16)
    files = tuple(ct_series(tmp_path / "clean", pixels=np.clip(clean + noise, 0, 4095)))
    result = produce(replace(order, paths=files))
    assert "nothing was changed: the images equal the originals" in result.reasons
    assert "nothing was changed" in told_in(result.outputs[-1].path)


AT_MOST = Options(at_most=Severity.MODERATE)
NO_NOISE = Options(words=(Finding(Degradation.NOISE, Severity.NONE),))


def changed_by(order: WorkOrder, folder: Path) -> tuple[float, WorkResult]:
    """How much a restoration changed, RMS in HU, and what it says."""
    result = produce(replace(order, folder=folder, restore="when_needed", rule="children"))
    assert result.taken == ActionTaken.RESTORED
    after = [pydicom.dcmread(o.path) for o in result.outputs if o.kind is OutputKind.RESTORED]
    before = sorted((pydicom.dcmread(p) for p in order.paths), key=lambda ds: ds.InstanceNumber)
    after.sort(key=lambda ds: ds.InstanceNumber)
    change = [
        a.pixel_array.astype(float) - b.pixel_array.astype(float)
        for a, b in zip(after, before, strict=True)
    ]
    return float(np.sqrt(np.mean(np.square(change)))), result


def test_a_rule_weakens_a_restoration_and_the_report_says_so(
    order: WorkOrder, tmp_path: Path
) -> None:
    full, plain = changed_by(order, tmp_path / "full" / "r1")
    weak, result = changed_by(replace(order, options=AT_MOST), tmp_path / "weak" / "r1")
    assert 0 < weak < 0.9 * full
    assert plain.overridden == ()
    noise = parse_sentence(result.sentence_before).finding(Degradation.NOISE)
    assert noise is not None
    assert noise.severity is Severity.SEVERE, "the engine's words stay what it measured"
    assert result.sentence_before == plain.sentence_before
    told = told_in(result.outputs[-1].path)
    assert 'The rule "children" asks to restore moderate noise at most: "Severe noise' in told
    assert all(sentence in told for sentence in (*result.overridden, result.sentence_before))
    restored = pydicom.dcmread(result.outputs[0].path)
    assert "action: when_needed; at most moderate." in restored.DerivationDescription
    assert f"noise severe {noise.amount:g} HU" in restored.DerivationDescription
    uids = [o.sop_instance_uid for o in (*plain.outputs, *result.outputs)]
    assert len(set(uids)) == len(uids), "other options make other objects"
    assert certify(replace(order, folder=tmp_path / "weak" / "r1")) == ()


@pytest.mark.parametrize("options", [Options(only=(Degradation.METAL,)), NO_NOISE])
def test_a_rule_that_leaves_alone_what_is_wrong_makes_a_report_alone(
    order: WorkOrder, options: Options
) -> None:
    result = produce(replace(order, restore="when_needed", options=options, rule="children"))
    assert result.taken == ActionTaken.ASSESSED_ONLY
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    assert result.reasons == (
        "the assessment plans to reduce noise",
        "the rule leaves alone what is wrong",
    )
    told = told_in(result.outputs[0].path)
    assert "Verdict: usable. Planned action: reduce noise." in told, "as the engine says"
    assert "No noise" in result.overridden[-1]
    assert all(sentence in told for sentence in result.overridden)


def test_words_of_a_rule_restore_what_the_engine_would_leave_alone(
    order: WorkOrder, tmp_path: Path
) -> None:
    body = phantom(3, 128, 128) * 1040 - 1000
    noise = np.random.default_rng(5).normal(0, 10, body.shape)
    pixels = (body + noise + 1024).clip(0, 4095).round().astype(np.int16)
    good = replace(order, paths=tuple(ct_series(tmp_path / "good", pixels=pixels)))
    words = Finding(Degradation.NOISE, Severity.MODERATE, 26.0, "HU")
    _, result = changed_by(replace(good, options=Options(words=(words,))), tmp_path / "o" / "r1")
    assert result.verdict is Verdict.GOOD
    assert 'says "Moderate noise: 26 HU", which is obeyed instead' in result.overridden[0]


def test_always_obeys_what_a_rule_leaves_alone(order: WorkOrder) -> None:
    result = produce(replace(order, options=NO_NOISE))
    assert "nothing was changed: the images equal the originals" in result.reasons


def test_words_of_another_modality_are_left_out_and_the_report_says_so(
    order: WorkOrder, tmp_path: Path
) -> None:
    words = Options(words=(Finding(Degradation.NOISE, Severity.SEVERE, 60.0, "HU"),))
    paths = tuple(mr_series(tmp_path / "mr"))
    result = produce(replace(order, paths=paths, options=words, restore="when_needed"))
    assert result.taken == ActionTaken.UNCHANGED
    assert result.overridden == (
        'The rule says "Severe noise: 60 HU", which is left out: in MR noise is measured in '
        "% of signal.",
    )
    assert result.overridden[0] in told_in(result.outputs[0].path)


def test_what_a_rule_changed_is_told_of_a_refused_restoration_too(
    order: WorkOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(base.REGISTRY, "cheat", f"{__name__}:CheatingEngine")
    result = produce(replace(order, engine=Wanted("cheat"), options=AT_MOST))
    assert result.taken == ActionTaken.REFUSED
    told = told_in(result.outputs[0].path).splitlines()
    assert all(sentence in told for sentence in result.overridden)
    assert not any(line.startswith("Refused because: The rule") for line in told)
