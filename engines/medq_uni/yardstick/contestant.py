"""Who is measured: anything that gives a restored stack for a stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engines.base import ArrayStack, Engine, FloatArray
from engines.description import QualityDescription

SLAB = 16
"""Slices handed to an engine at a time."""


ALWAYS = "always run"
"""Follows an engine's name where it is run though its words don't plan it."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to restore.

    ``restore(stack, noise)`` gives float32 values of the stack's shape and unit; ``noise`` is a
    true noise level in the stack's unit, which filters are told and engines are not.
    """

    name: str
    restore: Callable[[ArrayStack, float], FloatArray]


def with_words(engine: Engine, stack: ArrayStack, words: QualityDescription) -> FloatArray:
    """What ``engine`` restores of ``stack`` when the words are ``words``."""
    count = stack.info.slices
    slabs = [
        engine.restore(stack.slab(k, min(k + SLAB, count)), stack.info, words)
        for k in range(0, count, SLAB)
    ]
    return np.concatenate(slabs)


def when_needed(engine: Engine, stack: ArrayStack, words: QualityDescription) -> FloatArray:
    """What ``engine`` restores where the words plan to restore; else the stack's own values.

    It is what the node does by default, before it checks the result.
    """
    return with_words(engine, stack, words) if words.restores else stack.values


def own_words(engine: Engine) -> Contestant:
    """``engine`` restoring by its own words and where they plan it, as the node by default."""
    return Contestant(
        engine.name, lambda stack, _: when_needed(engine, stack, engine.assess(stack))
    )


def always_run(engine: Engine) -> Contestant:
    """``engine`` restoring by its own words whatever they plan, as filters always do."""
    return Contestant(
        f"{engine.name}, {ALWAYS}",
        lambda stack, _: with_words(engine, stack, engine.assess(stack)),
    )


UNTREATED = Contestant("input", lambda stack, _: stack.values)
"""What nobody touched."""
