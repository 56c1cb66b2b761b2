"""Random knees: the anatomy of a knee in every view, and tissues as bright as MR makes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.classical.noise import kernel_side, slice_noise
from engines.description import Modality
from engines.phantoms.canvas import Canvas
from engines.phantoms.mr.knee import CONTRASTS, PLANS_KNEE, REACH_MM, plan_knee
from engines.phantoms.mr.knee_solids import VIEWS, Place, ellipsoid, merged, place, rod, within
from engines.phantoms.texture import Textures

SIZE = 160


def board(plan, size=SIZE, z=0.0):
    """An empty canvas without bends for a slice of ``plan``."""
    pixel_mm = plan.field_mm / size
    axis = ((np.arange(size) + 0.5 - size / 2) * pixel_mm).astype(np.float32)
    x, y = np.meshgrid(axis - np.float32(plan.origin[0]), axis - np.float32(plan.origin[1]))
    values = np.zeros((size, size), np.float32)
    return Canvas(values, x, y, pixel_mm, z, plan.origin, 0.0, 0.0, 0.8, 3.0)


def drawn(plan, z=0.0, size=SIZE):
    """A slice of ``plan`` at height ``z`` and its canvas."""
    canvas = board(plan, size, z)
    plan.draw(canvas, Textures(3, size, canvas.pixel_mm))
    return canvas


def average(seed, contrast, view="sagittal", **changes):
    """A plan of an average adult seen in ``view``."""
    plan = plan_knee(np.random.default_rng(seed), contrast)
    knee = replace(plan.knee, view=view, outer=1.0, scale=1.0, **changes)
    return replace(plan, knee=knee, origin=(0.0, 8.0), field_mm=170.0)


def seen(canvas, x, y, r=1.5):
    """Mean signal within ``r`` mm of a place."""
    near = np.hypot(canvas.x - x, canvas.y - y) < r
    assert near.any()
    return float(canvas.values[near].mean())


def test_every_contrast_has_a_plan_under_the_word_for_the_leg():
    assert set(PLANS_KNEE) == {("leg", contrast) for contrast in CONTRASTS}


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_a_slice_is_finite_without_signal_outside_and_quiet(contrast):
    for seed in range(3):
        plan = PLANS_KNEE["leg", contrast](np.random.default_rng(seed))
        canvas = drawn(plan, sum(plan.heights) / 2)
        values = canvas.values
        assert np.isfinite(values).all()
        assert values.min() == 0
        assert (values[:, :2] == 0).all() or (values[:2] == 0).any()
        side = kernel_side(Modality.MR, canvas.pixel_mm, canvas.pixel_mm)
        noise = slice_noise(values, np.ones(values.shape, np.bool_), Modality.MR, side)[0]
        assert noise.percent is not None
        assert noise.percent < 6


def test_one_seed_is_one_knee_in_every_contrast_and_leaves_the_generator_alike():
    generators = [np.random.default_rng(4) for _ in CONTRASTS]
    plans = [plan_knee(g, c) for g, c in zip(generators, CONTRASTS, strict=True)]
    assert len({g.random() for g in generators}) == 1
    first = plans[0]
    for plan in plans[1:]:
        assert (plan.field_mm, plan.heights, plan.origin) == (
            first.field_mm,
            first.heights,
            first.origin,
        )
        assert plan.knee.bones == first.knee.bones
        assert plan.knee.disease == first.knee.disease
        assert np.array_equal(plan.knee.soft.twigs, first.knee.soft.twigs)
        assert plan.acquisition.blur_pixels == first.acquisition.blur_pixels


def test_the_same_seed_draws_the_same_bits_and_another_another_knee():
    one, again, other = (
        drawn(PLANS_KNEE["leg", "PD"](np.random.default_rng(seed)), 3.0).values
        for seed in (5, 5, 6)
    )
    assert np.array_equal(one, again)
    assert np.abs(one - other).mean() > 0.1 * one.mean()


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_a_midline_slice_has_the_knee_where_it_belongs(contrast):
    plan = average(1, contrast)
    bones = replace(plan.knee.bones, patella_at=(-45.5, -39.0, 1.5), bend=0.0)
    plan = replace(plan, knee=replace(plan.knee, bones=bones, red=0.0))
    canvas = drawn(plan, 2.0)
    femur, tibia = seen(canvas, -8, -60, 3), seen(canvas, 0, 22, 3)
    patella, hoffa = seen(canvas, -45, -39, 2), seen(canvas, -33, 0, 2)
    tendon = seen(canvas, -44, 5, 0.9)
    assert seen(canvas, -80, 0) == 0  # before the skin
    for marrow in (femur, tibia, patella):
        assert tendon < 0.6 * marrow or contrast == "PD fat sat"
        assert 0.4 < marrow / hoffa < 2.5
    assert tendon < 0.5 * hoffa or contrast == "PD fat sat"


def test_tissues_keep_their_order_in_every_contrast():
    for seed in range(4):
        s = {c: plan_knee(np.random.default_rng(seed), c).paints.tissues for c in CONTRASTS}
        for c in CONTRASTS:
            assert s[c]["bone"] < s[c]["meniscus"] + 1e-6 < s[c]["cartilage"]
        assert s["T1"]["fluid"] < s["T1"]["cartilage"] < s["T1"]["marrow"]
        assert s["T1"]["muscle"] < s["T1"]["fat"]
        assert s["PD"]["muscle"] < s["PD"]["fluid"] < s["PD"]["fat"] * 1.2
        fat_sat = s["PD fat sat"]
        assert fat_sat["fat"] < fat_sat["muscle"] < fat_sat["cartilage"] < fat_sat["fluid"]
        assert s["T2"]["muscle"] < s["T2"]["marrow"] < s["T2"]["fluid"]


def test_an_effusion_is_bright_above_the_patella_in_pd_fat_sat():
    plan = average(2, "PD fat sat")
    dry, wet = (
        replace(plan, knee=replace(plan.knee, joint=replace(plan.knee.joint, fluid_mm=mm)))
        for mm in (0.7, 6.0)
    )
    assert seen(drawn(wet), -33, -74, 1) > 1.5 * seen(drawn(dry), -39, -74, 1)
    assert drawn(wet).values.sum() > drawn(dry).values.sum()


def test_oedema_is_bright_in_pd_fat_sat_and_dark_in_t1():
    place_, half = (0.0, 20.0, 2.0), (9.0, 9.0, 9.0)
    for contrast, sign in (("PD fat sat", 1), ("T1", -1)):
        plan = average(3, contrast, red=0.0)
        healthy = replace(plan.knee.disease, oedema=())
        sick = replace(healthy, oedema=((place_, half, 0.9),))
        values = [
            seen(drawn(replace(plan, knee=replace(plan.knee, disease=d)), 2.0), 0, 22, 3)
            for d in (healthy, sick)
        ]
        assert sign * (values[1] - values[0]) > 0.15 * values[0]


@pytest.mark.parametrize("contrast", ["PD", "PD fat sat", "T2"])
def test_a_tear_is_a_bright_line_in_a_dark_meniscus(contrast):
    plan = average(7, contrast)
    none = replace(plan.knee.disease, tear=None, holes=(), oedema=())
    torn = replace(none, tear=(0, 4.0, 0.2))
    whole, cut = (
        drawn(replace(plan, knee=replace(plan.knee, disease=d)), -20.0).values for d in (none, torn)
    )
    changed = np.abs(cut - whole) > 0.1 * whole.max()
    assert changed.sum() >= 2
    assert (cut[changed] > whole[changed]).all()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_both_bones_of_the_joint_and_stays_within_its_field(view):
    canvas = drawn(average(8, "T1", view), sum(REACH_MM[view]) / 2)
    assert 0.2 < (canvas.values > 0.1 * canvas.values.max()).mean() < 0.95


@pytest.mark.parametrize("view", VIEWS)
def test_the_views_are_of_one_solid_in_space(view):
    """The same point of the knee is as deep in the same ball from all sides."""
    plan = average(9, "PD", view)
    z = {"sagittal": 5.0, "coronal": -4.0, "axial": 30.0}[view]
    p = place(board(plan, 64, z), view, 1.0, 1.0)
    depth = ellipsoid(p, (-4.0, -30.0, 5.0), (20.0, 20.0, 20.0))
    a, d, s = np.broadcast_arrays(p.a, p.d, p.s)
    away = np.sqrt((a + 4.0) ** 2 + (d + 30.0) ** 2 + (s - 5.0) ** 2)
    near = np.abs(20 - away) < 10
    assert near.any()
    assert np.allclose(depth[near], 20 - away[near], atol=0.02)


coordinates = st.floats(-40, 40, width=32)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(coordinates, coordinates, coordinates),
    st.tuples(coordinates, coordinates, coordinates),
    st.floats(1, 12),
    st.floats(1, 12),
)
def test_the_depth_in_a_rod_is_the_distance_from_its_axis(start, stop, first, last):
    axis = np.linspace(-45, 45, 12, dtype=np.float32)
    a, d = np.meshgrid(axis, axis)
    depth = rod(Place(a, d, 3.0), (start, stop), (first, last))
    way = np.subtract(stop, start)
    off = np.stack([a - start[0], d - start[1], 3.0 - start[2] + 0 * a], axis=-1)
    t = np.clip(off @ way / max(way @ way, 1e-6), 0, 1)
    true = first + t * (last - first) - np.linalg.norm(off - t[..., None] * way, axis=-1)
    near = true > -8
    assert np.allclose(depth[near], true[near], atol=0.02)
    assert (depth[~near] <= -7.9).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-20, 20, width=32), min_size=4, max_size=4), st.floats(0.5, 8))
def test_merging_fills_the_seam_and_takes_nothing_away(depths, round_mm):
    one, other = np.array(depths[:2], np.float32), np.array(depths[2:], np.float32)
    both = merged(one, other, round_mm)
    assert (both >= np.maximum(one, other)).all()
    assert (both <= np.maximum(one, other) + round_mm / 4 + 1e-3).all()
    assert np.array_equal(within(one, other), np.minimum(one, other))


@pytest.mark.parametrize("contrast", ["FLAIR", "", "pd"])
def test_a_contrast_that_no_knee_is_scanned_in_is_refused(contrast):
    with pytest.raises(ValueError, match=r"^contrast"):
        plan_knee(np.random.default_rng(0), contrast)
