"""MR heads: one anatomy in all contrasts, quiet, unlike each other, and right in brightness."""

from __future__ import annotations

import numpy as np
import pytest

from engines.classical.noise import kernel_side, slice_noise
from engines.description import Modality
from engines.phantoms.canvas import Canvas
from engines.phantoms.mr.head import PLANS_HEAD, plan_head_mr
from engines.phantoms.texture import Textures

CONTRASTS = ("T1", "T2", "PD", "FLAIR")
SIZE = 192
PEOPLE = (0, 1, 2)


def drawn(contrast, seed, z=62.0, size=SIZE):
    """One slice at height ``z``, its plan and its canvas."""
    rng = np.random.default_rng(seed)
    plan = plan_head_mr(contrast)(rng)
    pixel = plan.field_mm / size
    axis = ((np.arange(size) + 0.5 - size / 2) * pixel).astype(np.float32)
    x, y = np.broadcast_arrays(axis[None, :], axis[:, None])
    values = np.zeros((size, size), np.float32)
    textures = Textures(int(rng.integers(2**31)), size, pixel)
    canvas = Canvas(values, x, y, pixel, z, (0.0, 0.0), 0.0, 0.0, 1.0, 3.0)
    plan.draw(canvas, textures)
    return canvas.values, plan, canvas


@pytest.fixture(scope="module")
def people():
    """Three people in four contrasts, (contrast, seed) -> values, plan, canvas."""
    return {(c, seed): drawn(c, seed) for c in CONTRASTS for seed in PEOPLE}


def test_every_contrast_of_the_head_is_planned():
    assert set(PLANS_HEAD) == {("head", contrast) for contrast in CONTRASTS}


def test_values_are_finite_and_not_negative_and_zero_outside_the_head(people):
    for values, plan, canvas in people.values():
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert 300 < values.max() < 4095
        skin = plan.build.outline(canvas.z)
        away = np.hypot(canvas.x, canvas.y) - skin.radii.max()
        assert (values[away > 6] == 0).all()


def test_one_seed_is_one_anatomy_in_all_contrasts(people):
    """Edges lie at the same places: where one contrast is flat, so are the others."""
    for seed in PEOPLE:
        slopes = {}
        for contrast in CONTRASTS:
            values, plan, canvas = people[contrast, seed]
            shade = plan.acquisition.shading.field(canvas.x, canvas.y, canvas.z)
            flat = values / shade / max(plan.signals["white"], 1)
            slopes[contrast] = np.hypot(*np.gradient(flat))[40:-40, 52:-52]
            for part in ("build", "brain", "vessels", "acquisition"):
                assert repr(getattr(plan, part)) == repr(getattr(people["T1", seed][1], part))
        for contrast in ("T2", "FLAIR"):
            steep = slopes[contrast] > np.quantile(slopes[contrast], 0.9)
            assert slopes["T1"][steep].mean() > 2.0 * slopes["T1"][~steep].mean()


def test_the_same_seed_gives_the_same_bits_and_another_another_head(people):
    for contrast in ("T1", "FLAIR"):
        first = people[contrast, 1][0]
        assert np.array_equal(first, drawn(contrast, 1)[0])
        assert np.abs(first - people[contrast, 2][0]).mean() > 0.05 * first.mean()


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_ventricles_have_the_signal_of_fluid(people, contrast):
    for seed in PEOPLE:
        values, plan, canvas = people[contrast, seed]
        shade = plan.acquisition.shading.field(canvas.x, canvas.y, canvas.z)
        flat = values / shade
        box, depth = canvas.depth(plan.brain.fluid[1].lump.at(canvas.z).grown(-2.0))
        fluid = flat[box][depth > 1.0]
        assert fluid.size > 8
        span = plan.signals["white"] + plan.signals["csf"]
        assert np.median(fluid) == pytest.approx(plan.signals["csf"], abs=0.05 * span)


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_a_clean_head_is_not_called_noisy(contrast):
    """Noise is called mild from 8 % of signal on."""
    for seed, z in ((10, 20.0), (12, 56.0), (14, 96.0)):
        values, plan, _ = drawn(contrast, seed, z, 320)
        pixel = plan.field_mm / 320
        side = kernel_side(Modality.MR, pixel, pixel)
        found = slice_noise(values, np.ones(values.shape, bool), Modality.MR, side)[0]
        assert found.percent is not None
        assert found.percent < 6


def test_neighbouring_slices_are_alike_and_far_ones_not():
    here, near, far = (drawn("T2", 5, z)[0] for z in (70.0, 70.8, 88.0))
    assert np.corrcoef(here.ravel(), near.ravel())[0, 1] > 0.96
    assert np.corrcoef(here.ravel(), far.ravel())[0, 1] < 0.9


def test_sulci_meander_and_do_not_repeat():
    """Around the brain the folds have no period: no echo of them in their autocorrelation."""
    values, plan, canvas = drawn("T2", 8, 78.0, 320)
    skin = plan.build.outline(78.0)
    angle = np.linspace(0.25, 1.3, 400)
    echoes = []
    for inset in (24, 27, 30):
        points = np.array([skin.point(float(a), inset) for a in angle])
        rows, columns = (points[:, k] / canvas.pixel_mm + 160 for k in (1, 0))
        ray = values[rows.astype(int), columns.astype(int)]
        ray = ray - ray.mean()
        whole = np.correlate(ray, ray, "full")[399:] / (ray @ ray)
        first = int(np.argmax(whole < 0))
        echoes.append(whole[first:200].max())
    assert np.mean(echoes) < 0.6
