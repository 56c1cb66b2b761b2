"""The classical engine finds what we put in, and admits what it can't know."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from engines.base import ArrayStack, Engine, EngineError, load_engine
from engines.classical.engine import ClassicalEngine
from engines.classical.noise import _otsu, body_threshold, kernel_side, slice_noise
from engines.classical.sharpness import slice_fwhm_mm
from engines.parameters import spelt
from engines.phantoms.anatomy import random_phantom
from engines.phantoms.low_dose import low_dose_series
from engines.quality import (
    APPLICABLE,
    Action,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
    Verdict,
    format_sentence,
    parse_sentence,
)
from engines.sampled import MAX_SLICES
from engines.severity import CUT_OFFS, cut_offs, severity_of
from tests.engines.stacks import dicom_stack, disc_stack, info

ENGINE = ClassicalEngine()


@pytest.mark.parametrize("modality", [Modality.MR, Modality.PT])
def test_a_body_of_a_few_pixels_in_nothing_is_still_told_apart(modality):
    values = np.zeros((128, 128), np.float32)
    values[60:64, 60:64] = 5
    threshold = body_threshold(modality, values, np.ones(values.shape, bool))
    assert 0 < threshold < 5


def uptake(bladder: float, size: int, noise: float = 0.0) -> np.ndarray:
    """A pelvis of 0.5 SUV with a bladder, and noise in tissue and air, cut off at zero."""
    y, x = (np.indices((size, size)) + 0.5) / size - 0.5
    values = 0.5 * ((x / 0.36) ** 2 + (y / 0.24) ** 2 < 1)
    values[(x / 0.06) ** 2 + ((y + 0.05) / 0.05) ** 2 < 1] = bladder
    values = ndimage.gaussian_filter(values, 0.01 * size)
    white = np.random.default_rng(0).normal(size=values.shape)
    grain = ndimage.gaussian_filter(white, 0.008 * size)
    values += noise * 0.5 * grain / grain.std() * np.where(values > 0.25, 1, 0.3)
    return np.maximum(values, 0).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.15, 0.4])
@pytest.mark.parametrize("size", [64, 160])
@pytest.mark.parametrize("bladder", [30.0, 60.0])
def test_a_full_bladder_is_not_the_body(bladder, size, noise):
    values = uptake(bladder, size, noise)
    valid = np.ones(values.shape, bool)
    threshold = body_threshold(Modality.PT, values, valid)
    assert 0.02 < threshold < 0.4
    assert (values > threshold).sum() / size**2 == pytest.approx(np.pi * 0.36 * 0.24, rel=0.15)
    found, _ = slice_noise(values, valid, Modality.PT, kernel_side(Modality.PT, 2.5, 2.5))
    assert found.signal == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize("modality", [Modality.MR, Modality.PT])
def test_values_that_nothing_parts_have_no_body(modality):
    nearly_one = np.array([[0.96, 0.965]], np.float32)
    assert body_threshold(modality, nearly_one, np.ones((1, 2), bool)) == np.inf


@pytest.mark.parametrize("region", ["head", "whole body"])
@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_of_ordinary_uptake_is_otsus(region, seed):
    values = random_phantom(region, seed, 96, modality=Modality.PT).values[0]
    valid = np.ones(values.shape, bool)
    assert body_threshold(Modality.PT, values, valid) == _otsu(values[valid])


@pytest.mark.parametrize("noise", [0.05, 0.15, 0.4])
@pytest.mark.parametrize("width", [0, 80, 160])
def test_noise_of_the_air_around_a_small_body_is_not_the_body(width, noise):
    values = np.pad(uptake(0.5, 96), width)
    spread = np.exp(-np.hypot(*(np.indices(values.shape) - len(values) / 2)) / len(values))
    grain = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=values.shape), 1.0)
    values = np.maximum(values + 0.5 * noise * grain / grain.std() * spread, 0).astype(np.float32)
    valid = np.ones(values.shape, bool)
    assert body_threshold(Modality.PT, values, valid) == _otsu(values[valid])


def noise_of(description: QualityDescription) -> Finding:
    finding = description.finding(Degradation.NOISE) or description.finding(Degradation.LOW_COUNT)
    assert finding is not None
    return finding


def test_the_registry_gives_the_classical_engine() -> None:
    engine = load_engine("classical")
    assert isinstance(engine, Engine)
    assert engine.name == "classical"
    assert len(engine.digest) == 64
    assert engine.digest == ENGINE.digest


def test_the_digest_changes_with_any_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ENGINE.digest
    monkeypatch.setattr("engines.classical.restore.WEIGHT", 0.81)
    assert ENGINE.digest != before


def test_the_digest_is_the_same_in_every_process() -> None:
    """Sets of words come in another order with every seed of their hashes."""
    program = "from engines.classical.engine import ClassicalEngine as E; print(E().digest)"
    processes = [  # at the same time: nearly all they do is to import
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    digests = [process.communicate()[0].strip() for process in processes]
    assert digests == [ENGINE.digest] * 2  # and that of this process with its own seed


def test_a_parameter_without_a_lasting_text_is_refused() -> None:
    # What is computed when a module is loaded may end otherwise on another processor.
    assert spelt(0.1 + 0.2) == spelt(0.3) == "0.3"
    assert spelt(math.nextafter(11.0, 12.0)) == spelt(11.0) != spelt(11.001)
    assert spelt({Severity.NONE: 1.5}) == "{Severity.NONE: 1.5}"
    assert spelt(frozenset("ba")) == spelt(frozenset("ab")) == "{'a', 'b'}"
    with pytest.raises(TypeError, match="object"):
        spelt((object(),))


@pytest.mark.parametrize("modality", Modality)
def test_every_degradation_that_means_something_is_named(modality: Modality) -> None:
    said = ENGINE.assess(disc_stack(modality, 10.0))
    named = {finding.degradation for finding in said.findings} | set(said.not_assessed)
    assert named == set(APPLICABLE[modality])


@pytest.mark.parametrize("sigma", [8.0, 20.0, 45.0])
def test_white_noise_in_ct_is_measured_in_hu(sigma: float) -> None:
    finding = noise_of(ENGINE.assess(disc_stack(Modality.CT, sigma)))
    assert finding.amount == pytest.approx(sigma, rel=0.07)
    assert finding.unit == "HU"


@pytest.mark.parametrize(("modality", "percent"), [(Modality.MR, 10.0), (Modality.PT, 20.0)])
def test_noise_without_a_scale_is_measured_in_percent(modality: Modality, percent: float) -> None:
    finding = noise_of(ENGINE.assess(disc_stack(modality, percent * 10)))
    assert finding.amount == pytest.approx(percent, rel=0.12)
    assert finding.unit == "% of signal"
    assert (finding.degradation is Degradation.LOW_COUNT) == (modality is Modality.PT)


@pytest.mark.parametrize("fwhm", [2.0, 3.0, 5.0])
def test_edges_tell_the_width_of_the_blur(fwhm: float) -> None:
    fine = np.zeros((768, 768), np.float32)
    y, x = np.mgrid[:768, :768]
    fine[((y - 380) ** 2 + ((x - 390) * 0.8) ** 2) < 250**2] = 1000
    blurred = ndimage.gaussian_filter(fine, 3 * fwhm / 2.355).reshape(256, 3, 256, 3).mean((1, 3))
    noisy = blurred + np.random.default_rng(0).normal(0, 10, blurred.shape)
    found = slice_fwhm_mm(noisy.astype(np.float32), np.ones(noisy.shape, bool), 10.0, 1.0, 1.0)
    assert found == pytest.approx(fwhm, rel=0.25)


def test_a_blurred_copy_is_found_blurred() -> None:
    sharp = disc_stack(Modality.CT, 8.0)
    soft = replace(sharp, values=ndimage.gaussian_filter(sharp.values, (0, 1.6, 1.6)))
    before = ENGINE.assess(sharp).finding(Degradation.BLUR)
    after = ENGINE.assess(soft).finding(Degradation.BLUR)
    assert before is not None
    assert after is not None
    assert before.severity is Severity.NONE
    assert after.severity in (Severity.MODERATE, Severity.SEVERE)


def test_noisy_slices_are_named() -> None:
    stack = disc_stack(Modality.CT, 9.0, slices=10)
    stack.values[5:8] += np.random.default_rng(1).normal(0, 45, (3, 192, 192)).astype(np.float32)
    stack.values[6] += np.random.default_rng(2).normal(0, 25, (192, 192)).astype(np.float32)
    description = ENGINE.assess(stack)
    finding = noise_of(description)
    assert finding.severity is Severity.SEVERE
    assert finding.slices == (6, 8)
    assert finding.worst_slice == 7
    assert (description.verdict, description.actions) == (Verdict.USABLE, (Action.REDUCE_NOISE,))
    assert "on slices 6-8, worst on slice 7" in format_sentence(description)


def test_clipping_counts_the_top_and_never_the_air() -> None:
    stack = disc_stack(Modality.CT, 9.0)
    stack.values[:, :20] = -1024
    assert ENGINE.assess(stack).finding(Degradation.CLIPPING) == Finding(
        Degradation.CLIPPING, Severity.NONE, 0.0, "% of pixels"
    )
    stack.values[:, 80:100, 80:120] = 3071
    found = ENGINE.assess(stack).finding(Degradation.CLIPPING)
    assert found is not None
    assert found.amount == pytest.approx(100 * 800 / (np.pi * (0.4 * 192) ** 2), rel=0.05)
    assert found.severity is Severity.MODERATE


@pytest.mark.parametrize("whole_numbers", [True, False])
def test_clipping_far_below_the_formats_ceiling_is_found(whole_numbers: bool) -> None:
    noisy, _ = low_dose_series(2, 256, seed=2)
    values = np.round(noisy) if whole_numbers else noisy
    whole = ArrayStack(info(Modality.CT, values.shape), values, np.ones(values.shape, bool))
    finding = ENGINE.assess(whole).finding(Degradation.CLIPPING)
    assert finding == Finding(Degradation.CLIPPING, Severity.NONE, 0.0, "% of pixels")
    cut = ENGINE.assess(replace(whole, values=np.minimum(values, 60)))
    finding = cut.finding(Degradation.CLIPPING)
    assert finding is not None
    assert finding.severity is Severity.SEVERE
    assert "No clipping" not in format_sentence(cut)


def test_clipping_is_unknown_where_flat_objects_look_the_same() -> None:
    values = np.full((2, 64, 64), -1000, np.float32)
    values[:, 8:56, 8:56] = 40
    values[:, 20:40, 20:40] = 60
    stack = ArrayStack(info(Modality.CT, values.shape), values, values > -2000)
    description = ENGINE.assess(stack)
    assert description.finding(Degradation.CLIPPING) is None
    assert Degradation.CLIPPING in description.not_assessed


@pytest.mark.data
@pytest.mark.parametrize("series", ["ct_head_ge", "ct_crlm1004_abdomen", "mr_brain_t2_trio"])
def test_sound_real_series_are_not_called_clipped(
    dev_series: Callable[[str], list[Path]], series: str
) -> None:
    stack = dicom_stack(dev_series(series)[:3])
    found = ENGINE.assess(stack).finding(Degradation.CLIPPING)
    assert found == Finding(Degradation.CLIPPING, Severity.NONE, 0.0, "% of pixels")
    if stack.info.modality is Modality.CT:
        found = ENGINE.assess(replace(stack, values=np.minimum(stack.values, 60))).finding(
            Degradation.CLIPPING
        )
        assert found is not None
        assert found.severity is Severity.SEVERE


def test_what_cannot_be_judged_is_said_and_never_none() -> None:
    for modality in Modality.sectional():
        description = ENGINE.assess(disc_stack(modality, 10.0))
        for unknown in (Degradation.MOTION, Degradation.METAL, Degradation.UNDERSAMPLING):
            assert unknown in description.not_assessed
            assert description.finding(unknown) is None
    assert Degradation.BLUR in ENGINE.assess(disc_stack(Modality.PT, 10.0)).not_assessed


def test_too_little_tissue_gives_unknown_noise_and_low_confidence() -> None:
    stack = disc_stack(Modality.CT, 10.0)
    air = replace(stack, values=np.minimum(stack.values, -700))
    description = ENGINE.assess(air)
    assert description.finding(Degradation.NOISE) is None
    assert Degradation.NOISE in description.not_assessed
    assert description.confidence is Confidence.LOW
    assert description.actions == (Action.KEEP,)


def test_unknown_spacing_leaves_blur_unknown() -> None:
    stack = disc_stack(Modality.CT, 10.0)
    description = ENGINE.assess(replace(stack, info=replace(stack.info, spacing_mm=(0, 0, 0))))
    assert Degradation.BLUR in description.not_assessed
    assert description.confidence is Confidence.LOW
    assert noise_of(description).amount == pytest.approx(10, rel=0.1)


def test_padding_and_broken_pixels_are_left_out() -> None:
    stack = disc_stack(Modality.CT, 20.0)
    expected = noise_of(ENGINE.assess(stack)).amount
    stack.valid[:, :60] = False
    stack.values[:, :60] = -3000
    stack.values[:, 90, 90] = np.nan
    stack.values[:, 100, 100] = np.inf
    assert noise_of(ENGINE.assess(stack)).amount == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("fill", [np.nan, np.inf, 0.0])
def test_a_stack_without_a_usable_pixel_is_refused(fill: float) -> None:
    values = np.full((2, 64, 64), fill, np.float32)
    stack = ArrayStack(info(Modality.CT, values.shape), values, np.full(values.shape, fill != 0))
    with pytest.raises(EngineError, match="nothing to assess"):
        ENGINE.assess(stack)


@pytest.mark.parametrize("modality", Modality.sectional())
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 3), (2, 40, 7)])
def test_tiny_and_constant_images_do_not_crash(
    modality: Modality, shape: tuple[int, int, int]
) -> None:
    for fill in (0.0, 40.0, -1000.0):
        values = np.full(shape, fill, np.float32)
        description = ENGINE.assess(ArrayStack(info(modality, shape), values, values == values))
        assert parse_sentence(format_sentence(description)) == description


def test_a_long_series_is_sampled_but_both_ends_are_seen() -> None:
    slices = MAX_SLICES * 2 + 5

    class Counting:
        asked: list[int]

        def __init__(self) -> None:
            self.one = disc_stack(Modality.CT, 10.0, slices=1, size=96)
            self.info = replace(self.one.info, slices=slices)
            self.asked = []

        def slab(self, start: int, stop: int):
            self.asked += range(start, stop)
            return replace(self.one.slab(0, 1), first=start)

    stack = Counting()
    ENGINE.assess(stack)
    assert len(stack.asked) == MAX_SLICES
    assert (stack.asked[0], stack.asked[-1]) == (0, slices - 1)


def test_the_phantoms_noise_is_measured_as_it_is() -> None:
    noisy, truth = low_dose_series(2, 256, seed=2)
    side = kernel_side(Modality.CT, 1.48, 1.48)
    soft = ndimage.binary_erosion((truth[0] > 0) & (truth[0] < 120), iterations=3)
    real = float((noisy - truth)[0][soft].std())
    found, _ = slice_noise(noisy[0], np.ones(noisy[0].shape, bool), Modality.CT, side)
    assert found.sigma == pytest.approx(real, rel=0.2)


def test_every_cut_off_row_rises_and_says_why() -> None:
    for row in CUT_OFFS.values():
        assert 0 < row.mild < row.moderate < row.severe
        assert row.reason.endswith(".")
    row = cut_offs(Modality.CT, Degradation.NOISE, "chest")
    assert row is not None
    levels = [severity_of(x, row) for x in (14.9, 14.96, 25.0, 35.0)]
    assert levels == [Severity.NONE, Severity.MILD, Severity.MODERATE, Severity.SEVERE]
    head = cut_offs(Modality.CT, Degradation.NOISE, "head")
    assert head is not None
    assert head.severe < row.mild
    coarse = cut_offs(Modality.CT, Degradation.BLUR, "chest", pixel_mm=2.0)
    assert coarse is not None
    assert coarse.mild == 6.0


@pytest.mark.data
@pytest.mark.parametrize(
    ("series", "low", "high"),
    [
        ("ct_crlm1004_abdomen", 8, 13),
        ("ct_kits00072_kidney", 10, 15),
        ("ct_lungdx_A0002_B40f", 8, 13),
        ("ct_lungdx_A0002_B70f", 31, 49),
    ],
)
def test_real_ct_noise_agrees_with_what_is_known_of_it(
    dev_series: Callable[[str], list[Path]], series: str, low: float, high: float
) -> None:
    finding = noise_of(ENGINE.assess(dicom_stack(dev_series(series)[:4])))
    assert finding.amount is not None
    assert low <= finding.amount <= high
