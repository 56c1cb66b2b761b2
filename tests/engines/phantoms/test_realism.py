"""Phantoms beside real CT: the same tissues in the same shares, edges and texture of one kind."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from engines.phantoms.anatomy import random_phantom

pytestmark = pytest.mark.data

SERIES = {
    "head": ("ct_head_ge",),
    "chest": ("ct_lungdx_A0001_kernel_B", "ct_lungdx_A0002_B40f", "ct_kits00072_kidney"),
    "abdomen": ("ct_crlm1004_abdomen", "ct_crlm1006_abdomen"),
}
QUIETING_MM = 1.4
"""Deviation of the Gaussian that takes most of the noise out of real slices, and is given to both.
"""


def statistics(values, pixel_mm):
    """Shares of air, fat, soft tissue and bone in the body; gradients (HU/mm); kurtosis."""
    dense = ndimage.binary_opening(values > -300, iterations=2)
    labels, count = ndimage.label(dense)
    largest = 1 + np.argmax(ndimage.sum(dense, labels, range(1, count + 1)))
    body = ndimage.binary_fill_holes(labels == largest)
    smooth = ndimage.gaussian_filter(values, QUIETING_MM / pixel_mm)
    inside = smooth[body]
    shares = np.histogram(inside, [-2000, -250, -20, 130, 5000])[0] / inside.size
    deep = ndimage.binary_erosion(body, iterations=3)
    gradient = np.hypot(*np.gradient(smooth))[deep] / pixel_mm
    detail = (smooth - ndimage.gaussian_filter(smooth, 4 / pixel_mm))[deep]
    kurtosis = np.mean((detail - detail.mean()) ** 4) / detail.var() ** 2
    return (*shares, *np.quantile(gradient, [0.5, 0.75, 0.9, 0.99]), kurtosis)


@pytest.fixture(scope="module", params=sorted(SERIES))
def beside(request, dev_series):
    """Median statistics of a region's real slices and of ten phantoms, all of 256 pixels."""
    real = []
    for name in SERIES[request.param]:
        for file in dev_series(name)[::2]:
            ds = pydicom.dcmread(file)
            values = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
            half = np.maximum(values, -1000).reshape(256, 2, 256, 2).mean(axis=(1, 3))
            real.append(statistics(half, 2 * float(ds.PixelSpacing[0])))
    made = []
    for seed in range(10):
        phantom = random_phantom(request.param, seed, 256)
        made.append(statistics(phantom.values[0], phantom.pixel_mm))
    return np.median(real, axis=0), np.median(made, axis=0)


def test_shares_of_tissue_are_those_of_patients(beside):
    real, made = beside
    assert np.abs(made[:4] - real[:4]).max() < 0.2


def test_gradients_are_distributed_as_in_patients(beside):
    """The median is noise in real slices and so is higher there; edges must agree."""
    real, made = beside
    assert made[4] < 1.5 * real[4] + 2
    assert (made[5:8] < 2.2 * real[5:8]).all()
    assert (made[5:8] > 0.4 * real[5:8]).all()


def test_detail_is_as_sparse_as_in_patients(beside):
    real, made = beside
    assert 0.4 < made[8] / real[8] < 2.5
