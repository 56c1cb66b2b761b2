"""Severe undersampling is seen in every phantom, however fine its pixels are."""

import numpy as np
import pytest

from engines.description import Modality
from engines.medq_uni.degradations.mr.sampling import PATTERNS
from engines.medq_uni.degradations.mr.scan import MRScan
from engines.medq_uni.pair import compose
from engines.medq_uni.phantom_sources import phantom_source
from engines.medq_uni.signal import tissue_signal
from engines.phantoms.anatomy import Kind

SEVERE = 4.4
"""Fold: the least that tasks take for severe."""
LEAST_CHANGE = 2.0
"""Root mean square over the body, in % of the signal of tissue."""
KINDS = [("head", "PD"), ("head", "T2"), ("leg", "T1"), ("abdomen", "T1")]
"""Those that change least among them."""


@pytest.mark.parametrize("size", [192, 320, 384])
@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_severe_undersampling_changes_every_phantom(kind, size) -> None:
    source = phantom_source(Kind(Modality.MR, *kind), 3, size)
    signal = tissue_signal(source.values, Modality.MR, source.pixel_mm)
    body = source.values > 0.1 * signal
    for axis, pattern in enumerate(PATTERNS):
        scan = MRScan(pattern, SEVERE, phase_axis=axis % 2, coils=1)
        change = (compose(source, [scan], 1).image - source.values)[body]
        assert 100 * np.sqrt(np.mean(change**2)) / signal > LEAST_CHANGE, pattern.name
