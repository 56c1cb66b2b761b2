"""Harm to MR and PET: who does nothing has zeros, who does something is told in per cent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engines.base import load_engine
from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.yardstick.contestant import UNTREATED
from engines.medq_uni.yardstick.harm.scaled import SETTINGS, scaled_tables
from engines.medq_uni.yardstick.harm.tables import words_on_clean
from tests.engines.yardstick.harm.chest import PHANTOM, by_slice
from tests.engines.yardstick.native.shapes import disc, rician
from tests.engines.yardstick.words.said import named, row

SCALES = {Modality.MR: ("signal", (150.0, 1200.0)), Modality.PT: ("Bq/ml", (1.0, 3000.0))}
WORDS = {Modality.MR: "mr", Modality.PT: "pet"}
MM = {Modality.MR: 1.2, Modality.PT: 2.5}
BLUR = by_slice("blur", lambda image: ndimage.gaussian_filter(image, 1.2))
HALF = by_slice("half", lambda image: image * np.float32(0.5))
BOTH = pytest.mark.parametrize("modality", [Modality.MR, Modality.PT])


def cases(modality, noise=0.0):
    """Bodies alike but for their scale."""
    unit, scales = SCALES[modality]
    found = []
    for k, scale in enumerate(scales):
        values = disc(70, scale) + disc(20, 0.1 * scale, (70, 60))
        values = rician(values, noise * scale, k) if noise else values
        name = f"phantom {modality} {k}"
        found.append(Source(name, name, modality, "head", unit, values, MM[modality], 3.0))
    return found


@BOTH
def test_who_leaves_images_alone_does_no_harm(modality) -> None:
    tables = scaled_tables([UNTREATED], cases(modality), cases(modality, 0.1))
    change = row(named(tables, f"harm_change_{WORDS[modality]}"), "input", "phantom")
    assert change["untouched (%)"] == 100
    assert {v for k, v in change.items() if k.endswith(("change (%)", "mean (%)"))} <= {0, 100}
    for name in ("harm_lesions", "lesions_in_noise"):
        table = named(tables, f"{name}_{WORDS[modality]}")
        shares = [c for cells in table.rows for c in cells[3:] if c is not None]
        assert shares == pytest.approx([100] * len(shares), abs=0.1)
        assert sum(int(cells[2]) for cells in table.rows) > 8


@BOTH
def test_half_of_everything_is_half_of_every_figure_whatever_the_scale(modality) -> None:
    tables = scaled_tables([HALF], cases(modality), [])
    change = row(named(tables, f"harm_change_{WORDS[modality]}"), "half", "phantom")
    assert change["bias, mean (%)"] == pytest.approx(-50, abs=2)
    assert change["bias, worst (%)"] == pytest.approx(-50, abs=3)
    assert change["mean change (%)"] == pytest.approx(50, abs=3)
    if modality is Modality.PT:
        assert change["total activity, mean (%)"] == pytest.approx(50)
        assert change["total activity, worst (%)"] == pytest.approx(50)
    lesions = named(tables, f"harm_lesions_{WORDS[modality]}")
    shares = [c for cells in lesions.rows for c in cells[3:] if c is not None]
    assert shares == pytest.approx([50] * len(shares), abs=0.1)


@BOTH
def test_a_blur_fades_small_lesions_most(modality) -> None:
    table = named(scaled_tables([BLUR], cases(modality), []), f"harm_lesions_{WORDS[modality]}")
    least = [row(table, "blur", d)["least (%)"] for d in SETTINGS[modality].kit.diameters_mm]
    assert least == sorted(least)
    assert least[0] < 85 < 94 < least[-1]


def test_a_single_wrong_pixel_is_told_in_per_cent_of_tissue() -> None:
    def spike(image):
        image = image.copy()
        image[100, 100] *= 1.3
        return image

    tables = scaled_tables([by_slice("spike", spike)], cases(Modality.MR), [])
    change = row(named(tables, "harm_change_mr"), "spike", "phantom")
    assert change["largest isolated (%)"] == pytest.approx(30, abs=2)
    assert change["mean change (%)"] < 0.1  # type: ignore[operator]


def test_words_on_clean_images_are_counted_by_modality() -> None:
    clean = [PHANTOM, *cases(Modality.MR), *cases(Modality.PT)]
    table = words_on_clean([load_engine("classical")], clean)
    assert [cells[:3] for cells in table.rows] == [
        ("classical", "CT", 1), ("classical", "MR", 2), ("classical", "PT", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", [[], [PHANTOM], [*cases(Modality.MR), *cases(Modality.PT)]])
def test_cases_of_none_of_ct_or_of_several_modalities_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="clean_cases must hold at least one source, all of MR"):
        scaled_tables([UNTREATED], wrong, [])


@BOTH
def test_images_that_hold_nothing_give_dashes_and_no_nonsense(modality) -> None:
    unit = SCALES[modality][0]
    nothing = [
        Source(f"p {v}", "p", modality, "head", unit, np.full((24, 24), v, np.float32), 1.0, 3.0)
        for v in (0.0, 1.0)
    ]
    for table in scaled_tables([UNTREATED, HALF], nothing, nothing):
        numbers = [c for cells in table.rows for c in cells if isinstance(c, float)]
        assert np.isfinite(numbers).all()
