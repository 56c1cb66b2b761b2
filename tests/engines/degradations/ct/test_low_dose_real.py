"""Low dose on real slices, measured by the ruler that the words use."""

import numpy as np
import pydicom
import pytest

from engines.base import FloatArray
from engines.classical.noise import kernel_side, slice_noise
from engines.description import Modality
from engines.medq_uni.degradations.ct.low_dose import LowDose
from engines.medq_uni.degradations.ct.tissue import outside
from engines.medq_uni.degradations.kernels import STANDARD
from engines.medq_uni.pair import Source, compose

pytestmark = pytest.mark.data


def measured(values: FloatArray, pixel_mm: float) -> float:
    """Global noise level in HU."""
    valid = ~outside(values, pixel_mm)
    side = kernel_side(Modality.CT, pixel_mm, pixel_mm)
    sigma = slice_noise(values, valid, Modality.CT, side)[0].sigma
    assert sigma is not None
    return sigma


@pytest.fixture(scope="module")
def abdomen(dev_series) -> Source:
    """A 5 mm slice of a contrast abdomen, standard kernel, with its own noise of about 10 HU."""
    dataset = pydicom.dcmread(dev_series("ct_crlm1004_abdomen")[2])
    values = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    image, pixel_mm = values.astype(np.float32), float(dataset.PixelSpacing[0])
    own = measured(image, pixel_mm)
    return Source("abdomen", "one", Modality.CT, "abdomen", "HU", image, pixel_mm, 5.0, own)


@pytest.mark.parametrize("dose", [0.5, 0.25, 0.1])
def test_the_ruler_of_the_words_reads_what_the_pair_says(abdomen, dose) -> None:
    pair = compose(abdomen, [LowDose(dose, STANDARD)], 0)
    assert measured(pair.image, abdomen.pixel_mm) == pytest.approx(pair.noise, rel=0.2)


def test_padding_of_a_real_slice_is_left_alone(abdomen) -> None:
    pair = compose(abdomen, [LowDose(0.25, STANDARD)], 0)
    padding = outside(abdomen.values, abdomen.pixel_mm)
    assert padding.any()
    np.testing.assert_array_equal(pair.image[padding], abdomen.values[padding])
