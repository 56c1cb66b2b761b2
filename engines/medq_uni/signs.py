"""Signs of what spoils a whole image: signal in the air beside the body, and how edges are spread.

Whatever goes wrong from line to line repeats the body along one axis: air beside it along that axis
is brighter than along the other, by little, which a logarithm shows (the ACR's signal ghosting
compares the same two). A moved or blurred body has its edges spread along the way it moved: sums
of powers of its gradients, as autofocus takes them (McGee et al., J Magn Reson Imaging
2000;11:174), tell by how much, at several resolutions along each axis.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.description import Modality

SIGNS = 32
"""How many numbers there are; the last ones are free."""
OCTAVES = 3
"""Resolutions that edges are looked at in: native, half, quarter."""
NEAR = 13
"""Side, in pixels, of the square around the body that is no air: its blurred rim."""
BODY, SMOOTH = 0.25, 7
"""Body is what is above so much of typical tissue, smoothed over so many pixels."""
CT_AIR, CT_TISSUE = -10.0, 10.0
"""Air and the way from it to water, in units of 100 HU."""
LEAST_PIXELS = 64
FAINT = 1e-3


def signs_of(image: FloatArray, modality: Modality, tile: int = 0) -> FloatArray:
    """The signs of an image (rows, columns) in image units: float32 (``SIGNS``,).

    ``tile`` is the side of the tiles of a mosaic, whose seams are no edges; 0 for a whole image.
    """
    signal = (image - CT_AIR) / CT_TISSUE if modality is Modality.CT else image
    signal = np.asarray(signal, np.float32)
    found = np.zeros(SIGNS, np.float32)
    body = ndimage.uniform_filter(signal, SMOOTH, mode="nearest") > BODY
    at = 0
    for where in _air(body):
        held = signal[where]
        found[at] = held.size / signal.size
        if held.size >= LEAST_PIXELS:
            size = np.abs(held)
            told = size.mean(), held.std(), np.percentile(size, 20)
            found[at + 1 : at + 4] = np.log(np.array(told) + FAINT) / 2 + 1
        at += 4
    found[at] = body.mean()
    at += 1
    for octave in range(OCTAVES):
        for axis in (0, 1):
            found[at : at + 3] = _spread(signal, axis, tile >> octave)
            at += 3
        signal = _halved(signal)
    return found


def _air(body: BoolArray) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Air above or below the body, air left or right of it, and the corners: bool (rows, columns).

    Hollows of an outline lie along both axes and are left out.
    """
    near = ndimage.maximum_filter1d(body.view(np.uint8), NEAR, axis=0, mode="nearest")
    near = ndimage.maximum_filter1d(near, NEAR, axis=1, mode="nearest").view(np.bool_)
    down = body.any(axis=0, keepdims=True) & ~near
    across = body.any(axis=1, keepdims=True) & ~near
    return down & ~across, across & ~down, ~near & ~down & ~across


def _spread(signal: FloatArray, axis: int, tile: int) -> tuple[float, float, float]:
    """Size of the gradients along an axis, and how much of them are few large ones."""
    between = np.diff(signal, axis=axis)
    if tile:
        within = np.arange(1, signal.shape[axis]) % tile != 0
        between = between.compress(within, axis)
    steps = np.abs(between).ravel()
    square = steps * steps
    mean, second = float(steps.mean()), float(square.mean())
    fourth = float(square @ square) / square.size
    tiny = 1e-12
    return (
        float(np.log(mean + FAINT) / 2),
        float(np.log((second + tiny) / (mean * mean + tiny)) / 2),
        float(np.log((fourth + tiny) / (second * second + tiny)) / 4),
    )


def _halved(signal: FloatArray) -> FloatArray:
    """Every two by two pixels as their mean; an odd last row or column is dropped."""
    rows, columns = (side // 2 * 2 for side in signal.shape)
    if min(rows, columns) < 4:
        return signal
    even, odd = signal[0:rows:2, :columns], signal[1:rows:2, :columns]
    found = even[:, 0::2] + even[:, 1::2] + odd[:, 0::2] + odd[:, 1::2]
    return np.asarray(found * np.float32(0.25), np.float32)
