"""Harm is told: every measure with someone who does it, and with someone who does nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from engines.base import ArrayStack, FloatArray, load_engine
from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.yardstick.contestant import UNTREATED, Contestant, own_words
from engines.medq_uni.yardstick.harm import anatomy
from engines.medq_uni.yardstick.harm.lesions import (
    CONTRASTS_HU,
    DIAMETERS_MM,
)
from engines.medq_uni.yardstick.harm.tables import harm_tables, words_on_clean
from engines.phantoms.ellipses import draw
from engines.phantoms.thorax import AIR_HU, FIELD_MM, thorax_ellipses
from tests.engines.stacks import dicom_stack
from tests.engines.yardstick.harm.chest import (
    BLUR,
    PHANTOM,
    PIXEL,
    REAL,
    TRUTH,
    by_slice,
    noisy,
    source,
)
from tests.engines.yardstick.words.said import named, row

SHIFT = by_slice("shift", lambda image: image + 2)

FINE = np.maximum(draw(thorax_ellipses(0.3), 512) + AIR_HU, -1024).astype(np.float32)
FINE_GRAIN = ndimage.gaussian_filter(np.random.default_rng(4).normal(0, 1, FINE.shape), 0.8)
FINE_GRAIN /= FINE_GRAIN.std()


@pytest.fixture(scope="module")
def tables():
    return harm_tables([UNTREATED, BLUR, SHIFT], [PHANTOM, REAL])


def test_who_leaves_images_alone_does_no_harm_in_any_table(tables) -> None:
    for kind in ("real", "phantom"):
        change = row(named(tables, "harm_change"), "input", kind)
        assert change.pop("untouched (%)") == 100
        assert not any(v for k, v in change.items() if k not in ("contestant", "kind", "images"))
        bias = row(named(tables, "harm_bias"), "input", kind)
        assert {v for k, v in bias.items() if k.endswith("(HU)")} == {0.0}
    for diameter in DIAMETERS_MM:
        found = row(named(tables, "harm_lesions"), "input", diameter)
        shares = [found[f"{contrast:g} HU (%)"] for contrast in CONTRASTS_HU]
        assert shares == pytest.approx([100] * len(CONTRASTS_HU), abs=0.01)
    noise = row(named(tables, "harm_inventions"), "input", 25.0)
    assert (noise["invented per image"], noise["shift of the mean (HU)"]) == (0, 0)
    assert noise["noise left (%)"] == pytest.approx(100)


def test_a_blur_is_told_by_the_anatomy_in_it_and_by_the_small_lesions_it_fades(tables) -> None:
    for kind in ("real", "phantom"):
        found = row(named(tables, "harm_change"), "blur", kind)
        assert found["untouched (%)"] == 0
        assert found["anatomy in it (%)"] > 50
        assert found["relation to edges"] > 0.4
    shares = [row(named(tables, "harm_lesions"), "blur", d)["10 HU (%)"] for d in DIAMETERS_MM]
    assert shares == sorted(shares)
    assert shares[0] < 80 < 95 < shares[-1]


def test_a_bias_of_2_hu_is_told_in_every_tissue_and_does_no_other_harm(tables) -> None:
    for kind in ("real", "phantom"):
        bias = row(named(tables, "harm_bias"), "shift", kind)
        assert [v for k, v in bias.items() if k.endswith("(HU)")] == pytest.approx([2.0] * 8)
        change = row(named(tables, "harm_change"), "shift", kind)
        assert change["mean change (HU)"] == pytest.approx(2)
        assert change["largest isolated (HU)"] == pytest.approx(0, abs=1e-3)
        assert change["relation to edges"] == pytest.approx(0, abs=1e-3)
    assert row(named(tables, "harm_lesions"), "shift", 3.0)["5 HU (%)"] == pytest.approx(100, abs=1)
    noise = row(named(tables, "harm_inventions"), "shift", 25.0)
    assert noise["shift of the mean (HU)"] == pytest.approx(2)
    assert noise["invented per image"] == 0


def test_removing_noise_and_nothing_else_is_no_harm() -> None:
    image = np.asarray(FINE + 15 * FINE_GRAIN, np.float32)
    perfect = by_slice("perfect", lambda image: FINE if image.shape == FINE.shape else image)
    case = replace(source(image, 15.0), pixel_mm=FIELD_MM / 512)
    tables = harm_tables([perfect], [case])
    bias = row(named(tables, "harm_bias"), "perfect", "real")
    for tissue in ("lung", "fat", "soft tissue"):
        assert bias[f"{tissue}, mean (HU)"] == pytest.approx(0, abs=1)
    change = row(named(tables, "harm_change"), "perfect", "real")
    assert change["anatomy in it (%)"] < 5  # type: ignore[operator]
    assert abs(change["relation to edges"]) < 0.1  # type: ignore[arg-type]
    assert 3 < change["largest isolated (sigma)"] < 6  # type: ignore[operator]


def test_tissue_chosen_on_noisy_values_would_accuse_the_innocent() -> None:
    image = np.asarray(FINE + 30 * FINE_GRAIN, np.float32)
    low, high = next(t[1:] for t in anatomy.TISSUES if t[0] == "soft tissue")
    chosen_on_noise = (image >= low) & (image <= high)
    chosen_well = anatomy.flat_regions(image, FIELD_MM / 512)["soft tissue"]
    change = FINE - image
    assert abs(change[chosen_on_noise].mean()) > 3
    assert abs(change[chosen_well].mean()) < 1


def test_a_single_wrong_pixel_is_told_however_good_the_rest_is() -> None:
    flat = np.argwhere(anatomy.flat_regions(TRUTH, PIXEL)["soft tissue"])[40]

    def spike(image: FloatArray) -> FloatArray:
        image = image.copy()
        image[tuple(flat)] += 30
        return image

    found = row(
        named(harm_tables([by_slice("spike", spike)], [REAL]), "harm_change"), "spike", "real"
    )
    assert found["largest isolated (HU)"] == pytest.approx(30, abs=0.01)
    assert found["largest isolated (sigma)"] == pytest.approx(3, abs=0.01)
    assert found["mean change (HU)"] < 0.01  # type: ignore[operator]


def test_the_classical_engine_calls_clean_images_good_and_leaves_them() -> None:
    engine = load_engine("classical")
    cases = [replace(PHANTOM, name="a"), source(noisy(6.0), 6.0, "b")]
    words = words_on_clean([engine], cases)
    assert row(words, "classical")["called good (%)"] == 100
    assert row(words, "classical")["wrongly found"] == "nothing"
    change = named(harm_tables([own_words(engine)], cases), "harm_change")
    assert {row(change, "classical", k)["untouched (%)"] for k in ("real", "phantom")} == {100}


def test_who_writes_into_the_input_has_not_left_it_alone() -> None:
    def restore(stack: ArrayStack, _: float) -> FloatArray:
        stack.values[...] += 5
        return stack.values

    change = named(harm_tables([Contestant("vandal", restore)], [REAL]), "harm_change")
    assert row(change, "vandal", "real")["untouched (%)"] == 0
    assert row(change, "vandal", "real")["mean change (HU)"] == pytest.approx(5)


def test_what_is_wrongly_found_on_clean_images_is_named() -> None:
    words = words_on_clean([load_engine("classical")], [source(noisy(30.0), 30.0)])
    assert row(words, "classical")["called usable (%)"] == 100
    assert row(words, "classical")["wrongly found"] == "noise (1)"


@pytest.mark.parametrize(("value", "shape"), [(-1000.0, (40, 90)), (40.0, (90, 90))])
def test_images_that_hold_nothing_give_dashes_and_no_nonsense(
    value: float, shape: tuple[int, int]
) -> None:
    flat = source(np.full(shape, value, np.float32), 0.0)
    for table in harm_tables([UNTREATED, SHIFT], [flat]):
        numbers = [c for cells in table.rows for c in cells if isinstance(c, float)]
        assert np.isfinite(numbers).all()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (by_slice("holes", lambda image: image * np.nan), "holes"),
        (Contestant("cropper", lambda stack, _: stack.values[:, 1:]), "cropper"),
    ],
)
def test_a_contestant_that_gives_no_image_is_refused_by_name(bad: Contestant, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        harm_tables([bad], [PHANTOM])


def test_cases_that_are_none_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="clean_cases"):
        harm_tables([UNTREATED], [])
    holes = np.where(TRUTH > 0, np.nan, TRUTH).astype(np.float32)
    with pytest.raises(ValueError, match="values of source 'chest' has NaN"):
        harm_tables([UNTREATED], [source(holes, 0.0)])
    with pytest.raises(ValueError, match="must be CT in HU, not MR"):
        harm_tables([UNTREATED], [replace(PHANTOM, modality=Modality.MR)])


@pytest.mark.data
def test_a_real_normal_dose_slice_is_left_alone_and_a_blur_of_it_is_told(dev_series) -> None:
    files: list[Path] = dev_series("ct_crlm1004_abdomen")[:1]
    stack = dicom_stack(files)
    values = np.maximum(stack.values[0], -1024)
    case = Source(
        "liver", "p", Modality.CT, "abdomen", "HU", values, stack.info.spacing_mm[1], 5.0, 10.0
    )
    found = named(harm_tables([own_words(load_engine("classical")), BLUR], [case]), "harm_change")
    assert row(found, "classical", "real")["untouched (%)"] == 100
    assert row(found, "blur", "real")["anatomy in it (%)"] > 30  # type: ignore[operator]


def test_a_body_is_the_patient_with_lungs_and_without_the_table() -> None:
    scene = TRUTH.copy()
    scene[-20:] = -1000
    scene[-8:-4, 40:-40] = 0  # a table
    inside = anatomy.body(scene, PIXEL)
    lungs = ndimage.binary_opening((scene < -700) & (scene > -900), iterations=2)
    lungs[-60:] = False
    assert inside[lungs].mean() > 0.99
    assert not inside[-20:].any()
    assert not anatomy.edges(scene, PIXEL)[~inside].any()
    assert not (anatomy.away_from_edges(scene, PIXEL) & anatomy.edges(scene, PIXEL)).any()
