"""The physicist's phantom: what the description says is what the image holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.phantoms import image_quality as phantom
from engines.phantoms.image_quality import AIR_HU, BACKGROUND_HU, BODY_MM, Disc, Section

MAKERS: tuple[Callable[..., Section], ...] = (
    phantom.inserts,
    phantom.low_contrast,
    phantom.uniform,
    phantom.line_pairs,
    phantom.observer,
    phantom.steps,
)
grids = st.sampled_from([(128, 1.7), (200, 1.1), (256, 0.85), (301, 0.7)])


def distance_mm(section: Section, x_mm: float, y_mm: float) -> np.ndarray:
    along = (np.arange(len(section.image)) - len(section.image) // 2) * section.pixel_mm
    return np.hypot((along - y_mm)[:, None], (along - x_mm)[None, :])


@given(maker=st.sampled_from(MAKERS), grid=grids)
@settings(max_examples=20)
def test_mass_is_what_the_description_says(
    maker: Callable[..., Section], grid: tuple[int, float]
) -> None:
    section = maker(*grid)
    body = phantom.low_contrast(*grid, contrast_hu=0).image.astype(np.float64)
    discs = sum(math.pi * d.diameter_mm**2 / 4 * (d.hu - BACKGROUND_HU) for d in section.discs)
    bars = 0.0
    for group in section.bars:
        count = math.floor(group.side_mm * group.lp_cm / 10 + 0.5)
        bars += count * 5 / group.lp_cm * group.side_mm * (group.hu - BACKGROUND_HU)
    area = section.pixel_mm**2
    found = float((section.image - body).sum()) * area
    assert found == pytest.approx(discs + bars, rel=0.01)
    cylinder = math.pi * (BODY_MM / 2) ** 2 * (BACKGROUND_HU - AIR_HU)
    assert float((body - AIR_HU).sum()) * area == pytest.approx(cylinder, rel=1e-4)


@given(maker=st.sampled_from(MAKERS), grid=grids)
@settings(max_examples=20)
def test_every_disc_has_its_number_inside_and_the_body_around(
    maker: Callable[..., Section], grid: tuple[int, float]
) -> None:
    section = maker(*grid)
    assert section.image.dtype == np.float32
    assert section.image[0, 0] == AIR_HU
    clear = 0.75 * section.pixel_mm  # no pixel's corner is farther from its middle
    free = distance_mm(section, 0, 0) < BODY_MM / 2 - clear
    for disc in section.discs:
        away = distance_mm(section, disc.x_mm, disc.y_mm) - disc.diameter_mm / 2
        assert np.all(section.image[away < -clear] == np.float32(disc.hu))
        free &= away > clear
    if not section.bars:
        assert np.all(section.image[free] == BACKGROUND_HU)


@pytest.mark.parametrize("maker", MAKERS)
def test_nothing_overlaps_or_leaves_the_body(maker: Callable[..., Section]) -> None:
    section = maker()
    for disc in section.discs:
        assert math.hypot(disc.x_mm, disc.y_mm) + disc.diameter_mm / 2 < BODY_MM / 2 - 2
    for one, other in combinations(section.discs, 2):
        apart = math.hypot(one.x_mm - other.x_mm, one.y_mm - other.y_mm)
        assert apart > (one.diameter_mm + other.diameter_mm) / 2 + 1


def test_the_modules_hold_what_the_original_holds() -> None:
    numbers = {d.name: d.hu for d in phantom.inserts().discs}
    assert numbers == {
        "polyethylene": -95, "water": 0, "acrylic": 120, "bone": 955, "air": -1000,
    }  # fmt: skip
    faint = Counter(d.diameter_mm for d in phantom.low_contrast(contrast_hu=6).discs)
    assert faint == {25: 1, 6: 4, 5: 4, 4: 4, 3: 4, 2: 4}
    assert {d.hu - BACKGROUND_HU for d in phantom.low_contrast(contrast_hu=6).discs} == {6}
    assert sorted(b.lp_cm for b in phantom.line_pairs().bars) == [4, 5, 6, 7, 8, 9, 10, 12]


def test_bars_repeat_at_their_frequency() -> None:
    section = phantom.line_pairs(1024, 0.225)
    for group in section.bars:
        middle, mm = len(section.image) // 2, section.pixel_mm
        row = middle + round(group.y_mm / mm)
        first = middle + round((group.x_mm - 7) / mm)
        profile = section.image[row, first : first + round(14 / mm)] - BACKGROUND_HU
        spectrum = np.abs(np.fft.rfft(profile - profile.mean(), 8192))
        lp_cm = np.fft.rfftfreq(8192, mm) * 10
        assert lp_cm[np.argmax(spectrum)] == pytest.approx(group.lp_cm, rel=0.06)


def test_discs_of_one_size_look_exactly_alike_to_the_observer() -> None:
    section = phantom.observer(256, 0.85)
    for name in ("6 mm", "4 mm", "3 mm", "2 mm"):
        discs = section.named(name)
        assert len(discs) >= 12
        looks = [cut(section, d, 14) for d in discs]
        assert all(np.allclose(looks[0], look, atol=1e-4) for look in looks)
    radii = [
        np.mean([math.hypot(d.x_mm, d.y_mm) for d in section.named(n)]) for n in ("6 mm", "2 mm")
    ]
    assert radii[0] == pytest.approx(radii[1], rel=0.25)  # noise is not the same everywhere


def cut(section: Section, disc: Disc, side: int) -> np.ndarray:
    middle = len(section.image) // 2
    top, left = (middle + round(v / section.pixel_mm) - side // 2 for v in (disc.y_mm, disc.x_mm))
    return section.image[top : top + side, left : left + side]


@pytest.mark.parametrize(
    ("size", "pixel_mm", "word"),
    [(32, 1.0, "size"), (5000, 0.2, "size"), (256, 0.4, "pixel_mm"), (256, math.nan, "pixel_mm"),
     (256, 5.0, "pixel_mm")],
)  # fmt: skip
def test_a_grid_that_cannot_hold_the_phantom_is_refused(
    size: int, pixel_mm: float, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        phantom.uniform(size, pixel_mm)


@pytest.mark.parametrize("contrast", [math.nan, math.inf, 1e6])
def test_a_contrast_that_no_image_holds_is_refused(contrast: float) -> None:
    with pytest.raises(ValueError, match="contrast_hu"):
        phantom.low_contrast(256, 0.85, contrast)
