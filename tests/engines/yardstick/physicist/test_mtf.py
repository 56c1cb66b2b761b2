"""The ruler for sharpness: a known blur is measured as what it is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engines.medq_uni.degradations.ct.low_dose import through_kernel
from engines.medq_uni.degradations.kernels import SHARP, SMOOTH, STANDARD, Kernel
from engines.medq_uni.yardstick.physicist.mtf import Transfer, sharpness, transfer
from engines.phantoms.image_quality import Disc, inserts, observer

SIZE, MM = 400, 0.55
SECTION = inserts(SIZE, MM)
LP_CM = np.arange(0, 9, 0.05)
APERTURE = np.sinc(LP_CM / 10 * MM)
"""A pixel's value is the mean over its area: that is a blur as well."""


@pytest.mark.parametrize("sigma_mm", [0.6, 0.9, 1.3])
@pytest.mark.parametrize("material", ["bone", "air", "acrylic"])
def test_a_gaussian_blur_has_its_modulation_transfer(sigma_mm: float, material: str) -> None:
    image = ndimage.gaussian_filter(SECTION.image.astype(np.float64), sigma_mm / MM, truncate=6)
    found = sharpness(image[None], MM, SECTION.named(material))
    known = Transfer(LP_CM, np.exp(-2 * (np.pi * LP_CM / 10 * sigma_mm) ** 2) * APERTURE)
    assert found is not None
    assert found.mtf50 == pytest.approx(known.frequency_at(0.5), rel=0.02)
    assert found.mtf10 == pytest.approx(known.frequency_at(0.1), rel=0.02)
    at = np.interp(found.transfer.lp_cm, LP_CM, known.modulation)
    assert np.abs(found.transfer.modulation - at)[at > 0.1].max() < 0.02


@pytest.mark.parametrize("kernel", [SMOOTH, STANDARD, SHARP])
def test_a_kernel_has_its_response(kernel: Kernel) -> None:
    image = through_kernel(SECTION.image, MM, kernel)
    found = transfer(image, MM, SECTION.named("bone")[0])
    assert found is not None
    known = Transfer(LP_CM, kernel.response(LP_CM) * APERTURE)
    assert found.frequency_at(0.5) == pytest.approx(known.frequency_at(0.5), rel=0.03)
    at = np.interp(found.lp_cm, LP_CM, known.modulation)
    assert np.abs(found.modulation - at)[found.lp_cm < 7].max() < 0.04


def test_faint_edges_give_the_same_sharpness_as_strong_ones_when_enough_are_averaged() -> None:
    section = observer(SIZE, MM)
    clean = through_kernel(section.image, MM, SMOOTH)
    noise = np.random.default_rng(1).normal(0, 10, (40, *clean.shape))
    noise = ndimage.gaussian_filter1d(ndimage.gaussian_filter1d(noise, 1, axis=1), 1, axis=2)
    found = sharpness((clean + noise).astype(np.float32), MM, section.named("20 HU"))
    strong = transfer(through_kernel(SECTION.image, MM, SMOOTH), MM, SECTION.named("bone")[0])
    assert found is not None
    assert strong is not None
    assert found.mtf50 is not None
    assert found.error50 is not None
    assert 0 < found.error50 < 0.1 * found.mtf50
    assert abs(found.mtf50 - (strong.frequency_at(0.5) or 0)) < 4 * found.error50


def test_an_edge_drowned_in_noise_is_not_measurable_instead_of_wrong() -> None:
    section = observer(256, 0.85)
    noise = np.random.default_rng(2).normal(0, 400, (8, 256, 256)).astype(np.float32)
    found = sharpness(section.image + noise, 0.85, section.named("10 HU"))
    assert found is None or (found.mtf50 is None and found.error50 is None)


def test_without_an_edge_there_is_no_sharpness() -> None:
    flat = np.full((1, 256, 256), 40.0, np.float32)
    assert sharpness(flat, 0.85, (Disc("none", 0, 0, 25, 100),)) is None


def test_more_blur_is_never_sharper() -> None:
    found = []
    for sigma_mm in (0.6, 0.8, 1.0, 1.5, 2.0):
        image = ndimage.gaussian_filter(SECTION.image, sigma_mm / MM)
        curve = transfer(image, MM, SECTION.named("acrylic")[0])
        assert curve is not None
        found.append(curve.frequency_at(0.5) or np.inf)
    assert found == sorted(found, reverse=True)


def test_a_frequency_that_is_never_reached_is_not_named() -> None:
    assert Transfer(LP_CM, np.ones_like(LP_CM)).frequency_at(0.5) is None
    line = Transfer(np.array([0.0, 10.0]), np.array([1.0, 0.0]))
    assert line.frequency_at(0.5) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("image", "disc", "word"),
    [
        (np.zeros((256, 256)), Disc("outside", 100, 0, 25, 0), "leave"),
        (np.zeros((256, 256)), Disc("small", 0, 0, 4, 0), "too few"),
        (np.full((256, 256), np.nan), Disc("lost", 0, 0, 25, 0), "NaN"),
        (np.zeros(256), Disc("line", 0, 0, 25, 0), "dimensions"),
    ],
)
def test_what_has_no_measurable_edge_is_refused(image: np.ndarray, disc: Disc, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        transfer(image, 0.85, disc)


def test_nothing_to_average_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one disc"):
        sharpness(np.zeros((1, 256, 256), np.float32), 0.85, ())
