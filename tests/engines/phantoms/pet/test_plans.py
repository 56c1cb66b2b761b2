"""PET phantoms are patients of their own: hot where they should be, clean, and made again."""

from __future__ import annotations

import numpy as np
import pytest

from engines.classical.noise import kernel_side, slice_noise
from engines.description import Modality
from engines.phantoms.pet.abdomen import plan_abdomen
from engines.phantoms.pet.chest import plan_chest
from engines.phantoms.pet.head import plan_head
from engines.phantoms.pet.pelvis import plan_pelvis
from engines.phantoms.pet.plans import LEVELS, PLANS, plan_whole_body
from engines.phantoms.pet.thigh import plan_thigh
from tests.engines.phantoms.pet.drawing import drawn, phantom, straight

REGIONS = tuple(region for region, _ in PLANS)


@pytest.fixture(scope="module")
def crowd():
    """Twelve patients of each region."""
    return {region: [phantom(region, seed, 160) for seed in range(12)] for region in REGIONS}


def inside(canvas, contour, away=6.0):
    """Pixels deep within an outline."""
    found = canvas.depth(contour)
    assert found is not None
    mask = np.zeros(canvas.values.shape, bool)
    mask[found[0]] = found[1] > away
    return mask


def test_there_are_brains_and_whole_bodies():
    assert set(PLANS) == {("head", ""), ("whole body", "")}


def test_whole_bodies_show_every_level_by_its_share(monkeypatch):
    shares = {name: share for name, (_, share) in LEVELS.items()}
    for name, share in shares.items():
        monkeypatch.setitem(LEVELS, name, (lambda rng, name=name: name, share))
    seen = [plan_whole_body(np.random.default_rng(k)) for k in range(600)]
    assert sum(shares.values()) == pytest.approx(1)
    for name, share in shares.items():
        assert seen.count(name) / 600 == pytest.approx(share, abs=0.07)


@pytest.mark.parametrize("region", REGIONS)
def test_values_are_finite_and_not_negative_and_nothing_glows_outside(region, crowd):
    for made in crowd[region]:
        image = made.values[0]
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
        assert image.min() >= 0
        rim = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert np.median(rim) < 0.01
        assert (image < 0.02).mean() > 0.2
        assert 0 < image.sum() * made.pixel_mm**2 < 1e7
        assert 2 < image.max() < 70 or region == "whole body"


@pytest.mark.parametrize("region", REGIONS)
def test_the_same_seed_makes_the_same_bits_and_another_seed_another_patient(region):
    first, again, other = (phantom(region, seed, 64) for seed in (5, 5, 6))
    assert np.array_equal(first.values, again.values)
    assert first.pixel_mm == again.pixel_mm
    assert np.abs(first.values - other.values).mean() > 0.02


def test_fields_are_those_of_scanners(crowd):
    for region, low, high in (("head", 200, 300), ("whole body", 500, 700)):
        widths = [made.pixel_mm * 160 for made in crowd[region]]
        assert low <= min(widths) < max(widths) <= high


def test_liver_spleen_muscle_and_fat_are_in_order():
    for seed in range(4):
        plan = straight(plan_abdomen(np.random.default_rng(seed)))
        organs = plan.level.abdomen.organs
        z = organs.spleen.centre[2]
        canvas, image = drawn(plan, z)
        cut = organs.liver[0].at(z)
        liver = np.median(image[inside(canvas, cut, 15)])
        spleen = np.median(image[inside(canvas, organs.spleen.at(z), 8)])
        assert liver == pytest.approx(plan.uptake.liver, rel=0.25)
        assert spleen == pytest.approx(plan.uptake.spleen, rel=0.3)
        body = inside(canvas, plan.level.skins(z)[0], 8)
        assert np.percentile(image[body], 10) < 0.5 * liver
        assert image[body].max() > 0.9 * liver


def test_the_bladder_is_the_hottest_in_the_pelvis():
    for seed in range(3):
        plan = straight(plan_pelvis(np.random.default_rng(seed)))
        bladder = plan.level.pelvis.organs[0][0]
        canvas, image = drawn(plan, bladder.centre[2])
        within = inside(canvas, bladder.at(bladder.centre[2]), 2)
        assert image[within].max() == image.max()
        assert np.median(image[inside(canvas, bladder.at(bladder.centre[2]), 12)]) == (
            pytest.approx(plan.uptake.bladder, rel=0.1)
        )


