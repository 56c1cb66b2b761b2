"""Projections against exact line integrals, and what filtered back projection keeps."""

import numpy as np
import pytest

from engines.medq_uni.degradations.kernels import KERNELS, SHARP, STANDARD
from engines.medq_uni.degradations.projection import ParallelBeam
from engines.phantoms.ellipses import draw, project
from engines.phantoms.thorax import thorax_ellipses

N = 256
PIXEL_MM = 380 / N


@pytest.fixture(scope="module")
def thorax():
    """Image, its beam, its sinogram, and the exact one (value x mm)."""
    ellipses = thorax_ellipses(0.5)
    beam = ParallelBeam(N, N, PIXEL_MM, 240, 1.2)
    image = draw(ellipses, N)
    ellipses[:, :2] -= 1 / N  # the beam turns about pixel N // 2, the drawing's middle is before it
    unit = N * PIXEL_MM / 2
    exact = project(
        ellipses, beam.angles.astype(np.float32), (beam.positions_mm / unit).astype(np.float32)
    )
    return image, beam, beam.forward(image[None])[0], exact * unit


def test_projections_are_the_line_integrals_of_the_ellipses(thorax) -> None:
    _, _, found, exact = thorax
    error = found - exact
    assert error.std() < 0.004 * exact.max()  # edges one pixel wide
    assert abs(error.mean()) < 5e-3 * exact.mean()


def test_half_a_pixel_of_shift_would_be_noticed(thorax) -> None:
    _, beam, found, exact = thorax
    moved = np.stack(
        [np.interp(beam.positions_mm + PIXEL_MM / 2, beam.positions_mm, row) for row in exact]
    )
    assert (found - moved).std() > 2 * (found - exact).std()


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_every_kernel_keeps_means(thorax, kernel) -> None:
    image, beam, sinogram, _ = thorax
    found = beam.reconstruct(sinogram[None], kernel)[0]
    middle = np.s_[60:200, 60:200]
    assert abs(float((found - image)[middle].mean())) < 1.0  # HU, of 1000


def test_the_variance_of_reconstructed_noise_is_as_told() -> None:
    beam = ParallelBeam(96, 80, 1.0, 180, 0.6)
    rng = np.random.default_rng(0)
    spread = np.linspace(1, 2, beam.detectors, dtype=np.float32)[None, :]
    noise = spread * rng.standard_normal((24, beam.views, beam.detectors), np.float32)
    for kernel in (STANDARD, SHARP):
        found = beam.reconstruct(noise, kernel).var(axis=0)
        told = beam.noise_gain(kernel) * beam.smear(np.full((1, 180, 1), 1) * spread**2)[0]
        for place in (np.s_[36:60, 30:50], np.s_[20:76, 8:20], np.s_[20:76, 60:72]):
            assert found[place].mean() == pytest.approx(told[place].mean(), rel=0.05)


@pytest.mark.parametrize("shape", [(64, 64), (65, 47), (40, 96)])
def test_a_point_stays_where_it_is_in_images_of_any_shape(shape) -> None:
    image = np.zeros(shape, np.float32)
    place = (shape[0] // 2 + 7, shape[1] // 2 - 5)
    image[place] = 1
    beam = ParallelBeam(*shape, 1.0, 120, 0.6)
    found = beam.reconstruct(beam.forward(image[None]), STANDARD)[0]
    assert np.unravel_index(int(found.argmax()), shape) == place
