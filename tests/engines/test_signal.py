"""The signal that noise is told in per cent of is that of the same tissue, however noisy."""

from __future__ import annotations

import numpy as np
import pytest

from engines.description import Modality
from engines.medq_uni.phantom_sources import kinds_of, phantom_source
from engines.medq_uni.signal import tissue_signal


@pytest.mark.parametrize("kind", kinds_of([Modality.MR]), ids=" ".join)
def test_a_noisy_mr_image_tells_the_signal_of_its_truth(kind):
    """Fat that is suppressed must not be taken for the tissue in one and for air in the other."""
    for seed in (1, 2, 3):
        one = phantom_source(kind, seed, 160)
        true = tissue_signal(one.values, Modality.MR, one.pixel_mm)
        assert true is not None
        rng = np.random.default_rng(seed)
        real, imaginary = rng.normal(0, 0.22 * true, (2, *one.values.shape))
        noisy = np.hypot(one.values + real, imaginary).astype(np.float32)
        assert tissue_signal(noisy, Modality.MR, one.pixel_mm) == pytest.approx(true, rel=0.15)


@pytest.mark.parametrize("modality", [Modality.MR, Modality.PT])
def test_an_empty_image_has_none(modality):
    assert tissue_signal(np.zeros((64, 64), np.float32), modality, 2.0) is None
