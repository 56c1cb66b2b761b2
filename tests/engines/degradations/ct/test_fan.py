"""The fan beam: its rays, and their way back to parallel ones."""

import numpy as np
import pytest

from engines.medq_uni.degradations.ct.fan import SOURCE_MM, FanBeam
from engines.medq_uni.degradations.projection import ParallelBeam

BEAM = ParallelBeam(128, 128, 1.0, 246, 0.6)
OFFSETS = pytest.mark.parametrize("offset", [True, False], ids=["quarter offset", "no offset"])


def smooth_sinogram(beam: ParallelBeam) -> np.ndarray:
    """Exact projections of two Gaussians, one off the centre."""
    s, t = beam.positions_mm[None, :], beam.angles[:, None]
    middle = 25 * np.cos(t) - 15 * np.sin(t)
    return (np.exp(-((s / 20) ** 2)) + np.exp(-(((s - middle) / 8) ** 2))).astype(np.float32)


@OFFSETS
def test_rays_of_the_fan_are_lines_through_the_source(offset) -> None:
    fan = FanBeam(492, offset)
    found = fan.rays(BEAM, smooth_sinogram(BEAM))
    # Every ray by itself: from the source, at fan angle g from the line to the centre.
    view, g = np.arange(492)[:, None] * (2 * np.pi / 492), fan.fan_angles
    t, s = view + g, SOURCE_MM * np.sin(g)
    middle = 25 * np.cos(t) - 15 * np.sin(t)
    exact = np.exp(-((s / 20) ** 2)) + np.exp(-(((s - middle) / 8) ** 2))
    seen = np.abs(s) < 80
    assert np.abs(found - exact)[:, seen].max() < 0.01


@OFFSETS
def test_rebinning_gives_the_parallel_projections_back(offset) -> None:
    fan = FanBeam(492, offset)
    sinogram = smooth_sinogram(BEAM)
    assert np.abs(fan.to_parallel(fan.rays(BEAM, sinogram), BEAM) - sinogram).max() < 0.015


def test_both_ends_of_a_line_lie_interleaved_with_the_quarter_offset() -> None:
    fan = FanBeam(492, True)
    both = np.sort(np.concatenate([fan.fan_angles, -fan.fan_angles]))
    np.testing.assert_allclose(np.diff(both), np.diff(fan.fan_angles)[0] / 2, rtol=1e-6)


def test_the_fan_covers_the_field_of_500_mm() -> None:
    assert FanBeam(492).positions_mm.max() > 249
    assert 860 < FanBeam(492).fan_angles.size < 940


def test_noise_far_from_the_centre_is_smoothed_along_the_turn() -> None:
    rng = np.random.default_rng(0)
    beam = ParallelBeam(400, 400, 1.0, 246, 0.3)
    fan = FanBeam(492)
    noise = fan.to_parallel(rng.standard_normal((492, fan.fan_angles.size), np.float32), beam)
    inner = np.abs(beam.positions_mm) < 200
    correlation = (noise[:-1, inner] * noise[1:, inner]).mean() / noise[:, inner].var()
    assert 0.5 < noise[:, inner].var() < 1
    assert 0.02 < correlation < 0.5
