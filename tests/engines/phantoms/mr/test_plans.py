"""The table of MR phantoms: every kind is planned, and one seed is one body in all contrasts."""

from __future__ import annotations

import numpy as np
import pytest

from engines.description import REGIONS
from engines.phantoms.mr.plans import PLANS
from engines.phantoms.mr.signal import CONTRASTS

HEAD = {("head", contrast) for contrast in ("T1", "T2", "PD", "FLAIR")}


def test_regions_and_contrasts_are_words_that_are_known():
    assert set(PLANS) >= HEAD
    for region, contrast in PLANS:
        assert region in REGIONS
        assert contrast in CONTRASTS


@pytest.mark.parametrize("region", sorted({region for region, _ in PLANS}))
def test_one_seed_is_one_body_and_leaves_the_generator_alike(region):
    """What is drawn after the plan, heights and textures, must not depend on the contrast."""
    left = []
    for kind, plan in PLANS.items():
        if kind[0] == region:
            rng = np.random.default_rng(11)
            body = plan(rng)
            low, high = body.heights
            assert low < high
            left.append((body.field_mm, body.origin, body.turn, body.bend_mm, rng.random()))
    assert len(left) > 1
    assert all(entry == left[0] for entry in left)
