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
from engines.quality import Action, QualityDescription, Verdict
from medq_node.objects import CertifySettings, GateLimits, OutputKind
from medq_node.outputs.content import ActionTaken
from medq_node.workshop.certify import certify
from medq_node.workshop.order import WorkOrder
from medq_node.workshop.produce import produce
from tests.build import ct_series, phantom


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
        engine="classical",
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


def words_of(report: Path) -> str:
    """All text of a structured report."""
    found: list[str] = []

    def walk(ds: pydicom.Dataset) -> None:
        found.append(str(ds.get("TextValue", "")))
        for item in ds.get("ContentSequence", []):
            walk(item)

    walk(pydicom.dcmread(report))
    return "\n".join(found)


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
    assert produce(replace(order, engine="gone")) == first


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
    told = words_of(result.outputs[0].path)
    assert words in told
    assert ("No restoration was needed" in told) is (verdict is Verdict.GOOD)
    assert codes_of(result.outputs[0].path, "ACTION-TAKEN") == [code]


def test_a_cheating_engine_is_refused_and_the_report_says_why(
    order: WorkOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(base.REGISTRY, "cheat", f"{__name__}:CheatingEngine")
    result = produce(replace(order, engine="cheat"))
    assert result.taken == ActionTaken.REFUSED
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    assert not (order.folder / "restored").exists()
    assert any("HU" in reason for reason in result.reasons)
    assert result.reasons[0] in words_of(result.outputs[0].path)


def test_always_on_a_perfect_image_says_that_nothing_was_changed(
    order: WorkOrder, tmp_path: Path
) -> None:
    clean = (phantom(3, 128, 128) * 1040 - 1000 + 1024).clip(0, 4095).round().astype(np.int16)
    noise = np.random.default_rng(5).normal(0, 4, clean.shape).round().astype(np.int16)
    files = tuple(ct_series(tmp_path / "clean", pixels=np.clip(clean + noise, 0, 4095)))
    result = produce(replace(order, paths=files))
    assert "nothing was changed: the images equal the originals" in result.reasons
    assert "nothing was changed" in words_of(result.outputs[-1].path)
