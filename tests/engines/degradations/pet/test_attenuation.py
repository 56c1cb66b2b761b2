"""The outline of the body, found from its uptake alone."""

import numpy as np
import pytest
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.description import Modality
from engines.medq_uni.degradations.pet.attenuation import body_outline
from engines.medq_uni.signal import tissue_signal
from engines.phantoms.anatomy import random_phantom
from engines.phantoms.pet import head, trunk
from tests.engines.degradations.pet.bodies import inside

SIZE = 96


def patient(region: str, seed: int) -> tuple[FloatArray, BoolArray, float]:
    """Uptake as PET shows it, the patient's true outline, and the pixels' size."""
    seen = random_phantom(region, seed, SIZE, modality=Modality.PT)
    with pytest.MonkeyPatch.context() as patch:
        for module in (head, trunk):
            patch.setattr(module, "blur", lambda canvas, resolution: None)
        sharp = random_phantom(region, seed, SIZE, modality=Modality.PT)
    true = ndimage.binary_fill_holes(sharp.values[0] > 0.01)
    return seen.values[0], np.asarray(true), seen.pixel_mm


def found(values: FloatArray, pixel_mm: float, region: str) -> BoolArray:
    signal = tissue_signal(values, Modality.PT, pixel_mm)
    assert signal is not None
    return body_outline(values, pixel_mm, signal, region)


@pytest.mark.parametrize("first", [0, 500])
def test_the_outline_of_a_head_is_its_skin_and_not_its_brain(first) -> None:
    ratios = []
    for seed in range(first, first + 20):
        values, true, pixel_mm = patient("head", seed)
        outline = found(values, pixel_mm, "head")
        ratios.append(outline.sum() / true.sum())
        assert 2 * (outline & true).sum() / (outline.sum() + true.sum()) > 0.94
    assert 0.93 < min(ratios) <= max(ratios) < 1.13
    assert np.mean(ratios) == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 517, 518, 555, 629, 675, 592, 606])
def test_the_outline_of_a_body_is_its_skin_round_hot_organs_too(seed) -> None:
    values, true, pixel_mm = patient("whole body", seed)
    outline = found(values, pixel_mm, "whole body")
    assert 0.92 < outline.sum() / true.sum() < 1.12


@pytest.mark.parametrize("noise", [0.05, 0.15, 0.4])
def test_noise_in_the_air_is_no_scalp(noise) -> None:
    """Of filtered back projection; brain of 5, scalp of 0.5."""
    shape, mm = (100, 100), 2.5
    values = np.where(inside(80, shape=shape, mm=mm), 0.5, 0) + 4.5 * inside(68, shape=shape, mm=mm)
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 1.0)
    values = np.maximum(values + 5 * 0.4 * noise * grain / grain.std(), 0)
    outline = body_outline(values.astype(np.float32), mm, 5.0, "head")
    assert outline[inside(68, shape=shape, mm=mm)].all()
    assert 0.7 < outline.sum() / inside(80, shape=shape, mm=mm).sum() < 1.5
