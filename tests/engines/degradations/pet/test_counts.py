"""What is counted: expectation, Poisson counts and their thinning."""

import numpy as np
import pytest

from engines.medq_uni.degradations.pet.attenuation import (
    BONE_PER_MM,
    WATER_PER_MM,
    attenuation_map,
    body_outline,
)
from engines.medq_uni.degradations.pet.counts import Expected, counted, expected, thinned
from engines.medq_uni.degradations.pet.rays import StripRays
from engines.medq_uni.degradations.pet.scan import PETScan
from tests.engines.degradations.pet.bodies import BODY, PIXEL_MM, body, inside, plain

DEFAULT_SCAN = PETScan()


def scanned(scan: PETScan = DEFAULT_SCAN, region: str = "abdomen") -> tuple[StripRays, Expected]:
    rays = StripRays(scan.beam((64, 64), PIXEL_MM, 16), scan.psf_mm)
    attenuation = attenuation_map(body_outline(body(), PIXEL_MM, 1.0, region), PIXEL_MM, region)
    return rays, expected(body(), attenuation, rays, scan)


@pytest.mark.parametrize(("scatter", "randoms"), [(0.25, 0.15), (0.0, 0.5), (0.5, 0.0)])
def test_trues_add_up_to_one_and_the_background_to_its_share(scatter, randoms) -> None:
    _, found = scanned(PETScan(scatter=scatter, randoms=randoms))
    assert found.trues.sum() == pytest.approx(1, rel=1e-4)
    assert found.background.sum() == pytest.approx(scatter + randoms, rel=1e-4)
    assert found.trues.min() >= 0 and found.background.min() >= 0


def test_a_narrower_field_has_the_background_of_the_scanners() -> None:
    scan = PETScan()
    wide, found = scanned(scan)
    box = (slice(5, 59), slice(5, 59))
    rays = StripRays(scan.beam((54, 54), PIXEL_MM, 16), scan.psf_mm)
    attenuation = attenuation_map(body_outline(body(), PIXEL_MM, 1.0, "abdomen"), PIXEL_MM, "")
    beyond = (wide.beam.detectors - rays.beam.detectors) // 2
    assert beyond > 10
    cut = expected(body()[box], attenuation[box], rays, scan, beyond)
    assert cut.trues.sum() == pytest.approx(1, rel=1e-4)
    assert cut.background.shape == cut.trues.shape
    whole = found.background[:, beyond : beyond + rays.beam.detectors]
    np.testing.assert_allclose(cut.background, whole, rtol=0.02)


def test_scatter_reaches_beyond_the_body_and_is_smooth() -> None:
    rays, found = scanned(PETScan(randoms=0))
    beyond = np.abs(rays.beam.positions_mm) > 108
    assert found.background[:, beyond].sum() > 20 * found.trues[:, beyond].sum()
    steps = np.abs(np.diff(found.background, axis=1)).max() / found.background.max()
    assert steps < 0.1 * np.abs(np.diff(found.trues, axis=1)).max() / found.trues.max()


def test_the_middle_of_a_water_disc_lets_through_what_beer_says() -> None:
    rays, found = scanned()
    middle = found.passing[:, rays.beam.detectors // 2]
    np.testing.assert_allclose(middle, np.exp(-WATER_PER_MM * 205), rtol=0.04)
    np.testing.assert_allclose(found.passing[:, 0], 1, atol=1e-3)


def test_a_skull_lets_through_less() -> None:
    _, head = scanned(region="head")
    rays, trunk = scanned()
    middle = rays.beam.detectors // 2
    lost = np.log(trunk.passing[:, middle] / head.passing[:, middle])
    np.testing.assert_allclose(lost, 2 * 7 * (BONE_PER_MM - WATER_PER_MM), atol=0.04)


def test_the_outline_holds_lungs_and_leaves_out_noise_in_the_air() -> None:
    chest = plain()
    chest[inside(35, -40)] = 0.05
    chest += np.abs(np.random.default_rng(0).normal(0, 0.05, chest.shape)).astype(np.float32)
    chest[3, 3] = 1.0
    found = body_outline(chest, PIXEL_MM, 1.0, "chest")
    assert found[inside(90)].all()
    assert not found[~inside(108)].any()


def test_arms_and_legs_are_bodies_too() -> None:
    arm = inside(14, 115)
    assert body_outline((BODY | arm).astype(np.float32), PIXEL_MM, 1.0, "abdomen")[arm].all()


def test_nothing_counts_nothing() -> None:
    scan = PETScan()
    rays = StripRays(scan.beam((64, 64), PIXEL_MM, 16), scan.psf_mm)
    empty = np.zeros((64, 64), np.float32)
    with pytest.raises(ValueError, match="activity must be above zero"):
        expected(empty, empty, rays, scan)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_thinned_counts_are_poisson_of_the_share(share) -> None:
    rng = np.random.default_rng(1)
    full = counted(np.full(200_000, 40.0), rng)
    kept = thinned(full, share, rng)
    assert kept.mean() == pytest.approx(40 * share, rel=0.02)
    assert kept.var() == pytest.approx(40 * share, rel=0.02)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_thinning_adds_only_the_noise_that_the_full_scan_lacks(share) -> None:
    rng = np.random.default_rng(2)
    full = counted(np.full(200_000, 40.0), rng)
    lacked = thinned(full, share, rng) / share - full
    assert lacked.mean() == pytest.approx(0, abs=0.2)
    assert lacked.var() == pytest.approx(40 * (1 / share - 1), rel=0.02)
    assert np.corrcoef(lacked, full)[0, 1] == pytest.approx(0, abs=0.01)
