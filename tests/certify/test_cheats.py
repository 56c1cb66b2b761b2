"""Engines that cheat, run as engines are run: refused, with a report that says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from engines import base
from engines.base import Slab, StackInfo
from engines.classical.engine import ClassicalEngine
from engines.quality import Modality, QualityDescription, Verdict
from medq_node.objects import CertifySettings, GateLimits, OutputKind
from medq_node.outputs.content import ActionTaken
from medq_node.workshop.order import RESTORED_FOLDER, Wanted, WorkOrder, WorkResult
from medq_node.workshop.produce import produce
from tests.build import ct_series, mr_series, pet_series, phantom
from tests.reading import told_in

BUILDERS = {"CT": ct_series, "MR": mr_series, "PET": pet_series}
Answer = Callable[[Slab, StackInfo], object]


class Cheat(ClassicalEngine):
    """Assesses honestly and answers as the test says."""

    answer: Answer

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> object:  # type: ignore[override]
        return type(self).answer(slab, info)


def blurred(slab: Slab, info: StackInfo) -> object:
    return ndimage.gaussian_filter(slab.values, (0, 1, 1))


def shifted(slab: Slab, info: StackInfo) -> object:
    return slab.values + 10 if info.modality is Modality.CT else slab.values * np.float32(1.05)


def painted(slab: Slab, info: StackInfo) -> object:
    """A disc of 10 mm and +60 HU, or twice the signal, in the middle of the first slice."""
    values = slab.values.copy()
    rows, columns = np.indices(values.shape[1:])
    spot = np.hypot(rows - info.rows / 2, columns - info.columns / 2) <= 5
    if slab.first == 0:
        values[0][spot] = values[0][spot] + 60 if info.unit == "HU" else values[0][spot] * 2
    return values


def another_slice(slab: Slab, info: StackInfo) -> object:
    return np.roll(slab.values, 1, axis=0)


def in_place(slab: Slab, info: StackInfo) -> object:
    slab.values[:] = ndimage.gaussian_filter(slab.values, (0, 2, 2))
    return slab.values


def not_a_number(slab: Slab, info: StackInfo) -> object:
    values = slab.values.copy()
    values[1, 3, 4] = np.nan
    return values


CHEATS: dict[str, tuple[Answer, str]] = {
    "blurs": (blurred, "is anatomy, as by blurring"),
    "paints a lesion": (painted, "Something of a lesion's size changed"),
    "shifts values": (shifted, "The mean of"),
    "returns another slice": (another_slice, "of 3 slices exceed"),
    "works in place": (in_place, "Edges changed by more than noise"),
    "returns NaN": (
        not_a_number,
        "1 pixels that are no numbers (NaN or infinity), first in slice 2",
    ),
    "returns infinity": (lambda slab, _: slab.values / np.float32(0), "no numbers"),
    "returns zeros": (lambda slab, _: np.zeros_like(slab.values), "Edges changed"),
    "returns too few slices": (lambda slab, _: slab.values[1:], "is due"),
    "returns one slice": (lambda slab, _: slab.values[0], "is due"),
    "returns a list": (lambda slab, _: slab.values.tolist(), "no images but list"),
    "returns complex numbers": (lambda slab, _: slab.values * 1j, "no images but complex"),
    "returns nothing": (lambda slab, _: None, "no images but NoneType"),
}


def stored(modality: str) -> NDArray[np.integer]:
    """Stored values of a noisy phantom whose organs wander from slice to slice."""
    still = phantom(3, 96, 96)
    body = np.stack([np.roll(image, 8 * i, axis=1) for i, image in enumerate(still)])
    noise = np.random.default_rng(7).normal(0, 0.03, body.shape)
    if modality == "CT":
        return ((body + noise) * 1000 + 24).clip(0, 4095).round().astype(np.int16)
    whole = np.abs(body + noise) * 2000
    return whole.clip(0, 4095).round().astype(np.int16 if modality == "PET" else np.uint16)


def order_for(modality: str, folder: Path) -> WorkOrder:
    return WorkOrder(
        paths=tuple(BUILDERS[modality](folder / "in", pixels=stored(modality))),
        folder=folder / "out" / "series.r1",
        engine=Wanted("cheat"),
        restore="always",
        node_uid="2.25.1",
        station_name="MEDQ",
        institution_name=None,
        revision=1,
        created_at="2026-01-01T00:00:00+00:00",
        slab_slices=4,
        limits=GateLimits(),
        judging=CertifySettings(),
    )


def assert_refused(result: WorkResult, order: WorkOrder, words: str) -> None:
    assert result.taken == ActionTaken.REFUSED
    assert [o.kind for o in result.outputs] == [OutputKind.REPORT]
    assert not (order.folder / RESTORED_FOLDER).exists()
    assert any(words in reason for reason in result.reasons), result.reasons
    told = told_in(result.outputs[0].path)
    assert all(reason in told for reason in result.reasons)


@pytest.fixture(autouse=True)
def _no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture costs more than all that is tested here."""
    monkeypatch.setattr(
        "medq_node.workshop.stack.before_after_png", lambda *_: _[-1].write_bytes(b"")
    )


_IN_ALL = ("blurs", "paints a lesion", "shifts values", "returns another slice", "returns NaN")


pytestmark = pytest.mark.usefixtures("untested_engines")


@pytest.mark.parametrize(
    ("cheat", "modality"),
    [(cheat, m) for cheat in CHEATS for m in BUILDERS if m == "CT" or cheat in _IN_ALL],
)
def test_an_engine_that(
    cheat: str, modality: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, words = CHEATS[cheat]
    monkeypatch.setattr(Cheat, "answer", staticmethod(answer), raising=False)
    monkeypatch.setitem(base.REGISTRY, "cheat", f"{__name__}:Cheat")
    order = order_for(modality, tmp_path)
    with np.errstate(all="ignore"):
        assert_refused(produce(order), order, words)


@pytest.mark.parametrize("modality", BUILDERS)
def test_the_classical_engine_passes_where_cheats_are_refused(
    modality: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(base.REGISTRY, "cheat", "engines.classical.engine:ClassicalEngine")
    result = produce(order_for(modality, tmp_path))
    assert result.taken == ActionTaken.RESTORED, result.reasons


class Remorseful(ClassicalEngine):
    """Finds what it has restored worse than what it was given."""

    looks = 0

    def assess(self, stack: base.ImageStack) -> QualityDescription:
        type(self).looks += 1
        verdict = Verdict.GOOD if type(self).looks == 1 else Verdict.REJECT
        return replace(super().assess(stack), verdict=verdict)


def test_an_engine_that_regrets_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Remorseful, "looks", 0)
    monkeypatch.setitem(base.REGISTRY, "cheat", f"{__name__}:Remorseful")
    order = order_for("CT", tmp_path)
    result = produce(order)
    assert_refused(result, order, "second look at the restored series finds it reject")
    assert result.gate is not None
    assert result.gate.passed
