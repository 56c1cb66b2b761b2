"""Where implants belong in bodies that look real: vertebrae, vessels, heads without teeth."""

import numpy as np
import pytest

from engines.description import Modality
from engines.medq_uni.degradations.checks import NoPlaceError
from engines.medq_uni.degradations.ct.metal import kinds_for
from engines.medq_uni.degradations.ct.metal_shapes import disc, draw, place
from engines.medq_uni.degradations.ct.metal_sites import anatomy
from engines.medq_uni.degradations.ct.metal_spine import vertebra
from engines.medq_uni.pair import Source
from engines.phantoms.anatomy import random_phantom


def phantom(region: str, seed: int, size: int = 128) -> Source:
    drawn = random_phantom(region, seed, size)
    return Source(
        "drawn", "phantom", Modality.CT, region, "HU", drawn.values[0], drawn.pixel_mm, 3.0
    )


@pytest.mark.parametrize(("region", "seed"), [("head", 1), ("head", 2), ("abdomen", 1)])
def test_a_coil_fits_into_the_soft_tissue_around_it(region, seed) -> None:
    drawn = phantom(region, seed)
    values, pixel_mm = drawn.values, drawn.pixel_mm
    found = anatomy(values, pixel_mm)
    for chance in range(6):
        (coil,) = place("coil", found, region, 1.3, np.random.default_rng(chance))
        assert 1 < coil.start_radius < 6
        covered = draw((disc(coil.start, coil.start_radius),), values.shape, pixel_mm) > 0.5
        assert np.all((values[covered] > -150) & (values[covered] < 300))


@pytest.mark.parametrize("region", ["chest", "pelvis", "spine"])
def test_vessels_are_coiled_in_head_and_abdomen_only(region) -> None:
    drawn = phantom("abdomen", 1)
    found = anatomy(drawn.values, drawn.pixel_mm)
    with pytest.raises(NoPlaceError, match="doesn't belong to region"):
        place("coil", found, region, 1.0, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("region", "seed", "holds"),
    [
        ("chest", 5, True),
        ("chest", 2, False),  # a disc
        ("abdomen", 2, True),
        ("abdomen", 5, False),  # a disc
        ("pelvis", 0, False),  # the symphysis
        ("pelvis", 1, False),  # the coccyx
        ("pelvis", 7, False),
    ],
)
def test_screws_need_a_vertebra_with_a_canal(region, seed, holds) -> None:
    drawn = phantom(region, seed, 256)
    found = anatomy(drawn.values, drawn.pixel_mm)
    if holds:
        spine = vertebra(found)
        assert 8 <= spine.canal <= 28 and spine.centre[1] > found.middle[1]
    else:
        with pytest.raises(NoPlaceError, match="vertebra"):
            vertebra(found)


@pytest.mark.parametrize("seed", [3, 14, 16, 31])
def test_heads_without_teeth_get_plates_clips_and_coils(seed) -> None:
    """The second cuts the base of the skull, the last two a frontal sinus with thin walls."""
    assert set(kinds_for(phantom("head", seed))) == {"plate", "clip", "coil"}
