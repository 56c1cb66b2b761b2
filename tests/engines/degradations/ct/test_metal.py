"""What metal does to an image, as physics has it."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from engines.description import Degradation, Severity
from engines.medq_uni.degradations.ct.materials import BONE, WATER, metal_named
from engines.medq_uni.degradations.ct.metal_scan import MetalScan, scan_metal, tissue_densities
from engines.medq_uni.degradations.ct.metal_shapes import disc, draw
from engines.medq_uni.degradations.ct.metal_streaks import measure
from engines.medq_uni.degradations.ct.scan import Scan
from tests.engines.degradations.ct.bodies import ellipse
from tests.engines.degradations.ct.metal_bodies import (
    MIDDLE,
    PIXEL,
    QUIET,
    SIZE,
    amount,
    around,
    body,
    pair,
    rod,
    two_balls,
    with_metal,
)


def test_without_metal_nothing_changes() -> None:
    made = with_metal(np.zeros((SIZE, SIZE), np.float32))
    np.testing.assert_array_equal(made.image, body())
    np.testing.assert_array_equal(made.truth, body())
    finding = made.finding(Degradation.METAL)
    assert finding is not None and finding.severity is Severity.NONE and finding.place is None


def test_an_implant_of_water_keeps_the_hu_of_water_and_of_air() -> None:
    water = body(0.0)
    scan = MetalScan(counting=QUIET)
    found = scan_metal(water, rod(), WATER, scan, PIXEL, np.random.default_rng(0))
    assert np.abs(found.metal + found.error).max() < 1


def test_bone_beam_hardening_is_there_too() -> None:
    scan = MetalScan(scatter=0, counting=QUIET)
    found = scan_metal(body(), two_balls(), BONE, scan, PIXEL, np.random.default_rng(0))
    assert -30 < around(0, 0, found.error) < -2  # two bones make a faint dark band


@pytest.mark.parametrize("hu", [-1000.0, -100.0, 40.0, 300.0, 900.0, 2500.0])
def test_water_and_bone_together_attenuate_as_the_image_says(hu) -> None:
    cortical = 1700.0
    water, bone = tissue_densities(np.full((16, 16), hu, np.float32), cortical)
    assert water.min() >= 0 and bone.min() >= 0
    total = water + bone / BONE.density * (1 + cortical / 1000)
    np.testing.assert_allclose(total, 1 + hu / 1000, atol=1e-5)
    assert (bone.max() > 0) == (hu > 100)


def test_a_dark_band_joins_two_pieces_of_metal_and_bright_ones_lie_beside_it() -> None:
    made = with_metal(two_balls())
    error = made.image - made.truth
    between = [around(d, 0, error) for d in (-30, -15, 0, 15, 30)]
    assert max(between) < -100
    beside = [around(np.hypot(60, 25), a, error) for a in np.arctan2((25, -25), (60, 60))]
    assert min(beside) > 20


def test_streaks_run_along_the_line_that_joins_the_metal() -> None:
    made = with_metal(two_balls())
    error = made.image - made.truth
    middle = error[SIZE // 2 - 18 : SIZE // 2 + 18, SIZE // 2 - 18 : SIZE // 2 + 18]
    # A streak along the rows changes across them, so its power lies at frequencies across.
    power = np.abs(np.fft.fft2(middle - middle.mean())) ** 2
    down, along = np.abs(np.fft.fftfreq(36))[:, None], np.abs(np.fft.fftfreq(36))[None, :]
    assert power[down > 2 * along].sum() > 5 * power[along > 2 * down].sum()


def test_streaks_turn_with_the_metal() -> None:
    errors = {}
    for angle in (0.0, np.pi / 2):
        made = with_metal(rod(angle, half=25, radius=4))
        errors[angle] = made.image - made.truth
    along_first, along_second = (abs(around(45, a, errors[a])) for a in errors)
    assert along_first == pytest.approx(along_second, rel=0.4)
    assert along_first > 3 * abs(around(45, np.pi / 4, errors[0.0]))


def test_bright_and_dark_alternate_around_the_metal() -> None:
    made = with_metal(rod(0.4, half=25, radius=4))
    error = made.image - made.truth
    profile = np.array([around(40, a, error) for a in np.arange(0, 2 * np.pi, np.pi / 24)])
    assert profile.min() < -20 and profile.max() > 10
    signs = np.sign(profile[np.abs(profile) > 3])
    assert 4 <= np.count_nonzero(signs != np.roll(signs, 1)) <= 16


def test_denser_metal_streaks_more() -> None:
    amounts = [
        amount(with_metal(two_balls(5), material=m))
        for m in ("titanium", "steel", "cobalt-chrome", "gold alloy")
    ]
    assert amounts == sorted(amounts) and amounts[0] < 0.5 * amounts[1]


def test_larger_metal_streaks_more_and_evenly_so() -> None:
    amounts = np.array([amount(with_metal(two_balls(r))) for r in (2, 3, 4, 5, 5.1)])
    assert np.all(np.diff(amounts) > 0)
    assert amounts[-1] < 1.1 * amounts[-2]  # no jumps: severity can be chosen
    assert amounts[0] < 20 < 80 < amounts[-1]  # from none to severe


def test_higher_voltage_streaks_less() -> None:
    amounts = [amount(with_metal(two_balls(4), scan={"kvp": k})) for k in (80, 100, 120, 140)]
    assert amounts == sorted(amounts, reverse=True) and amounts[3] < 0.8 * amounts[0]


def test_scatter_adds_to_the_streaks_of_thick_metal() -> None:
    amounts = [
        amount(with_metal(two_balls(5), material="titanium", scan={"scatter": s}))
        for s in (0, 0.005, 0.02)
    ]
    assert amounts == sorted(amounts) and amounts[2] > 1.2 * amounts[0]


def test_metal_that_fills_half_of_the_slice_is_paler_and_streaks_less() -> None:
    whole = with_metal(rod(), highest_hu=30_000)
    half = with_metal(rod(), highest_hu=30_000, scan={"share": 0.5})
    centre = SIZE // 2, SIZE // 2
    assert 1000 < half.truth[centre] < 0.6 * whole.truth[centre]
    assert 0 < amount(half) < 0.7 * amount(whole)


def test_half_of_a_slice_s_metal_errs_more_than_metal_of_half_the_density() -> None:
    """The mean of light isn't the light behind the mean: partial volume is an error of its own."""

    def error_per_hu(fraction: NDArray[np.float32], share: float) -> float:
        scan = {"share": share, "scatter": 0.0}
        made = with_metal(fraction, material="titanium", scan=scan, highest_hu=30_000)
        return amount(made) / float(made.truth[SIZE // 2, SIZE // 2])

    assert error_per_hu(rod(), 0.5) > 1.3 * error_per_hu(rod() / 2, 1.0)


@pytest.mark.parametrize(("material", "radius"), [("titanium", 10), ("cobalt-chrome", 15)])
def test_streaks_are_the_same_whatever_the_pixels(material, radius) -> None:
    """Within 10 %: large pixels show the metal's edge less well."""
    amounts = []
    for pixel in (0.5, 1.2, 2.4):
        size = round(384 / pixel)
        water, middle = ellipse(150, 150, size, pixel, 40), size // 2 * pixel
        ball = draw((disc((middle + 40, middle + 20), radius),), (size, size), pixel)
        rng = np.random.default_rng(1)
        found = scan_metal(water, ball, metal_named(material), MetalScan(), pixel, rng)
        amounts.append(measure(water + found.error, water, ball, pixel, 20).hu)
    np.testing.assert_allclose(amounts, np.mean(amounts), rtol=0.1)


def _noise(dose: float) -> NDArray[np.float32]:
    """Noise alone: the difference of two scans of a rod along the rows."""
    scan = {"counting": Scan(photons=1e5, dose=dose), "scatter": 0.001}
    fraction = rod(half=16)
    first, second = (
        with_metal(fraction, seed, scan=scan, material="titanium").image for seed in (1, 2)
    )
    return (first - second) / np.float32(np.sqrt(2))


def _grain(noise: NDArray[np.float32], angle: float) -> float:
    x = round((MIDDLE + 60 * np.cos(angle)) / PIXEL)
    y = round((MIDDLE + 60 * np.sin(angle)) / PIXEL)
    return float(noise[y - 5 : y + 6, x - 5 : x + 6].std())


def test_starvation_draws_fine_streaks_along_the_long_axis() -> None:
    noise = _noise(0.5)
    assert _grain(noise, 0.0) > 2 * _grain(noise, np.pi / 2)
    # Fine: across the streaks the noise changes from pixel to pixel, along them it doesn't.
    part = noise[SIZE // 2 - 4 : SIZE // 2 + 5, SIZE // 2 + 28 : SIZE // 2 + 48]
    across, along = np.diff(part, axis=0).std(), np.diff(part, axis=1).std()
    assert across > 2 * along


def test_less_dose_starves_more() -> None:
    grains = [_grain(_noise(d), 0.0) for d in (2.0, 0.7, 0.2)]
    assert grains == sorted(grains) and grains[2] > 2 * grains[0]


def test_rays_beside_the_metal_get_no_noise_of_their_own() -> None:
    counting = Scan(photons=3e4)
    ball = draw((disc((MIDDLE, MIDDLE), 4),), (SIZE, SIZE), PIXEL)
    a, b = (with_metal(ball, s, scan={"counting": counting}).image for s in (1, 2))
    far = (a - b)[SIZE // 2 - 6 : SIZE // 2 + 7, SIZE // 2 + 50 : SIZE // 2 + 70]
    near = (a - b)[SIZE // 2 - 6 : SIZE // 2 + 7, SIZE // 2 + 4 : SIZE // 2 + 12]
    assert far.std() < 0.5 * near.std()


def test_the_source_s_own_noise_and_edges_stay() -> None:
    grain = ndimage.gaussian_filter(np.random.default_rng(5).standard_normal((SIZE, SIZE)), 0.7)
    noisy = (body() + 25 * grain / grain.std()).astype(np.float32)
    clean = with_metal(two_balls(4))
    made = with_metal(two_balls(4), before=pair(noisy, 25.0))
    kept = (made.image - clean.image)[body() > -500]
    own = (noisy - body())[body() > -500]
    shown = np.abs(clean.truth[body() > -500]) < 500
    assert np.corrcoef(kept[shown], own[shown])[0, 1] > 0.98
    assert made.noise == 25.0