def test_lungs_are_fainter_than_the_blood_of_the_heart():
    for seed in range(3):
        plan = straight(plan_chest(np.random.default_rng(seed)))
        chest = plan.level.chest
        z = 95 * chest.torso.scale
        canvas, image = drawn(plan, z)
        out = 0.55 * (chest.torso.half_x - chest.torso.wall_mm)
        lung = image[(np.abs(np.abs(canvas.x) - out) < 12) & (np.abs(canvas.y) < 15)]
        assert 0.25 < np.median(lung) < 0.8
        heart_z = chest.mediastinum.heart.centre[2]
        canvas, image = drawn(plan, heart_z)
        heart = image[inside(canvas, chest.mediastinum.heart.at(heart_z), 4)]
        assert np.percentile(heart, 20) > 1.6 * np.median(lung)


def test_a_working_myocardium_stands_around_its_blood():
    seeds = (k for k in range(60) if plan_chest(np.random.default_rng(k)).uptake.myocardium > 5)
    plan = straight(plan_chest(np.random.default_rng(next(seeds))))
    level = plan.level
    ventricle = level.chest.mediastinum.chambers[2][0]
    z = ventricle.centre[2] - 12
    canvas, image = drawn(plan, z, 192)
    cut = ventricle.at(z)
    wall = inside(canvas, cut.grown(level.wall_mm - 3), 0) & ~inside(canvas, cut.grown(3), 0)
    assert np.percentile(image[wall], 75) > 1.5 * image[inside(canvas, cut, 10)].min()


def test_thighs_have_muscle_around_faint_bone():
    plan = straight(plan_thigh(np.random.default_rng(2)))
    _, image = drawn(plan, 110.0)
    body = image[image > 0.1]
    assert 0.3 < np.median(body) < 1.0
    left, right = image[:, :64].sum(), image[:, 64:].sum()
    assert left == pytest.approx(right, rel=0.15)


def test_cortex_white_matter_fluid_and_scalp_are_in_order():
    for seed in range(6):
        plan = straight(plan_head(np.random.default_rng(seed)))
        _, image = drawn(plan, 52.0)
        cortex = np.percentile(image, 99)
        assert 4 < cortex < 15
        brain = image[image > 0.4 * cortex]
        assert brain.size * (plan.field_mm / 128) ** 2 > 4000
        skin = plan.head.outline(52.0)
        canvas, _ = drawn(plan, 52.0)
        scalp = image[inside(canvas, skin, 1.5) & ~inside(canvas, skin, 4.5)]
        assert np.median(scalp) < 0.3 * cortex
        nuclei = [spot.lump.at(52.0) for spot in plan.head.brain.nuclei]
        putamen = np.mean([image[inside(canvas, cut, 3)].mean() for cut in nuclei[::3]])
        assert putamen > 1.5 * plan.uptake.white or plan.deficits


def test_dementia_and_stroke_leave_less_and_half_of_brains_are_whole():
    plans = [plan_head(np.random.default_rng(k)) for k in range(60)]
    whole = np.mean([not plan.deficits for plan in plans])
    assert 0.3 < whole < 0.7
    for deficit in (d for plan in plans for d in plan.deficits):
        x, y, z = deficit.centre
        at = deficit.factor(np.float32([x, x + 500]), np.float32([y, y]), z)
        assert at == pytest.approx([deficit.left, 1.0], abs=1e-3)
        assert 0 < deficit.left <= 1


@pytest.mark.parametrize(("region", "most"), [("head", 0.45), ("whole body", 0.2)])
def test_clean_phantoms_are_seldom_called_low_in_counts(region, most, crowd):
    called = []
    for made in crowd[region]:
        side = kernel_side(Modality.PT, made.pixel_mm, made.pixel_mm)
        valid = np.ones(made.values[0].shape, bool)
        percent = slice_noise(made.values[0], valid, Modality.PT, side)[0].percent
        called.append(percent is not None and percent >= 10)
    assert np.mean(called) <= most


@pytest.mark.parametrize("region", REGIONS)
def test_neighbouring_slices_resemble_each_other(region):
    values = phantom(region, 4, 96, slices=8, slice_mm=4.0).values
    near = np.abs(np.diff(values, axis=0)).mean()
    far = np.abs(values[6:] - values[:2]).mean()
    assert near < 0.7 * far


@pytest.mark.parametrize("size", [32, 75, 130])
@pytest.mark.parametrize("region", REGIONS)
def test_sizes_that_no_scanner_uses_work(region, size):
    made = phantom(region, 1, size)
    assert made.values.shape == (1, size, size)
    assert np.isfinite(made.values).all()
