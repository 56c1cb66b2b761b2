"""The physicist's table: filters whose effect is known are found to have it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from engines.base import ArrayStack, FloatArray
from engines.medq_uni.degradations.kernels import STANDARD
from engines.medq_uni.yardstick.contestant import UNTREATED, Contestant
from engines.medq_uni.yardstick.physicist import measures as phantom_measures
from engines.medq_uni.yardstick.physicist import pictures as physicist_plots
from engines.medq_uni.yardstick.physicist.acquire import QUICK, Protocol, acquire, restored
from engines.medq_uni.yardstick.physicist.measures import (
    HIGH_EDGES,
    LOW_EDGES,
    SIZES,
    Measures,
    measures,
)
from engines.medq_uni.yardstick.physicist.mtf import Sharpness, Transfer
from engines.medq_uni.yardstick.physicist.tables import (
    physicist_figures,
    physicist_tables,
    tables_of,
)
from engines.medq_uni.yardstick.table import Cell, Table

SIGMA_MM = 0.7
TINY = Protocol(128, 1.65, 2, 4, (1.0,), (STANDARD,))
MM = QUICK.pixel_mm


def blurred(stack: ArrayStack, noise: float) -> FloatArray:
    sigma = SIGMA_MM / MM
    found = ndimage.gaussian_filter(stack.values, (0, sigma, sigma), truncate=6)
    return np.asarray(found, np.float32)


def towards_grey(stack: ArrayStack, noise: float) -> FloatArray:
    return np.asarray(30 + 0.5 * (stack.values - 30), np.float32)


def wiped(stack: ArrayStack, noise: float) -> FloatArray:
    return np.zeros_like(stack.values)


def painted(stack: ArrayStack, noise: float) -> FloatArray:
    """Everything that may be soft tissue in one grey, faint lesions and all."""
    smooth = ndimage.gaussian_filter(stack.values, (0, 1.5, 1.5))
    return np.asarray(np.where(np.abs(smooth - 40) < 35, 40, stack.values), np.float32)


def mixed(stack: ArrayStack, noise: float) -> FloatArray:
    found = ndimage.uniform_filter1d(stack.values, 3, axis=0, mode="nearest")
    return np.asarray(found, np.float32)


GRAIN = ndimage.gaussian_filter(np.random.default_rng(7).normal(size=(QUICK.size, QUICK.size)), 2)
GRAIN *= 6 / GRAIN.std()


def textured(stack: ArrayStack, noise: float) -> FloatArray:
    return np.asarray(stack.values + GRAIN, np.float32)


PAINT = Contestant("paint", painted)
MIX = Contestant("mix", mixed)
TEXTURE = Contestant("texture", textured)
BLUR = Contestant("blur", blurred)
GREY = Contestant("grey", towards_grey)
WIPE = Contestant("wipe", wiped)
METHODS = (UNTREATED, BLUR, GREY, WIPE, PAINT, MIX, TEXTURE)


@pytest.fixture(scope="module")
def found() -> list[Measures]:
    made = []
    for dose in (1.0, 0.25):
        series = acquire(QUICK, dose, STANDARD)
        for contestant in METHODS:
            made.append(measures(series, restored(series, contestant), contestant.name))
    return made


def of(found: list[Measures], method: str, dose: float = 0.25) -> Measures:
    return next(m for m in found if m.method == method and m.dose == dose)


def test_the_untouched_input_is_as_sharp_as_its_kernel_at_strong_and_faint_edges(
    found: list[Measures],
) -> None:
    lp_cm = np.arange(0, 6, 0.02)
    known = Transfer(lp_cm, STANDARD.response(lp_cm) * np.sinc(lp_cm / 10 * MM))
    for name in ("bone", "air", *LOW_EDGES):
        sharp = of(found, "input", 1.0).edges[name]
        assert sharp is not None
        assert sharp.mtf50 == pytest.approx(known.frequency_at(0.5), rel=0.03)


def test_a_blur_is_found_in_the_curve_it_has(found: list[Measures]) -> None:
    for name in ("bone", "20 HU"):
        before, after = (of(found, m).edges[name] for m in ("input", "blur"))
        assert before is not None
        assert after is not None
        f = before.transfer.lp_cm
        known = before.transfer.modulation * np.exp(-2 * (np.pi * f / 10 * SIGMA_MM) ** 2)
        seen = f < 4
        assert after.transfer.modulation[seen] == pytest.approx(known[seen], abs=0.03)


def test_a_blur_makes_noise_less_and_its_grain_coarser(found: list[Measures]) -> None:
    before, after = of(found, "input"), of(found, "blur")
    f = before.nps.lp_cm
    known = before.nps.power * np.exp(-4 * (np.pi * f / 10 * SIGMA_MM) ** 2)
    assert after.nps.power[2:10] == pytest.approx(known[2:10], rel=0.12)
    assert after.noise < 0.75 * before.noise
    assert after.nps.mean_lp_cm < 0.9 * before.nps.mean_lp_cm


def test_a_blur_gains_nothing_for_an_observer_who_can_undo_it(found: list[Measures]) -> None:
    for name in ("6 mm", "4 mm"):
        before, after = (of(found, m).seen[name] for m in ("input", "blur"))
        assert before is not None
        assert after is not None
        assert after.d_prime == pytest.approx(before.d_prime, rel=0.1)


def test_detectability_goes_with_the_square_root_of_dose(found: list[Measures]) -> None:
    ratios, errors = [], []
    for name in SIZES:
        full, quarter = (of(found, "input", dose).seen[name] for dose in (1.0, 0.25))
        assert full is not None
        assert quarter is not None
        ratios.append(math.log(full.d_prime / quarter.d_prime))
        errors.append(math.hypot(full.error / full.d_prime, quarter.error / quarter.d_prime))
    weight = 1 / np.square(errors)
    mean = float((weight * ratios).sum() / weight.sum())
    assert mean == pytest.approx(math.log(2), abs=3 / math.sqrt(weight.sum()))
    assert mean > 0.3


def test_larger_discs_are_seen_better(found: list[Measures]) -> None:
    seen = [of(found, "input", 1.0).seen[name] for name in SIZES]
    d_prime = [s.d_prime for s in seen if s is not None]
    assert len(d_prime) == len(SIZES)
    assert d_prime == sorted(d_prime, reverse=True)


def test_halved_contrast_shows_in_ct_numbers_and_nowhere_else(found: list[Measures]) -> None:
    before, after = of(found, "input"), of(found, "grey")
    assert after.contrast["20 HU"] == pytest.approx(0.5, abs=0.01)
    assert after.bias["bone"] == pytest.approx(-(955 - 30) / 2, abs=3)
    assert after.bias["air"] == pytest.approx((1000 + 30) / 2, abs=3)
    assert after.noise == pytest.approx(before.noise / 2, rel=1e-3)
    assert after.nps.mean_lp_cm == pytest.approx(before.nps.mean_lp_cm, rel=1e-3)
    for name in HIGH_EDGES:
        sharp, then = after.edges[name], before.edges[name]
        assert sharp is not None
        assert then is not None
        assert sharp.mtf50 == pytest.approx(then.mtf50, rel=1e-3)
    for name in SIZES:
        seen, was = after.seen[name], before.seen[name]
        assert seen is not None
        assert was is not None
        assert seen.d_prime == pytest.approx(was.d_prime, rel=0.01)


def test_the_input_has_true_ct_numbers(found: list[Measures]) -> None:
    for name, bias in of(found, "input", 1.0).bias.items():
        assert abs(bias) < 1.5, name


def test_an_image_wiped_clean_has_nothing_to_measure_and_the_table_says_so(
    found: list[Measures],
) -> None:
    gone = of(found, "wipe")
    assert gone.noise == 0
    assert all(edge is None for edge in gone.edges.values())
    assert all(seen is None for seen in gone.seen.values())
    for table in tables_of(found):
        assert "nan" not in table.markdown()
        assert "inf" not in table.csv()


def test_who_paints_faint_discs_over_is_told_in_the_summary(found: list[Measures]) -> None:
    paint = summary(found, "paint")
    lost, of = str(paint["edges lost"]).split(" of ")
    assert 8 <= int(lost) < int(of)
    assert paint["d' lost"] == "8 of 8"
    assert str(paint["worst MTF50 % (80 HU to 10 HU)"]).startswith("4 lost, else ")
    assert float(paint["least contrast kept %"] or 0) < 5
    for method in ("blur", "grey", "mix", "texture"):
        assert str(summary(found, method)["edges lost"]).startswith("0 of")
        assert summary(found, method)["d' lost"] == "0 of 8"
    rows = {t.name: t for t in tables_of(found)}
    assert "lost" in next(r for r in rows["physicist_detection"].rows if r[2] == "paint")


def test_a_gain_elsewhere_hides_no_loss() -> None:
    def uneven(stack: ArrayStack, noise: float) -> FloatArray:
        """Sharpens bone by much, blurs all else by little."""
        soft = ndimage.gaussian_filter(stack.values, (0, 0.6, 0.6))
        sharp = 1.6 * stack.values - 0.6 * ndimage.gaussian_filter(stack.values, (0, 1, 1))
        near = ndimage.binary_dilation(stack.values > 500, iterations=12)
        return np.asarray(np.where(near, sharp, soft), np.float32)

    series = acquire(QUICK, 1.0, STANDARD)
    contestants = (UNTREATED, Contestant("uneven", uneven))
    made = [measures(series, restored(series, c), c.name) for c in contestants]
    bone, then = (m.edges["bone"] for m in reversed(made))
    assert bone is not None and bone.mtf50 is not None
    assert then is not None and then.mtf50 is not None
    assert bone.mtf50 > 1.2 * then.mtf50
    worst = summary(made, "uneven")["worst MTF50 % (bone, air)"]
    assert isinstance(worst, float)
    assert -40 < worst < -3


def test_an_edge_too_sharp_to_be_measured_is_not_lost(found: list[Measures]) -> None:
    before, after = of(found, "input"), of(found, "blur")
    assert before.edges["bone"] is not None
    lp_cm = before.edges["bone"].transfer.lp_cm
    flat = Transfer(lp_cm, np.ones_like(lp_cm))
    poor = Transfer(lp_cm, np.exp(-lp_cm))
    for shape, lost in ((flat, "0 of 9"), (poor, "1 of 9")):
        edge = Sharpness(shape, None, None, None, None)
        one = replace(after, edges={**after.edges, "bone": edge})
        assert summary([before, one], "blur")["edges lost"] == lost


def test_mixing_slices_costs_sharpness_through_the_plane_and_no_ct_number(
    found: list[Measures],
) -> None:
    for name, width in of(found, "input").through.items():
        assert width == pytest.approx(0.8, abs=0.01), name
    for method, slices in (("blur", 0.8), ("grey", 0.8), ("mix", 2.4)):
        widths = of(found, method).through
        assert widths["bone"] == pytest.approx(slices, abs=0.05)
        assert widths["10 HU"] == pytest.approx(slices, abs=0.15)
    for name, bias in of(found, "mix", 1.0).bias.items():
        assert abs(bias) < 1.5, name
    assert summary(found, "mix")["widest edge through the plane (slices)"] == pytest.approx(
        2.4, abs=0.15
    )
    assert set(of(found, "wipe").through.values()) == {None}


def test_a_texture_that_is_the_same_on_all_slices_is_told_from_noise(
    found: list[Measures],
) -> None:
    for dose in (1.0, 0.25):
        noise = of(found, "input", dose).noise
        assert of(found, "texture", dose).noise == pytest.approx(noise, rel=1e-3)
        assert of(found, "texture", dose).pattern == pytest.approx(6, rel=0.15)
        for method in ("input", "blur", "grey", "mix"):
            assert of(found, method, dose).pattern < 2, method


def summary(found: list[Measures], method: str) -> dict[str, Cell]:
    table = tables_of(found)[0]
    row = next(r for r in table.rows if r[0] == method)
    return dict(zip(table.columns, row, strict=True))


def test_the_tables_name_every_condition_and_method_once(found: list[Measures]) -> None:
    tables = {t.name: t for t in tables_of(found)}
    assert set(tables) == {
        "physicist_summary", "physicist_noise", "physicist_mtf50", "physicist_mtf10",
        "physicist_hu", "physicist_detection", "physicist_through",
    }  # fmt: skip
    for table in tables.values():
        if table.name != "physicist_summary":
            assert len({row[:3] for row in table.rows}) == len(table.rows) == len(found)
    assert [row[0] for row in tables["physicist_summary"].rows[1:]] == [m.name for m in METHODS[1:]]
    assert cell(tables["physicist_noise"], "grey", "reduction %") == pytest.approx(50, abs=0.1)
    assert cell(tables["physicist_hu"], "grey", "20 HU kept %") == pytest.approx(50, abs=1)
    assert cell(tables["physicist_mtf50"], "input", "bone change %") == 0


def cell(table: Table, method: str, column: str) -> float:
    row = next(r for r in table.rows if r[2] == method)
    value = row[table.columns.index(column)]
    assert isinstance(value, float)
    return value


def test_the_pictures_are_drawn_from_what_was_measured(
    found: list[Measures], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(physicist_plots, "QUICK", TINY)
    paths = physicist_figures(tmp_path / "new", [BLUR, GREY], found, quick=True)
    assert [p.name for p in paths] == [
        f"physicist_{n}.png" for n in ("phantom", "sharpness", "noise", "detectability")
    ]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 20_000
    with pytest.raises(ValueError, match="no measures"):
        physicist_figures(tmp_path, [BLUR], [], quick=True)


def test_every_contestant_is_measured_beside_the_input_and_progress_counts_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phantom_measures, "QUICK", TINY)
    seen: list[tuple[int, int]] = []
    names = [t.name for t in physicist_tables([GREY], True, lambda *at: seen.append(at))]
    assert names[0] == "physicist_summary"
    assert seen == [(1, 2), (2, 2)]


def test_two_contestants_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="name of its own"):
        physicist_tables([GREY, Contestant("grey", wiped)], quick=True)
