"""Engines that work pass their self-test by far; broken ones are told apart, each by one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.base import REGISTRY, EngineError, FloatArray, ImageStack, Slab, StackInfo, load_engine
from engines.classical.engine import ClassicalEngine
from engines.quality import Degradation, QualityDescription
from engines.selftest import agreement, failed, self_test


class Shifted(ClassicalEngine):
    """Restores, and adds 10 HU."""

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        return super().restore(slab, info, description) + np.float32(10)


class Lazy(ClassicalEngine):
    """Restores nothing."""

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        return slab.values


class Blind(ClassicalEngine):
    """Sees no noise anywhere."""

    def assess(self, stack: ImageStack) -> QualityDescription:
        said = super().assess(stack)
        return replace(
            said,
            findings=tuple(f for f in said.findings if f.degradation is not Degradation.NOISE),
        )


class Overflowing(ClassicalEngine):
    """As half precision where it ends."""

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        values = super().restore(slab, info, description)
        values[0, 0, 0] = np.inf
        return values


class Dice(ClassicalEngine):
    """Never the same twice."""

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        values = super().restore(slab, info, description)
        if np.array_equal(values, slab.values):
            return values
        return values + np.random.default_rng().normal(0, 0.1, values.shape).astype(np.float32)


class Gone(ClassicalEngine):
    """Its GPU has fallen off the bus."""

    def assess(self, stack: ImageStack) -> QualityDescription:
        raise EngineError("look.onnx failed: CUDA failure 719")


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_engine_passes_by_far(name: str) -> None:
    checks = self_test(load_engine(name))
    assert [one.what for one in checks] == ["words", "restoration", "again", "a good image"]
    assert failed(checks) is None, checks


@pytest.mark.parametrize(
    ("engine", "what"),
    [
        (Shifted(), "a good image: is changed"),
        (Lazy(), "restoration: error"),
        (Blind(), "words: no noise is told"),
        (Overflowing(), "restoration: gives values that are no images"),
        (Dice(), "again: other pixels"),
        (Gone(), "run: look.onnx failed: CUDA failure 719"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ClassicalEngine) else "",
)
def test_a_broken_engine_is_told_in_one_line(engine: ClassicalEngine, what: str) -> None:
    wrong = failed(self_test(engine))
    assert wrong is not None
    assert what in wrong
    assert "\n" not in wrong


def test_two_runtimes_that_agree_and_two_that_do_not() -> None:
    engine = ClassicalEngine()
    assert all(one.fine for one in agreement(engine, ClassicalEngine()))
    words, pixels = agreement(Shifted(), engine)
    assert words.fine
    assert not pixels.fine
    assert "differ by 10 HU" in pixels.found
    words, _ = agreement(Blind(), engine)
    assert not words.fine
