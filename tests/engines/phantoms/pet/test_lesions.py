"""Lesions hold the activity that their size and uptake say, and show less of it the smaller."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.phantoms.pet.lesions import (
    DIAMETERS_MM,
    MOST_LESIONS,
    SUVS,
    Lesion,
    Site,
    random_lesions,
)
from engines.phantoms.pet.psf import Resolution, blur
from tests.engines.phantoms.pet.drawing import blank

SHARP = Resolution(6.0, 6.0)


def flat(size: int) -> np.ndarray:
    """No texture."""
    return np.zeros((size, size), np.float32)


def peak(diameter: float, resolution: Resolution = SHARP, z: float = 0.0) -> float:
    """Highest value of a lesion of SUV 10 in the cold."""
    canvas = blank(192, 64, z)
    Lesion((1.0, 2.0, 0.0), diameter / 2, 10.0).draw(canvas, flat(64), resolution.axial_sd)
    blur(canvas, resolution)
    return float(canvas.values.max())


@pytest.mark.parametrize("diameter", [4.0, 6.0, 12.0, 30.0])
@pytest.mark.parametrize("pixel_mm", [2.0, 4.0])
def test_all_slices_together_hold_the_lesions_activity(diameter, pixel_mm):
    total, step = 0.0, 2.0
    for z in np.arange(-40, 40, step):
        canvas = blank(64 * pixel_mm, 64, float(z))
        Lesion((1.3, -2.1, 0.7), diameter / 2, 10.0).draw(canvas, flat(64), SHARP.axial_sd)
        total += float(canvas.values.sum()) * pixel_mm**2 * step
    assert total == pytest.approx(10 * np.pi / 6 * diameter**3, rel=0.04)


def test_the_smaller_a_lesion_the_lower_its_peak():
    peaks = [peak(d) for d in (4, 6, 10, 16, 30)]
    assert peaks == sorted(peaks)
    assert peaks[1] < 0.5 * peaks[-1]
    assert peaks[-1] == pytest.approx(10, rel=0.05)


def test_a_sharper_scanner_recovers_more():
    assert peak(10, Resolution(4, 4)) > 1.4 * peak(10, Resolution(8, 8))


def test_a_lesion_fades_over_the_slices_that_no_longer_cut_it():
    at = [peak(10, z=z) for z in (0.0, 5.0, 9.0, 40.0)]
    assert at[0] > at[1] > at[2] > 0
    assert at[3] == 0


def test_a_dead_middle_is_colder_than_its_rim():
    canvas = blank(120, 120)
    Lesion((0, 0, 0), 15.0, 12.0, core_mm=9.0, core_suv=0.8).draw(canvas, flat(120), SHARP.axial_sd)
    assert canvas.values[60, 60] < 3.5
    assert canvas.values[60, 60 + 12] > 9


def test_unevenness_is_seen_and_within_bounds_nothing_is_painted():
    rng = np.random.default_rng(1)
    canvas = blank(120, 120)
    lesion = Lesion((0, 0, 0), 15.0, 10.0, uneven=0.2)
    lesion.draw(canvas, rng.standard_normal((120, 120)).astype(np.float32), SHARP.axial_sd)
    assert 1 < canvas.values[55:65, 55:65].std() < 3
    bounded = blank(120, 120)
    inside = bounded.cover(-bounded.x)
    replace(lesion, uneven=0.0).draw(bounded, flat(120), SHARP.axial_sd, inside)
    assert bounded.values[:, 61:].max() == 0
    assert bounded.values[60, 55] > 9


def test_patients_have_from_none_to_many_lesions_that_keep_their_distance():
    sites = (Site((0, 0, 50), (80, 60, 80), 1), Site((50, 20, 90), (10, 10, 10), 2))
    counts = []
    for seed in range(60):
        lesions = random_lesions(np.random.default_rng(seed), sites, (0.0, 180.0))
        counts.append(len(lesions))
        for k, lesion in enumerate(lesions):
            assert DIAMETERS_MM[0] <= 2 * lesion.radius_mm <= DIAMETERS_MM[1]
            assert SUVS[0] <= lesion.suv <= SUVS[1]
            assert lesion.core_mm < 0.8 * lesion.radius_mm
            for other in lesions[:k]:
                gap = np.linalg.norm(np.subtract(lesion.centre, other.centre))
                assert gap > lesion.radius_mm + other.radius_mm
    assert 4 <= counts.count(0) <= 24
    assert 8 < max(counts) <= MOST_LESIONS
