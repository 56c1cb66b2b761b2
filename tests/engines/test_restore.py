"""Restoration: it lowers noise where the words say so, and harms nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from engines.base import ArrayStack, EngineError
from engines.classical.engine import ClassicalEngine
from engines.classical.restore import CLAMP_SIGMAS, LEVEL_RANGE, LOCAL_RANGE
from engines.phantoms.low_dose import low_dose_series
from engines.quality import (
    Degradation,
    Finding,
    Modality,
    QualityDescription,
    Severity,
)
from tests.engines.stacks import dicom_stack, disc_stack, info

ENGINE = ClassicalEngine()


def restored(stack: ArrayStack, description: QualityDescription) -> np.ndarray:
    return ENGINE.restore(stack.slab(0, stack.info.slices), stack.info, description)


def with_noise(description: QualityDescription, **changes: object) -> QualityDescription:
    findings = tuple(
        replace(f, **changes)  # type: ignore[arg-type]  # fields of Finding by name
        if f.degradation in (Degradation.NOISE, Degradation.LOW_COUNT)
        else f
        for f in description.findings
    )
    return replace(description, findings=findings)


def noise_amount(stack: ArrayStack) -> float:
    return next(
        f.amount or 0.0
        for f in ENGINE.assess(stack).findings
        if f.degradation in (Degradation.NOISE, Degradation.LOW_COUNT)
    )


def test_a_good_image_comes_back_bit_identical_even_when_always_restored() -> None:
    stack = disc_stack(Modality.CT, 8.0)
    stack.values[0, 5, 5] = np.nan
    description = ENGINE.assess(stack)
    assert restored(stack, description).tobytes() == stack.values.tobytes()
    silent = replace(description, findings=())
    assert restored(stack, silent).tobytes() == stack.values.tobytes()


@pytest.mark.parametrize(
    ("modality", "sigma"), [(Modality.CT, 45.0), (Modality.MR, 160.0), (Modality.PT, 220.0)]
)
def test_noise_drops_and_the_truth_comes_nearer(modality: Modality, sigma: float) -> None:
    stack = disc_stack(modality, sigma)
    clean = disc_stack(modality, 0.0)
    result = restored(stack, ENGINE.assess(stack))
    assert noise_amount(replace(stack, values=result)) < 0.75 * noise_amount(stack)
    body = clean.values[0] > 0
    before = float(np.abs(stack.values - clean.values)[:, body].mean())
    assert float(np.abs(result - clean.values)[:, body].mean()) < 0.8 * before
    assert result.dtype == np.float32


def test_the_words_steer() -> None:
    stack = disc_stack(Modality.CT, 45.0, slices=1)
    description = ENGINE.assess(stack)
    change = []
    for severity in Severity:
        edited = with_noise(description, severity=severity)
        change.append(float(np.abs(restored(stack, edited) - stack.values).mean()))
    assert change[0] == 0.0
    assert change == sorted(change)
    assert len(set(change)) == len(change)
    weak = restored(stack, with_noise(description, amount=15.0))
    strong = restored(stack, with_noise(description, amount=60.0))
    assert np.abs(weak - stack.values).mean() < np.abs(strong - stack.values).mean()


def test_slices_outside_the_named_ones_are_judged_by_themselves() -> None:
    stack = disc_stack(Modality.CT, 9.0, slices=4)
    stack.values[2:] += np.random.default_rng(1).normal(0, 45, (2, 192, 192)).astype(np.float32)
    description = ENGINE.assess(stack)
    assert description.findings[0].slices == (3, 4)
    result = restored(stack, description)
    assert result[:2].tobytes() == stack.values[:2].tobytes()
    assert (result[2:] != stack.values[2:]).any(axis=(1, 2)).all()


def test_slabs_do_not_show() -> None:
    stack = disc_stack(Modality.CT, 40.0, slices=4)
    description = ENGINE.assess(stack)
    whole = restored(stack, description)
    parts = [ENGINE.restore(stack.slab(k, k + 1), stack.info, description) for k in range(4)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_padding_and_broken_pixels_are_untouched() -> None:
    stack = disc_stack(Modality.CT, 40.0)
    stack.valid[:, 60:75, 60:75] = False
    stack.values[:, 60:75, 60:75] = -2000
    stack.values[:, 100, 100] = np.nan
    result = restored(stack, ENGINE.assess(stack))
    assert (result[~stack.valid] == -2000).all()
    assert np.isnan(result[:, 100, 100]).all()
    assert np.isfinite(result).sum() == np.isfinite(stack.values).sum()


def test_no_bias_and_no_large_change_in_a_low_dose_chest() -> None:
    noisy, truth = low_dose_series(2, 256, seed=4)
    stack = ArrayStack(
        info(Modality.CT, noisy.shape, 1.48, "chest"), noisy, np.ones(noisy.shape, bool)
    )
    description = ENGINE.assess(stack)
    result = restored(stack, description)
    change = result - noisy
    for flat in (truth < -995, (truth > 30) & (truth < 80), (truth < -800) & (truth > -900)):
        inner = np.stack([ndimage.binary_erosion(f, iterations=3) for f in flat])
        assert abs(float(change[inner].mean())) < 1.0
    amount = description.findings[0].amount
    assert amount is not None
    assert float(np.abs(change).max()) <= CLAMP_SIGMAS * LEVEL_RANGE[1] * LOCAL_RANGE[1] * amount
    soft = np.stack([ndimage.binary_erosion((t > 0) & (t < 120), iterations=2) for t in truth])
    assert (result - truth)[soft].std() < 0.6 * (noisy - truth)[soft].std()


def test_edges_keep_their_height() -> None:
    stack = disc_stack(Modality.CT, 40.0)
    clean = disc_stack(Modality.CT, 0.0)
    change = restored(stack, ENGINE.assess(stack)) - stack.values
    edge = ndimage.gaussian_gradient_magnitude(clean.values[0], 1.0) > 100
    flat = ndimage.binary_erosion(clean.values[0] > 40, iterations=6)
    assert np.abs(change[:, edge]).mean() < 0.2 * np.abs(change[:, flat]).mean()


def test_pet_never_goes_below_zero() -> None:
    stack = disc_stack(Modality.PT, 250.0)
    assert (stack.values == 0).any()
    assert restored(stack, ENGINE.assess(stack)).min() >= 0


def test_a_small_hot_spot_keeps_its_maximum_uptake() -> None:
    stack = disc_stack(Modality.PT, 220.0)
    y, x = np.mgrid[:192, :192]
    stack.values[:] += 8000 * np.exp(-((y - 80) ** 2 + (x - 110) ** 2) / (2 * 3.0**2))
    result = restored(stack, ENGINE.assess(stack))
    assert (result != stack.values).any()
    assert result.max(axis=(1, 2)) == pytest.approx(stack.values.max(axis=(1, 2)), rel=0.02)


def test_a_description_of_another_modality_is_refused() -> None:
    stack = disc_stack(Modality.CT, 40.0)
    other = ENGINE.assess(disc_stack(Modality.MR, 160.0))
    with pytest.raises(EngineError, match="MR"):
        restored(stack, other)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 3), (0, 8, 8)])
def test_tiny_slabs_come_back_in_shape(shape: tuple[int, int, int]) -> None:
    description = with_noise(ENGINE.assess(disc_stack(Modality.CT, 40.0)), slices=None)
    values = np.zeros(shape, np.float32)
    stack = ArrayStack(info(Modality.CT, shape), values, np.ones(shape, bool))
    assert restored(stack, description).shape == shape


@pytest.mark.data
@pytest.mark.parametrize(
    ("series", "share"),
    [("ct_lungdx_A0001_kernel_L", 0.5), ("ct_tcga_lung_sharp_noisy", 0.6)],
)
def test_correlated_noise_of_real_ct_really_drops(
    dev_series: Callable[[str], list[Path]], series: str, share: float
) -> None:
    stack = dicom_stack(dev_series(series)[:2])
    description = ENGINE.assess(stack)
    noise = description.finding(Degradation.NOISE)
    assert isinstance(noise, Finding)
    assert noise.severity is Severity.SEVERE
    result = restored(stack, description)
    assert noise_amount(replace(stack, values=result)) < share * noise_amount(stack)
    smooth = ndimage.uniform_filter(stack.values, (0, 9, 9))
    flat = (np.abs(smooth - 50) < 40) & (np.abs(stack.values - smooth) < 150)
    assert abs(float((result - stack.values)[flat].mean())) < 1.0
