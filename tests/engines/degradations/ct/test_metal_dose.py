"""Metal and low dose together: as much noise as a scan of that dose has, counted once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from engines.description import Degradation, Severity
from engines.medq_uni.degradations.ct.low_dose import LowDose
from engines.medq_uni.degradations.ct.materials import WATER, metal_named
from engines.medq_uni.degradations.ct.metal import Metal
from engines.medq_uni.degradations.ct.metal_dose import BodyNoise, dose_of_noise
from engines.medq_uni.degradations.ct.metal_scan import ADAPTED_COUNTS, ADAPTED_MM, MetalScan
from engines.medq_uni.degradations.ct.metal_wanted import SomeMetal
from engines.medq_uni.degradations.ct.scan import ELEMENT_MM, TURN_VIEWS, Scan
from engines.medq_uni.degradations.ct.spectrum import tube_spectrum
from engines.medq_uni.degradations.kernels import STANDARD
from engines.medq_uni.degradations.projection import ParallelBeam
from engines.medq_uni.pair import compose
from engines.medq_uni.tasks.table import TASKS
from tests.engines.degradations.ct.metal_bodies import PIXEL, SIZE, body, pair, two_balls

MATERIAL = metal_named("cobalt-chrome")
Y, X = (np.indices((SIZE, SIZE)) - SIZE // 2) * PIXEL
BETWEEN = (np.abs(X) < 60) & (np.abs(Y) < 10)
BELOW = (np.abs(X) < 30) & (np.abs(Y - 65) < 12)
HIPS = two_balls(7, 180)
IMAGES = 3


def spread(make: Callable[[int], NDArray[np.float32]]) -> list[float]:
    """Standard deviation from image to image, between the hips and below."""
    variance = np.var(np.stack([make(seed) for seed in range(IMAGES)]), axis=0, ddof=1)
    return [float(np.sqrt(np.mean(variance[where]))) for where in (BETWEEN, BELOW)]


def scanned_at_once(fraction: NDArray[np.float32], scan: Scan, seed: int) -> NDArray[np.float32]:
    """Body and metal scanned as one, every photon counted, without scatter."""
    rng, spectrum = np.random.default_rng(seed), tube_spectrum(120.0)
    beam = ParallelBeam(SIZE, SIZE, PIXEL, TURN_VIEWS // 2, ELEMENT_MM)
    tissue = 1 + body() / 1000
    images = np.stack([tissue, tissue * (1 - fraction), fraction]).astype(np.float32)
    bare, water, metal = np.maximum(beam.forward(ndimage.gaussian_filter(images, (0, 0.5, 0.5))), 0)
    seen = np.zeros_like(water)
    for weight, of_water, of_metal in zip(
        spectrum.bin_weights,
        spectrum.mass_attenuation(WATER) / 10,
        spectrum.mass_attenuation(MATERIAL) * MATERIAL.density / 10,
        strict=True,
    ):
        seen += weight * np.exp(-of_water * water - of_metal * metal)
    readings = 2 * scan.slice_mm
    photons = scan.photons * scan.dose * readings * scan.bow_tie_share(beam.positions_mm)
    photons = photons * scan.current(bare * np.float32(spectrum.water_per_mm), ELEMENT_MM)[:, None]
    mean, electronic = seen * photons, scan.electronic * np.sqrt(readings)
    change = rng.poisson(mean) - mean + electronic * rng.standard_normal(mean.shape)
    smooth = ndimage.uniform_filter1d(change, round(ADAPTED_MM / ELEMENT_MM), axis=1)
    change += (smooth - change) / (1 + mean / readings / ADAPTED_COUNTS)
    share = np.maximum(mean + change, electronic / 2) / photons
    thickness = np.arange(0, 1400, 2.0)
    straight = np.interp(
        -np.log(share), spectrum.water_log(thickness), thickness * spectrum.water_per_mm
    )
    hu = beam.reconstruct(straight[None].astype(np.float32), STANDARD)[0]
    return np.asarray(hu * np.float32(1000 / spectrum.water_per_mm), np.float32)


def in_two_steps(dose: float, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    scan = MetalScan(scatter=0, counting=Scan(dose=dose))
    metal = Metal("hip", "cobalt-chrome", scan=scan).insert(pair(), HIPS, rng)
    return BodyNoise(LowDose(dose)).apply(metal, rng).image


@pytest.mark.parametrize("dose", [0.25, 0.1])
def test_the_noise_between_two_hips_is_that_of_a_scan_at_this_dose(dose) -> None:
    """Within 12 %: a fan here and parallel rays there, filters of starved rays on all noise."""
    scan = Scan(dose=dose, slice_mm=3.0)
    true = spread(lambda seed: scanned_at_once(HIPS, scan, seed))
    assert spread(lambda seed: in_two_steps(dose, seed)) == pytest.approx(true, rel=0.12)


def test_a_level_of_noise_means_the_dose_that_makes_it() -> None:
    source = pair().source
    for level in (12.0, 35.0):
        dose = dose_of_noise(source, level, STANDARD)
        made = compose(source, [LowDose(dose)], 0)
        assert made.noise == pytest.approx(level, rel=0.06)
    assert dose_of_noise(source, 0.0, STANDARD) == 1.0
    assert dose_of_noise(source, 1000.0, STANDARD) == 0.01
    with pytest.raises(ValueError, match="noise_hu"):
        dose_of_noise(source, float("nan"), STANDARD)


@pytest.mark.parametrize("own", [0.0, 10.0, None])
def test_far_from_metal_the_noise_is_the_level_wanted(own) -> None:
    source = replace(pair().source, noise=own)
    steps = TASKS["ct metal + low dose"].steps(
        source, Severity.SEVERE, STANDARD, np.random.default_rng(3)
    )
    made = compose(source, steps, 1)
    noise = made.finding(Degradation.NOISE)
    assert noise is not None and noise.severity is Severity.SEVERE and noise.amount is not None
    # The grain of the body alone, of which the source's own part isn't in this one's values.
    metal = compose(source, steps[:1], 1)
    assert isinstance(steps[0], SomeMetal)
    grain = (made.image - metal.image)[(body() > 0) & (made.truth < 200)]
    assert np.hypot(grain.std(), own or 0) == pytest.approx(noise.amount, rel=0.05)
    assert noise.amount == pytest.approx(made.noise, abs=0.1)
    dose = dict(made.recipe)["metal_dose"]
    assert dose == pytest.approx(dose_of_noise(source, made.noise, STANDARD))


def test_noise_of_the_body_leaves_truth_streaks_and_saturated_metal_alone() -> None:
    rng = np.random.default_rng(0)
    metal = Metal("hip", "cobalt-chrome").insert(pair(), HIPS, rng)
    made = BodyNoise(LowDose(0.25)).apply(metal, rng)
    np.testing.assert_array_equal(made.truth, metal.truth)
    assert made.finding(Degradation.METAL) == metal.finding(Degradation.METAL)
    assert made.image.min() >= -1024 and made.image.max() <= 3071
    saturated = metal.image >= 3071
    assert saturated.any() and np.all(made.image[saturated] == 3071)
    alone = LowDose(0.25).apply(pair(), np.random.default_rng(1))
    again = BodyNoise(LowDose(0.25)).apply(metal, np.random.default_rng(1))
    shown = (body() > 0) & (metal.image > -700) & (metal.image < 2800)
    added, plain = again.image - metal.image, alone.image - alone.truth
    np.testing.assert_allclose(added[shown], plain[shown], atol=1e-3)
