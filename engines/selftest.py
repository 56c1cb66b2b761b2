"""Does an engine do what it should, here and now? Asked with a phantom whose truth is known.

A damaged driver, a library that rounds otherwise or a wrongly compiled graph gives pictures that
look like pictures. What is asked is little and coarse: any engine that works passes by far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from engines.base import ArrayStack, Engine, EngineError, FloatArray, StackInfo
from engines.phantoms.low_dose import SLICE_MM, low_dose_series
from engines.phantoms.thorax import FIELD_MM
from engines.quality import (
    Action,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
)

SIZE = 256
DOSE = 0.1
SEED = 11
TISSUE_HU = -300.0
"""Above it is body: noise and errors are measured there."""
TOLD_WITHIN = 2.0
"""Noise is told at most so many times too high or too low."""
LEFT = 0.9
"""So much of the error to the truth may be left where noise is restored."""
SAME_HU = 0.5
"""Two ways to run an engine differ at most by this in any pixel."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and what was found, in one line."""

    what: str
    fine: bool
    found: str


def self_test(engine: Engine) -> tuple[Check, ...]:
    """Words, restoration and restraint on a noisy chest of one slice; about half a second.

    What an engine raises is a check that failed: nothing but the checks comes back.
    """
    try:
        return tuple(_checks(engine))
    except EngineError as error:
        return (Check("run", False, str(error)),)


def failed(checks: tuple[Check, ...]) -> str | None:
    """What went wrong, in one line; None where all is well."""
    return "; ".join(f"{one.what}: {one.found}" for one in checks if not one.fine) or None


def agreement(engine: Engine, reference: Engine) -> tuple[Check, ...]:
    """Whether both say and do the same to the phantom, but for how numbers are rounded.

    Raises:
        EngineError: one of them failed.
    """
    said, wanted = engine.assess(_stack()), reference.assess(_stack())
    same = all(
        (mine := said.finding(one.degradation)) is not None and mine.severity is one.severity
        for one in wanted.findings
    )
    done, right = _restored(engine, wanted), _restored(reference, wanted)
    most = float(np.abs(done - right).max())
    return (
        Check("words", same and said.verdict is wanted.verdict, "alike" if same else "differ"),
        Check("pixels", most <= SAME_HU, f"differ by {most:.2g} HU at most (limit {SAME_HU:g})"),
    )


@cache
def phantom() -> tuple[FloatArray, FloatArray, StackInfo]:
    """The slice to look at, its truth, (1, rows, columns) in HU, and the facts about it."""
    noisy, truth = low_dose_series(1, SIZE, DOSE, SEED)
    side = FIELD_MM / SIZE
    info = StackInfo(
        Modality.CT, "chest", "HU", 1, SIZE, SIZE, (SLICE_MM, side, side), (-1024.0, 3071.0)
    )
    for values in (noisy, truth):
        values.setflags(write=False)  # all who ask get the same
    return noisy, truth, info


def _stack() -> ArrayStack:
    """The phantom as a series of its own: an engine may work in place."""
    noisy, _, info = phantom()
    return ArrayStack(info, noisy.copy(), np.ones(noisy.shape, bool))


def _checks(engine: Engine) -> Iterator[Check]:
    noisy, truth, _ = phantom()
    body = truth > TISSUE_HU
    said = engine.assess(_stack())
    yield _words(said, (noisy - truth)[body])
    restored = _restored(engine, said)
    if restored.shape != noisy.shape or not np.isfinite(restored).all():
        yield Check("restoration", False, "gives values that are no images")
        return
    before, after = _rms((noisy - truth)[body]), _rms((restored - truth)[body])
    yield Check(
        "restoration",
        after <= LEFT * before,
        f"error {before:.1f} HU before, {after:.1f} HU after (limit {LEFT * before:.1f})",
    )
    same = np.array_equal(_restored(engine, said), restored)
    yield Check("again", same, "the same bits" if same else "other pixels than the first time")
    untouched = np.array_equal(_restored(engine, _nothing_wrong(said)), noisy)
    words = "stays as it is" if untouched else "is changed, though nothing is said to be wrong"
    yield Check("a good image", untouched, words)


def _words(said: QualityDescription, noise: FloatArray) -> Check:
    added = float(noise.std())
    finding = said.finding(Degradation.NOISE)
    told = finding.amount if finding is not None and finding.unit == "HU" else None
    if told is None:
        return Check("words", False, f"no noise is told where {added:.0f} HU were added")
    fine = added / TOLD_WITHIN <= told <= added * TOLD_WITHIN
    return Check("words", fine, f"noise of {told:.0f} HU told, {added:.0f} HU added")


def _restored(engine: Engine, said: QualityDescription) -> FloatArray:
    stack = _stack()
    return engine.restore(stack.slab(0, 1), stack.info, said)


def _nothing_wrong(said: QualityDescription) -> QualityDescription:
    findings = tuple(Finding(one.degradation, Severity.NONE) for one in said.findings)
    return replace(said, findings=findings, verdict=Verdict.GOOD, actions=(Action.KEEP,))


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
