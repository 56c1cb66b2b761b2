"""How noisy is what is called clean? Three rulers on noise that is known."""

from __future__ import annotations

import numpy as np
import pytest

from engines.medq_uni.degradations.ct.residual import ceiling_db, residual
from engines.medq_uni.degradations.kernels import SMOOTH
from engines.medq_uni.degradations.projection import ParallelBeam
from engines.phantoms.ellipses import draw
from engines.phantoms.thorax import thorax_ellipses
from medq_node.pixels.series import open_series

PIXEL_MM = 1.5


def body() -> np.ndarray:
    return draw(thorax_ellipses(0.5), 256) - 1000


def grain(sigma: float, smooth_pixels: float = 0.0, seed: int = 1, side: int = 256) -> np.ndarray:
    field = np.random.default_rng(seed).normal(0, 1, (side, side))
    if smooth_pixels:
        along = np.fft.fftfreq(side)
        radius = np.hypot(along[:, None], along[None, :])
        kernel = np.sqrt(radius) * np.exp(-2 * (np.pi * smooth_pixels * radius) ** 2)
        field = np.fft.ifft2(np.fft.fft2(field) * kernel).real  # as filtered back projection has
    return (field * (sigma / field.std())).astype(np.float32)


@pytest.mark.parametrize("sigma", [4.0, 12.0, 35.0])
def test_white_noise_on_a_body_is_measured_by_all_three_rulers(sigma: float) -> None:
    found, _ = residual(body() + grain(sigma), PIXEL_MM)
    assert found.sigma == pytest.approx(sigma, rel=0.08)
    assert found.regions == pytest.approx(sigma, rel=0.08)
    assert found.fine == pytest.approx(sigma, rel=0.08)
    assert found.level == pytest.approx(sigma, rel=0.08)


def test_a_smooth_kernel_reads_a_little_low_in_small_windows_and_right_in_regions() -> None:
    beam = ParallelBeam(256, 256, 0.8, 360)
    rays = np.random.default_rng(6).normal(0, 1, (1, beam.views, beam.detectors))
    noise = beam.reconstruct(rays.astype(np.float32), SMOOTH)[0]
    found, _ = residual(50 + noise * np.float32(20 / noise.std()), 0.8)
    assert found.sigma is not None
    assert 0.90 * 20 < found.sigma < 0.99 * 20
    assert found.regions == pytest.approx(20, rel=0.04)
    assert found.fine is not None
    assert found.fine < 0.5 * 20


def test_correlated_noise_is_told_by_its_fine_share() -> None:
    white, _ = residual(body() + grain(20), PIXEL_MM)
    smooth, _ = residual(body() + grain(20, 0.8), PIXEL_MM)
    assert white.fine is not None
    assert smooth.fine is not None
    assert smooth.fine / smooth.level < 0.7 * white.fine / white.level
    assert white.mean_lp_cm is not None
    assert smooth.mean_lp_cm is not None
    assert smooth.mean_lp_cm < white.mean_lp_cm


def test_the_map_follows_noise_that_varies_across_the_body() -> None:
    image = np.full((256, 256), 50, np.float32)
    sigma = np.linspace(10, 30, 256, dtype=np.float32)[None, :] * np.ones((256, 1), np.float32)
    _, local = residual(image + grain(1) * sigma, PIXEL_MM)
    inside = np.s_[20:-20, 20:-20]
    assert local[inside] == pytest.approx(sigma[inside], rel=0.2)


def test_edges_are_no_noise_on_the_map() -> None:
    found, local = residual(body() + grain(10), PIXEL_MM)
    assert local.max() < 2 * found.level


def test_the_map_goes_on_where_there_is_no_tissue() -> None:
    image = np.full((256, 256), -1000, np.float32)
    image[90:170, 90:170] = 50
    found, local = residual(image + grain(15), PIXEL_MM)
    assert np.isfinite(local).all()
    assert local[0, 0] == pytest.approx(found.level, rel=0.3)


def test_padding_is_no_tissue() -> None:
    image = np.full((128, 128), 40, np.float32) + grain(10, side=128)
    where = np.ones((128, 128), bool)
    image[:, 64:] = 60  # a frame of one value
    where[:, 64:] = False
    found, _ = residual(image, PIXEL_MM, where)
    assert found.level == pytest.approx(10, rel=0.15)


def test_what_has_no_soft_tissue_has_no_level_and_no_nan() -> None:
    found, local = residual(np.full((64, 64), -1000, np.int16), PIXEL_MM)
    assert found.sigma is None
    assert found.regions is None
    assert found.fine is None
    assert found.mean_lp_cm is None
    assert found.level == 0
    assert not local.any()


def test_a_phantom_without_noise_has_none() -> None:
    found, local = residual(np.full((128, 128), 40, np.float32), PIXEL_MM)
    assert found.level == pytest.approx(0, abs=0.01)
    assert local == pytest.approx(np.zeros((128, 128)), abs=0.01)


def test_the_ceiling_is_what_an_oracle_reaches() -> None:
    rng = np.random.default_rng(3)
    own, added = rng.normal(0, 10, 200_000), rng.normal(0, 17.3, 200_000)
    truth, image = own, own + added  # about an object of zero
    share = 100 / (100 + 17.3**2)
    before = np.mean((image - truth) ** 2)
    perfect = 10 * np.log10(before / np.mean(truth**2))
    guess = 10 * np.log10(before / np.mean((share * image - truth) ** 2))
    assert ceiling_db(10, 17.3) == pytest.approx((perfect, guess), abs=0.05)
    assert ceiling_db(10, 17.3)[1] == pytest.approx(6.0, abs=0.05)
    assert ceiling_db(0, 20) == (np.inf, np.inf)


def test_a_truth_noisier_than_what_was_added_makes_perfection_look_worse_than_nothing() -> None:
    perfect, most = ceiling_db(30, 20)
    assert perfect < 0 < most


def test_what_makes_no_sense_is_refused_by_name() -> None:
    image = np.zeros((64, 64), np.float32)
    with pytest.raises(ValueError, match="pixel_mm"):
        residual(image, 0)
    with pytest.raises(ValueError, match="where"):
        residual(image, 1, np.ones((32, 64), bool))
    with pytest.raises(ValueError, match="NaN"):
        residual(np.full((64, 64), np.nan, np.float32), 1)
    with pytest.raises(ValueError, match="noise"):
        ceiling_db(-1, 10)
    with pytest.raises(ValueError, match="added"):
        ceiling_db(10, 0)


@pytest.mark.data
def test_two_kernels_of_one_scan_differ_in_noise_and_its_grain(dev_series) -> None:
    measured = []
    for name in ("ct_lungdx_A0002_B70f", "ct_lungdx_A0002_B40f"):
        slab = open_series(dev_series(name)).slab(0, 4)
        found = [residual(v, 0.646, w)[0] for v, w in zip(slab.values, slab.valid, strict=True)]
        measured.append((np.median([r.level for r in found]), [r.mean_lp_cm for r in found]))
    (sharp, sharp_lp_cm), (smooth, smooth_lp_cm) = measured
    assert 30 < sharp < 45
    assert 8 < smooth < 13
    assert min(f for f in sharp_lp_cm if f) > max(f for f in smooth_lp_cm if f)
