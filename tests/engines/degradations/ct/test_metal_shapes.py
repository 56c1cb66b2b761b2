"""Implants: how they are drawn and whether they lie where they belong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct.metal import Metal, kinds_for, random_metal
from engines.medq_uni.degradations.ct.metal_shapes import KINDS, Rod, disc, draw, place
from engines.medq_uni.degradations.ct.metal_sites import anatomy
from engines.medq_uni.degradations.ct.metal_streaks import measure
from engines.medq_uni.degradations.ct.metal_wanted import QUICK_VIEWS
from engines.medq_uni.degradations.kernels import STANDARD
from engines.medq_uni.pair import Source, compose
from engines.phantoms.ellipses import draw as draw_ellipses
from engines.phantoms.thorax import thorax_ellipses

SIZE = 256
PELVIS_MM, JAW_MM, CHEST_MM = 400.0, 220.0, 380.0


def thorax() -> NDArray[np.float32]:
    """A thorax; its vertebra has laminae that close the canal."""
    laminae = [(side * 0.026, 0.548, 0.036, 0.012, -side * 0.6, 330) for side in (-1, 1)]
    shapes = np.concatenate([thorax_ellipses(0.5), np.array(laminae, np.float64)])
    return draw_ellipses(shapes, SIZE) - 1000


def pelvis() -> NDArray[np.float32]:
    """A body with two femoral heads in their sockets and a sacrum, 400 mm wide."""
    bodies = [
        (0, 0, 0.9, 0.55, 0, 1030),
        (-0.45, 0.05, 0.13, 0.13, 0, 300),
        (0.45, 0.05, 0.13, 0.13, 0, 300),
        (0, 0.35, 0.12, 0.07, 0, 350),
    ]
    return draw_ellipses(np.array(bodies, np.float64), SIZE) - 1000


def jaw() -> NDArray[np.float32]:
    """A lower face: jaw open to the back, airway, spine."""
    head = draw_ellipses(np.array([(0, 0.02, 0.7, 0.84, 0, 1050.0)]), SIZE) - 1000
    y, x = (np.indices((SIZE, SIZE)) + 0.5) * 2 / SIZE - 1
    rim = np.abs(np.hypot(x / 0.42, (y + 0.15) / 0.5) - 1)
    bone = np.clip((0.11 - rim) / 0.03, 0, 1) * (y < 0.1)
    inside = np.array([(0, 0.25, 0.14, 0.06, 0, -1050.0), (0, 0.5, 0.16, 0.12, 0, 400.0)])
    return (head + bone * 1000 + draw_ellipses(inside, SIZE)).astype(np.float32)


def braincase() -> NDArray[np.float32]:
    shells = [(0, 0, 0.72, 0.86, 0, 1040), (0, 0, 0.68, 0.82, 0, 900), (0, 0, 0.62, 0.76, 0, -910)]
    return draw_ellipses(np.array(shells, np.float64), SIZE) - 1000


SLICES = {
    "chest": (thorax, CHEST_MM, "chest"),
    "pelvis": (pelvis, PELVIS_MM, "pelvis"),
    "jaw": (jaw, JAW_MM, "head"),
    "brain": (braincase, JAW_MM, "head"),
}


def source(name: str, region: str | None = None) -> Source:
    make, field, own = SLICES[name]
    values = make()
    return Source(name, "phantom", Modality.CT, region or own, "HU", values, field / SIZE, 3.0)


def placed(kind: str, name: str, seed: int = 0, size: float = 1.0) -> tuple[Rod, ...]:
    made = source(name)
    found = anatomy(made.values, made.pixel_mm)
    return place(kind, found, made.region, size, np.random.default_rng(seed))


def hu_at(name: str, x_mm: float, y_mm: float) -> float:
    made = source(name)
    return float(made.values[round(y_mm / made.pixel_mm), round(x_mm / made.pixel_mm)])


@given(
    st.floats(1.5, 12.0), st.floats(0.4, 2.0), st.floats(24.0, 30.0), st.floats(24.0, 30.0)
)  # fmt: skip
def test_a_ball_covers_the_area_of_its_circle(pixels, pixel, x, y) -> None:
    image = draw((disc((x * pixel, y * pixel), pixels * pixel),), (64, 64), pixel)
    # A rim of one pixel bends less than the circle does.
    assert image.sum() == pytest.approx(np.pi * pixels**2, rel=0.03, abs=0.6)
    assert image.min() >= 0 and image.max() <= 1


@given(st.floats(0, np.pi), st.floats(0.15, 3.0))
def test_a_rod_keeps_its_area_however_thin_and_however_it_lies(angle, radius) -> None:
    dx, dy = 25 * np.cos(angle), 25 * np.sin(angle)
    rod = Rod((40 - dx, 40 - dy), (40 + dx, 40 + dy), radius, radius)
    area = float(draw((rod,), (100, 100), 0.8).sum()) * 0.64
    assert area == pytest.approx(100 * radius + np.pi * radius**2, rel=0.04)


def test_overlapping_metal_is_no_more_than_metal() -> None:
    image = draw((disc((20, 20), 6), disc((22, 20), 6), disc((20, 20), 3, 0.5)), (50, 50), 1.0)
    assert image.max() == 1.0


def test_a_coil_is_partly_metal() -> None:
    assert draw((disc((20, 20), 6, 0.3),), (50, 50), 1.0).max() == pytest.approx(0.3)


def test_what_lies_outside_the_image_is_cut_off() -> None:
    image = draw((disc((0, 0), 5), disc((-60, 20), 5), disc((20, 900), 5)), (40, 50), 1.0)
    assert image[0, 0] == 1 and image[20:].max() == 0


@pytest.mark.parametrize("seed", range(5))
def test_pedicle_screws_end_in_the_vertebra_on_both_sides_of_the_middle(seed) -> None:
    shafts = [r for r in placed("pedicle screws", "chest", seed) if r.start != r.end]
    assert len(shafts) == 2
    middle = CHEST_MM / 2
    assert (shafts[0].end[0] - middle) * (shafts[1].end[0] - middle) < 0
    for shaft in shafts:
        assert hu_at("chest", *shaft.end) > 150  # the tip is in bone
        assert shaft.start[1] > shaft.end[1] + 15  # the head lies behind it
        assert abs(shaft.start[0] - middle) > abs(shaft.end[0] - middle)  # and they converge


def test_hips_are_where_the_femoral_heads_are() -> None:
    balls = [r for r in placed("two hips", "pelvis") if r.start == r.end]
    assert len(balls) == 2
    for ball, x in zip(balls, (-0.45, 0.45), strict=True):
        true = ((x + 1) * PELVIS_MM / 2, 1.05 * PELVIS_MM / 2)
        assert np.hypot(ball.start[0] - true[0], ball.start[1] - true[1]) < 8
        assert 12 < ball.start_radius < 20
    necks = [r for r in placed("two hips", "pelvis") if r.start != r.end]
    assert necks[0].end[0] < necks[0].start[0] and necks[1].end[0] > necks[1].start[0]


def test_one_hip_is_one_of_the_two() -> None:
    sides = {placed("hip", "pelvis", seed)[0].start[0] > PELVIS_MM / 2 for seed in range(8)}
    assert sides == {True, False}


@pytest.mark.parametrize("seed", range(4))
def test_teeth_are_filled_along_the_jaw(seed) -> None:
    rods = placed("dental work", "jaw", seed)
    assert 2 <= len(rods) <= 7
    for rod in rods:
        assert hu_at("jaw", *(np.add(rod.start, rod.end) / 2)) > 400
        assert rod.start[1] < 0.6 * JAW_MM  # in front


@pytest.mark.parametrize("name", ["chest", "pelvis", "brain"])
def test_a_plate_lies_on_bone_and_its_screws_hold_in_it(name) -> None:
    for seed in range(4):
        rods = placed("plate", name, seed)
        made = source(name)
        image = draw(rods, (SIZE, SIZE), made.pixel_mm)
        near = draw(tuple(Rod(r.start, r.end, 6, 6) for r in rods), (SIZE, SIZE), made.pixel_mm)
        assert made.values[near > 0.5].max() > 280
        assert image.sum() > 0


@pytest.mark.parametrize("name", list(SLICES))
def test_clips_find_a_place_in_soft_tissue(name) -> None:
    for seed in range(4):
        at = np.mean([np.add(r.start, r.end) / 2 for r in placed("clip", name, seed)], axis=0)
        assert hu_at(name, *at) > -200


def test_screws_of_a_plate_on_the_skull_stop_short_of_the_brain() -> None:
    for seed in range(6):
        rods = placed("plate", "brain", seed)
        screws = [r for r in rods if r.end_radius < r.start_radius]
        assert len(screws) >= 2
        for screw in screws:
            assert np.hypot(*np.subtract(screw.end, screw.start)) < 11
            assert screw.start_radius < 1.5


def test_the_size_changes_the_thickness_and_not_the_place() -> None:
    small, large = (placed("pedicle screws", "chest", 2, s) for s in (0.5, 1.0))
    for a, b in zip(small, large, strict=True):
        assert a.start == b.start and a.end == b.end
        assert a.start_radius == pytest.approx(0.5 * b.start_radius)


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("hip", "chest", "doesn't belong to region 'chest'"),
        ("dental work", "pelvis", "doesn't belong to region 'pelvis'"),
        ("dental work", "brain", "braincase"),
        ("pedicle screws", "jaw", "doesn't belong to region 'head'"),
    ],
)
def test_metal_that_does_not_belong_is_refused_with_the_reason(kind, name, reason) -> None:
    with pytest.raises(NoPlaceError, match=reason):
        placed(kind, name)


def test_bones_that_are_not_there_are_missed() -> None:
    soft = draw_ellipses(np.array([(0, 0, 0.8, 0.5, 0, 1040.0)]), SIZE) - 1000
    found = anatomy(soft, 1.5)
    rng = np.random.default_rng(0)
    for kind, what in (
        ("two hips", "femoral head"),
        ("pedicle screws", "vertebra"),
        ("plate", "bone"),
    ):
        with pytest.raises(NoPlaceError, match=what):
            place(kind, found, "whole body", 1.0, rng)
    with pytest.raises(NoPlaceError, match="teeth"):
        place("dental work", found, "head", 1.0, rng)


def test_an_image_of_air_has_no_place_for_metal() -> None:
    with pytest.raises(NoPlaceError, match="no body"):
        anatomy(np.full((64, 64), -1000, np.float32), 1.0)


def test_each_slice_knows_which_kinds_fit_it() -> None:
    assert set(kinds_for(source("chest"))) == {"pedicle screws", "plate", "clip"}
    assert {"hip", "two hips"} < set(kinds_for(source("pelvis")))
    assert "dental work" in kinds_for(source("jaw"))
    assert "dental work" not in kinds_for(source("brain"))
    air = Source("a", "a", Modality.CT, "chest", "HU", np.full((64, 64), -1000.0), 1.0, 1.0)
    assert kinds_for(air) == ()


@pytest.mark.parametrize("name", list(SLICES))
def test_every_kind_that_fits_can_be_made_and_said(name) -> None:
    made = source(name)
    for kind in kinds_for(made):
        pair = compose(made, [Metal(kind)], 1)
        finding = pair.finding(Degradation.METAL)
        assert finding is not None and finding.amount is not None
        assert pair.truth.max() > made.values.max() + 300
        assert np.isfinite(pair.image).all()


def test_random_metal_reaches_from_none_to_severe() -> None:
    rng = np.random.default_rng(0)
    kinds = kinds_for(source("chest"))
    metals = [random_metal(kinds, rng, STANDARD) for _ in range(9)]
    assert {m.kind for m in metals} <= set(kinds) and len({m.kind for m in metals}) > 2
    assert all(m.material in KINDS[m.kind].materials for m in metals)
    chest = source("chest")
    quick = [replace(m, scan=replace(m.scan, views=QUICK_VIEWS)) for m in metals]
    severities = {compose(chest, [m], 0).findings[0].severity for m in quick}
    assert {Severity.NONE, Severity.SEVERE} <= severities
    with pytest.raises(ValueError, match="kinds"):
        random_metal((), rng, STANDARD)


def test_streaks_are_measured_where_they_are() -> None:
    truth = np.full((90, 90), 40, np.float32)
    metal = draw((disc((45, 45), 4),), (90, 90), 1.0)
    image = truth.copy()
    image[28:62, 28:62] -= 100
    found = measure(image, truth, metal, 1.0, 20.0)
    assert found.hu == pytest.approx(100) and found.place == "centre"
    assert found.percent == pytest.approx(12.4, abs=1)
    everywhere = measure(truth + 50, truth, metal, 1.0, 20.0)
    assert everywhere.place == "throughout" and everywhere.hu == pytest.approx(50)
    nothing = measure(truth, truth, metal, 1.0, 20.0)
    assert nothing.hu == 0 and nothing.percent == 0 and nothing.place is None


@pytest.mark.data
def test_real_slices_have_their_bones_found(dev_series) -> None:
    pydicom = pytest.importorskip("pydicom")

    def real(series: str, part: str, region: str) -> Source:
        path = next(p for p in dev_series(series) if part in p.name)
        stored = pydicom.dcmread(path)
        slope, intercept = float(stored.RescaleSlope), float(stored.RescaleIntercept)
        values = stored.pixel_array.astype(np.float32) * slope + intercept
        spacing = float(stored.PixelSpacing[0])
        return Source(part, part, Modality.CT, region, "HU", values, spacing, 3.0)

    several = "ct_tcga_lung_1slice_per_patient"
    assert {"two hips", "plate"} < set(kinds_for(real(several, "ID_0077", "pelvis")))
    assert "hip" not in kinds_for(real(several, "ID_0079", "pelvis"))  # iliac wings only
    assert "pedicle screws" in kinds_for(real(several, "ID_0012", "abdomen"))
    brain = kinds_for(real("ct_head_ge", "15", "head"))
    assert "dental work" not in brain and "clip" in brain
