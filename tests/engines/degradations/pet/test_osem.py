"""Expectation maximisation: what Shepp and Vardi, and Hudson and Larkin, promise."""

import numpy as np
import pytest

from engines.base import FloatArray
from engines.medq_uni.degradations.pet.counts import Expected, expected
from engines.medq_uni.degradations.pet.osem import OrderedSubsets
from engines.medq_uni.degradations.pet.rays import StripRays
from engines.medq_uni.degradations.pet.scan import PETScan
from tests.engines.degradations.pet.bodies import BODY, COLD, HOT, PIXEL_MM, body, inside

SCAN = PETScan(views=96)
WATER = np.where(BODY, 0.0096, 0).astype(np.float32)


def scan_of(activity: FloatArray, subsets: int) -> tuple[StripRays, Expected]:
    rays = StripRays(SCAN.beam((64, 64), PIXEL_MM, subsets), SCAN.psf_mm)
    return rays, expected(activity, WATER, rays, SCAN)


def images(
    iterations: int, subsets: int, counts: float = 0, other: float = 1.0
) -> tuple[FloatArray, StripRays, Expected, np.ndarray]:
    """Images of body() from its expectation or counts of it, beside those of ``other`` times."""
    rays, known = scan_of(body(), subsets)
    scan = known.all
    if counts:
        scan = np.random.default_rng(0).poisson(counts * scan) / counts
    solver = OrderedSubsets(rays, known.passing, subsets)
    found = solver.images(np.stack([scan, other * scan]), known.background, iterations)
    return found / known.per_activity, rays, known, scan


def likelihood(image: FloatArray, rays: StripRays, known: Expected, scan: np.ndarray) -> float:
    projected = rays.forward((image * known.per_activity).astype(np.complex64)).real
    mean = np.maximum(projected * known.passing + known.background, 1e-12)
    return float((scan * np.log(mean) - mean).sum())


def test_what_was_there_comes_back() -> None:
    found = images(6, 16)[0][0]
    assert found[BODY].sum() == pytest.approx(body().sum(), rel=0.01)
    assert found[HOT].mean() == pytest.approx(4, rel=0.1)
    assert found[COLD].mean() < 0.35
    assert found[~BODY].mean() < 0.05
    assert found.min() >= 0


def test_every_iteration_is_more_likely() -> None:
    steps = [images(n, 1, 3e5) for n in (1, 2, 4, 8)]
    likely = [likelihood(found[0], rays, known, scan) for found, rays, known, scan in steps]
    assert np.all(np.diff(likely) > 0)


def test_subsets_are_as_many_iterations_at_once() -> None:
    slow, rays, known, scan = images(16, 1, 3e5)
    quick = images(1, 16, 3e5)[0]
    gained = likelihood(quick[0], rays, known, scan)
    assert gained == pytest.approx(likelihood(slow[0], rays, known, scan), rel=1e-4)
    assert np.abs(quick[0] - slow[0]).mean() < 0.1 * slow[0].mean()


def test_expected_counts_equal_what_was_counted() -> None:
    """Without background an update of all views makes them so."""
    rays, known = scan_of(body(), 1)
    scan = np.random.default_rng(0).poisson(1e5 * known.trues) / 1e5
    nothing = np.zeros_like(known.background)
    found = OrderedSubsets(rays, known.passing, 1).images(np.stack([scan, scan]), nothing, 3)[0]
    projected = rays.forward(found.astype(np.complex64)).real * known.passing
    assert projected.sum() == pytest.approx(scan.sum(), rel=1e-3)


def test_two_scans_do_not_mind_each_other() -> None:
    alone, beside = images(2, 16, 3e5)[0], images(2, 16, 3e5, other=3.0)[0]
    np.testing.assert_allclose(alone[0], alone[1], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(beside[0], alone[0], rtol=2e-3, atol=2e-3)
    assert beside[1].sum() > 2.5 * alone[1].sum()


def test_an_empty_scan_has_an_image_without_nan() -> None:
    rays, known = scan_of(body(), 16)
    nothing = np.zeros((2, *known.trues.shape))
    found = OrderedSubsets(rays, known.passing, 16).images(nothing, known.background, 2)
    assert np.isfinite(found).all() and found.max() < 1e-3


def test_thick_bodies_do_not_explode() -> None:
    """Rays that count negatively would make them."""
    size, mm = 100, 6.0
    scan = PETScan(views=192)
    rays = StripRays(scan.beam((size, size), mm, 21), scan.psf_mm)
    disc = inside(250, shape=(size, size), mm=mm)
    known = expected(disc.astype(np.float32), np.where(disc, 0.0096, 0), rays, scan)
    thin = StripRays(rays.beam, 2.1 * rays.beam.detector_mm)
    solver = OrderedSubsets(thin, known.passing, 21)
    found = solver.images(np.stack([known.all] * 2), known.background, 4)[0] / known.per_activity
    well = found[inside(230, shape=(size, size), mm=mm)]
    np.testing.assert_allclose(well, 1, atol=0.05)
