"""Random abdomens in MR: the patients of CT's, in signal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.classical.noise import kernel_side, slice_noise
from engines.description import Modality
from engines.phantoms.canvas import Canvas
from engines.phantoms.mr.abdomen import CONTRASTS, PLANS_ABDOMEN, SignalCanvas, plan_abdomen_mr
from engines.phantoms.texture import Textures

SIZE = 144


def drawn(plan, z=None, size=SIZE):
    """A slice of ``plan`` at height ``z`` of an average adult, without bends, as a canvas."""
    pixel_mm = plan.field_mm / size
    axis = ((np.arange(size) + 0.5 - size / 2) * pixel_mm).astype(np.float32)
    x, y = np.meshgrid(axis - np.float32(plan.origin[0]), axis - np.float32(plan.origin[1]))
    height = sum(plan.heights) / 2 if z is None else z
    values = np.zeros((size, size), np.float32)
    canvas = Canvas(values, x, y, pixel_mm, height, plan.origin, 0.0, 0.0, 1.0, 3.0)
    plan.draw(canvas, Textures(3, size, pixel_mm))
    return canvas


def flat(seed, contrast):
    """A plan whose coil is even."""
    plan = plan_abdomen_mr(np.random.default_rng(seed), contrast)
    even = replace(plan.acquisition.shading, strength=0.0)
    return replace(plan, acquisition=replace(plan.acquisition, shading=even))


def seen(canvas, lump, z, inset=0.3):
    """Median signal in the middle of a lump's cut, or ``None`` where it is out of the slice."""
    cut = lump.at(z)
    if cut is None:
        return None
    near = np.hypot(canvas.x - cut.x, canvas.y - cut.y) < inset * float(cut.radii.min())
    return float(np.median(canvas.values[near])) if near.any() else None


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_a_slice_is_finite_without_signal_outside_and_quiet(contrast):
    for seed in range(3):
        plan = PLANS_ABDOMEN["abdomen", contrast](np.random.default_rng(seed))
        canvas = drawn(plan)
        values = canvas.values
        assert np.isfinite(values).all()
        assert values.min() == 0
        reach = (5 * plan.acquisition.blur_pixels + 2) * canvas.pixel_mm
        skin = plan.torso.skin(canvas.z).grown(reach)
        outside = canvas.share(skin) == 0
        assert outside.mean() > 0.1
        assert (values[outside] == 0).all()
        side = kernel_side(Modality.MR, canvas.pixel_mm, canvas.pixel_mm)
        noise = slice_noise(values, np.ones(values.shape, np.bool_), Modality.MR, side)[0]
        assert noise.percent is not None
        assert noise.percent < 6


def test_one_seed_is_one_patient_in_both_contrasts_and_leaves_the_generator_alike():
    generators = [np.random.default_rng(4) for _ in CONTRASTS]
    one, other = (plan_abdomen_mr(g, c) for g, c in zip(generators, CONTRASTS, strict=True))
    assert generators[0].random() == generators[1].random()
    assert (one.field_mm, one.heights, one.origin) == (other.field_mm, other.heights, other.origin)
    assert one.torso.fat_mm == other.torso.fat_mm
    assert one.look.kinds == other.look.kinds
    assert one.hydration == other.hydration
    assert [loop.filling for loop in one.loops] == [loop.filling for loop in other.loops]
    for mine, yours in zip(one.organs.liver, other.organs.liver, strict=True):
        assert np.array_equal(mine.at(140.0).radii, yours.at(140.0).radii)
    for mine, yours in zip(one.organs.pipes, other.organs.pipes, strict=True):
        assert np.array_equal(mine.segments, yours.segments)


def test_the_same_seed_draws_the_same_bits_and_another_another_patient():
    one, again, other = (
        drawn(plan_abdomen_mr(np.random.default_rng(seed), "T2")).values for seed in (5, 5, 6)
    )
    assert np.array_equal(one, again)
    assert np.abs(one - other).mean() > 0.1 * one.mean()


