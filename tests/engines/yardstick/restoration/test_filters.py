"""Filters at the true level make a noisy phantom better, and leave a clean one alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from engines.description import Modality
from engines.medq_uni.degradations.kernels import SHARP, SMOOTH
from engines.medq_uni.yardstick.restoration import bm3d, filter_tuning, filters
from engines.medq_uni.yardstick.restoration.scores import score
from tests.engines.stacks import disc_stack
from tests.engines.yardstick.made import source

NAMED = [pytest.param(c, id=c.name) for c in (filters.WAVELET, filters.TV, filters.NLM)]


@pytest.fixture
def truth():
    return source("phantom a", size=192).values


def noisy(truth, sigma, kernel=None):
    rng = np.random.default_rng(0)
    field = filter_tuning.noise_field(kernel, rng, len(truth))
    return truth + np.float32(sigma) * field


def restored(contestant, image, sigma, modality=Modality.CT):
    stack = disc_stack(modality, 0, slices=1, size=len(image))
    return contestant.restore(replace(stack, values=image[None]), sigma)[0]


@pytest.mark.parametrize("contestant", NAMED)
@pytest.mark.parametrize("kernel", [None, SHARP, SMOOTH], ids=["white", "sharp", "smooth"])
def test_a_filter_told_the_true_level_makes_a_noisy_phantom_better(contestant, kernel, truth):
    image = noisy(truth, 35, kernel)
    before = score(image, truth, Modality.CT)
    after = score(restored(contestant, image, 35.0), truth, Modality.CT)
    assert after.psnr > before.psnr + (0.3 if kernel is SMOOTH else 1.2)
    assert after.rmse < before.rmse


@pytest.mark.parametrize("contestant", NAMED)
def test_the_true_level_serves_better_than_one_four_times_too_low(contestant, truth):
    image = noisy(truth, 35)
    right = score(restored(contestant, image, 35.0), truth, Modality.CT)
    low = score(restored(contestant, image, 9.0), truth, Modality.CT)
    assert right.psnr > low.psnr + 1


@pytest.mark.parametrize(
    "contestant",
    [
        *NAMED,
        pytest.param(
            bm3d.BM3D,
            id="BM3D",
            marks=pytest.mark.skipif(not bm3d.available(), reason="bm3d is not installed"),
        ),
    ],
)
def test_without_noise_the_image_comes_back_as_it_is(contestant, truth):
    assert np.array_equal(restored(contestant, truth, 0.0), truth)


@pytest.mark.parametrize("contestant", NAMED)
def test_offset_and_scale_of_the_unit_do_not_matter(contestant, truth):
    image = noisy(truth, 35)
    plain = restored(contestant, image, 35.0)
    other = restored(contestant, 2 * image + 500, 70.0)
    assert np.allclose(other, 2 * plain + 500, atol=2)


@pytest.mark.parametrize("contestant", NAMED)
def test_a_filter_gives_finite_float32_also_of_odd_shapes_and_metal(contestant):
    image = np.random.default_rng(0).normal(0, 30, (61, 97)).astype(np.float32)
    image[20:24, 40:44] = 30_000
    found = restored(contestant, image, 30.0)
    assert found.dtype == np.float32
    assert found.shape == image.shape
    assert np.isfinite(found).all()


@pytest.mark.parametrize("noise", [-1.0, float("nan"), float("inf")])
def test_an_impossible_noise_level_is_refused_by_name(noise, truth):
    with pytest.raises(ValueError, match="noise must be 0 or more"):
        filters.total_variation(truth, noise, 0.8)


def brain_like(size=96):
    """Tissue of two signals in air, with Rician noise; and the truth."""
    down, right = np.indices((size, size)) - size // 2
    truth = np.where(np.hypot(down, right) < 40, 600.0, 0.0)
    truth[np.hypot(down, right + 12) < 14] = 900
    parts = np.random.default_rng(1).normal(0, 60, (2, size, size))
    return np.hypot(truth + parts[0], parts[1]).astype(np.float32), truth.astype(np.float32)


@pytest.mark.parametrize("contestant", NAMED)
def test_filters_gain_on_rician_noise_of_mr_with_its_constants(contestant):
    image, truth = brain_like()
    before = score(image, truth, Modality.MR)
    after = score(restored(contestant, image, 60.0, Modality.MR), truth, Modality.MR)
    assert after.psnr > before.psnr + 0.5


@pytest.mark.parametrize("contestant", NAMED)
def test_filters_gain_on_noise_of_pet_that_is_coarse_and_grows_with_uptake(contestant):
    rng = np.random.default_rng(2)
    truth = brain_like()[1] / 300
    coarse = ndimage.gaussian_filter(rng.normal(0, 1, truth.shape), 1.0)
    spread = np.sqrt(np.maximum(ndimage.gaussian_filter(truth, 2), 0))
    error = 0.35 * spread * coarse / coarse.std()
    image = np.maximum(truth + error, 0).astype(np.float32)
    told = float(np.abs(error[truth > 0]).mean() * np.sqrt(np.pi / 2))
    before = score(image, truth, Modality.PT)
    after = score(restored(contestant, image, told, Modality.PT), truth, Modality.PT)
    assert after.psnr > before.psnr + 0.1


def test_every_filter_has_a_constant_among_those_tried_for_every_modality():
    assert set(filters.STRENGTHS) == set(filter_tuning.TRIED)
    for name, constants in filters.STRENGTHS.items():
        assert set(constants) == set(Modality.sectional())
        assert set(constants.values()) <= set(filter_tuning.TRIED[name][1])


def test_bm3d_beats_the_wavelet_where_it_is_installed():
    if not bm3d.available():
        pytest.skip("bm3d is not installed")
    truth = source("phantom a", size=96).values
    image = noisy(truth, 35)
    found = score(restored(bm3d.BM3D, image, 35.0), truth, Modality.CT)
    assert found.psnr > score(filters.wavelet(image, 35, 1.5), truth, Modality.CT).psnr


def test_what_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert filters.filters() == (filters.TV, filters.NLM)
    assert not bm3d.available()


def test_no_optional_package_is_imported_before_it_is_used():
    code = (
        "import sys; from engines.medq_uni.yardstick.restoration import bm3d, figures;"
        "sys.exit(any(m in sys.modules for m in ('bm3d', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
