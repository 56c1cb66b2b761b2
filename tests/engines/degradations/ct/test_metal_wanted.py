"""Metal with streaks of the severity that was asked for."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct.metal import Metal, random_metal
from engines.medq_uni.degradations.ct.metal_scan import VIEWS, MetalScan
from engines.medq_uni.degradations.ct.metal_sites import anatomy
from engines.medq_uni.degradations.ct.metal_wanted import QUICK_VIEWS, SomeMetal, aim, smaller
from engines.medq_uni.degradations.kernels import STANDARD
from engines.medq_uni.pair import Pair, Source, compose
from engines.medq_uni.tasks.task import DEGREES
from engines.phantoms.anatomy import PLANS, random_phantom
from engines.severity import cut_offs, severity_of
from tests.engines.degradations.ct.metal_bodies import amount, pair


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@cache
def drawn(region: str) -> Source:
    made = random_phantom(region, 201, 128)
    return Source("drawn", "one", Modality.CT, region, "HU", made.values[0], made.pixel_mm, 3.0)


@pytest.mark.parametrize("severity", DEGREES)
def test_streaks_have_the_severity_that_was_asked_for(severity) -> None:
    got: Counter[Severity] = Counter()
    for region in (kind.region for kind in PLANS if kind.modality is Modality.CT):
        for seed in range(3):
            finding = compose(drawn(region), [SomeMetal(severity)], seed).finding(Degradation.METAL)
            assert finding is not None and finding.severity is not None
            got[finding.severity] += 1
    assert got[severity] >= got.total() - 1


@pytest.mark.parametrize("severity", DEGREES)
def test_nearly_all_scans_are_quick_ones(severity, monkeypatch) -> None:
    views, insert = list[int](), Metal.insert

    def counted(
        self: Metal, pair: Pair, fraction: NDArray[np.float32], rng: np.random.Generator
    ) -> Pair:
        views.append(self.scan.views)
        return insert(self, pair, fraction, rng)

    monkeypatch.setattr(Metal, "insert", counted)
    for seed in range(4):
        compose(drawn("abdomen"), [SomeMetal(severity)], seed)
    assert 4 <= views.count(VIEWS) <= 4 + 2  # a quick one may be wrong now and then
    assert len(views) <= 4 * 6


@pytest.mark.parametrize(("region", "kind"), [("abdomen", "plate"), ("chest", "plate")])
def test_a_quick_scan_tells_about_how_strong_streaks_are(region, kind) -> None:
    made = random_phantom(region, 202, 400)
    source = Source("s", "s", Modality.CT, region, "HU", made.values[0], made.pixel_mm, 3.0)
    whole = Pair.clean(source)
    small = smaller(whole)
    assert small.image.shape == small.source.values.shape == (200, 200)
    assert small.source.pixel_mm == 2 * source.pixel_mm
    part = Metal(kind).drawn(source, anatomy(source.values, source.pixel_mm), generator(1))
    quick = part.reshape(200, 2, 200, 2).mean(axis=(1, 3))
    real = amount(Metal(kind).insert(whole, part, generator(2)))
    told = Metal(kind, scan=MetalScan(views=QUICK_VIEWS)).insert(small, quick, generator(2))
    assert real > 30
    assert amount(told) == pytest.approx(real, rel=0.25)


@pytest.mark.parametrize(
    ("shape", "pixel_mm", "step"),
    [
        ((128, 128), 3.0, 1),
        ((512, 512), 0.7, 2),
        ((511, 300), 0.7, 2),
        ((1024, 1024), 0.35, 4),
        ((512, 512), 2.0, 1),  # coarse as it is
        ((4096, 40), 0.1, 2),  # 16 pixels at least
    ],
)
def test_what_is_scanned_quickly_is_small_and_not_too_coarse(shape, pixel_mm, step) -> None:
    values = generator(0).uniform(-1000, 1000, shape).astype(np.float32)
    source = Source("s", "s", Modality.CT, "head", "HU", values, pixel_mm, 3.0)
    small = smaller(Pair.clean(source))
    rows, columns = (length // step for length in shape)
    assert small.image.shape == (rows, columns)
    assert small.source.pixel_mm == step * pixel_mm
    last = values[(rows - 1) * step : rows * step, (columns - 1) * step : columns * step]
    assert small.truth[-1, -1] == pytest.approx(last.mean(), abs=0.01)


def test_it_is_the_same_implant_that_fills_less_of_the_slice() -> None:
    made = {
        severity: dict(compose(drawn("head"), [SomeMetal(severity)], 0).recipe)
        for severity in DEGREES
    }
    first, *others = [
        {name: value for name, value in recipe.items() if name != "metal_share"}
        for recipe in made.values()
    ]
    assert all(other == first for other in others)
    shares = [float(recipe["metal_share"]) for recipe in made.values()]
    assert shares == sorted(shares) and 0.05 <= shares[0] < shares[-1] <= 1


@pytest.mark.parametrize("severity", [Severity.NONE, *DEGREES])
def test_the_aim_lies_well_within_the_severity(severity) -> None:
    row = cut_offs(Modality.CT, Degradation.METAL, "chest")
    assert row is not None
    for factor in (0.8, 1, 1.2):
        assert severity_of(factor * aim(severity, row), row) is severity


def test_less_dose_makes_streaks_of_one_implant_stronger() -> None:
    kinds = ("hip",)
    source = pair().source
    amounts = []
    for dose in (1.0, 0.1):
        metal = random_metal(kinds, np.random.default_rng(0), STANDARD, dose)
        assert metal.scan.counting.dose == dose
        part = np.zeros(source.values.shape, np.float32)
        part[90:100, 60:70] = 1
        amounts.append(amount(metal.insert(pair(), part, np.random.default_rng(1))))
    assert amounts[1] > 1.1 * amounts[0]


def test_the_same_seed_gives_the_same_pair() -> None:
    first, again = (compose(drawn("chest"), [SomeMetal(Severity.MILD)], 4) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    assert first.recipe == again.recipe


def test_an_image_without_a_body_has_no_implant() -> None:
    air = np.full((64, 64), -1000, np.float32)
    source = Source("air", "air", Modality.CT, "chest", "HU", air, 1.0, 1.0)
    with pytest.raises(NoPlaceError, match="air"):
        compose(source, [SomeMetal(Severity.MILD)], 0)