@pytest.mark.parametrize("seed", range(4))
def test_organs_have_the_order_of_brightness_that_the_contrast_gives_them(seed):
    for contrast in CONTRASTS:
        plan = flat(seed, contrast)
        s, c = plan.signals, plan.contrast
        if contrast == "T2":
            assert c.muscle < c.liver < c.spleen < c.cortex < c.medulla < s["csf"]
            assert s["metastasis"] < s["haemangioma"] < s["cyst"]
            assert c.liver < s["metastasis"]
            assert c.artery < 0.7 * c.liver  # a flow void
        else:
            assert s["csf"] < c.medulla < c.cortex < s["fat"]
            assert c.spleen < c.liver < s["fat"]
            assert s["cyst"] < s["metastasis"] < c.liver
        z = 150 * plan.torso.scale
        canvas = drawn(plan, z)
        liver = seen(canvas, plan.organs.liver[0], z)
        spleen = seen(canvas, plan.organs.spleen, z)
        assert liver == pytest.approx(c.liver, rel=0.1)
        assert spleen == pytest.approx(c.spleen, rel=0.1)


def test_fluid_around_the_nerve_roots_is_bright_in_t2_and_dark_in_t1():
    for contrast, bright in (("T2", True), ("T1", False)):
        plan = replace(flat(1, contrast), roots=np.zeros((0, 2), np.float32))
        canvas = drawn(plan, 80.0)
        middle = plan.spine.y + 0.95 * plan.spine.half_y + 7.5
        near = np.hypot(canvas.x, canvas.y - middle) < 4
        fluid = float(canvas.values[near].mean())
        assert fluid == pytest.approx(plan.signals["csf"], rel=0.1)
        assert (fluid > plan.signals["fat"]) is bright


def test_gas_has_no_signal_and_lies_above_fluid():
    checked = 0
    for seed in range(6):
        plan = flat(seed, "T2")
        loop = next((b for b in plan.loops[::-1] if b.filling == "level"), None)
        if loop is None:
            continue
        lump = replace(loop.lump, centre=(0.0, -30.0, 60.0), lean=(0.0, 0.0))
        alone = replace(loop, lump=lump, level=0.5)
        organs = replace(plan.organs, nodes=(), pancreas=(), kidneys=(), cysts=(), liver=())
        plan = replace(plan, loops=(alone,), organs=replace(organs, pipes=(), gallbladder=None))
        cut = lump.at(60.0)
        if float(cut.radii.min()) < 9:
            continue
        canvas = drawn(plan, 60.0, 288)
        column = np.abs(canvas.x - cut.x) < 1.5
        rise = (cut.y - canvas.y) / float(cut.radii.min())
        above = canvas.values[column & (rise > 0.25) & (rise < 0.45)]
        below = canvas.values[column & (rise < -0.25) & (rise > -0.45)]
        assert above.mean() < 0.2 * below.mean()
        checked += 1
    assert checked


def test_lesions_have_the_signal_of_their_kind():
    plan = flat(2, "T2")
    centre = plan.organs.liver[0].centre
    lump = replace(plan.organs.liver[0], centre=centre, half=(9.0, 9.0, 9.0))
    for kind in ("cyst", "haemangioma"):
        organs = replace(plan.organs, lesions=((lump, 0.0),), liver_pipes=())
        sick = replace(plan, organs=organs, look=replace(plan.look, kinds=(kind,)))
        canvas = drawn(sick, centre[2], 288)
        assert seen(canvas, lump, centre[2]) == pytest.approx(plan.signals[kind], rel=0.1)


def test_what_ct_paints_below_water_has_no_signal():
    values = np.full((8, 8), 50.0, np.float32)
    axis = np.arange(8, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    canvas = SignalCanvas(values, x, y, 1.0, 0.0, (0.0, 0.0), 0.0, 0.0, 1.0, 1.0)
    whole = (slice(None), slice(None))
    canvas.lay(whole, np.full((8, 8), 0.5, np.float32), -985.0)
    assert (values == 25).all()
    canvas.lay(whole, np.ones((8, 8), np.float32), np.full((8, 8), -845, np.float32))
    assert (values == 0).all()


@pytest.mark.parametrize("contrast", ["PD", "", "t2"])
def test_a_contrast_that_no_abdomen_is_scanned_in_is_refused(contrast):
    with pytest.raises(ValueError, match=r"^contrast"):
        plan_abdomen_mr(np.random.default_rng(0), contrast)
