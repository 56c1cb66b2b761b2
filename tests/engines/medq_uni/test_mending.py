"""Whatever an expert wants to change, a slice stays within what can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engines.description import Modality
from engines.medq_uni.mending import kept_sane
from tests.engines.stacks import info

NUMBERS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize("modality", Modality.sectional())
@given(
    values=arrays.arrays(np.float32, (4, 4), elements=st.floats(-1024, 3071, width=32)),
    change=arrays.arrays(np.float32, (4, 4), elements=NUMBERS),
    usable=arrays.arrays(np.bool_, (4, 4)),
)
def test_a_slice_stays_within_its_own_range_and_padding_keeps_its_bits(
    modality: Modality, values: np.ndarray, change: np.ndarray, usable: np.ndarray
) -> None:
    usable[0, 0] = True
    found = kept_sane(values, change, usable, info(modality, (1, 4, 4), 1.0, "abdomen"))
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.array_equal(found[~usable], values[~usable])
    assert found[usable].min() >= values[usable].min()
    assert found[usable].max() <= values[usable].max()


def test_a_change_that_can_be_is_made_in_full() -> None:
    values = np.linspace(0, 100, 16, dtype=np.float32).reshape(4, 4)
    change = np.full((4, 4), 5, np.float32)
    found = kept_sane(
        values, change, np.ones((4, 4), bool), info(Modality.CT, (1, 4, 4), 1.0, "head")
    )
    assert np.array_equal(found, np.minimum(values + 5, 100))
