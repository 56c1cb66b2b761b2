"""Strip rays: exact transposes, of two images at a time."""

import numpy as np
import pytest

from engines.medq_uni.degradations.pet.rays import StripRays
from engines.medq_uni.degradations.pet.scan import PETScan
from engines.medq_uni.degradations.projection import ParallelBeam
from tests.engines.degradations.pet.bodies import inside

SHAPES = [(40, 33), (32, 48), (16, 16)]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random(shape) + 1j * rng.random(shape)).astype(np.complex64)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("views", [slice(None), slice(3, None, 8)])
def test_back_projection_is_the_transpose_of_projection(shape, views) -> None:
    beam = ParallelBeam(*shape, 3.0, 24, 2.0)
    rays = StripRays(beam, 4.0)
    image = noise(*shape)
    data = noise(len(beam.angles[views]), beam.detectors, seed=1)
    assert np.vdot(data, rays.forward(image, views)) == pytest.approx(
        np.vdot(rays.adjoint(data, views), image), rel=1e-4
    )


def test_two_images_are_projected_each_for_itself() -> None:
    rays = StripRays(ParallelBeam(40, 33, 3.0, 24, 2.0), 4.0)
    image = noise(40, 33)
    both = rays.forward(image)
    for part, found in ((image.real, both.real), (image.imag, both.imag)):
        alone = rays.forward(part.astype(np.complex64))
        np.testing.assert_allclose(found, alone.real, atol=1e-4 * both.real.max())


def test_subsets_are_views_of_the_whole() -> None:
    rays = StripRays(ParallelBeam(32, 32, 3.0, 24, 2.0), 4.0)
    image = noise(32, 32)
    part = slice(2, None, 6)
    np.testing.assert_allclose(
        rays.forward(image, part), rays.forward(image)[part], rtol=1e-3, atol=1e-2
    )


@pytest.mark.parametrize("width_mm", [5.0, 7.0])
def test_a_point_casts_a_gaussian_shadow_of_its_mass_and_nothing_negative(width_mm) -> None:
    beam = ParallelBeam(33, 32, 2.0, 24, 2.0)
    point = np.zeros((33, 32), np.complex64)
    point[20, 10] = 1
    shadow = StripRays(beam, width_mm).forward(point).real
    assert shadow.min() > -2e-3 * shadow.max()
    np.testing.assert_allclose(shadow.sum(1) * beam.detector_mm, 4.0, rtol=1e-3)
    middle = (shadow * beam.positions_mm).sum(1) / shadow.sum(1)
    place = 2 * ((10 - 16) * np.cos(beam.angles) + (20 - 16) * np.sin(beam.angles))
    np.testing.assert_allclose(middle, place, atol=0.03)
    spread = (shadow * (beam.positions_mm - middle[:, None]) ** 2).sum(1) / shadow.sum(1)
    np.testing.assert_allclose(spread, (width_mm / 2.355) ** 2 + 4 / 12, rtol=0.05)


def test_a_disc_is_as_thick_as_its_chords() -> None:
    disc = inside(80, shape=(96, 96), mm=2.0)
    beam = ParallelBeam(96, 96, 2.0, 24, 2.0)
    shadow = StripRays(beam, 3.0).forward(disc.astype(np.complex64)).real
    chord = 2 * np.sqrt(np.maximum(80**2 - beam.positions_mm**2, 0))
    well = np.abs(beam.positions_mm) < 70
    np.testing.assert_allclose(shadow[:, well], np.tile(chord[well], (24, 1)), atol=3.0)


@pytest.mark.parametrize(("pixel_mm", "bin_mm"), [(1.0, 1.5), (4.0, 2.0), (5.5, 2.4)])
def test_bins_are_as_wide_as_scanners_and_subsets_equal(pixel_mm, bin_mm) -> None:
    beam = PETScan().beam((64, 48), pixel_mm, 21)
    assert beam.detector_mm == pytest.approx(bin_mm)
    assert beam.views == 189


def test_no_scanner_is_so_wide() -> None:
    with pytest.raises(ValueError, match="pixel_mm must make an image of at most 1500 mm"):
        PETScan().beam((512, 64), 4.0, 16)


@pytest.mark.parametrize("name", ["psf_mm", "scatter", "randoms", "scatter_mm", "views"])
@pytest.mark.parametrize("value", [-1, float("nan"), 1e9])
def test_scans_that_no_scanner_makes_are_refused(name, value) -> None:
    with pytest.raises(ValueError, match=name):
        PETScan(**{name: value})
