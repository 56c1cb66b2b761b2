"""The model's engine over tiny untrained weights: what must hold whatever the weights are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.base import ArrayStack, Engine, EngineError, Slab, StackInfo
from engines.classical.engine import ClassicalEngine
from engines.description import Amount, Confidence, Degradation, Finding, Modality, Severity
from engines.medq_uni import tokens
from engines.quality import format_sentence, parse_sentence
from tests.engines.medq_uni.made import engine, noise, words
from tests.engines.stacks import disc_stack, info

SIGMA = {Modality.CT: 40.0, Modality.MR: 100.0, Modality.PT: 150.0}


def stack(modality: Modality, slices: int = 3, size: int = 96) -> ArrayStack:
    return disc_stack(modality, SIGMA[modality], slices, size)


def everything_severe(modality: Modality, slices: tuple[int, int] | None = None):
    amounts = {"HU": 60.0, "fold": 5.0}
    findings = []
    for kind, units in tokens.SPOKEN[modality]:
        first, *more = (Amount(amounts.get(unit, 30.0), unit) for unit in units)
        findings.append(
            Finding(
                kind, Severity.SEVERE, first.value, first.unit, slices, more=tuple(more),
                place="centre",
            )
        )  # fmt: skip
    return words(modality, *findings)


def restored(one: ArrayStack, said, who: Engine | None = None) -> np.ndarray:
    return (who or engine()).restore(one.slab(0, one.info.slices), one.info, said)


def test_it_is_an_engine() -> None:
    assert isinstance(engine(), Engine)


@pytest.mark.parametrize("modality", Modality.sectional())
def test_it_says_a_sentence_about_all_that_it_assesses(modality: Modality) -> None:
    said = engine().assess(stack(modality))
    assert parse_sentence(format_sentence(said)) == said
    assert {k for k, _ in tokens.SPOKEN[modality]} <= {f.degradation for f in said.findings}


@pytest.mark.parametrize("modality", [Modality.CT, Modality.MR])
def test_blur_and_clipping_are_measured_as_the_classical_engine_does(modality: Modality) -> None:
    one = stack(modality, size=192)
    one.values[:, 80:110, 80:110] = one.info.saturation[1]
    mine, classical = engine().assess(one), ClassicalEngine().assess(one)
    for kind in (Degradation.BLUR, Degradation.CLIPPING):
        assert mine.finding(kind) == classical.finding(kind)
    clipping = mine.finding(Degradation.CLIPPING)
    assert clipping is not None and clipping.severity is not Severity.NONE


@pytest.mark.parametrize("modality", Modality.sectional())
def test_it_does_something_where_words_ask_for_it(modality: Modality) -> None:
    one = stack(modality)
    found = restored(one, everything_severe(modality))
    assert found.shape == one.values.shape and found.dtype == np.float32
    assert np.isfinite(found).all() and not np.array_equal(found, one.values)


@pytest.mark.parametrize("modality", Modality.sectional())
def test_words_that_find_nothing_leave_every_bit(modality: Modality) -> None:
    one = stack(modality)
    none = [Finding(kind, Severity.NONE) for kind, _ in tokens.SPOKEN[modality]]
    for said in (words(modality), words(modality, *none)):
        assert restored(one, said).tobytes() == one.values.tobytes()


def test_editing_noise_from_severe_to_none_turns_denoising_off() -> None:
    one = stack(Modality.CT)
    severe = words(Modality.CT, noise(Modality.CT, Severity.SEVERE, 60))
    none = words(Modality.CT, noise(Modality.CT, Severity.NONE, 60))
    assert not np.array_equal(restored(one, severe), one.values)
    assert restored(one, none).tobytes() == one.values.tobytes()


def test_a_slice_without_metal_keeps_every_bit_whatever_is_true_of_its_series() -> None:
    one = stack(Modality.CT)
    implant = one.values.copy()
    implant[1, 60:64, 60:64] = 3000
    streaks = Finding(Degradation.METAL, Severity.SEVERE, 90.0, "HU", (1, len(implant)))
    found = restored(ArrayStack(one.info, implant, one.valid), words(Modality.CT, streaks))
    assert found[0].tobytes() == implant[0].tobytes()
    assert found[2].tobytes() == implant[2].tobytes()
    assert not np.array_equal(found[1], implant[1])


def test_a_quiet_slice_is_smoothed_by_its_own_noise_not_by_that_of_its_series() -> None:
    one = stack(Modality.CT)
    told = [words(Modality.CT, noise(Modality.CT, Severity.SEVERE, hu)) for hu in (150, 600)]
    found = [restored(one, said) for said in told]
    assert found[0].tobytes() == found[1].tobytes()


def test_a_larger_number_changes_more() -> None:
    one = stack(Modality.CT)
    changes = []
    for hu in (20, 80, 320):
        said = words(Modality.CT, noise(Modality.CT, Severity.MODERATE, hu))
        changes.append(float(np.square(restored(one, said) - one.values).mean()))
    assert changes == sorted(changes) and changes[2] > 2 * changes[0] > 0


@pytest.mark.parametrize("modality", Modality.sectional())
def test_the_result_does_not_depend_on_the_slabs(modality: Modality) -> None:
    one = stack(modality, slices=5)
    said = everything_severe(modality, (2, 4))
    whole = restored(one, said)
    for cuts in ([0, 1, 2, 3, 4, 5], [0, 3, 5], [0, 4, 5]):
        parts = [engine().restore(one.slab(a, b), one.info, said) for a, b in pairwise(cuts)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_what_the_restoration_tokens_read_matters() -> None:
    one = stack(Modality.CT)
    said = everything_severe(Modality.CT)
    alone = engine().without_steering()
    assert not np.array_equal(restored(one, said), restored(one, said, alone))
    none = words(Modality.CT, noise(Modality.CT, Severity.NONE, 60))
    assert restored(one, none, alone).tobytes() == one.values.tobytes()


def test_padding_and_pixels_that_are_no_numbers_stay_as_they_are() -> None:
    one = stack(Modality.CT)
    values, valid = one.values.copy(), one.valid.copy()
    valid[:, :10] = False
    values[:, :10] = -2000.25
    values[0, 40:44, 40:44] = np.nan
    values[1, 50, 50] = np.inf
    values[2, 5, 5] = np.nan
    odd = ArrayStack(one.info, values, valid)
    found = restored(odd, everything_severe(Modality.CT))
    kept = ~valid | ~np.isfinite(values)
    assert found[kept].tobytes() == values[kept].tobytes()
    assert np.isfinite(found[~kept]).all() and not np.array_equal(found[~kept], values[~kept])
    said = engine().assess(odd)
    assert parse_sentence(format_sentence(said)) == said


def test_what_padding_holds_changes_nothing() -> None:
    one = stack(Modality.MR)
    valid = one.valid.copy()
    valid[:, :, 70:] = False
    kinds = []
    for fill in (0.0, 1e6, np.nan):
        values = one.values.copy()
        values[~valid] = fill
        odd = ArrayStack(one.info, values, valid)
        kinds.append(restored(odd, everything_severe(Modality.MR))[valid].tobytes())
    assert len(set(kinds)) == 1


def test_uptake_is_never_made_negative_and_nothing_leaves_the_format() -> None:
    one = stack(Modality.PT)
    one.values[:, :5, :5] = -3
    found = restored(one, everything_severe(Modality.PT))
    assert (found >= np.minimum(one.values, 0)).all()
    narrow = replace(one, info=replace(one.info, saturation=(0.0, 1100.0)))
    held = restored(narrow, everything_severe(Modality.PT))
    assert (held <= np.maximum(one.values, 1100)).all()


def test_words_of_another_modality_are_refused() -> None:
    one = stack(Modality.CT)
    with pytest.raises(EngineError, match="a description of MR can't steer CT"):
        restored(one, everything_severe(Modality.MR))


def test_air_alone_is_described_with_low_confidence_and_left() -> None:
    air = np.random.default_rng(0).normal(-1000, 10, (3, 64, 64)).astype(np.float32)
    one = ArrayStack(info(Modality.CT, air.shape), air, np.ones(air.shape, bool))
    said = engine().assess(one)
    assert said.confidence is Confidence.LOW
    assert said.finding(Degradation.NOISE) is None
    assert restored(one, everything_severe(Modality.CT)).tobytes() == air.tobytes()


def test_few_slices_of_air_do_not_silence_the_others() -> None:
    one = stack(Modality.CT, slices=6)
    one.values[5] = -1000
    assert engine().assess(one).finding(Degradation.NOISE) is not None


def test_long_series_are_sampled() -> None:
    asked: list[int] = []

    class Counted:
        info = info(Modality.CT, (500, 32, 32))

        def slab(self, start: int, stop: int) -> Slab:
            asked.extend(range(start, stop))
            values = disc_stack(Modality.CT, 40, stop - start, 32).values
            return Slab(values, np.ones(values.shape, bool), start)

    engine().assess(Counted())
    assert len(asked) == 64 and asked[0] == 0 and asked[-1] == 499


SHAPES = {"one row": (1, 96), "one column": (96, 1), "7 rows": (7, 96), "one pixel": (1, 1)}


@pytest.mark.parametrize("modality", Modality.sectional())
@pytest.mark.parametrize("shape", SHAPES)
def test_images_too_small_to_see_come_back_as_they_are(shape: str, modality: Modality) -> None:
    values = np.random.default_rng(0).normal(100, 20, (2, *SHAPES[shape])).astype(np.float32)
    one = ArrayStack(info(modality, values.shape), values, np.ones(values.shape, bool))
    said = engine().assess(one)
    assert parse_sentence(format_sentence(said)) == said
    assert restored(one, everything_severe(modality)).tobytes() == values.tobytes()


def odd_values(how: str, modality: Modality) -> np.ndarray:
    base = disc_stack(modality, SIGMA[modality], 2, 64).values
    rng = np.random.default_rng(1)
    return {
        "smallest": lambda: base[:, 24:40, 24:40],
        "narrow": lambda: base[:, :, 20:29],
        "odd sizes": lambda: base[:, :61, :47],
        "constant": lambda: np.full_like(base, 40),
        "zero": lambda: np.zeros_like(base),
        "negative": lambda: -np.abs(base) - 1,
        "huge range": lambda: base * np.float32(1e30),
        "one huge pixel": lambda: np.where(rng.random(base.shape) < 1e-3, np.float32(3e38), base),
        "from end to end": lambda: rng.choice(
            np.array([-3.4e38, 3.4e38], np.float32), base.shape
        ),
        "tiny": lambda: base * np.float32(1e-38),
        "two values": lambda: (base > 50).astype(np.float32),
        "mostly NaN": lambda: np.where(rng.random(base.shape) < 0.95, np.float32(np.nan), base),
        "infinite": lambda: np.where(rng.random(base.shape) < 0.1, np.float32(-np.inf), base),
    }[how]()  # fmt: skip


ODD = (
    "smallest", "narrow", "odd sizes", "constant", "zero", "negative", "huge range",
    "one huge pixel", "from end to end", "tiny", "two values", "mostly NaN", "infinite",
)  # fmt: skip


@pytest.mark.parametrize("modality", Modality.sectional())
@pytest.mark.parametrize("how", ODD)
@pytest.mark.filterwarnings("error")
def test_odd_images_get_a_sane_answer(how: str, modality: Modality) -> None:
    values = np.ascontiguousarray(odd_values(how, modality))
    valid = np.ones(values.shape, bool)
    one = ArrayStack(info(modality, values.shape), values, valid)
    before = values.tobytes()
    with np.errstate(over="ignore", invalid="ignore"):  # the classical measures'
        said = engine().assess(one)
    assert parse_sentence(format_sentence(said)) == said
    found = restored(one, everything_severe(modality))
    assert values.tobytes() == before
    assert np.array_equal(np.isnan(found), np.isnan(values))
    finite = np.isfinite(values)
    assert np.isfinite(found[finite]).all()
    assert found[~finite].tobytes() == values[~finite].tobytes()
    if how in ("constant", "zero"):
        assert found.tobytes() == values.tobytes()


@pytest.mark.parametrize("modality", Modality.sectional())
def test_nothing_to_assess_is_said(modality: Modality) -> None:
    one = stack(modality)
    padding = ArrayStack(one.info, one.values, np.zeros_like(one.valid))
    no_number = ArrayStack(one.info, np.full_like(one.values, np.nan), one.valid)
    for odd in (padding, no_number):
        with pytest.raises(EngineError, match="no finite pixel outside padding"):
            engine().assess(odd)
        assert restored(odd, everything_severe(modality)).tobytes() == odd.values.tobytes()
    empty = ArrayStack(replace(one.info, slices=0), one.values[:0], one.valid[:0])
    with pytest.raises(EngineError, match="no pixels to assess"):
        engine().assess(empty)
    assert restored(empty, everything_severe(modality)).shape == (0, 96, 96)


@settings(max_examples=25, deadline=None)
@given(
    modality=st.sampled_from(Modality.sectional()),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 70), st.integers(1, 70)),
    low=st.floats(-3000, 3000),
    spread=st.floats(0, 1e5),
    spacing=st.tuples(*[st.sampled_from([0.0, 0.3, 5.0])] * 3),
    region=st.sampled_from(["head", "chest", "whole body", "unknown"]),
    seed=st.integers(0, 99),
)
def test_whatever_the_image_the_answer_is_finite(
    modality: Modality,
    shape: tuple[int, int, int],
    low: float,
    spread: float,
    spacing: tuple[float, float, float],
    region: str,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    values = (low + spread * rng.random(shape)).astype(np.float32)
    valid = rng.random(shape) < 0.9
    valid.flat[0] = True
    facts = StackInfo(modality, region, "HU", *shape, spacing, (-1024.0, 3071.0))
    one = ArrayStack(facts, values, valid)
    said = engine().assess(one)
    assert parse_sentence(format_sentence(said)) == said
    found = restored(one, said)
    assert np.isfinite(found).all()
    assert found[~valid].tobytes() == values[~valid].tobytes()


def test_serving_brings_no_torch() -> None:
    code = (
        "import sys; from tests.engines.medq_uni.made import engine; engine();"
        "assert not {'torch', 'transformers', 'onnx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
