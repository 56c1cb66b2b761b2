"""The signal that noise of MR and PET is told in per cent of: that of typical tissue."""

from __future__ import annotations

import numpy as np

from engines.base import FloatArray
from engines.classical.noise import body_threshold, kernel_side, slice_noise
from engines.description import Modality


def tissue_signal(values: FloatArray, modality: Modality, pixel_mm: float) -> float | None:
    """Signal of typical tissue of an image (rows, columns) in its unit; ``None`` where none is.

    The same that engines measure noise against, so that true and stated per cent mean the same;
    the middle of the body where the image is too small or too varied for that.
    """
    valid = np.ones(values.shape, np.bool_)
    side = kernel_side(modality, pixel_mm, pixel_mm)
    signal = float(slice_noise(values, valid, modality, side)[0].signal)
    if signal > 0:
        return signal
    body = values[values > body_threshold(modality, values, valid)]
    middle = float(np.median(body)) if body.size else 0.0
    return middle if middle > 0 else None
