"""Stacks for engine tests: made ones with known noise, and real ones read from DICOM files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from scipy import ndimage

from engines.base import ArrayStack, StackInfo
from engines.quality import Modality

UNITS = {Modality.CT: "HU", Modality.MR: "signal", Modality.PT: "Bq/ml"}


def info(
    modality: Modality, shape: tuple[int, ...], mm: float = 0.8, region: str = "unknown"
) -> StackInfo:
    slices, rows, columns = shape
    saturation = {"CT": (-1024.0, 3071.0), "PT": (0.0, 1e6)}.get(modality, (0.0, 4095.0))
    return StackInfo(
        modality,
        region,
        UNITS.get(modality, "signal"),
        slices,
        rows,
        columns,
        (3.0, mm, mm),
        saturation,
    )


def disc_stack(
    modality: Modality, sigma: float, slices: int = 3, size: int = 192, seed: int = 0
) -> ArrayStack:
    """A bright disc with a few inserts in air (CT) or nothing (MR, PET), plus white noise."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    disc = (x**2 + y**2 < (0.4 * size) ** 2).astype(np.float32)
    for k in range(4):
        u, w = 0.22 * size * np.cos(k * 1.6), 0.22 * size * np.sin(k * 1.6)
        disc += 0.03 * ((x - u) ** 2 + (y - w) ** 2 < (0.05 * size) ** 2)
    disc = ndimage.gaussian_filter(disc, 0.7)
    image = -1000 + 1050 * disc if modality is Modality.CT else 1000 * disc
    noise = np.random.default_rng(seed).normal(0, sigma, (slices, size, size))
    values = (image[None] + noise).astype(np.float32)
    if modality is Modality.PT:
        values = np.maximum(values, 0)
    return ArrayStack(info(modality, values.shape), values, np.ones(values.shape, bool))


def dicom_stack(files: list[Path]) -> ArrayStack:
    """A plain reading of single-frame files of one series, enough for engine tests."""
    datasets = [pydicom.dcmread(f) for f in files]
    first = datasets[0]
    slope = [float(d.get("RescaleSlope", 1)) for d in datasets]
    intercept = [float(d.get("RescaleIntercept", 0)) for d in datasets]
    stored = [d.pixel_array for d in datasets]
    values = np.stack(
        [p.astype(np.float32) * s + i for p, s, i in zip(stored, slope, intercept, strict=True)]
    ).astype(np.float32)
    mm = float(first.PixelSpacing[0])
    return ArrayStack(
        info(Modality(first.Modality), values.shape, mm), values, np.ones(values.shape, bool)
    )
