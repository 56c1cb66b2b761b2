"""Metal with streaks of the severity that was asked for."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from engines.description import Degradation, Modality, Severity
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct.metal import Metal, random_metal
from engines.medq_uni.degradations.ct.metal_wanted import SomeMetal, aim
from engines.medq_uni.degradations.kernels import STANDARD
from engines.medq_uni.pair import Pair, Source, compose
from engines.medq_uni.tasks.task import DEGREES
from engines.phantoms.anatomy import PLANS, random_phantom
from engines.severity import cut_offs, severity_of
from tests.engines.degradations.ct.metal_bodies import amount, pair


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


def test_an_implant_is_scanned_a_few_times_at_most(monkeypatch) -> None:
    count, apply = 0, Metal.apply

    def counted(self: Metal, pair: Pair, rng: np.random.Generator) -> Pair:
        nonlocal count
        count += 1
        return apply(self, pair, rng)

    monkeypatch.setattr(Metal, "apply", counted)
    for seed in range(6):
        compose(drawn("abdomen"), [SomeMetal(Severity.MODERATE)], seed)
    assert count <= 6 * 5


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
