"""The whole acquisition: what is in the image, and that the words on it are true."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from engines.description import Degradation, Finding, Modality, Severity
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.mr.coils import coil_maps
from engines.medq_uni.degradations.mr.encoding import random_phase, to_kspace, with_phase
from engines.medq_uni.degradations.mr.moved import Poses
from engines.medq_uni.degradations.mr.movement import MOVEMENTS
from engines.medq_uni.degradations.mr.noise import complex_noise
from engines.medq_uni.degradations.mr.sampling import (
    EQUIDISTANT,
    LOW_RESOLUTION,
    PARTIAL_FOURIER,
    PATTERNS,
    RANDOM,
)
from engines.medq_uni.degradations.mr.scan import MRScan, zero_filled
from engines.medq_uni.pair import Pair, Source, compose
from engines.medq_uni.signal import tissue_signal

SIDE = 128


def brain(rows: int = SIDE, columns: int = SIDE, tissue: float = 600.0) -> Source:
    """An even ellipse, its rim dark and a bright spot in it, in a background of zero."""
    y, x = np.indices((rows, columns), np.float64)
    away = np.hypot((y - rows // 2) / (0.42 * rows), (x - columns // 2) / (0.36 * columns))
    values = np.where(away < 1, tissue, 0.0)
    values[(away > 0.9) & (away < 0.96)] = 0.2 * tissue
    values[np.hypot((y - rows * 0.4) / rows, (x - columns * 0.55) / columns) < 0.06] = 1.6 * tissue
    return Source("brain", "phantom", Modality.MR, "head", "signal", values.astype(np.float32),
                  1.6, 4.0)  # fmt: skip


def made(scan: MRScan, source: Source | None = None, seed: int = 0) -> Pair:
    return compose(source or brain(), [scan], seed)


def said(pair: Pair, kind: Degradation) -> Finding:
    finding = pair.finding(kind)
    assert finding is not None
    return finding


def flat_part(side: int = SIDE) -> tuple[slice, slice]:
    """Where ``brain`` is even tissue."""
    return slice(round(0.52 * side), round(0.72 * side)), slice(
        round(0.35 * side), round(0.65 * side)
    )


def spread(scan: MRScan, scans: int = 12, side: int = SIDE) -> float:
    """Standard deviation of even tissue over repeated noise; all else of the scans is the same."""
    without = replace(scan, noise_percent=0)
    parts = []
    for seed in range(scans):
        # The generator's draws before the noise are the same with and without it.
        noisy = made(scan, brain(side, side), seed).image
        quiet = made(without, brain(side, side), seed).image
        parts.append((noisy - quiet)[flat_part(side)])
    return float(np.std(parts))


@pytest.mark.parametrize("shape", [(16, 16), (17, 30), (64, 73)])
@pytest.mark.parametrize("coils", [1, 4])
def test_all_of_k_space_gives_the_image_back(shape, coils) -> None:
    rng = np.random.default_rng(0)
    image = brain(*shape).values
    maps = coil_maps(coils, shape, rng)
    seen = to_kspace(maps * with_phase(image, random_phase(shape, rng)))
    shown = zero_filled(seen, np.ones(shape, np.float32), maps)
    assert shown.dtype == np.float32
    np.testing.assert_allclose(shown, image, atol=0.01)


def test_asked_for_nothing_the_pair_stays_as_it_is() -> None:
    pair = Pair.clean(brain())
    assert MRScan().apply(pair, np.random.default_rng(0)) is pair


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize("shape", [(16, 16), (33, 70), (128, 146)])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_pair_of_any_shape_has_its_fold_and_its_truth(pattern, shape, axis) -> None:
    pair = made(MRScan(pattern, 3.0, phase_axis=axis), brain(*shape))
    assert pair.image.dtype == np.float32 and pair.image.shape == shape
    assert np.isfinite(pair.image).all() and pair.image.min() >= 0
    np.testing.assert_array_equal(pair.truth, brain(*shape).values)
    assert not np.array_equal(pair.image, pair.truth)
    recipe = dict(pair.recipe)
    assert said(pair, Degradation.UNDERSAMPLING).amount == pytest.approx(recipe["fold"], rel=0.01)
    assert recipe["pattern"] == pattern.name and recipe["phase_axis"] == ("rows", "columns")[axis]
    assert len(pair.findings) == 1 and pair.noise == 0
    # The zero frequency is measured: the image is about as bright as its truth.
    if min(shape) > 16:
        assert pair.image.mean() == pytest.approx(pair.truth.mean(), rel=0.25)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_out_takes_energy_with_it(pattern, seed) -> None:
    energy = [
        float(np.square(made(MRScan(pattern, fold), seed=seed).image, dtype=np.float64).sum())
        for fold in (2.0, 8.0)
    ]
    full = float(np.square(brain().values, dtype=np.float64).sum())
    assert energy[1] < energy[0] < full
    assert energy[1] > 0.5 * full


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
def test_measured_lines_are_those_of_a_full_scan_and_the_others_are_zero(pattern) -> None:
    # With one coil the image's k-space is what was measured, but for the phase, which is known.
    image = brain(64, 64).values
    rng = np.random.default_rng(5)
    maps = coil_maps(1, (64, 64), rng)
    full = to_kspace(maps * with_phase(image, random_phase((64, 64), rng)))
    mask, _ = pattern.mask(64, 64, 3, 0, rng)
    weights = mask.astype(np.float32)
    shown = zero_filled(full, weights, maps)
    expected = np.abs(np.fft.ifft2(np.fft.ifftshift(np.where(mask, full[0], 0)), norm="ortho"))
    np.testing.assert_allclose(shown, np.fft.fftshift(expected), atol=0.01)
    # Whatever lies where nothing is measured is not seen, and any sample that is measured is.
    other = np.where(mask, full, full + complex_noise(full.shape, 500, rng))
    np.testing.assert_array_equal(zero_filled(other, weights, maps), shown)
    changed = full.copy()
    changed[:, np.flatnonzero(mask.any(axis=1))[0]] *= -2
    assert not np.array_equal(zero_filled(changed, weights, maps), shown)


def test_a_scan_measures_no_more_than_its_mask() -> None:
    # With one coil and the phase taken off, nothing of the lines left out is in the image.
    scan = MRScan(EQUIDISTANT, 4.0, coils=1)
    pair = made(scan, seed=3)
    rng = np.random.default_rng(3)
    maps = coil_maps(1, (SIDE, SIDE), rng)
    full = to_kspace(maps * with_phase(brain().values, random_phase((SIDE, SIDE), rng)))
    mask, fold = EQUIDISTANT.mask(SIDE, SIDE, 4.0, 0, rng)
    np.testing.assert_array_equal(pair.image, zero_filled(full, mask.astype(np.float32), maps))
    assert dict(pair.recipe)["fold"] == fold


@pytest.mark.parametrize("axis", [0, 1])
def test_a_scan_is_spoilt_along_its_phase_axis_only(axis) -> None:
    """A body that fills less than the field throws ghosts above and below it, not beside it."""
    source = brain()
    narrow = np.zeros_like(source.values)
    narrow[56:72, 56:72] = 600
    pair = made(MRScan(EQUIDISTANT, 4.0, phase_axis=axis), replace(source, values=narrow))
    along, beside = pair.image.copy(), pair.image.copy()
    along[56:72, 56:72] = beside[56:72, 56:72] = 0
    if axis == 0:
        along, beside = along[:, 56:72], np.delete(beside, np.s_[56:72], axis=1)
    else:
        along, beside = along[56:72], np.delete(beside, np.s_[56:72], axis=0)
    assert along.max() > 20 and beside.max() < 0.1


@pytest.mark.parametrize("fold", [1.2, 1.45])
def test_a_little_partial_fourier_is_said_to_be_none(fold) -> None:
    finding = said(made(MRScan(PARTIAL_FOURIER, fold)), Degradation.UNDERSAMPLING)
    assert finding.severity is Severity.NONE and finding.amount == pytest.approx(fold, rel=0.02)


@pytest.mark.parametrize("fold, severity", [(2.0, "mild"), (3.2, "moderate"), (6.0, "severe")])
def test_undersampling_has_its_severity(fold, severity) -> None:
    for pattern in PATTERNS:
        finding = said(made(MRScan(pattern, fold)), Degradation.UNDERSAMPLING)
        assert finding.severity == severity and finding.unit == "fold"


def test_partial_fourier_of_a_real_object_is_not_made_up_for_by_symmetry() -> None:
    pair = made(MRScan(PARTIAL_FOURIER, 1.7))
    assert np.abs(pair.image - pair.truth).max() > 60


@pytest.mark.parametrize("percent", [2.0, 10.0, 30.0])
def test_noise_in_tissue_is_what_was_asked_for_and_said(percent) -> None:
    pair = made(MRScan(noise_percent=percent))
    signal = tissue_signal(pair.truth, Modality.MR, 1.6)
    finding = said(pair, Degradation.NOISE)
    assert signal == pytest.approx(600, rel=0.01)
    assert finding.amount == pytest.approx(percent, rel=0.01) and finding.unit == "% of signal"
    assert pair.noise == pytest.approx(percent / 100 * 600, rel=0.01)
    assert spread(MRScan(noise_percent=percent), 8) == pytest.approx(pair.noise, rel=0.03)


def test_the_background_of_a_noisy_image_is_a_rayleigh_distribution() -> None:
    pair = made(MRScan(noise_percent=10.0))
    background = pair.image[:, :18].ravel()
    assert (pair.truth[:, :18] == 0).all()
    assert background.mean() == pytest.approx(1.2533 * pair.noise, rel=0.04)
    assert background.std() == pytest.approx(0.6551 * pair.noise, rel=0.05)
    assert background.min() >= 0


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize("fold", [2.0, 6.0])
def test_noise_is_as_strong_as_asked_for_in_the_image_however_few_lines_are_measured(
    pattern, fold
) -> None:
    scan = MRScan(pattern, fold, noise_percent=8.0)
    pair = made(scan)
    assert said(pair, Degradation.NOISE).amount == pytest.approx(8.0, rel=0.01)
    assert pair.noise == pytest.approx(48, rel=0.01)
    assert spread(scan, 20) == pytest.approx(48, rel=0.06)


def test_noise_asked_for_is_all_there_is_the_source_s_own_among_it() -> None:
    noisy = replace(brain(), noise=40.0)
    full = made(MRScan(noise_percent=10.0), noisy)
    assert full.noise == pytest.approx(60, rel=0.01)
    assert said(full, Degradation.NOISE).amount == pytest.approx(10, rel=0.01)
    added = (full.image - brain().values)[flat_part()]
    assert added.std() == pytest.approx((60**2 - 40**2) ** 0.5, rel=0.05)
    assert dict(full.recipe)["added_percent"] == pytest.approx(100 * added.std() / 600, rel=0.05)
    undersampled = made(MRScan(LOW_RESOLUTION, 4.0), noisy)
    assert undersampled.finding(Degradation.NOISE) is None


def test_less_noise_than_there_is_cannot_be_had() -> None:
    noisy = replace(brain(), noise=40.0)
    with pytest.raises(NoPlaceError, match=r"'brain' has 6\.67 % of noise already, not 5"):
        made(MRScan(noise_percent=5.0), noisy)
    # Of a quarter of the samples half of the source's noise is left, and there is room for more.
    few = made(MRScan(RANDOM, 4.0, noise_percent=5.0), noisy)
    assert few.noise == pytest.approx(30, rel=0.01)


def test_low_resolution_takes_noise_of_the_source_with_it() -> None:
    grain = np.random.default_rng(1).normal(0, 20, (SIDE, SIDE))
    source = replace(brain(), values=(brain().values + 300 + grain).astype(np.float32), noise=20.0)
    smooth = replace(source, values=brain().values + 300)
    for seed in range(4):
        pair, without = (made(MRScan(LOW_RESOLUTION, 4.0), one, seed) for one in (source, smooth))
        left = (pair.image - without.image)[20:108, 30:98]
        assert left.std() == pytest.approx(pair.noise, rel=0.1)


@pytest.mark.parametrize("kind", MOVEMENTS, ids=lambda k: k.name)
@pytest.mark.parametrize("axis", [0, 1])
def test_movement_is_seen_and_said(kind, axis) -> None:
    pair = made(MRScan(movement=kind.movement(4.0, 1.0), phase_axis=axis))
    finding = said(pair, Degradation.MOTION)
    assert finding.amount == pytest.approx(4.0, rel=0.01) and finding.unit == "mm"
    assert finding.more[0].value == pytest.approx(1.0, rel=0.01)
    assert finding.severity is Severity.SEVERE
    assert dict(pair.recipe)["movement"] == kind.name
    assert np.abs(pair.image - pair.truth).mean() > 5
    np.testing.assert_array_equal(pair.truth, brain().values)


def test_no_movement_is_the_image_itself() -> None:
    still = made(MRScan(movement=MOVEMENTS[0].movement(0.0, 0.0)))
    np.testing.assert_allclose(still.image, still.truth, atol=0.01)
    assert said(still, Degradation.MOTION).severity is Severity.NONE


@pytest.mark.parametrize("kind", MOVEMENTS, ids=lambda k: k.name)
@pytest.mark.parametrize("pattern, fold", [(LOW_RESOLUTION, 12.0), (PARTIAL_FOURIER, 6.0)])
def test_a_movement_happens_while_something_is_measured(kind, pattern, fold) -> None:
    for seed in range(6):
        scan = MRScan(pattern, fold, kind.movement(4.0, 1.0), phase_axis=seed % 2)
        finding = said(made(scan, seed=seed), Degradation.MOTION)
        assert finding.amount == pytest.approx(4.0, rel=0.01)
        assert finding.more[0].value == pytest.approx(1.0, rel=0.01)
        still = made(replace(scan, movement=None), seed=seed)
        assert np.abs(made(scan, seed=seed).image - still.image).mean() > 2


@dataclass(frozen=True)
class Watched:
    """A jerk that keeps what it is told of the lines that are measured."""

    told: list[np.ndarray]
    name: str = "watched"

    def poses(self, lines: int, rng: np.random.Generator, measured: np.ndarray) -> Poses:
        self.told.append(measured)
        return MOVEMENTS[0].movement(4.0, 1.0).poses(lines, rng, measured)


@pytest.mark.parametrize("pattern", PATTERNS[:3], ids=lambda p: p.name)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_movement_is_told_which_lines_are_measured(pattern, axis) -> None:
    watched = Watched([])
    pair = made(MRScan(pattern, 5.0, watched, phase_axis=axis), brain(96, 128))
    (told,) = watched.told
    lines = (96, 128)[axis]
    assert told.shape == (lines,) and told[lines // 2]
    assert lines / told.sum() == pytest.approx(dict(pair.recipe)["fold"])


def test_all_at_once_is_said_in_three_findings() -> None:
    scan = MRScan(RANDOM, 3.0, MOVEMENTS[1].movement(2.0, 2.0), 10.0, coils=6, phase_axis=1)
    pair = made(scan)
    assert {finding.degradation for finding in pair.findings} == {
        Degradation.UNDERSAMPLING,
        Degradation.MOTION,
        Degradation.NOISE,
    }
    names = [name for name, _ in pair.recipe]
    assert len(set(names)) == len(names) and dict(pair.recipe)["coils"] == 6


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
def test_the_same_seed_gives_the_same_bits(pattern) -> None:
    scan = MRScan(pattern, 2.0, MOVEMENTS[0].movement(2.0, 2.0), 5.0)
    one, same, other = made(scan, seed=1), made(scan, seed=1), made(scan, seed=2)
    np.testing.assert_array_equal(one.image, same.image)
    assert one.findings == same.findings and one.recipe == same.recipe
    assert not np.array_equal(one.image, other.image)


def test_scale_is_kept() -> None:
    for factor in (0.01, 10.0):
        scaled = replace(brain(), values=brain().values * np.float32(factor))
        scan = MRScan(RANDOM, 3.0, noise_percent=5.0)
        np.testing.assert_allclose(
            made(scan, scaled).image, factor * made(scan).image, rtol=1e-3, atol=0.05 * factor
        )


@pytest.mark.parametrize(
    "wrong, name",
    [
        ({"pattern": EQUIDISTANT}, "fold must"),
        ({"pattern": EQUIDISTANT, "fold": float("nan")}, "fold must"),
        ({"fold": 2.0}, "fold must be 1 without a pattern"),
        ({"noise_percent": -1.0}, "noise_percent must"),
        ({"noise_percent": float("nan")}, "noise_percent must"),
        ({"coils": 0}, "coils must"),
        ({"coils": 2.5}, "coils must"),
        ({"phase_axis": 2}, "phase_axis must"),
    ],
)
def test_scans_that_cannot_be_are_refused_by_name(wrong, name) -> None:
    with pytest.raises(ValueError, match=name):
        MRScan(**wrong)


@pytest.mark.parametrize("scan", [MRScan(), MRScan(RANDOM, 2.0), MRScan(noise_percent=5.0)])
def test_sources_that_mr_cannot_scan_are_refused_by_name(scan) -> None:
    source, rng = brain(), np.random.default_rng(0)
    wrong = {
        "needs a source of MR": [{"unit": "HU"}, {"modality": Modality.PT}],
        "image must lie within 0": [{"values": source.values - 1}, {"values": source.values * 1e5}],
        "image has NaN": [{"values": np.full((32, 32), np.nan, np.float32)}],
        "image must have sides": [{"values": np.ones((8, 64), np.float32)}],
        "image must be": [{"values": np.ones((2, 64, 64), np.float32)}],
    }
    for message, changes in wrong.items():
        for change in changes:
            with pytest.raises(ValueError, match=message):
                scan.apply(Pair.clean(replace(source, **change)), rng)


def test_an_image_of_nothing_is_no_place_for_a_scan() -> None:
    empty = replace(brain(), values=np.zeros((64, 64), np.float32))
    for scan in (MRScan(RANDOM, 2.0), MRScan(noise_percent=5.0)):
        with pytest.raises(NoPlaceError, match="brain"):
            made(scan, empty)
    even = replace(brain(), values=np.full((64, 64), 300, np.float32))
    assert np.isfinite(made(MRScan(RANDOM, 2.0), even).image).all()


def test_what_was_scanned_badly_is_not_scanned_again() -> None:
    undersampled = MRScan(RANDOM, 2.0)
    moved = MRScan(movement=MOVEMENTS[0].movement(2.0, 0.0))
    for first, second in [(undersampled, moved), (moved, undersampled)]:
        with pytest.raises(ValueError, match="in one MRScan"):
            compose(brain(), [first, second], 0)
    twice = compose(brain(), [MRScan(noise_percent=6.0), MRScan(noise_percent=10.0)], 0)
    assert twice.noise == pytest.approx(60, rel=0.01)
    assert (twice.image - twice.truth)[flat_part()].std() == pytest.approx(60, rel=0.05)
