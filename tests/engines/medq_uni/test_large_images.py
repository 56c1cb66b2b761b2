"""Large images: looked at in a mosaic, mended in tiles, in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from engines.base import ArrayStack
from engines.description import Degradation, Modality, Severity
from engines.medq_uni import mending, viewing
from engines.medq_uni.mending import Order, changes_of
from engines.quality import format_sentence, parse_sentence
from tests.engines.medq_uni.made import engine, noise, words
from tests.engines.stacks import disc_stack, info


def test_a_mosaic_is_spread_evenly_from_end_to_end_in_whole_tiles() -> None:
    assert viewing.spread(1024) is None
    for length in (1025, 1500, 4096, 20_000):
        at = viewing.spread(length)
        assert at is not None and len(at) == viewing.LARGEST_SIDE
        assert at[0] == 0 and at[-1] == length - 1
        tiles = at.reshape(-1, viewing.TILE)
        assert (np.diff(tiles, axis=1) == 1).all()
        assert np.ptp(np.diff(tiles[:, 0])) <= 1


def test_only_long_sides_are_looked_at_in_tiles() -> None:
    one = disc_stack(Modality.CT, 20, 1, 1100)
    view = viewing.view_of(one.values[0, :100], one.valid[0, :100], one.info)
    assert view is None  # a strip of air
    view = viewing.view_of(one.values[0, 500:600], one.valid[0, 500:600], one.info)
    assert view is not None
    assert view.look.image.shape == (100, 1024) and view.image.shape == (100, 1100)
    at = viewing.spread(1100)
    assert at is not None and np.array_equal(view.look.image, view.image[:, at])


@pytest.mark.parametrize("length", [1, 31, 1024, 1025, 1500, 4096])
def test_tiles_cover_everything_once_on_the_experts_grid(length: int) -> None:
    covered = np.zeros(length, int)
    for part, kept, core in mending._along(length):
        covered[core] += 1
        assert part.start % 32 == 0 and part.stop - part.start <= mending.TILE
        assert (part.start + kept.start, part.start + kept.stop) == (core.start, core.stop)
        assert kept.start >= mending.MARGIN or part.start == 0
        assert part.stop == length or part.stop - core.stop >= mending.MARGIN
    assert (covered == 1).all()


def test_tiles_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    one = disc_stack(Modality.CT, 40, 1, 700)
    view = viewing.view_of(one.values[0], one.valid[0], one.info)
    assert view is not None
    orders = [
        Order(kind, 1.0, 40.0, np.full(4, 0.1, np.float32))
        for kind in (Degradation.NOISE, Degradation.METAL)
    ]

    def change() -> np.ndarray:
        return changes_of(engine()._graphs, [(view.image, view.look)], [orders])[0]

    whole = change()
    monkeypatch.setattr(mending, "TILE", 416)
    np.testing.assert_allclose(change(), whole, atol=1e-4 * np.abs(whole).max())
    assert np.abs(whole).max() > 0


@pytest.mark.slow
def test_an_image_of_4096_pixels_is_assessed_and_restored() -> None:
    side = 4096
    small = disc_stack(Modality.CT, 40, 1, 1024).values[0]
    values = np.tile(small, (4, 4))[None]
    one = ArrayStack(info(Modality.CT, (1, side, side), 0.1), values, np.ones(values.shape, bool))
    said = engine().assess(one)
    assert parse_sentence(format_sentence(said)) == said
    severe = words(Modality.CT, noise(Modality.CT, Severity.SEVERE, 60))
    found = engine().restore(one.slab(0, 1), one.info, severe)
    assert np.isfinite(found).all() and not np.array_equal(found, values)
