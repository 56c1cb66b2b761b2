"""Lesions that are put in and looked for, and noise in which nothing is to be found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engines.medq_uni.yardstick.contestant import UNTREATED
from engines.medq_uni.yardstick.harm.invention import SIZE, WATER_HU, invented, noise_image
from engines.medq_uni.yardstick.harm.lesions import (
    CONTRASTS_HU,
    DIAMETERS_MM,
    Lesion,
    lesion_image,
    place_lesions,
    recovered,
    with_lesions,
)
from engines.medq_uni.yardstick.harm.tables import harm_tables, lesion_table, stack_of
from tests.engines.yardstick.harm.chest import (
    BLUR,
    PHANTOM,
    PIXEL,
    REAL,
    TRUTH,
    by_slice,
    noisy,
    source,
)
from tests.engines.yardstick.words.said import named, row


def test_an_eraser_of_lesions_is_told_and_one_who_halves_them() -> None:
    erase = by_slice("erase", lambda _: TRUTH)
    halve = by_slice("halve", lambda image: (image + TRUTH) / 2)
    lesions = place_lesions(TRUTH, PIXEL, np.random.default_rng(0))
    image = with_lesions(TRUTH, lesions, PIXEL)
    for contestant, share in ((erase, 0.0), (halve, 0.5)):
        left = contestant.restore(stack_of(PHANTOM, image), 0)[0]
        without = contestant.restore(stack_of(PHANTOM), 0)[0]
        found = [recovered(left - without, lesion, PIXEL) for lesion in lesions]
        assert found == pytest.approx([share] * len(lesions), abs=0.01)


def test_lesions_can_be_looked_for_in_noisy_images_as_well() -> None:
    table = lesion_table([UNTREATED, BLUR], [source(noisy(40.0), 40.0)])
    assert row(table, "input", 3.0)["20 HU (%)"] == pytest.approx(100, abs=0.1)
    assert row(table, "blur", 3.0)["20 HU (%)"] < 80  # type: ignore[operator]
    assert "1 image with noise of 40 HU." in table.note
    levels = (20.0, 40.0, 60.0)
    several = lesion_table([UNTREATED], [source(noisy(n), n, f"at {n}") for n in levels])
    assert "3 images with noise of 20 to 60 HU, half of them of 40 HU and more" in several.note
    clean = named(harm_tables([UNTREATED], [PHANTOM]), "harm_lesions")
    assert several.title != clean.title
    assert clean.note not in several.note


def test_lesions_lie_apart_in_soft_tissue_and_have_their_contrast() -> None:
    lesions = place_lesions(REAL.values, PIXEL, np.random.default_rng(1))
    assert len(lesions) == len(CONTRASTS_HU) * len(DIAMETERS_MM)
    for k, one in enumerate(lesions):
        assert 0 < TRUTH[one.row, one.column] < 130
        for other in lesions[k + 1 :]:
            apart = np.hypot(one.row - other.row, one.column - other.column) * PIXEL
            assert apart > (one.diameter_mm + other.diameter_mm) / 2
    lesion = Lesion(60, 50, 10.0, -20.0)
    added = lesion_image((100, 120), lesion, 0.8)
    assert added[60, 50] == pytest.approx(-20, abs=0.1)
    half = np.argmin(np.abs(added[60, 50:] + 10)) * 0.8
    assert half == pytest.approx(5, abs=0.8)
    assert np.abs(added).max() <= 20


@pytest.mark.parametrize("diameter_mm", [3.0, 6.0, 10.0])
def test_a_blob_put_into_pure_noise_is_an_invention(diameter_mm: float) -> None:
    noise = noise_image(10.0, np.random.default_rng(5))
    blob = lesion_image(noise.shape, Lesion(120, 90, diameter_mm, 40.0), 0.75)
    clean, told = invented(noise, noise), invented(noise, noise + blob)
    assert clean.blobs == 0 and clean.largest < 5
    assert told.blobs == 1 and told.largest > 5


def test_noise_of_the_test_has_its_level_its_mean_and_a_grain() -> None:
    noise = noise_image(25.0, np.random.default_rng(2))
    assert noise.shape == (SIZE, SIZE) and noise.dtype == np.float32
    assert float(noise.mean()) == pytest.approx(WATER_HU, abs=0.1)
    assert float(noise.std()) == pytest.approx(25, rel=0.01)
    level = noise - noise.mean()
    neighbours = float((level[:, 1:] * level[:, :-1]).mean()) / 25**2
    assert neighbours > 0.2
    assert noise_image(25.0, np.random.default_rng(2)).tobytes() == noise.tobytes()


def test_without_noise_nothing_can_be_told_of_inventions() -> None:
    with pytest.raises(ValueError, match="before must hold noise"):
        invented(np.zeros((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE), np.float32))
    with pytest.raises(ValueError, match="before and after"):
        invented(TRUTH[:99], TRUTH[:99])


def test_who_smooths_noise_away_invents_nothing() -> None:
    noise = noise_image(25.0, np.random.default_rng(4))
    found = invented(noise, ndimage.gaussian_filter(noise, 1.5))
    assert found.blobs == 0
    assert found.noise_left < 0.5


def test_who_sharpens_the_grain_into_blobs_is_told() -> None:
    noise = noise_image(25.0, np.random.default_rng(4))
    coarse = ndimage.gaussian_filter(noise, 3) - WATER_HU
    assert invented(noise, np.asarray(noise + 4 * coarse, np.float32)).blobs > 0
