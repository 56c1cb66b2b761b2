"""Texture is anatomy at all scales: its power falls with frequency, unlike that of noise."""

from __future__ import annotations

import numpy as np
import pytest

from engines.phantoms.texture import BEND, LOBULES, PARENCHYMA, PATCHES, STRANDS, Textures


@pytest.mark.parametrize("grain", [PARENCHYMA, LOBULES, STRANDS])
def test_a_field_has_unit_deviation_at_every_pixel_size(grain):
    for size, pixel_mm in ((128, 1.5), (256, 0.75)):
        field = Textures(1, size, pixel_mm).at(grain, 3.3)
        assert field.shape == (size, size)
        assert field.dtype == np.float32
        assert field.std() == pytest.approx(1, abs=0.15)


def test_coarse_structure_holds_most_of_the_power():
    field = Textures(2, 256, 0.75).at(PARENCHYMA, 0.0)
    power = np.abs(np.fft.fft2(field)) ** 2
    lines = np.hypot(*np.meshgrid(*[np.fft.fftfreq(256, 0.75)] * 2))
    assert power[lines < 1 / 6].sum() > 2 * power[lines > 1 / 6].sum()
    # The spectrum per frequency falls steadily, where that of photon noise would rise.
    levels = [power[(lines > a) & (lines < 1.5 * a)].mean() for a in (0.04, 0.08, 0.16, 0.32)]
    assert levels == sorted(levels, reverse=True)


def test_a_field_keeps_its_deviation_while_it_drifts_along_z():
    textures = Textures(3, 128, 1.5)
    near, middle, far = (textures.at(PATCHES, z) for z in (0.0, 12.5, 60.0))
    assert middle.std() == pytest.approx(near.std(), rel=0.5)
    assert abs(np.corrcoef(near.ravel(), far.ravel())[0, 1]) < 0.6
    close = textures.at(PATCHES, 60.5)
    assert np.corrcoef(close.ravel(), far.ravel())[0, 1] > 0.99


def test_variants_and_seeds_are_other_fields():
    textures = Textures(4, 64, 3.0)
    first, other = textures.at(BEND, 0.0), textures.at(BEND, 0.0, 1)
    assert not np.allclose(first, other)
    assert np.array_equal(first, Textures(4, 64, 3.0).at(BEND, 0.0))
    assert not np.allclose(first, Textures(5, 64, 3.0).at(BEND, 0.0))


def test_lines_are_thin_and_between_nothing_and_all():
    lines = Textures(5, 128, 1.0).lines(STRANDS, 0.0, 0.1)
    assert 0 <= lines.min() < 0.01 < 0.9 < lines.max() <= 1
    assert lines.mean() < 0.25
