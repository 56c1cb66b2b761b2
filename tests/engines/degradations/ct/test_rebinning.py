"""The noise that a fan's rebinning leaves, worked out and as it comes out."""

from dataclasses import replace

import numpy as np
import pytest

from engines.medq_uni.degradations.ct.fan import FanBeam
from engines.medq_uni.degradations.ct.low_dose import Scan
from engines.medq_uni.degradations.ct.rebinning import share_kept
from engines.medq_uni.degradations.ct.scanned import ScannedSlice
from engines.medq_uni.degradations.kernels import BARE_RAMP, KERNELS, SMOOTH
from tests.engines.degradations.ct.bodies import ellipse, ring


def share(fan: FanBeam, kernel, ray_mm: float, radius_mm: float) -> float:
    """What is kept of a ray's variance in a pixel."""
    rays, pixels = share_kept(fan, kernel, np.array([ray_mm]), np.array(radius_mm))
    return float(rays[:, 0] @ pixels)


WATER = ellipse(150, 150, 256, 1.25)
QUANTUM = Scan(electronic=0)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
@pytest.mark.parametrize("quarter_offset", [True, False], ids=["quarter", "none"])
def test_variances_are_those_of_the_noise_with_any_kernel(kernel, quarter_offset) -> None:
    scan = replace(QUANTUM, kernel=kernel, quarter_offset=quarter_offset)
    scanned = ScannedSlice(WATER, 1.25, scan)
    noise = scanned.noise(1.0, 2, np.random.default_rng(0))
    told = scanned.variances()[0]
    water = WATER > -500
    assert noise[:, water].std() == pytest.approx(told[water].mean() ** 0.5, rel=0.02)
    for low, high in ((0, 50), (50, 100), (100, 145)):
        place = ring(low, high, 256, 1.25)
        assert noise[:, place].std() == pytest.approx(told[place].mean() ** 0.5, rel=0.04)


def test_electronic_noise_is_told_as_well() -> None:
    loud = ScannedSlice(WATER, 1.25, Scan(photons=1e8, electronic=1000, kernel=BARE_RAMP))
    quantum, electronic = (part[WATER > -500].mean() for part in loud.variances())
    assert electronic > quantum / 100
    noise = loud.noise(1.0, 2, np.random.default_rng(0))[:, WATER > -500]
    assert noise.std() == pytest.approx((quantum + electronic) ** 0.5, rel=0.03)


def test_smooth_kernels_lose_little_and_the_bare_ramp_much() -> None:
    middle = [share(FanBeam(984), kernel, 0.0, 0.0) for kernel in KERNELS]
    assert middle == sorted(middle, reverse=True)
    assert middle[0] > 0.97 and middle[-1] < 0.4


def test_more_is_lost_towards_the_rim_with_few_views_and_nothing_is_seen_beyond_the_field() -> None:
    radii = (20, 80, 140, 200)
    few, many = (
        [share(FanBeam(views), SMOOTH, 0.0, radius) for radius in radii] for views in (492, 1968)
    )
    assert many == sorted(many, reverse=True)
    assert all(f < m for f, m in zip(few, many, strict=True))
    assert share(FanBeam(492), SMOOTH, 260.0, 100.0) == 0


@pytest.mark.parametrize("shape", [(61, 80), (128, 33)])
def test_odd_and_oblong_images_have_variances_of_their_shape(shape) -> None:
    for pixel_mm in (0.5, 5.0):
        scanned = ScannedSlice(np.full(shape, 40.0), pixel_mm, Scan(views=128))
        for part in scanned.variances():
            assert part.shape == shape and np.isfinite(part).all() and (part >= 0).all()
