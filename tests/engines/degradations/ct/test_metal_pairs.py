"""Metal as a degradation: image, truth, words, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.ct.low_dose import LowDose
from engines.medq_uni.degradations.ct.metal import Metal
from engines.medq_uni.degradations.ct.metal_scan import MetalScan
from engines.medq_uni.degradations.ct.metal_shapes import disc, draw
from engines.medq_uni.degradations.ct.scan import Scan
from engines.medq_uni.degradations.kernels import SMOOTH, STANDARD
from engines.medq_uni.pair import Pair
from tests.engines.degradations.ct.bodies import ellipse
from tests.engines.degradations.ct.metal_bodies import (
    MIDDLE,
    PIXEL,
    SIZE,
    amount,
    body,
    pair,
    pair_with,
    rod,
    two_balls,
    with_metal,
)


def test_truth_holds_the_metal_as_bright_as_the_image_does() -> None:
    made = with_metal(two_balls())
    core = two_balls(6) > 0.99
    assert made.truth[core].min() == made.image[core].max() == 3071
    away = ndimage.distance_transform_edt(two_balls() < 0.01) * PIXEL > 4
    np.testing.assert_allclose(made.truth[away], body()[away], atol=1)


def test_scanners_with_an_extended_scale_show_how_dense_metal_is() -> None:
    made = with_metal(two_balls(4), material="titanium", highest_hu=30_000)
    assert 5_000 < made.truth.max() < 14_000
    assert made.image.max() <= 30_000


def test_nothing_leaves_what_a_scanner_stores() -> None:
    made = with_metal(two_balls(12), scan={"counting": Scan()})
    assert np.isfinite(made.image).all()
    assert made.image.min() >= -1024 and made.image.max() <= 3071


def test_padding_around_the_field_stays_padding() -> None:
    y, x = np.indices((SIZE, SIZE)) - SIZE // 2
    padding = np.hypot(x, y) > SIZE / 2
    made = with_metal(two_balls(12), before=pair(np.where(padding, -2000, body())))
    assert np.all(made.image[padding] == -2000)
    assert np.any(made.image[~padding] != body()[~padding])


def test_metal_where_nothing_is_measured_is_in_neither_image_nor_truth() -> None:
    """In padding, and beyond the 250 mm from the middle that the fan sees."""
    y, x = np.indices((SIZE, SIZE)) - SIZE // 2
    values = np.where(np.hypot(x, y) > SIZE / 2, -2000, 40).astype(np.float32)
    ball = draw((disc((30.0, 30.0), 8),), (SIZE, SIZE), PIXEL)
    padded = with_metal(ball, before=pair(values))
    far = replace(pair().source, values=ellipse(300, 200, 128, 5.0, 40), pixel_mm=5.0)
    rim = draw((disc((64 * 5 + 270, 64 * 5), 15),), (128, 128), 5.0)
    beyond = with_metal(rim, before=Pair.clean(far))
    for made, metal, hu in ((padded, ball, -2000), (beyond, rim, 40)):
        assert np.all(made.truth[metal > 0.5] == hu) and np.all(made.image[metal > 0.5] == hu)
    assert np.any(beyond.image != beyond.truth)  # its shadow is still there


def test_noise_before_metal_is_refused_and_not_taken_for_streaks() -> None:
    noisy = LowDose(noise_hu=40, scan=Scan(views=360)).apply(pair(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="noise was added to this pair before metal"):
        with_metal(rod(), before=noisy)


def test_the_finding_says_how_much_and_where() -> None:
    far = draw((disc((MIDDLE - 70, MIDDLE + 25), 6),), (SIZE, SIZE), PIXEL)
    finding = with_metal(far).finding(Degradation.METAL)
    assert finding is not None
    assert finding.unit == "HU" and finding.more[0].unit == "% of pixels"
    assert finding.severity is not Severity.NONE and 0 < finding.more[0].value < 60
    assert finding.place in {"middle left", "lower left"}


def test_the_recipe_says_how_it_was_made() -> None:
    recipe = dict(with_metal(rod(), scan={"kvp": 100.0}).recipe)
    assert recipe["metal_kvp"] == 100 and recipe["metal_material"] == "steel"
    assert recipe["metal_kernel"] == STANDARD.name


def test_the_same_seed_gives_the_same_image_and_another_another() -> None:
    scan = {"counting": Scan()}
    first, again, other = (with_metal(rod(), s, scan=scan).image for s in (1, 1, 2))
    np.testing.assert_allclose(first, again, atol=0.05)
    assert np.abs(first - other).max() > 1


def test_a_smooth_kernel_makes_smooth_streaks() -> None:
    def roughness(kernel) -> float:
        counting = Scan(photons=3e4, kernel=kernel)
        made = with_metal(rod(), scan={"counting": counting})
        error = (made.image - made.truth)[body() > -500]
        fine = (made.image - made.truth) - ndimage.gaussian_filter(made.image - made.truth, 2)
        return float(fine[body() > -500].std() / error.std())

    assert roughness(SMOOTH) < roughness(STANDARD)


def test_low_dose_after_metal_counts_the_photons_that_metal_leaves() -> None:
    quick = Scan(views=360)
    metal = with_metal(two_balls(), scan={"counting": Scan()})
    both = LowDose(0.2, scan=quick).apply(metal, np.random.default_rng(3))
    np.testing.assert_array_equal(both.truth, metal.truth)
    assert {f.degradation for f in both.findings} == {Degradation.METAL, Degradation.NOISE}
    assert both.finding(Degradation.METAL) == metal.finding(Degradation.METAL)
    added = both.image - metal.image
    plain = LowDose(0.2, scan=quick).apply(pair(), np.random.default_rng(3))
    grain = plain.image - plain.truth
    window = np.s_[SIZE // 2 - 8 : SIZE // 2 + 9, SIZE // 2 - 20 : SIZE // 2 + 21]
    assert added[window].std() > 1.1 * grain[window].std()  # between the balls


@pytest.mark.parametrize("shape", [(120, 200), (201, 150)])
def test_images_need_be_neither_square_nor_float(shape) -> None:
    values = np.full(shape, 40, np.int16)
    values[:10] = -1000
    source = replace(pair().source, values=values, pixel_mm=1.6)
    fraction = draw((disc((100, 90), 6),), shape, 1.6)
    made = Metal("clip").insert(Pair.clean(source), fraction, np.random.default_rng(0))
    assert made.image.shape == shape and made.image.dtype == np.float32
    assert made.image.max() == 3071


@pytest.mark.parametrize(
    ("shape", "pixel_mm", "hu"),
    [((16, 16), 1.0, 40), ((64, 64), 0.05, 40), ((64, 64), 5.0, 40), ((64, 64), 1.0, -1000),
     ((64, 64), 1.0, 3071), ((64, 64), 1.0, 20_000), ((64, 64), 1.0, -10_000),
     ((256, 256), 5.0, 100)],
)  # fmt: skip
def test_constant_and_odd_images_give_numbers(shape, pixel_mm, hu) -> None:
    values = np.full(shape, hu, np.float32)
    before = pair_with(values=values, pixel_mm=pixel_mm)
    ball = disc((shape[1] * pixel_mm / 2, shape[0] * pixel_mm / 2), 3 * pixel_mm)
    fraction = draw((ball,), shape, pixel_mm)
    made = Metal("clip").insert(before, fraction, np.random.default_rng(0))
    assert np.isfinite(made.image).all() and np.isfinite(made.truth).all()
    assert amount(made) >= 0


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Metal("horn"), "kind must be one of"),
        (lambda: Metal("clip", "wood"), "material must be one of"),
        (lambda: Metal("clip", size=0), "size"),
        (lambda: Metal("clip", size=float("nan")), "size"),
        (lambda: Metal("clip", highest_hu=10), "highest_hu"),
        (lambda: MetalScan(kvp=30), "kvp"),
        (lambda: MetalScan(scatter=-1), "scatter"),
        (lambda: MetalScan(share=0), "share"),
        (lambda: MetalScan(views=98), "views"),
        (lambda: MetalScan(views=165), "views must be even"),
        (lambda: with_metal(np.full((SIZE, SIZE), 2.0, np.float32)), "fraction"),
        (lambda: with_metal(np.full((SIZE, SIZE), np.nan, np.float32)), "fraction"),
        (lambda: with_metal(np.zeros((SIZE, SIZE + 1), np.float32)), "fraction must be of"),
        (lambda: with_metal(rod(), before=pair(np.full((SIZE, SIZE), np.nan))), "image"),
        (lambda: with_metal(rod(), before=pair_with(modality=Modality.MR)), "source must be a CT"),
        (lambda: with_metal(rod(), before=pair_with(unit="signal")), "source must be a CT"),
        (lambda: with_metal(rod(), before=pair_with(pixel_mm=0.0)), "pixel_mm"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make, name) -> None:
    with pytest.raises(ValueError, match=name):
        make()
